"""The environments that dlbench made: where they lie, what is kept about each, and how one is made or removed whole."""

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...results.errors import BrokenError, UsageError
from ...results.records.codec import from_json, to_json

MARK = "dlbench-env.json"
"""File in an environment's folder, written last: who made it. Only a folder with it is ever removed."""


@dataclass(frozen=True, slots=True)
class MadeEnvironment:
    """What is kept about an environment."""

    name: str
    folder: str
    python: str
    """Path of its interpreter."""
    made: str
    """UTC, ISO 8601."""
    installer: str
    """uv or pip."""
    requirements: tuple[str, ...]
    """As they were asked for; of one from a lock, its exact versions."""
    indexes: tuple[str, ...] = ()
    """Further package indexes that were asked beside the usual one."""
    recipe: str | None = None
    """Frameworks and the kind of build in words; None: without one."""
    seconds: float | None = None
    """How long it took to make; None: made before this was kept."""
    lock: str | None = None
    """Path of the lock that it was made from; None: of none."""

    @property
    def mend(self) -> str:
        """How it is made anew, in words and commands."""
        backends, _, kind = (self.recipe or "").rpartition(" for ")
        if self.lock:
            words = ["--from-lock", self.lock]
        elif backends:
            words = ["--backend", backends.replace(", ", ","), "--recipe", kind, "--with", *self.requirements]
        else:
            words = ["--with", *self.requirements]
        if Path(self.folder) != environments_path() / self.name:
            words = ["--at", self.folder, *words]
        create = shlex.join(["dlbench", "env", "create", self.name, *words])
        return f"dlbench made it; to make it anew: dlbench env remove {self.name} --yes && {create}"


def environments_path() -> Path:
    """Return the folder of the environments: $DLBENCH_ENVS, else `dlbench/envs` in the user's folder of data."""
    given = os.environ.get("DLBENCH_ENVS")
    if given:
        return Path(given).absolute()
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "dlbench" / "envs"


def read_made() -> dict[str, MadeEnvironment]:
    """Return every environment that was made completely, by name; a record that cannot be read is passed over."""
    found = {}
    for path in sorted(environments_path().glob("*.json")):
        try:
            record = from_json(MadeEnvironment, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, BrokenError):
            continue
        found[record.name] = record
    return found


@contextmanager
def making(name: str, folder: Path) -> Iterator[None]:
    """Keep a name and a folder for one process while it makes an environment; the folder goes if that fails.

    What an earlier process left that was killed is removed first. A virtual environment holds absolute paths, so it
    cannot be made elsewhere and moved: until its record is written, it does not exist.

    Raises:
        UsageError: the name is taken, another process is at it, or the folder is not empty or cannot be made.

    """
    root = environments_path()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / f"{name}.making").open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {str(root)!r}: {error.strerror or error}; set DLBENCH_ENVS") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"environment {name} is being made by another process") from error
        try:
            _prepare(name, folder, lock.read() if lock.seek(0) == 0 else "")
            lock.truncate(0)
            lock.write(str(folder))
            lock.flush()
            try:
                yield
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        finally:
            Path(lock.name).unlink(missing_ok=True)


def keep(record: MadeEnvironment) -> None:
    """Write down that an environment is complete."""
    text = json.dumps(to_json(record), indent=1) + "\n"
    (Path(record.folder) / MARK).write_text(text, encoding="utf-8")
    part = environments_path() / f"{record.name}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(_record(record.name))


def remove(record: MadeEnvironment) -> None:
    """Remove an environment from the disk.

    Raises:
        UsageError: its folder is not the one that dlbench made.
        BrokenError: it cannot be removed.

    """
    folder = Path(record.folder)
    if folder.exists() and not _marked(record):
        raise UsageError(
            f"{record.folder} is not the folder that dlbench made; remove it yourself, and {_record(record.name)}"
        )
    try:
        _record(record.name).unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise BrokenError(f"{record.folder} cannot be removed: {error.strerror or error}") from error


def _prepare(name: str, folder: Path, left_behind: str) -> None:
    if _record(name).exists():
        raise UsageError(f"there is an environment {name} already; `dlbench env remove {name}` removes it")
    if left_behind == str(folder):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{str(folder)!r} is not empty; choose another place with --at")


def _record(name: str) -> Path:
    return environments_path() / f"{name}.json"


def _marked(record: MadeEnvironment) -> bool:
    try:
        text = (Path(record.folder) / MARK).read_text(encoding="utf-8")
        return bool(json.loads(text).get("name") == record.name)
    except (OSError, ValueError):
        return False

"""Make an environment in which workers can run: from a recipe, from packages, or from a lock."""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...backends import catalog
from ...results.errors import BrokenError, DlbenchError, UsageError
from ...results.records.environment import Environment
from .. import options as parse
from ..config_file import CONFIG
from ..progress import Observer
from .environments import absolute, known_environments
from .install import Runner, commands, install, python_in, run_command
from .installed import check_python, inspect
from .interpreters import Interpreter, read_environment
from .lock import Lock, read_lock
from .made import MadeEnvironment, environments_path, keep, making
from .recipes import Recipe, requirements


@dataclass(frozen=True, slots=True)
class CreateArguments:
    """The words of `dlbench env create`, as typed."""

    name: str
    backends: tuple[str, ...]
    packages: tuple[str, ...]
    recipe: str | None
    python: str | None
    at: str | None
    from_lock: str | None
    progress: str


def make_environment(
    words: CreateArguments, observer: Observer, run: Runner = run_command, uv: str | None = None
) -> tuple[MadeEnvironment, Environment]:
    """Make an environment, see that workers can run in it, and keep it.

    Args:
        words: what is wanted.
        observer: is told of the steps.
        run: runs commands; a stand-in in tests.
        uv: path of uv; pip is used for None.

    Raises:
        UsageError: a word does not fit, or what was asked for cannot run workers.
        BrokenError: an installation failed, or a framework that was asked for does not work in the environment.

    """
    name = check_name(words.name)
    backends = [catalog.get(item) for item in parse.split(words.backends)]
    lock = read_lock(Path(words.from_lock)) if words.from_lock else None
    wanted = _wanted(words, lock)
    python = _python(words.python)
    _check_base(name, python, lock)
    folder = Path(words.at).expanduser().absolute() if words.at else environments_path() / name
    start = time.perf_counter()
    with making(name, folder):
        observer.note(f"making environment {name} with {'uv' if uv else 'pip'} in {folder}")
        for package in lock.nowhere if lock else ():
            observer.note(f"{package} is in no index that dlbench knows: it takes one that has it to be found")
        arguments = ["--no-deps", "-r", str(Path(words.from_lock).absolute())] if words.from_lock else wanted.packages
        install(commands(python, folder, arguments, wanted.indexes, uv), observer.note, run)
        observer.note("looking at what works in it")
        own = Interpreter(name, str(python_in(folder)))
        try:
            found = read_environment(backends or catalog.BACKENDS, own, refresh=True)
            _check_works(found, asked=bool(backends))
        except DlbenchError as error:
            raise type(error)(f"{error}; the environment was removed again") from error
        record = MadeEnvironment(
            name,
            str(folder),
            own.python,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            installer="uv" if uv else "pip",
            requirements=wanted.packages,
            indexes=wanted.indexes,
            recipe=lock.recipe if lock else recipe_text(words.backends, words.recipe),
            seconds=time.perf_counter() - start,
            lock=str(Path(words.from_lock).absolute()) if words.from_lock else None,
        )
        keep(record)
    return record, found


def check_name(name: str) -> str:
    """Return a name that a new environment can have.

    Raises:
        UsageError: it cannot be one, or is taken by the configuration file.

    """
    if not parse.ENVIRONMENT.fullmatch(name) or name in parse.RESERVED_ENVIRONMENTS:
        raise UsageError(f"{name!r} cannot be a name; use letters, digits, '.', '_' and '-', and not `current`")
    known = known_environments()
    if name in known and known[name].made is None:
        raise UsageError(f"{CONFIG} names an environment {name} already; choose another name")
    return name


def _wanted(words: CreateArguments, lock: Lock | None) -> Recipe:
    if lock is None:
        return requirements(parse.split(words.backends), words.recipe or "cpu", words.packages)
    if words.packages or words.recipe:
        raise UsageError("--from-lock gives every package; leave --with and --recipe out")
    return Recipe(lock.packages, lock.indexes)


def _python(given: str | None) -> str:
    """Return the path of the interpreter that an environment is made with."""
    if given is None:
        return sys.executable
    found = given if "/" in given else shutil.which(given)
    if found is None:
        raise UsageError(f"there is no {given!r} on the PATH; give the path of an interpreter with --python")
    return absolute(found)


def _check_base(name: str, python: str, lock: Lock | None) -> None:
    """Make sure that an interpreter is new enough, and of the version that a lock was made with."""
    base = inspect(name, python)
    check_python(name, python, base)
    if lock and base.python_version.split(".")[:2] != lock.python_version.split(".")[:2]:
        raise UsageError(
            f"the lock was made with Python {lock.python_version}, and {python!r} is {base.python_version}; "
            "give one of that version with --python"
        )


def _check_works(found: Environment, *, asked: bool) -> None:
    problems = [probe.problem or "" for probe in found.probes if not probe.version]
    if problems and (asked or len(problems) == len(found.probes)):
        raise BrokenError("; ".join(problems))


def recipe_text(backends: Sequence[str], kind: str | None) -> str | None:
    """Return a recipe in words, as it is kept about an environment; None without backends."""
    return f"{', '.join(parse.split(backends))} for {kind or 'cpu'}" if backends else None

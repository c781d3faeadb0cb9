"""`dlbench env`: environments made, listed, shown, locked and removed."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ..backends import catalog
from ..results.environment import CURRENT, Environment
from ..results.environment_words import installed as summary_of
from ..results.errors import BrokenError, DlbenchError, UsageError, unknown
from . import options as parse
from .config_file import CONFIG
from .environment_lock import Lock, lock_of, read_lock, text_of
from .environments import KnownEnvironment, absolute, find, known_environments
from .install import Runner, commands, install, python_in, run_command
from .installed import check_python, inspect
from .interpreters import Interpreter, own_interpreter, read_environment
from .made_environments import MadeEnvironment, environments_path, keep, making, read_made, remove
from .progress import JsonLines, Observer, PlainLines, Silence
from .recipes import Recipe, requirements

FORMATS = ("table", "json")


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


def create_command(words: CreateArguments, run: Runner = run_command, uv: str | None = None) -> None:
    """Make an environment and tell how to use it; see `make_environment`."""
    made, found = make_environment(words, _observer(words.progress), run, uv)
    sys.stdout.write(
        f"{made.name}: {summary_of(found)}\nin {made.folder}; use it with: dlbench run --env {made.name}\n"
    )


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
        )
        keep(record)
    return record, found


def list_command(output_format: str) -> None:
    """Print every environment that has a name."""
    parse.choose("format", (output_format,), FORMATS)
    known = {CURRENT: KnownEnvironment(own_interpreter(), "runs dlbench"), **known_environments()}
    if output_format == "json":
        records = [_record(name, item) for name, item in known.items()]
        sys.stdout.write(json.dumps({"environments": records}, indent=1) + "\n")
        return
    table = Table("environment", "Python", "Keras", "frameworks", "origin", box=None, pad_edge=False)
    notes = []
    for name, item in known.items():
        found = _record(name, item)
        notes.append(found["problem"] or f"{name} is {item.interpreter.python}")
        frameworks = ", ".join(f"{key} {value}" for key, value in found["frameworks"].items())
        table.add_row(
            name,
            found["python_version"] or "n/a",
            found["packages"].get("keras", "n/a"),
            "unusable, see below" if found["problem"] else frameworks or "n/a",
            item.origin,
        )
    console = Console(file=sys.stdout, highlight=False, markup=False)
    console.print(table)
    console.print()
    for note in notes:
        console.print(note, soft_wrap=True)
    console.print(
        f"those made by dlbench are kept in {environments_path()} (DLBENCH_ENVS chooses another)", soft_wrap=True
    )


def show_command(name: str, output_format: str) -> None:
    """Print one environment: what works in it, and how it was made.

    Raises:
        UsageError: there is none of that name, or workers cannot run in it.

    """
    parse.choose("format", (output_format,), FORMATS)
    known = {CURRENT: KnownEnvironment(own_interpreter(), "runs dlbench"), **known_environments()}
    find(name, known)
    item = known[name]
    found = read_environment(catalog.BACKENDS, item.interpreter)
    if output_format == "json":
        made = asdict(item.made) if item.made else None
        record = {**asdict(found), "origin": item.origin, "made": made}
        sys.stdout.write(json.dumps(record, indent=1) + "\n")
        return
    lines = [f"{name}: {summary_of(found)}", f"interpreter: {found.python} ({item.origin})"]
    for probe in found.probes:
        devices = ", ".join(f"{device.kind} ({device.name})" for device in probe.devices)
        title = catalog.get(probe.backend).title
        lines.append(f"{title} {probe.version}: {devices}" if probe.version else f"{title}: {probe.problem}")
    if item.made:
        lines += [f"made {item.made.made} with {item.made.installer}, in {item.made.folder}"]
        lines += [f"recipe: {item.made.recipe}"] if item.made.recipe else []
        lines += [f"asked for: {' '.join((*item.made.requirements, *item.made.indexes))}"]
    sys.stdout.write("\n".join(lines) + "\n")


def remove_command(name: str, *, yes: bool) -> None:
    """Remove an environment that dlbench made.

    Raises:
        UsageError: dlbench did not make it, or nobody said yes.

    """
    made = read_made()
    if name not in made:
        if name == CURRENT or name in known_environments():
            raise UsageError(f"dlbench did not make environment {name}, so it does not remove it")
        raise unknown("environment made by dlbench", name, made)
    record = made[name]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"{record.folder} would be removed; say --yes to do it without being asked")
        typer.confirm(f"remove environment {name} and its folder {record.folder}?", abort=True, err=True)
    remove(record)
    sys.stderr.write(f"removed {record.folder}\n")


def lock_command(name: str, output: str | None) -> None:
    """Print, or write to a file, the exact versions of an environment.

    Raises:
        UsageError: there is none of that name, it does not answer, or a package in it cannot be locked.

    """
    from .output import check_output  # It imports pandas, which a list of environments has no use for.

    check_output(output)
    known = {CURRENT: KnownEnvironment(own_interpreter(), "runs dlbench"), **known_environments()}
    interpreter, made = find(name, known), known[name].made
    lock = lock_of(inspect(name, interpreter.python), *((made.indexes, made.recipe) if made else ()))
    if output is None:
        sys.stdout.write(text_of(lock))
        return
    Path(output).write_text(text_of(lock), encoding="utf-8")
    sys.stderr.write(f"wrote {len(lock.packages)} packages to {output}; `dlbench env create --from-lock` reads it\n")


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


def _record(name: str, item: KnownEnvironment) -> dict[str, Any]:
    """Return what is known of an environment without a framework being imported."""
    found: dict[str, Any] = {"name": name, "python": item.interpreter.python, "origin": item.origin}
    try:
        there = inspect(name, item.interpreter.python)
    except UsageError as error:
        return {**found, "python_version": None, "packages": {}, "frameworks": {}, "problem": str(error)}
    versions = {item.title: there.packages.get(item.distribution) for item in catalog.BACKENDS}
    return {
        **found,
        "python_version": there.python_version,
        "fingerprint": there.fingerprint,
        "packages": {key: value for key, value in there.packages.items() if key in ("keras", "numpy")},
        "frameworks": {key: value for key, value in versions.items() if value},
        "problem": None,
    }


def _observer(style: str) -> Observer:
    kinds: dict[str, Callable[[], Observer]] = {"jsonl": JsonLines, "off": Silence}
    return kinds.get(style, PlainLines)()

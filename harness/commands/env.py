"""`dlbench env`: environments made, listed, shown, locked and removed."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ...backends import catalog
from ...results.errors import UsageError, unknown
from ...results.records.environment import CURRENT
from ...results.records.environment_words import installed as summary_of
from .. import options as parse
from ..environments.environments import KnownEnvironment, find, known_environments
from ..environments.install import Runner, run_command
from ..environments.interpreters import ask, own_interpreter, read_environment
from ..environments.lock import INDEX, lock_of, text_of
from ..environments.made import environments_path, read_made, remove
from ..environments.make import CreateArguments, make_environment
from ..progress import JsonLines, Observer, PlainLines, Silence

FORMATS = ("table", "json")


def create_command(words: CreateArguments, run: Runner = run_command, uv: str | None = None) -> None:
    """Make an environment and tell how to use it; see `make_environment`."""
    made, found = make_environment(words, _observer(words.progress), run, uv)
    sys.stdout.write(
        f"{made.name}: {summary_of(found)}\nin {made.folder}; use it with: dlbench run --env {made.name}\n"
    )


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
    from ..output import check_output

    check_output(output)
    known = {CURRENT: KnownEnvironment(own_interpreter(), "runs dlbench"), **known_environments()}
    interpreter, made = find(name, known), known[name].made
    lock = lock_of(ask(interpreter), *((made.indexes, made.recipe) if made else ()))
    for package in lock.nowhere:
        sys.stderr.write(
            f"dlbench: {package} is in no index that dlbench knows: another machine gets it only where pip is set up "
            f"with its index, or the lock has a line {INDEX} ADDRESS\n"
        )
    if output is None:
        sys.stdout.write(text_of(lock))
        return
    Path(output).write_text(text_of(lock), encoding="utf-8")
    sys.stderr.write(f"wrote {len(lock.packages)} packages to {output}; `dlbench env create --from-lock` reads it\n")


def _record(name: str, item: KnownEnvironment) -> dict[str, Any]:
    """Return what is known of an environment without a framework being imported."""
    found: dict[str, Any] = {"name": name, "python": item.interpreter.python, "origin": item.origin}
    try:
        there = ask(item.interpreter)
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

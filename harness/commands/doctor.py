"""`dlbench doctor`: what is here, what would spoil a measurement, and how to mend it."""

import platform
import sys

from rich.console import Console

from ... import __version__
from ...backends.catalog import BACKENDS
from ...results import units
from ...results.errors import NothingMeasured, UsageError
from ...results.records.environment_words import installed
from ..cache import cache_path, save_entry
from ..environments.environments import known_environments
from ..environments.interpreters import read_environment
from ..host import Concern, concerns, read_machine


def _cache_concern() -> list[Concern]:
    try:
        save_entry("doctor", "writable", True)
    except UsageError as error:
        return [Concern(str(error), "set DLBENCH_CACHE to a folder that can be written")]
    return []


def _print_environments(console: Console, *, refresh: bool) -> None:
    """Print what the environments with a name offer; nothing where there are none."""
    for name, known in known_environments().items():
        try:
            found = read_environment(BACKENDS, known.interpreter, refresh=refresh)
        except UsageError as error:
            console.print("[yellow]unusable[/] ", end="")
            console.print(str(error), markup=False)
            continue
        works = any(probe.version for probe in found.probes)
        console.print("[green]ready[/]    " if works else "[yellow]unusable[/] ", end="")
        problems = [] if works else [probe.problem or "" for probe in found.probes]
        console.print(f"--env {name}: {'; '.join([installed(found), *problems])}", markup=False)


def doctor_command(*, refresh: bool) -> int:
    """Print the findings to stdout; the status is 3 where no backend works."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    machine = read_machine()
    memory = units.size(machine.memory_bytes) if machine.memory_bytes else "memory unknown"
    console.print(f"dlbench {__version__}, Python {platform.python_version()} at {sys.executable}", markup=False)
    console.print(f"{machine.cpu}, {machine.cores} usable cores, {memory}, {machine.system}", markup=False)
    console.print(f"cache: {cache_path()}", markup=False)
    environment = read_environment(BACKENDS, refresh=refresh)
    mended: list[str] = []
    for backend, probe in zip(BACKENDS, environment.probes, strict=True):
        if probe.version is None:
            console.print(f"[yellow]missing[/]  {backend.title}: ", end="")
            console.print(probe.problem, markup=False)
            mended += [probe.hint] if probe.hint else []
            continue
        devices = ", ".join(sorted({f"{device.kind} ({device.name})" for device in probe.devices}))
        console.print(f"[green]ready[/]    {backend.title} {probe.version}, Keras {probe.keras}: {devices}")
    _print_environments(console, refresh=refresh)
    for hint in mended:
        console.print(f"         to add it: {hint}", markup=False)
    found = [*concerns(machine), *_cache_concern()]
    for concern in found:
        console.print("[yellow]doubtful[/] ", end="")
        console.print(f"{concern.what}; remedy: {concern.remedy}", markup=False)
    if not found:
        console.print("[green]quiet[/]    nothing here would spoil a measurement")
    return 0 if any(probe.version for probe in environment.probes) else NothingMeasured.exit_code

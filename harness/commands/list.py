"""`dlbench list`: what there is to measure, to measure with, and what was measured."""

import sys

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from ...backends.catalog import BACKENDS
from ...results import units
from ...results.errors import BrokenError
from ...results.records.store import read_run, run_paths, store_path
from ...workloads import downloads
from ...workloads.catalog import WORKLOADS
from ...workloads.own import plugins
from ...workloads.workload import Parameter, Spec
from ..environments.interpreters import read_environment
from ..experiments.datasets import known_size
from ..experiments.suite_forecast import forecast_text
from ..experiments.suites import load_suites


def list_command(what: str, *, refresh: bool, store: str | None) -> None:
    """Print one listing to stdout."""
    console = Console(file=sys.stdout, highlight=False, markup=False)
    listings = {
        "workloads": lambda: console.print(workloads_text()),
        "suites": lambda: console.print(suites_text(store)),
        "backends": lambda: console.print(backends_table(refresh=refresh)),
        "devices": lambda: console.print(devices_table(refresh=refresh)),
        "runs": lambda: _print_runs(console, store),
    }
    listings[what]()


def workloads_text() -> Group:
    """Return each workload with what it is, its data, its target and its parameters; then what packages add."""
    parts: list[RenderableType] = []
    for workload in WORKLOADS:
        spec = workload.spec
        goal = (
            f"{spec.metric}, {'at most' if spec.direction == 'min' else 'at least'}" if spec.metric else "no accuracy"
        )
        target = f" {spec.target:g}" if spec.target is not None else " what the data sets"
        offers = " · generates" if workload.generate else ""
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for parameter in spec.parameters:
            table.add_row(f"  -p {parameter.name}={parameter.default}", parameter.meaning + _range(parameter))
        parts += [
            Text.assemble((spec.name, "bold"), f" · {spec.area} · {spec.data} data · batch {spec.batch_size}{offers}"),
            Padding(Text(f"{spec.summary}; {goal}{target if spec.metric else ''}"), (0, 0, 0, 2)),
            Padding(Text(spec.source + _download(spec), style="dim"), (0, 0, 0, 2)),
            table,
            Text(),
        ]
    for plugin in plugins.plugins():
        parts += [
            Text.assemble((plugin.name, "bold"), f" · added by {plugin.package}"),
            Padding(Text(f"{plugin.value}; read when it runs", style="dim"), (0, 0, 0, 2)),
            Text(),
        ]
    return Group(*parts)


def suites_text(store: str | None) -> Group:
    """Return dlbench's suites and those of dlbench.toml here, each with the time that it is expected to take."""
    parts: list[RenderableType] = []
    for suite in load_suites().values():
        trials = units.plural(suite.trials, "trial")
        told = f" · {forecast_text(suite, store)} · {trials} of {', '.join(suite.phases)}"
        parts += [
            Text.assemble((suite.name, "bold"), told),
            Padding(Text(suite.summary), (0, 0, 0, 2)),
            Padding(Text(", ".join(suite.workloads), style="dim"), (0, 0, 0, 2)),
            Text(),
        ]
    return Group(*parts)


def backends_table(*, refresh: bool) -> Table:
    """Return each backend with its version here, or how to get it."""
    table = Table(
        "backend",
        "framework",
        "version",
        "Keras",
        "compile: auto on cpu, gpu",
        "state",
        box=None,
        pad_edge=False,
    )
    environment = read_environment(BACKENDS, refresh=refresh)
    for backend, probe in zip(BACKENDS, environment.probes, strict=True):
        modes = ", ".join(backend.resolve_compile("auto", device).how for device in ("cpu", "gpu"))
        state = "ready" if probe.version else f"{probe.problem}; {probe.hint or 'see dlbench doctor'}"
        table.add_row(backend.name, backend.title, probe.version or "n/a", probe.keras or "n/a", modes, state)
    return table


def devices_table(*, refresh: bool) -> Table:
    """Return the devices that each backend sees, from the cached probes."""
    table = Table("backend", "device", "name", "memory", box=None, pad_edge=False)
    for probe in read_environment(BACKENDS, refresh=refresh).probes:
        for device in probe.devices:
            memory = units.size(device.memory_bytes) if device.memory_bytes else "n/a"
            table.add_row(probe.backend, device.kind, device.name, memory)
        if not probe.devices:
            table.add_row(probe.backend, "n/a", probe.problem or "", "")
    return table


def _print_runs(console: Console, store: str | None) -> None:
    folder = store_path(store)
    table = Table(
        Column("run", no_wrap=True, min_width=20),
        "label",
        "started (UTC)",
        "state",
        "trials",
        "failures",
        "workloads",
        box=None,
        pad_edge=False,
    )
    broken = []
    for path in reversed(run_paths(folder)):
        try:
            run = read_run(path)
        except BrokenError as error:
            broken.append(str(error))
            continue
        table.add_row(
            run.header.run,
            run.header.label or "",
            run.header.started[:19].replace("T", " "),
            run.end.state if run.end else "cut short",
            str(len(run.trials)),
            str(len(run.failures)),
            ", ".join(info.name for info in run.header.workloads),
        )
    if table.row_count:
        console.print(table)
    else:
        console.print(f"no runs in {folder}; make one with: dlbench run", markup=False)
    if broken:
        raise BrokenError("; ".join(broken))


def _download(spec: Spec) -> str:
    if spec.download is None:
        return ""
    return f" ({known_size(downloads.get(spec.download))}, once; see dlbench data list)"


def _range(parameter: Parameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    if low is None and high is None:
        return ""
    return f" ({'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'})"

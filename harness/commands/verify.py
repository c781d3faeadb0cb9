"""`dlbench verify`: whether the backends compute the same; from the command line's words to the exit status."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...backends import catalog as backend_catalog
from ...backends.backend import Backend
from ...results.errors import BrokenError, Interrupted, NothingMeasured, UsageError
from ...results.parity.records import ParityReport
from ...results.parity.store import write_report
from ...results.parity.tables import report_json, report_text
from ...results.records.environment import BackendProbe
from ...results.records.store import store_path
from .. import options as parse
from ..checks.parity_process import LocalAsker
from ..checks.verify import REFERENCES, Subject, Verification
from ..children.child import Child
from ..environments.interpreters import read_environment
from ..environments.places import usable_backends
from ..experiments.candidates import Found, find_candidates
from ..experiments.datasets import obtain_all
from ..experiments.experiment import choose_backends
from ..experiments.observers import make_observer
from ..experiments.plan import resolve_devices
from ..experiments.prepared import downloads_for, prepare_data, recipe_of
from ..experiments.runner import Stop
from ..experiments.signals import stopping_on_signals
from ..experiments.suites import FIRST
from ..host import usable_cpus
from ..options import Selection
from ..output import WIDTH_IN_FILES, check_store
from ..progress import Observer
from ..setting import Setting
from ..wire import PreparedData

FINDING = 1
FORMATS = ("table", "json")
MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class VerifyArguments:
    """The words of `dlbench verify`, as typed."""

    workloads: tuple[str, ...]
    backends: tuple[str, ...]
    parameters: tuple[str, ...]
    lane: str
    device: str
    steps: int
    allow_import: tuple[str, ...]
    determinism: bool
    timeout: str
    progress: str
    output_format: str
    store: str | None


def verify_command(words: VerifyArguments) -> int:
    """Compute, judge, store and show; return the exit status."""
    selection = read_selection(words)
    if not 1 <= words.steps <= MOST_STEPS:
        raise UsageError(f"--steps takes 1 to {MOST_STEPS}; received {words.steps}")
    parse.choose("format", (words.output_format,), FORMATS)
    timeout_s = parse.parse_duration("--timeout", words.timeout) or 600.0
    check_store(words.store)
    observer = make_observer(words.progress)
    chosen = choose_backends(selection.backends)
    usable, notes = _usable(chosen, named=bool(selection.backends))
    found = find_candidates(selection.workloads or FIRST, {}, [backend for backend, _ in usable], selection, observer)
    for note in (*notes, *found.notes, *found.broken):
        observer.note(note)
    setting = _setting(selection, usable)
    fitting = [(backend, probe) for backend, probe in usable if setting.why_not(backend, probe) is None]
    left_out = [why for backend, probe in usable if (why := setting.why_not(backend, probe))]
    if not fitting:
        raise NothingMeasured("nothing to verify: " + "; ".join(left_out))
    recipes = [recipe_of(candidate, candidate.spec.batch_size) for candidate in found.candidates]
    lacking = obtain_all(downloads_for(recipes), observer)
    stop, child = Stop(), Child()
    stop.on_stop(child.stop)
    with stopping_on_signals(stop, observer):
        made = prepare_data(recipes, child, lacking)
        data = [made[recipe.path] for recipe in recipes]
        reports, broken = _verify_all(
            words, found, data, setting, fitting, left_out, LocalAsker(child, timeout_s), stop, observer
        )
    sys.stdout.write(shown(reports, words.output_format))
    sys.stdout.flush()
    status = exit_status(reports, [*broken, *found.broken])
    if status == NothingMeasured.exit_code:
        observer.note("nothing was compared: give a second backend, or install one that can compute in float64")
    return status


def read_selection(words: VerifyArguments) -> Selection:
    """Return what is to be verified.

    Raises:
        UsageError: a word is unknown; the message says what would fit.

    """
    return Selection(
        workloads=parse.split(words.workloads),
        backends=parse.split(words.backends),
        devices=parse.choose("device", (words.device,), parse.DEVICES),
        lanes=parse.choose("lane", (words.lane,), parse.LANES),
        parameters=parse.parse_parameters(words.parameters),
        allow_import=parse.split(words.allow_import),
    )


def exit_status(reports: Sequence[ParityReport], broken: Sequence[str]) -> int:
    """Return the status: something broke, nothing was comparable, a backend differs (known or not), or fine."""
    if broken or any(report.failures for report in reports):
        return BrokenError.exit_code
    if not any(report.compares for report in reports):
        return NothingMeasured.exit_code
    return FINDING if any(report.differs for report in reports) else 0


def shown(reports: Sequence[ParityReport], output_format: str) -> str:
    """Return reports in a form for stdout, as wide and as coloured as the terminal there."""
    if output_format == "json":
        return report_json(reports)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((WIDTH_IN_FILES, 24)).columns
    return report_text(reports, max(width, 60), color=terminal and "NO_COLOR" not in os.environ)


def _usable(chosen: Sequence[Backend], *, named: bool) -> tuple[list[tuple[Backend, BackendProbe]], tuple[str, ...]]:
    environment = read_environment(chosen)
    return usable_backends(chosen, environment.probes, named=named)


def _setting(selection: Selection, usable: Sequence[tuple[Backend, BackendProbe]]) -> Setting:
    (device,) = resolve_devices(selection.devices, [probe for _, probe in usable])
    return Setting(device, "step", "auto", "float32", selection.lanes[0], None, None)


def _references(device: str) -> list[Backend]:
    """Return the backends that can compute in float64 here, also those that were not chosen."""
    every = [backend_catalog.get(name) for name in REFERENCES]
    probes = read_environment(every).probes
    kinds = [{found.kind for found in probe.devices} for probe in probes]
    return [
        backend for backend, probe, kind in zip(every, probes, kinds, strict=True) if probe.version and device in kind
    ]


def _verify_all(
    words: VerifyArguments,
    found: Found,
    prepared: Sequence[PreparedData | str],
    setting: Setting,
    backends: Sequence[tuple[Backend, BackendProbe]],
    left_out: Sequence[str],
    asker: LocalAsker,
    stop: Stop,
    observer: Observer,
) -> tuple[list[ParityReport], list[str]]:
    """Return a report per workload, each stored as soon as it is done, and what could not be verified."""
    references = _references(setting.device)
    cpus = usable_cpus()
    reports, broken = [], []
    for candidate, data in zip(found.candidates, prepared, strict=True):
        if stop.wanted():
            raise Interrupted("interrupted: the reports of the workloads that were done are kept")
        if not isinstance(data, PreparedData):
            broken.append(f"{candidate.spec.name}: {data}")
            observer.note(broken[-1])
            continue
        imports = parse.split(words.allow_import)
        subject = Subject(candidate, data, setting, words.steps, cpus, imports, words.determinism)
        with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
            report = Verification(subject, asker, Path(folder), observer).report(backends, references, left_out)
        path = write_report(store_path(words.store), report)
        observer.note(f"{candidate.spec.name}: stored in {path}")
        reports.append(report)
    return reports, broken

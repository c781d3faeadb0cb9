"""A calibration of this machine, step by step: clock and loop, ceilings, noise and false alarms."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ... import __version__
from ...backends.backend import Backend
from ...results import units
from ...results.calibration import records
from ...results.calibration.noise import count_false_alarms, variation
from ...results.calibration.records import Calibration, FalseAlarms, Instrument, Noise
from ...results.records.environment import BackendProbe, Environment, Machine
from ...results.records.model import Run
from ...results.records.store import store_path
from ..children.child import Child
from ..environments.interpreters import read_environment
from ..environments.places import usable_backends
from ..experiments import suites
from ..experiments.execute import execute
from ..experiments.experiment import Experiment, choose_backends, design
from ..experiments.runner import Outcome, Stop
from ..host import read_machine
from ..measuring.instrument import measure_instrument
from ..measuring.measure import Clock
from ..options import RunOptions, Selection
from ..progress import Observer
from .ceilings import Ask, CeilingSettings, cache_bytes, in_child, read_ceilings, worries

WORKLOAD = "cancer_mlp"
"""Small, so that what surrounds a step is not lost in it."""
SUITE = "quick"
FEWEST_TRIALS = 2
"""Of a comparison: one pair has no interval."""
SLACK = 3.0
"""Comparisons may take so much longer than one was forecast before the budget ends them; a single one is finished."""


@dataclass(frozen=True, slots=True)
class CalibrateOptions:
    """What the user asked for."""

    backends: tuple[str, ...] = ()
    device: str = "auto"
    """cpu, gpu or auto: ceilings of all kinds, noise on the best that every backend can use."""
    budget_s: float = 600.0
    """What ceilings leave of it goes to comparisons; at least one is made."""
    timeout_s: float = 600.0
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What a calibration works with; in tests each part is a stand-in."""

    ask: Ask
    read_machine: Callable[[], Machine] = read_machine
    read_environment: Callable[[Sequence[Backend]], Environment] = read_environment
    measure_instrument: Callable[[], Instrument] = measure_instrument
    design: Callable[[Selection, RunOptions, Observer], Experiment] = design
    execute: Callable[[Experiment, RunOptions, Sequence[str], Observer, Stop], tuple[Run, Outcome]] = execute
    clock: Clock = time.perf_counter
    ceilings: CeilingSettings = field(default_factory=CeilingSettings)


def local_bench(stop: Stop) -> Bench:
    """Return a bench that measures on this machine; a stop ends its running process."""
    child = Child()
    stop.on_stop(child.stop)
    return Bench(in_child(child))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of a calibration."""

    calibration: Calibration
    path: Path
    state: str
    """complete or interrupted."""
    failures: int
    """Processes that broke."""


def calibrate(
    options: CalibrateOptions, argv: Sequence[str], observer: Observer, stop: Stop, bench: Bench
) -> Calibrated:
    """Measure, add to what is known of this kind of machine, and store it; ceilings are stored before noise begins.

    Raises:
        UsageError: a backend that was asked for does not work, or the store cannot be written.
        NothingMeasured: no backend works here.
        BrokenError: the stored calibration cannot be read.

    """
    begin = bench.clock()
    store, machine = store_path(options.store), bench.read_machine()
    known = records.read_calibration(store, machine.fingerprint)
    backends = choose_backends(options.backends)
    probes = bench.read_environment(backends).probes
    usable, notes = usable_backends(backends, probes, named=bool(options.backends))
    observer.note("clock and measuring loop")
    instrument = bench.measure_instrument()
    found = read_ceilings(usable, options.device, bench.ask, bench.ceilings, observer.note, stop.wanted)
    limit = suites.get(suites.load_suites(), SUITE).effort.most_foreign_load
    result = Calibration(
        schema=records.SCHEMA,
        machine=machine,
        measured=_now(),
        dlbench=__version__,
        instrument=instrument,
        ceilings=records.risen(known.ceilings if known else (), found),
        noise=known.noise if known else (),
        false_alarms=known.false_alarms if known else (),
        notes=(*notes, *worries(found, limit, cache_bytes())),
    )
    path = records.write_calibration(store, result)
    broken = sum(ceiling.kind == records.MEMORY and ceiling.rate is None for ceiling in found)
    if stop.wanted():
        return Calibrated(result, path, "interrupted", broken)
    left_s = options.budget_s - (bench.clock() - begin)
    trials, run, outcome = _run(options, [backend for backend, _ in usable], left_s, argv, observer, stop, bench)
    noise, alarms = _noise(run, usable, trials)
    measured = {(item.backend, item.device) for item in noise}
    result = replace(
        result,
        measured=_now(),
        noise=(*(item for item in result.noise if (item.backend, item.device) not in measured), *noise),
        false_alarms=records.added_up(result.false_alarms, alarms),
        notes=(*result.notes, *run.header.notes, *outcome.notes, *run.problems),
    )
    result = replace(result, notes=tuple(dict.fromkeys(result.notes)))
    path = records.write_calibration(store, result)
    return Calibrated(result, path, outcome.state, broken + outcome.failures)


def _run(
    options: CalibrateOptions,
    backends: Sequence[Backend],
    left_s: float,
    argv: Sequence[str],
    observer: Observer,
    stop: Stop,
    bench: Bench,
) -> tuple[int, Run, Outcome]:
    """Measure the small workload in as many processes as the time allows; return the trials of a comparison too."""
    selection = Selection(
        workloads=(WORKLOAD,),
        backends=tuple(backend.name for backend in backends),
        phases=("train",),
        devices=(options.device,),
    )
    folder = store_path(options.store) / records.FOLDER
    run_options = RunOptions(suite=SUITE, timeout_s=options.timeout_s, store=str(folder))
    experiment = bench.design(selection, run_options, observer)
    trials = max(experiment.schedule.blocks, FEWEST_TRIALS)
    blocks = 2 * trials
    one_s = blocks * experiment.expected.block_s
    count = min(max(int(left_s / one_s), 1), max(suites.MOST_TRIALS // blocks, 1)) if one_s > 0 else 1
    observer.note(
        f"noise: {units.plural(count, 'comparison')} of {WORKLOAD} with itself on each backend, {trials} pairs of "
        f"processes each, about {units.seconds(count * one_s)}"
    )
    budget_s = max(left_s, SLACK * one_s) if count > 1 else None
    schedule = replace(experiment.schedule, blocks=count * blocks, budget_s=budget_s)
    run, outcome = bench.execute(replace(experiment, schedule=schedule), run_options, argv, observer, stop)
    return trials, run, outcome


def _noise(
    run: Run, usable: Sequence[tuple[Backend, BackendProbe]], trials: int
) -> tuple[tuple[Noise, ...], tuple[FalseAlarms, ...]]:
    noise: list[Noise] = []
    alarms: list[FalseAlarms] = []
    for backend, probe in usable:
        own = [trial for trial in run.trials if trial.case.get("backend") == backend.name]
        own.sort(key=lambda trial: trial.block)
        if not own:
            continue
        found = variation(own, trials)
        noise.append(
            Noise(
                backend=backend.name,
                device=own[0].case.text("device"),
                framework=f"{backend.title} {probe.version}",
                workload=WORKLOAD,
                measured=_now(),
                run=run.header.run,
                processes=len(own),
                doubtful=sum(bool(trial.flags) for trial in own),
                step_s=found.step_s,
                within=found.within,
                between=found.between,
                lag1=found.lag1,
                paired=found.paired,
                trials=trials,
                detectable_ratio=found.detectable_ratio,
            )
        )
        alarms += count_false_alarms(own, trials, run.header.run)
    return tuple(noise), tuple(alarms)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

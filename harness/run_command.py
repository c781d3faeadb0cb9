"""`dlbench run`: from the command line's words to the table on stdout and the exit status."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from rich.console import Console

from ..backends.backend import COMPILE_MODES
from ..results import units
from ..results.errors import BrokenError, Interrupted, NothingMeasured, UsageError
from ..results.model import Case, Failure, LeftOut, Run
from ..workloads import downloads
from . import options as parse
from .datasets import known_size, obtain_all
from .execute import execute, recipes_of
from .experiment import Experiment, design
from .forecast import job_key
from .host import usable_cores, usable_cpus
from .live import LiveProgress
from .max_batch import NO_ROOM, UNCHECKED
from .options import RunOptions, Selection
from .output import check_output, write_result
from .prepared import downloads_for
from .progress import JsonLines, Observer, PlainLines, Silence
from .reports import parse_reports, write_reports
from .runner import Outcome, Stop
from .suites import MOST_TRIALS

RESERVED_LABEL = re.compile(r"$|latest(~\d*)?$|\d{8}")
"""What `show` would take for something else."""
MOST_EPOCHS = 1_000_000
LATER_FACTORS = ("lane", "feed", "threads", "cache", "optimizer")
"""Factors that the plan names only when they are chosen."""
SHOW_CURSOR = b"\x1b[?25h\n"
"""Live progress hides the cursor; an end at once must give it back."""


@dataclass(frozen=True, slots=True)
class RunArguments:
    """The words of `dlbench run`, as typed."""

    workloads: tuple[str, ...]
    backends: tuple[str, ...]
    phases: tuple[str, ...]
    precisions: tuple[str, ...]
    batch_sizes: tuple[str, ...]
    devices: tuple[str, ...]
    executions: tuple[str, ...]
    compiles: tuple[str, ...]
    lanes: tuple[str, ...]
    caches: tuple[str, ...]
    feeds: tuple[str, ...]
    threads: tuple[str, ...]
    optimizers: tuple[str, ...]
    cpus: str | None
    min_time: str | None
    min_steps: int | None
    rel_precision: float | None
    scenarios: tuple[str, ...]
    latency_bound: str | None
    find_max_batch: bool
    memory_limit: str | None
    price: float | None
    epochs: int | None
    accuracy_margin: float | None
    parameters: tuple[str, ...]
    allow_import: tuple[str, ...]
    allow_code: bool
    suite: str
    trials: int | None
    budget: str | None
    timeout: str
    fail_fast: bool
    label: str | None
    dry_run: bool
    progress: str
    output_format: str
    output: str | None
    store: str | None
    environments: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()


def run_command(arguments: RunArguments, argv: Sequence[str]) -> int:
    """Plan, measure, store and show; return the exit status."""
    selection, options = read_arguments(arguments)
    check_output(arguments.output)
    reports = parse_reports(arguments.reports, arguments.output)
    observer = make_observer(arguments.progress)
    experiment = design(selection, options, observer)
    if arguments.dry_run:
        sys.stdout.write(plan_text(experiment))
        return 0
    check_store(options.store)
    for note in experiment.notes:
        observer.note(note)
    lacking = obtain_all(downloads_for(recipes_of(experiment.plan).values()), observer)
    stop = Stop()
    with stopping_on_signals(stop, observer):
        run, outcome = execute(experiment, options, argv, observer, stop, lacking)
    write_result(run, arguments.output_format, arguments.output, store=arguments.store)
    write_reports(run, reports, arguments.store)
    return exit_status(run, outcome, experiment)


def read_arguments(words: RunArguments) -> tuple[Selection, RunOptions]:
    """Return the parsed and checked arguments.

    Raises:
        UsageError: a word is unknown or a number out of range; the message says what would fit.

    """
    if words.trials is not None and not 1 <= words.trials <= MOST_TRIALS:
        raise UsageError(f"--trials takes 1 to {MOST_TRIALS}; received {words.trials}")
    if words.epochs is not None and not 1 <= words.epochs <= MOST_EPOCHS:
        raise UsageError(f"--epochs takes 1 to {MOST_EPOCHS}; received {words.epochs}")
    if words.label is not None and RESERVED_LABEL.match(words.label):
        raise UsageError(f"--label {words.label!r} reads like a run's id or `latest`; choose another word")
    selection = Selection(
        workloads=parse.split(words.workloads),
        backends=parse.split(words.backends),
        environments=parse.parse_environments(words.environments),
        phases=phases_of(words),
        precisions=parse.choose("precision", words.precisions, parse.PRECISIONS) or ("float32",),
        batch_sizes=parse.parse_batch_sizes(words.batch_sizes),
        devices=parse.choose("device", words.devices, parse.DEVICES) or ("auto",),
        executions=parse.choose("execution", words.executions, parse.EXECUTIONS) or ("step",),
        compiles=parse.choose("compile mode", words.compiles, COMPILE_MODES) or ("auto",),
        lanes=parse.choose("lane", words.lanes, parse.LANES) or ("default",),
        caches=parse.choose("cache", words.caches, parse.CACHES) or ("cold",),
        feeds=parse.choose("feed", words.feeds, parse.FEEDS),
        threads=parse.parse_threads(words.threads, usable_cores()),
        optimizers=parse.parse_optimizers(words.optimizers),
        scenarios=parse.choose("scenario", words.scenarios, parse.SCENARIOS),
        latency_bound_s=parse.parse_duration("--latency-bound", words.latency_bound),
        epochs=words.epochs,
        parameters=parse.parse_parameters(words.parameters),
        allow_import=parse.split(words.allow_import),
        allow_code=words.allow_code,
    )
    run_options = RunOptions(
        suite=words.suite,
        trials=words.trials,
        budget_s=parse.parse_duration("--budget", words.budget),
        timeout_s=parse.parse_duration("--timeout", words.timeout) or 600.0,
        fail_fast=words.fail_fast,
        label=words.label,
        store=words.store,
        cpus=parse.parse_cpus(words.cpus, usable_cpus()),
        memory_limit_bytes=parse.parse_size("--memory-limit", words.memory_limit),
        price_per_hour=parse.positive("--price", words.price),
        accuracy_margin=parse.positive("--accuracy-margin", words.accuracy_margin),
        effort=effort_of(words),
        find_max_batch=words.find_max_batch,
    )
    if words.find_max_batch and (words.batch_sizes or words.trials):
        raise UsageError(
            "--find-max-batch chooses batch sizes, and one trial for each, itself; leave those options out"
        )
    return selection, run_options


def phases_of(words: RunArguments) -> tuple[str, ...]:
    """Return the phases; options that belong to one phase ask for it."""
    phases = parse.parse_phases(words.phases)
    if words.find_max_batch:
        if phases not in ((), ("train",)):
            raise UsageError("--find-max-batch measures phase train alone; leave --phase out")
        return ("train",)
    if (words.scenarios or words.latency_bound) and "scenario" not in phases:
        if phases:
            raise UsageError("--scenario and --latency-bound belong to phase scenario; add it to --phase")
        return ("scenario",)
    return phases


def effort_of(words: RunArguments) -> dict[str, float]:
    """Return the fields of Effort that the user set."""
    found: dict[str, float] = {}
    if (seconds := parse.parse_duration("--min-time", words.min_time)) is not None:
        found |= {"train_s": seconds, "infer_s": seconds}
    if words.min_steps is not None:
        if words.min_steps < 1:
            raise UsageError(f"--min-steps takes at least 1; received {words.min_steps}")
        found["min_steps"] = words.min_steps
    if (precision := parse.positive("--rel-precision", words.rel_precision)) is not None:
        if precision >= 1:
            raise UsageError(f"--rel-precision takes a share such as 0.01; received {precision}")
        found["rel_precision"] = precision
    return found


def make_observer(style: str) -> Observer:
    """Return what shows progress on stderr."""
    if style == "auto":
        style = "live" if sys.stderr.isatty() else "plain"
    styles: dict[str, Callable[[], Observer]] = {
        "live": lambda: LiveProgress(Console(stderr=True)),
        "plain": PlainLines,
        "jsonl": JsonLines,
        "off": Silence,
    }
    return styles[style]()


def check_store(given: str | None) -> None:
    """Make sure that the store can be written, before anything is prepared."""
    from ..results.store import store_path

    folder = store_path(given) / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to the store {str(folder.parent)!r}: {error.strerror or error}; "
            "choose another folder with --store or DLBENCH_STORE"
        ) from error


@contextmanager
def stopping_on_signals(stop: Stop, observer: Observer) -> Iterator[None]:
    """End cleanly on the first Ctrl-C (or SIGTERM), at once on the second."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.wanted():
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), SHOW_CURSOR)
            os._exit(Interrupted.exit_code)
        stop.request()
        observer.note("stopping: what was measured is kept (Ctrl-C again ends at once)")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(run: Run, outcome: Outcome, experiment: Experiment) -> int:
    """Return the status of a run: interrupted, a case broke, nothing measured, or fine."""
    if outcome.state == "interrupted":
        return Interrupted.exit_code
    if any(not expected_failure(run, failure) for failure in run.failures) or experiment.broken:
        return BrokenError.exit_code
    return 0 if run.trials else NothingMeasured.exit_code


def expected_failure(run: Run, failure: Failure) -> bool:
    """Tell whether a failure is an answer: a batch too large, where the largest was looked for."""
    options = run.header.options
    if not options.get("find_max_batch"):
        return False
    place = (failure.case.get("backend"), failure.case.get("environment"))
    trained = any((trial.case.get("backend"), trial.case.get("environment")) == place for trial in run.trials)
    under_limit = trained and bool(options.get("memory_limit_bytes"))
    return failure.kind == NO_ROOM or (failure.kind in UNCHECKED and under_limit)


def plan_text(experiment: Experiment) -> str:
    """Return the plan and its forecast as text for `--dry-run`."""
    plan, schedule, expected = experiment.plan, experiment.schedule, experiment.expected
    lines = []
    for job in plan.jobs:
        key = job_key(job, schedule.effort)
        phases = ", ".join(_case_text(case) for case in job.cases)
        given = " ".join(f"{name}={value}" for name, value in job.candidate.given.items())
        mark = " (a guess)" if key in expected.guessed else ""
        name = f"{job.candidate.spec.name} {given}".strip()
        chosen = job.setting
        settings = f"{chosen.device}, {chosen.execution}, {job.mode.how}, {chosen.precision}, batch {job.batch_size}"
        settings += "".join(f", {name} {value}" for name, value in chosen.factors().items() if name in LATER_FACTORS)
        place = f"{job.backend.title} ({job.environment})" if job.environment else job.backend.title
        lines.append(f"{name}  {place}  {settings}")
        lines.append(f"    {phases}: {units.seconds(expected.seconds[key])}{mark}")
    lines += dict.fromkeys(_left_out_text(item) for item in plan.left_out)
    lines += [f"note: {note}" for note in experiment.notes]
    lines += _download_lines(experiment)
    total = expected.block_s * schedule.blocks
    ground = (
        f"{len(expected.guessed)} of {len(plan.jobs)} jobs are guesses"
        if expected.guessed
        else "from this machine's own runs"
    )
    lines.append(
        f"{len(plan.jobs)} jobs x {schedule.blocks} blocks = {len(plan.jobs) * schedule.blocks} processes, "
        f"about {units.seconds(total)} ({ground})"
    )
    return "\n".join(lines) + "\n"


def _download_lines(experiment: Experiment) -> list[str]:
    wanted = [downloads.get(name) for name in downloads_for(recipes_of(experiment.plan).values())]
    absent = [download for download in wanted if downloads.path_of(download) is None]
    return [f"to be downloaded: {item.name}, {known_size(item)}, from {item.address}" for item in absent]


def _left_out_text(item: LeftOut) -> str:
    name, environment = item.case.text("backend"), item.case.get("environment")
    place = f"{name} ({environment})" if environment else name
    return f"left out: {item.case.workload} {place}: {item.reason}"


def _case_text(case: Case) -> str:
    batch_size, epochs = case.factors.get("batch_size"), case.get("epochs")
    batch = f" at batch {batch_size}" if batch_size is not None else ""
    return f"{case.get('phase')}{batch}" + (f" for {units.plural(int(epochs), 'epoch')}" if epochs is not None else "")

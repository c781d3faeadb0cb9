"""The words of `dlbench run`, and what they say: which cases are measured, how long and how."""

from dataclasses import dataclass

from ...backends.backend import COMPILE_MODES
from ...results.errors import UsageError
from .. import options as parse
from ..experiments.suites import MOST_TRIALS
from ..host import usable_cores, usable_cpus
from ..options import RunOptions, Selection


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


def read_arguments(words: RunArguments) -> tuple[Selection, RunOptions]:
    """Return the parsed and checked arguments.

    Raises:
        UsageError: a word is unknown or a number out of range; the message says what would fit.

    """
    if words.trials is not None and not 1 <= words.trials <= MOST_TRIALS:
        raise UsageError(f"--trials takes 1 to {MOST_TRIALS}; received {words.trials}")
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
        epochs=parse.check_epochs(words.epochs),
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
        label=parse.check_label(words.label),
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

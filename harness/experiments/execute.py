"""From an experiment to a stored run: data is prepared, jobs are run, each record is stored as it comes."""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from ... import __version__
from ...results.errors import Interrupted
from ...results.factors import Scalar
from ...results.records.model import SCHEMA, End, Failure, Header, Run, WorkloadInfo
from ...results.records.store import RunWriter, new_run_id, read_run, store_path
from ...workloads.metrics import METRICS, margin_of, why_unreachable
from ..children.child import Child
from ..children.launch import Launcher, LocalLauncher
from ..options import RunOptions
from ..progress import Observer
from ..wire import DataRecipe, PreparedData
from .experiment import Experiment
from .max_batch import search_all
from .plan import Plan, PlannedJob
from .prepared import prepare_data, recipe_of
from .runner import Outcome, Sink, Stop, run_blocks


@dataclass(frozen=True, slots=True)
class Bench:
    """What measuring needs beside the plan."""

    data: Mapping[PlannedJob, PreparedData]
    """Of every job that can be measured."""
    workloads: tuple[WorkloadInfo, ...]
    launcher: Launcher
    sink: Sink
    observer: Observer
    stop: Stop
    reply_path: Callable[[str], str]


Measure = Callable[[Bench], Outcome]
"""Runs jobs, in an order and as often as it likes, and stores what they reply."""


def execute(
    experiment: Experiment,
    options: RunOptions,
    argv: Sequence[str],
    observer: Observer,
    stop: Stop,
    lacking: Mapping[str, str] = MappingProxyType({}),
    measure: Measure | None = None,
) -> tuple[Run, Outcome]:
    """Measure an experiment, store every record as it comes, and return the run as it was stored.

    Args:
        experiment: what is measured.
        options: how often and how long.
        argv: the words of the command line, for the record.
        observer: is told what happens.
        stop: ends the run when it is wanted.
        lacking: why a download could not be had, by its name; what needs it fails, the rest is measured.
        measure: how the jobs are run; None: in blocks, or as a search for the largest batch.

    """
    start, now = time.perf_counter(), datetime.now(UTC)
    recipes = recipes_of(experiment.plan)
    child = Child()
    stop.on_stop(child.stop)
    made = prepare_data(list(recipes.values()), child, lacking)
    if stop.wanted():
        raise Interrupted("interrupted while the data was being prepared: nothing was measured")
    prepared = {job: fitting(job, made[recipe.path]) for job, recipe in recipes.items()}
    header = _header(experiment, options, argv, prepared, now)
    with (
        RunWriter(store_path(options.store), header) as writer,
        tempfile.TemporaryDirectory(prefix="dlbench-") as replies,
    ):
        ready = {job: data for job, data in prepared.items() if isinstance(data, PreparedData)}
        unready = _without_data(prepared)
        for failure in unready:
            writer.append(failure)
        pythons = {found.factor: found.python for found in experiment.environments}
        launcher = LocalLauncher(writer.logs, {name: python for name, python in pythons.items() if name})
        stop.on_stop(launcher.stop)

        def reply_path(name: str) -> str:
            return str(Path(replies) / f"{name}.jsonl")

        bench = Bench(ready, header.workloads, launcher, writer, observer, stop, reply_path)
        outcome = (measure or _usual(experiment, options))(bench)
        launcher.close()
        outcome.failures += len(unready)
        seconds = time.perf_counter() - start
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        writer.end(End(finished, outcome.state, seconds, tuple(outcome.notes)))
    if not any(writer.logs.iterdir()):
        writer.logs.rmdir()
    observer.finished(outcome.state, seconds)
    return read_run(writer.path), outcome


def _usual(experiment: Experiment, options: RunOptions) -> Measure:
    """Return the measuring of `dlbench run`: blocks of every job, or a search for the largest batch."""

    def measure(bench: Bench) -> Outcome:
        plan, schedule = Plan(tuple(bench.data), (), ()), experiment.schedule
        rest = (bench.launcher, bench.sink, bench.observer, bench.stop, bench.reply_path)
        if options.find_max_batch:
            return search_all(plan, bench.data, schedule, *rest)
        return run_blocks(plan, bench.data, schedule, experiment.expected, *rest)

    return measure


def recipes_of(plan: Plan) -> dict[PlannedJob, DataRecipe]:
    """Return the recipe of each job's data."""
    return {job: recipe_of(job.candidate, job.batch_size) for job in plan.jobs}


def fitting(job: PlannedJob, data: PreparedData | str) -> PreparedData | str:
    """Return a job's data, or the reason why the job cannot use it."""
    spec = job.candidate.spec
    if isinstance(data, PreparedData) and any(case.get("phase") == "converge" for case in job.cases):
        target = data.target if data.target is not None else spec.target
        if spec.metric in METRICS and (why := why_unreachable(spec.metric, spec.direction, target, data.best)):
            return f"{spec.name}: {why}"
    if isinstance(data, PreparedData) and data.samples < job.batch_size:
        return (
            f"batch size {job.batch_size} is larger than the {data.samples} training samples of "
            f"{spec.name}; choose at most that with --batch-size"
        )
    return data


def _header(
    experiment: Experiment,
    options: RunOptions,
    argv: Sequence[str],
    prepared: Mapping[PlannedJob, PreparedData | str],
    now: datetime,
) -> Header:
    schedule = experiment.schedule
    kept: dict[str, Scalar] = {
        "suite": options.suite,
        "blocks": schedule.blocks,
        "timeout_s": schedule.timeout_s,
        "budget_s": schedule.budget_s,
        "train_s": schedule.effort.train_s,
        "infer_s": schedule.effort.infer_s,
        "single_share": schedule.effort.single_share or None,
        "shuffle_seed": schedule.shuffle_seed,
        "cpus": ",".join(map(str, schedule.cpus)) or None,
        "most_foreign_load": schedule.effort.most_foreign_load,
        "attempts": schedule.effort.attempts,
        "rel_precision": schedule.effort.rel_precision or None,
        "memory_limit_bytes": schedule.memory_limit_bytes,
        "find_max_batch": options.find_max_batch or None,
        "price_per_hour": options.price_per_hour,
        "accuracy_margin": options.accuracy_margin,
        "python": sys.version.split()[0],
        **experiment.kept,
    }
    return Header(
        schema=SCHEMA,
        run=new_run_id(now),
        started=now.isoformat(timespec="seconds"),
        dlbench=__version__,
        argv=tuple(argv),
        options=kept,
        machine=experiment.machine,
        environments=experiment.environments,
        workloads=_infos(prepared, options.accuracy_margin),
        cases=() if options.find_max_batch else experiment.plan.cases,
        left_out=experiment.plan.left_out,
        label=options.label,
        notes=experiment.notes,
    )


def _infos(prepared: Mapping[PlannedJob, PreparedData | str], margin: float | None) -> tuple[WorkloadInfo, ...]:
    """Return a description per workload; a best value or target that depends on parameters is left to the trials.

    What the first job says of the metric and its margin holds: of two sides the baseline's, so that no change is judged
    by a margin of its own. A margin that the user gave holds for every workload.
    """
    found: dict[str, WorkloadInfo] = {}
    for job, data in prepared.items():
        spec = job.candidate.spec
        best = data.best if isinstance(data, PreparedData) else None
        target = data.target if isinstance(data, PreparedData) and data.target is not None else spec.target
        known = found.get(spec.name)
        if known is not None:
            same_best, same_target = known.best == best, known.target == target
            found[spec.name] = replace(known, best=best if same_best else None, target=target if same_target else None)
            continue
        found[spec.name] = WorkloadInfo(
            name=spec.name,
            area=spec.area,
            data=spec.data,
            source=spec.source,
            batch_size=spec.batch_size,
            metric=spec.metric,
            direction=spec.direction,
            target=target,
            best=best,
            margin=margin if margin is not None and spec.metric else margin_of(spec),
        )
    return tuple(found.values())


def _without_data(prepared: Mapping[PlannedJob, PreparedData | str]) -> list[Failure]:
    return [
        Failure(case, "data", 0, 0, 0, "error", data)
        for job, data in prepared.items()
        if isinstance(data, str)
        for case in job.cases
    ]

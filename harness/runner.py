"""Run a plan: blocks of jobs, each block every case once in shuffled order, each reply stored before the next job."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..results.factors import Scalar
from ..results.model import Failure, JobRecord, Trial
from .forecast import Forecast, job_key
from .launch import Launcher, Reply
from .measure import Clock, Effort
from .plan import Plan, PlannedJob
from .progress import Observer, Step
from .wire import PreparedData, Request


class Sink(Protocol):
    """Where records go: the store's open run, or a list in tests."""

    def append(self, record: Trial | Failure | JobRecord) -> None:
        """Keep a record; it is durable when this returns."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often, how long and in which order."""

    blocks: int
    effort: Effort
    timeout_s: float
    budget_s: float | None = None
    fail_fast: bool = False
    shuffle_seed: int = 0


@dataclass(slots=True)
class Outcome:
    """How the run went."""

    state: str = "complete"
    """complete, interrupted or failed (by --fail-fast)."""
    trials: int = 0
    failures: int = 0
    notes: list[str] = field(default_factory=list)


class Stop:
    """The user's wish to end: set from a signal handler, which also ends the running job."""

    def __init__(self) -> None:
        self._wanted = False
        self._actions: list[Callable[[], None]] = []

    def on_stop(self, action: Callable[[], None]) -> None:
        """Register what ends the running job."""
        self._actions.append(action)

    def request(self) -> None:
        """End the run: nothing further is started."""
        self._wanted = True
        for action in self._actions:
            action()

    def wanted(self) -> bool:
        """Tell whether the run should end."""
        return self._wanted


def run_blocks(
    plan: Plan,
    data: Mapping[PlannedJob, PreparedData],
    schedule: Schedule,
    expected: Forecast,
    launcher: Launcher,
    sink: Sink,
    observer: Observer,
    stop: Stop,
    reply_path: Callable[[str], str],
    clock: Clock = time.perf_counter,
) -> Outcome:
    """Measure every case of a plan once per block.

    A job that gives no trial at all is not repeated in later blocks: what failed as a whole would fail again, and
    a time limit would be spent each time. This is noted.
    """
    outcome = Outcome()
    begin, done = clock(), 0
    jobs = list(plan.jobs)
    seconds_of = {job: expected.seconds[job_key(job, schedule.effort)] for job in jobs}
    last_block_s = expected.block_s
    for block in range(schedule.blocks):
        block_start = clock()
        if block and schedule.budget_s is not None and block_start - begin + last_block_s > schedule.budget_s:
            outcome.notes.append(f"the budget ended the run after {block} of {schedule.blocks} blocks")
            break
        order = random.Random(f"{schedule.shuffle_seed}-{block}").sample(jobs, len(jobs))  # noqa: S311
        for position, job in enumerate(order):
            if stop.wanted():
                outcome.state = "interrupted"
                return outcome
            blocks_left = schedule.blocks - block - 1
            rest = [*order[position:], *(jobs * blocks_left)]
            left_s = sum(seconds_of[item] for item in rest)
            name = f"b{block}-{position:02d}-{job.candidate.reference.slug}-{job.backend.name}"
            after_s = left_s - seconds_of[job]
            step = Step(_text(job), name, block, schedule.blocks, done, done + len(rest), left_s, after_s)
            observer.started(step)
            start = clock()
            request = _request(job, data[job], schedule.effort, block, position, name, reply_path(name))
            reply = launcher.launch(request, schedule.timeout_s)
            _keep(sink, job, request, reply, clock() - start, schedule.effort)
            done += 1
            observer.replied(step, reply.trials, reply.failures, reply.seconds)
            outcome.trials += len(reply.trials)
            outcome.failures += len(reply.failures)
            if stop.wanted():
                outcome.state = "interrupted"
                return outcome
            if reply.failures and schedule.fail_fast:
                outcome.state = "failed"
                outcome.notes.append(f"ended by --fail-fast: {reply.failures[0].kind} in {step.text}")
                return outcome
            if not reply.trials and blocks_left:
                jobs.remove(job)
                outcome.notes.append(f"{step.text} failed as a whole and was not repeated")
        last_block_s = clock() - block_start
    return outcome


def _keep(sink: Sink, job: PlannedJob, request: Request, reply: Reply, seconds: float, effort: Effort) -> None:
    for trial in reply.trials:
        sink.append(trial)
    for failure in reply.failures:
        sink.append(failure)
    sink.append(
        JobRecord(
            job=request.job,
            workload=job.candidate.spec.name,
            backend=job.backend.name,
            key=job_key(job, effort),
            block=request.block,
            position=request.position,
            wall_seconds=reply.seconds,
            overhead_seconds=max(seconds - reply.seconds, 0.0),
            exit_status=reply.exit_status,
        )
    )


def _request(
    job: PlannedJob, data: PreparedData, effort: Effort, block: int, position: int, name: str, reply: str
) -> Request:
    spec = job.candidate.spec
    ledger: dict[str, Scalar] = {
        "compile_requested": job.compile_requested,
        "compile_resolved": job.mode.how,
        "compile_cache": "cold",
    }
    return Request(
        job=name,
        block=block,
        position=position,
        seed=block,
        backend=job.backend.name,
        device=job.device,
        workload=job.candidate.reference,
        parameters=job.candidate.parameters,
        batch_size=job.batch_size,
        precision=job.precision,
        execution=job.execution,
        compile_kind=job.mode.kind,
        data=data,
        cases=job.cases,
        epoch_limit=spec.epochs,
        effort=effort,
        reply=reply,
        metric=spec.metric,
        direction=spec.direction,
        target=data.target if data.target is not None else spec.target,
        allow_import=job.allow_import,
        ledger=ledger,
    )


def _text(job: PlannedJob) -> str:
    parts = [job.candidate.spec.name, job.backend.title]
    parts += [f"{name}={value}" for name, value in job.candidate.given.items()]
    if job.precision != "float32":
        parts.append(job.precision)
    if job.compile_requested != "auto":
        parts.append(job.compile_requested)
    if job.batch_size != job.candidate.spec.batch_size:
        parts.append(f"batch {job.batch_size}")
    return " ".join(parts)

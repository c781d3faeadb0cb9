"""Run a plan: blocks of jobs, each block every case once in shuffled order, each reply stored before the next job."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ...results.factors import Scalar
from ...results.records.environment import CURRENT
from ...results.records.model import Failure, JobRecord, Trial
from ..children.launch import Launcher, Reply
from ..effort import Effort
from ..measuring.measure import Clock
from ..progress import Observer, Step
from ..setting import ALONE
from ..wire import PreparedData, Request
from .forecast import Forecast, job_key
from .plan import Plan, PlannedJob


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
    cpus: tuple[int, ...] = ()
    """Cores for the workers; a job that asks for fewer threads gets the first of them."""
    bound: bool = False
    """Bind every worker to them; False: only those that ask for threads, or whose lane is matched."""
    memory_limit_bytes: int | None = None


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
            name = f"b{block}-{position:02d}-{job.candidate.reference.slug}-{place_of(job)}"
            after_s = left_s - seconds_of[job]
            step = Step(text_of(job), name, block, schedule.blocks, done, done + len(rest), left_s, after_s)
            observer.started(step)
            start = clock()
            request = request_of(job, data[job], schedule, block, position, name, reply_path(name))
            reply = launcher.launch(request, schedule.timeout_s)
            keep(sink, job, request, reply, clock() - start, schedule.effort)
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


def keep(sink: Sink, job: PlannedJob, request: Request, reply: Reply, seconds: float, effort: Effort) -> None:
    """Store what came of a job, with what it cost."""
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


def request_of(
    job: PlannedJob, data: PreparedData, schedule: Schedule, block: int, position: int, name: str, reply: str
) -> Request:
    """Return what a worker is told about one job of one block."""
    spec, setting = job.candidate.spec, job.setting
    ledger: dict[str, Scalar] = {
        "compile_requested": setting.compile,
        "compile_resolved": job.mode.how,
        "compile_cache": setting.cache,
        "environment": job.environment or CURRENT,
        "environment_fingerprint": job.fingerprint or None,
    }
    return Request(
        job=name,
        block=block,
        position=position,
        seed=block,
        backend=job.backend.name,
        device=setting.device,
        workload=job.candidate.reference,
        parameters=job.candidate.parameters,
        batch_size=job.batch_size,
        precision=setting.precision,
        execution=setting.execution,
        compile_kind=job.mode.kind,
        lane=setting.lane,
        feed=setting.resolved_feed,
        data=data,
        cases=job.cases,
        epoch_limit=spec.epochs,
        effort=schedule.effort,
        reply=reply,
        metric=spec.metric,
        direction=spec.direction,
        target=data.target if data.target is not None else spec.target,
        allow_import=job.allow_import,
        optimizer=setting.optimizer,
        cache=setting.cache,
        cpus=_cpus(job, schedule),
        allocator="exact" if job.measures_memory else "default",
        memory_limit_bytes=schedule.memory_limit_bytes,
        environment=job.environment,
        ledger=ledger,
    )


def _cpus(job: PlannedJob, schedule: Schedule) -> tuple[int, ...]:
    """Return the cores that a worker is bound to; none: the framework is left as it comes."""
    setting = job.setting
    wanted = schedule.bound or setting.threads is not None or setting.lane == "matched"
    return schedule.cpus[: setting.threads] if wanted else ()


def place_of(job: PlannedJob) -> str:
    """Return where a job runs, as part of a file's name."""
    return f"{job.backend.name}-{job.environment}" if job.environment else job.backend.name


def text_of(job: PlannedJob) -> str:
    """Return a job in words, for progress and notes."""
    setting = job.setting
    parts = [job.candidate.spec.name, job.backend.title]
    parts += [f"({job.environment})"] if job.environment else []
    parts += [f"{name}={value}" for name, value in job.candidate.given.items()]
    parts += [str(value) for name, value in setting.factors().items() if name not in ("device", "threads")]
    parts += [f"{setting.threads} threads"] if setting.threads else []
    if job.batch_size != job.candidate.spec.batch_size:
        parts.append(f"batch {job.batch_size}")
    alone = [case.text("scenario") if case.get("scenario") else case.text("phase") for case in job.cases]
    if job.cases[0].get("phase") in ALONE:
        parts += alone
    return " ".join(parts)

"""Summaries: the trials of a row brought down to one figure with its interval."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..factors import Scalar
from ..records.model import Trial, WorkloadInfo
from ..statistics import stats
from ..statistics.stats import Interval
from . import figures, flags, latency
from .accuracy import Accuracy, accuracy
from .cost import Cost, cost
from .flags import Flagged, flags_of
from .footprint import Footprint, footprint
from .generation import Generation, generation
from .latency import Latency, latencies
from .rows import PARTS, Row
from .standing import Standing
from .work import Work, work

NOT_MEASURED = "not measured"
LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a row that gave no number, and why."""

    phase: str | None
    kind: str
    """A failure's kind, LEFT_OUT or NOT_MEASURED."""
    message: str
    log: str | None = None
    tail: tuple[str, ...] = ()
    """Last lines of the log."""


@dataclass(frozen=True, slots=True)
class RowSummary:
    """One backend in one group. Intervals are over trials; None is a figure that could not be had."""

    row: Row
    trials: int
    """Trials of the case that has most."""
    train: Interval | None
    """Training throughput, items/s."""
    train_step: Interval | None
    """Seconds."""
    train_unsettled: int
    """Training trials without a steady state."""
    infer: Interval | None
    """Inference throughput, items/s."""
    infer_unsettled: int
    latencies: Mapping[str, Latency]
    """Of single forward passes, by quantile (p50, p90, p95, p99); one that there are too few queries for is absent."""
    latency_note: str | None
    """Which quantiles are absent, and what they need."""
    first_step: Interval | None
    """Seconds."""
    generation: Generation | None
    memory: Footprint
    work: Work
    cost: Cost
    accuracy: Accuracy | None
    foreign_load: tuple[float, ...]
    """One share per trial."""
    flags: tuple[Flagged, ...]
    problems: tuple[Problem, ...]
    ratio: Interval | None = None
    """Training throughput over that of the group's leader, paired by block; None for the leader itself."""
    detectable: float | None = None
    """Smallest ratio above 1 between this row and the leader that the trials could show."""
    differs: tuple[str, ...] = ()
    """Settings, as in the ledger, in which training differed from the leader's."""
    incomparable: str | None = None
    """Why there is no ratio."""
    standing: Standing | None = None
    """Accuracy at the group's common epoch, against the reference; None for a row that was not trained to a target."""
    leader: bool = False
    fastest: bool = False
    """The leader, and shown to be faster than every other row."""


def summary(row: Row, info: WorkloadInfo | None, options: Mapping[str, Scalar]) -> RowSummary:
    """Return the figures of a row; the run's options may hold a price."""
    train = [found for trial in row.train if (found := figures.speed(trial))]
    infer = [found for trial in row.infer if (found := figures.speed(trial))]
    rate = stats.geometric_mean([found.items_per_s for found in train])
    step = stats.geometric_mean([found.step_seconds for found in train])
    learnt = accuracy(row, info)
    return RowSummary(
        row=row,
        trials=max(Counter((part, trial.case) for part in PARTS for trial in row.part(part)).values(), default=0),
        train=rate,
        train_step=step,
        train_unsettled=_unsettled(row.train),
        infer=stats.geometric_mean([found.items_per_s for found in infer]),
        infer_unsettled=_unsettled(row.infer),
        latencies=latencies(row.latency),
        latency_note=latency.note(row.latency),
        first_step=_over_trials(row.train, lambda trial: trial.marks.get("first_step_s")),
        generation=generation(row.generate),
        memory=footprint(row),
        work=work(row, step),
        cost=cost(row.train, rate, learnt, options),
        accuracy=learnt,
        foreign_load=tuple(t.marks["foreign_load"] for t in row.trials if "foreign_load" in t.marks),
        flags=flags_of(row),
        problems=tuple(_problems(row)),
    )


def _over_trials(trials: Iterable[Trial], figure: Callable[[Trial], float | None]) -> Interval | None:
    return stats.geometric_mean([found for trial in trials if (found := figure(trial)) and found > 0])


def _unsettled(trials: Iterable[Trial]) -> int:
    """Return how many trials with a speed never settled, by their windows or by their own word."""
    speeds = [(trial, found) for trial in trials if (found := figures.speed(trial))]
    return sum(not found.settled or flags.UNSETTLED in trial.flags for trial, found in speeds)


def _problems(row: Row) -> Iterable[Problem]:
    """Return each different problem once."""
    found = [Problem(_phase(f.case.get("phase")), f.kind, f.message, f.log, f.tail) for f in row.failures]
    found += [Problem(_phase(o.case.get("phase")), LEFT_OUT, o.reason) for o in row.left_out]
    ended = "the run ended before this case"
    found += [Problem(_phase(case.get("phase")), NOT_MEASURED, ended) for case in row.unmeasured]
    return list({(p.phase, p.kind, p.message): p for p in reversed(found)}.values())[::-1]


def _phase(value: object) -> str | None:
    return None if value is None else str(value)

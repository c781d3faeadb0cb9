"""Summaries: the trials of a run brought down to one figure with its interval per row, and who is fastest."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import median

from . import figures, stats
from .model import Run, Trial, WorkloadInfo
from .rows import GroupKey, Row, infos_of, rows_of
from .stats import Interval, Spread

NOT_MEASURED = "not measured"
LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How well and how soon a row learnt, over its seeds."""

    metric: Spread | None
    """Final test metric."""
    target: float | None
    """As the first trial resolved it."""
    reached: int | None
    """Seeds that met the target; None for a workload without one."""
    seeds: int
    """Trials, and those that diverged: they count as misses."""
    seconds_to_target: float | None
    """Median over seeds of training seconds, a miss taken as longer than all; None unless most seeds reached
    it."""
    epochs_to_target: float | None
    """The same for epochs."""


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
    """Trials of the phase that has most."""
    train: Interval | None
    """Training throughput, items/s."""
    train_step: Interval | None
    """Seconds."""
    train_unsettled: int
    """Training trials without a steady state."""
    infer: Interval | None
    """Inference throughput, items/s."""
    infer_unsettled: int
    latency_p50: Interval | None
    """Seconds, one sample at a time."""
    latency_p90: Interval | None
    latency_note: str | None
    """Why a latency is None."""
    first_step: Interval | None
    """Seconds."""
    memory: Spread | None
    """Steady peak above the import floor, bytes."""
    accuracy: Accuracy | None
    foreign_load: tuple[float, ...]
    """One share per trial."""
    problems: tuple[Problem, ...]
    ratio: Interval | None = None
    """Training throughput over that of the group's leader, paired by block; None for the leader itself."""
    detectable: float | None = None
    """Smallest ratio above 1 between this row and the leader that the trials could show."""
    leader: bool = False
    fastest: bool = False
    """The leader, and shown to be faster than every other row."""


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The backends of one comparison."""

    key: GroupKey
    info: WorkloadInfo | None
    rows: tuple[RowSummary, ...]
    detectable: float | None
    """Smallest ratio above 1 that the trials could show between the leader and any other row (the
    largest)."""


def summarise(run: Run) -> tuple[GroupSummary, ...]:
    """Return every group of a run, in the order of its rows."""
    infos = infos_of(run)
    groups: dict[GroupKey, list[RowSummary]] = {}
    for row in rows_of(run):
        groups.setdefault(row.group, []).append(_summary(row, infos.get(row.group.workload)))
    return tuple(_compared(key, infos.get(key.workload), rows) for key, rows in groups.items())


def _summary(row: Row, info: WorkloadInfo | None) -> RowSummary:
    train = [found for trial in row.train if (found := figures.speed(trial))]
    infer = [found for trial in row.infer if (found := figures.speed(trial))]
    p90 = _over_trials(row.latency, lambda trial: figures.latency(trial, 0.9))
    return RowSummary(
        row=row,
        trials=max(len(row.train), len(row.infer), len(row.latency), len(row.converge)),
        train=stats.geometric_mean([found.items_per_s for found in train]),
        train_step=stats.geometric_mean([found.step_seconds for found in train]),
        train_unsettled=sum(not found.settled for found in train),
        infer=stats.geometric_mean([found.items_per_s for found in infer]),
        infer_unsettled=sum(not found.settled for found in infer),
        latency_p50=_over_trials(row.latency, lambda trial: figures.latency(trial, 0.5)),
        latency_p90=p90,
        latency_note=_latency_note(row.latency) if p90 is None else None,
        first_step=_over_trials(row.train, lambda trial: trial.marks.get("first_step_s")),
        memory=stats.spread([peak for t in row.train if (peak := figures.memory_bytes(t)) is not None]),
        accuracy=_accuracy(row, info),
        foreign_load=tuple(t.marks["foreign_load"] for t in row.trials if "foreign_load" in t.marks),
        problems=tuple(_problems(row)),
    )


def _over_trials(trials: Iterable[Trial], figure: Callable[[Trial], float | None]) -> Interval | None:
    return stats.geometric_mean([found for trial in trials if (found := figure(trial)) and found > 0])


def _latency_note(trials: list[Trial]) -> str | None:
    if not trials:
        return None
    most = max(len(trial.queries) for trial in trials)
    return f"{most} queries, p90 needs {stats.fewest_queries(0.9)}"


def _accuracy(row: Row, info: WorkloadInfo | None) -> Accuracy | None:
    diverged = sum(f.kind == "diverged" and f.case.get("phase") == "converge" for f in row.failures)
    seeds = len(row.converge) + diverged
    if not seeds:
        return None
    metric = stats.spread([found for t in row.converge if (found := figures.final_metric(t)) is not None])
    if all(figures.target(t, info) is None and t.reached is None for t in row.converge):
        return Accuracy(metric, None, None, seeds, None, None)
    epochs = [epoch for t in row.converge if (epoch := figures.target_epoch(t, info))]
    return Accuracy(
        metric,
        figures.target(row.converge[0], info) if row.converge else None,
        len(epochs),
        seeds,
        _censored_median([epoch.train_seconds for epoch in epochs], seeds),
        _censored_median([float(epoch.number) for epoch in epochs], seeds),
    )


def _censored_median(reached: list[float], n: int) -> float | None:
    """Return the median of n values of which only the smaller ones are known."""
    middle = median([*reached, *[math.inf] * (n - len(reached))])
    return middle if math.isfinite(middle) else None


def _problems(row: Row) -> Iterable[Problem]:
    """Return each different problem once."""
    found = [Problem(_phase(f.case.get("phase")), f.kind, f.message, f.log, f.tail) for f in row.failures]
    found += [Problem(_phase(o.case.get("phase")), LEFT_OUT, o.reason) for o in row.left_out]
    ended = "the run ended before this case"
    found += [Problem(_phase(case.get("phase")), NOT_MEASURED, ended) for case in row.unmeasured]
    return list({(p.phase, p.kind, p.message): p for p in reversed(found)}.values())[::-1]


def _phase(value: object) -> str | None:
    return None if value is None else str(value)


def _compared(key: GroupKey, info: WorkloadInfo | None, rows: list[RowSummary]) -> GroupSummary:
    """Compare each row with the one of the highest training throughput.

    "Fastest" is a statement against every other row at once, so each must hold on its own and no correction
    over rows is needed (intersection-union; Berger, Technometrics 24(4), 1982). It needs an interval below 1
    and a difference that is at least the smallest detectable one: the leader was picked after the fact.
    """
    timed = [row for row in rows if row.train]
    if not timed:
        return GroupSummary(key, info, tuple(rows), None)
    leader = max(timed, key=lambda row: row.train.estimate if row.train else 0.0)
    compared = [row if row is leader else _against(row, leader) for row in rows]
    others = [row for row in compared if row is not leader and row.train]
    shown = bool(others) and all(_slower(row) for row in others)
    marked = [replace(row, leader=True, fastest=shown) if row is leader else row for row in compared]
    found = [row.detectable for row in others]
    known = [value for value in found if value is not None]
    return GroupSummary(key, info, tuple(marked), max(known) if known and len(known) == len(found) else None)


def _slower(row: RowSummary) -> bool:
    """Tell whether a row is shown to be slower than the leader."""
    ratio, detectable = row.ratio, row.detectable
    if ratio is None or ratio.high is None or detectable is None:
        return False
    return ratio.high < 1 and 1 / ratio.estimate >= detectable


def _against(row: RowSummary, leader: RowSummary) -> RowSummary:
    own, best = _by_block(row.row.train), _by_block(leader.row.train)
    blocks = sorted(own.keys() & best.keys())
    sides = [own[block] for block in blocks], [best[block] for block in blocks]
    return replace(row, ratio=stats.paired_ratio(*sides), detectable=stats.smallest_detectable_ratio(*sides))


def _by_block(trials: Iterable[Trial]) -> dict[int, float]:
    """Return the throughput of each block; several trials of one block are one value."""
    found: dict[int, list[float]] = {}
    for trial in trials:
        if measured := figures.speed(trial):
            found.setdefault(trial.block, []).append(measured.items_per_s)
    return {block: mean.estimate for block, each in found.items() if (mean := stats.geometric_mean(each))}

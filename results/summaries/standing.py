"""Standing: the test metric of each backend of a group at one epoch, and how it stands against the reference's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from ..names import backend_name, listed
from ..records.model import Trial, WorkloadInfo
from ..statistics import equivalence, stats
from ..statistics.equivalence import Comparison
from ..statistics.stats import Interval
from . import ledger
from .accuracy import Accuracy, diverged
from .ledger import REFUSED
from .rows import Row

FEWEST_REACHED = 0.8
"""Share of the seeds that must meet the target for a backend's speed to count without a mark; it is not asked of
training that was cut short of the workload's epoch limit."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The test metric of a row at the common epoch, over seeds, and against the reference's."""

    epoch: int
    """Counted from 1: the last one that every trial of the group completed."""
    metric: Interval | None
    """Mean over seeds with its 95 % t interval."""
    sd: float | None
    lost: tuple[int, ...]
    """Seeds that diverged, or whose metric at the epoch is no number: they are not in the mean."""
    reference: str
    """The contender compared with; the row's own for the reference itself."""
    compared: Comparison | None = None
    """Differences of the seeds that both have; None for the reference, and where `why_not` says why."""
    unpaired: int = 0
    """Seeds that only one of the sides has, those that are lost not counted."""
    why_not: str | None = None
    doubt: str | None = None
    """Why the row's speed buys less accuracy, to be read after its name; None where it does not."""


def standings(
    rows: Sequence[Row], learnt: Sequence[Accuracy | None], info: WorkloadInfo | None, leader: str | None
) -> list[Standing | None]:
    """Return the standing of each row of a group; None for a row that was not trained with a test metric.

    The epoch is the last that every trial completed: training stops at the target, and later metrics exist only of
    the slow learners. The reference is the leader in speed where it was trained, else the first row that was. Pairs
    are of one seed, which has the same initial weights and batches on every backend.

    Args:
        rows: of the group.
        learnt: the accuracy of each row.
        info: of the workload, with the margin.
        leader: contender that leads in speed, if any.

    """
    trained = [row for row in rows if any(_measured(trial) for trial in row.converge)]
    if not trained:
        return [None] * len(rows)
    epoch = min(trial.epochs[-1].number for row in trained for trial in row.converge if _measured(trial))
    reference = next((row for row in trained if row.contender == leader), trained[0])
    found = [_standing(row, reference, epoch, info) if row in trained or diverged(row) else None for row in rows]
    above = [backend_name(row.contender) for one, row in zip(found, rows, strict=True) if _is(one, equivalence.BETTER)]
    return [
        one and replace(one, doubt=_doubt(one, row, some, above if row is reference else []))
        for one, row, some in zip(found, rows, learnt, strict=True)
    ]


def _standing(row: Row, reference: Row, epoch: int, info: WorkloadInfo | None) -> Standing:
    own, lost = _by_seed(row, epoch)
    mean, spread = stats.mean(list(own.values())), stats.spread(list(own.values()))
    plain = Standing(epoch, mean, spread.sd if spread else None, lost, reference.contender)
    if row is reference:
        return plain
    sides = {side.contender: side.converge for side in (row, reference)}
    refused = [reason for name, reason in REFUSED.items() if ledger.differing(sides, name)]
    if refused:
        return replace(plain, why_not=f"not comparable: {refused[0]}")
    other, other_lost = _by_seed(reference, epoch)
    seeds = sorted(own.keys() & other.keys())
    compared = equivalence.compare(
        [own[seed] for seed in seeds],
        [other[seed] for seed in seeds],
        info.margin if info else None,
        larger_is_better=info is None or info.direction != "min",
        candidate_lost=bool(lost),
        reference_lost=bool(other_lost),
    )
    alone = (own.keys() ^ other.keys()) - {*lost, *other_lost}
    return replace(plain, compared=compared, unpaired=len(alone), why_not=None if compared else "no seed in common")


def _measured(trial: Trial) -> bool:
    return any(epoch.metric is not None for epoch in trial.epochs)


def _by_seed(row: Row, epoch: int) -> tuple[dict[int, float], tuple[int, ...]]:
    """Return the metric at an epoch by seed, and the seeds that have none because training failed."""
    each: dict[int, list[float]] = {}
    for trial in row.converge:
        for one in trial.epochs:
            if one.number == epoch and one.metric is not None:
                each.setdefault(trial.seed, []).append(one.metric)
    means = {seed: fmean(values) for seed, values in each.items()}
    bad = {seed for seed, value in means.items() if not math.isfinite(value)}
    return {seed: value for seed, value in means.items() if seed not in bad}, tuple(sorted({*bad, *diverged(row)}))


def cut_short(trial: Trial) -> bool:
    """Tell whether training was given fewer epochs than the workload's limit: then a miss says nothing of it."""
    asked, usual = trial.case.get("epochs"), trial.ledger.get("usual_epoch_limit")
    return isinstance(asked, int) and not (isinstance(usual, int) and asked >= usual)


def _doubt(standing: Standing, row: Row, learnt: Accuracy | None, better: list[str]) -> str | None:
    """Return why a row's speed buys less accuracy; `better` names the backends that are better than it."""
    reasons = []
    misses = _misses(row, learnt)
    if learnt and learnt.seeds - misses < FEWEST_REACHED * learnt.seeds:
        reasons.append(f"missed the target on {misses} of {learnt.seeds} seeds")
    above = [backend_name(standing.reference)] if _is(standing, equivalence.WORSE) else better
    if above:
        reasons.append(f"is less accurate than {listed(above)} at epoch {standing.epoch}")
    return listed(reasons) or None


def _misses(row: Row, learnt: Accuracy | None) -> int:
    """Return how many seeds missed the target; none where there is no target, or training was cut short."""
    if learnt is None or learnt.reached is None or any(cut_short(trial) for trial in row.converge):
        return 0
    return learnt.seeds - learnt.reached


def _is(standing: Standing | None, verdict: str) -> bool:
    return standing is not None and standing.compared is not None and standing.compared.verdict == verdict

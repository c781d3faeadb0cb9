"""Accuracy: how well and how soon the trials of a row learnt."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ..records.model import Epoch, Trial, WorkloadInfo
from ..statistics import stats
from ..statistics.stats import Spread
from . import figures
from .rows import Row


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
    items_to_target: float | None
    """The same for samples trained on."""
    joules_to_target: float | None = None
    """The same for energy as the counters had it; None also where a trial has none."""
    epoch_seconds: float | None = None
    """Steady training seconds of an epoch: median over seeds of the median over all epochs but the first."""
    first_epoch_seconds: float | None = None
    """What the first epoch takes beyond a steady one, compiling not included: median over seeds; negative: noise."""


def accuracy(row: Row, info: WorkloadInfo | None) -> Accuracy | None:
    """Return how a row learnt; None for one that was not trained to a target."""
    seeds = len(row.converge) + len(diverged(row))
    if not seeds:
        return None
    metric = stats.spread([found for t in row.converge if (found := figures.final_metric(t)) is not None])
    epochs = [pair for trial in row.converge if (pair := _epoch_seconds(trial)) is not None]
    steady = median(each for each, _ in epochs) if epochs else None
    first = median(first - each for each, first in epochs) if epochs else None
    targets = [figures.target(trial, info) for trial in row.converge] or [info.target if info else None]
    if all(target is None for target in targets) and all(trial.reached is None for trial in row.converge):
        return Accuracy(metric, None, None, seeds, None, None, None, epoch_seconds=steady, first_epoch_seconds=first)
    hits = [(trial, epoch) for trial in row.converge if (epoch := figures.target_epoch(trial, info))]
    return Accuracy(
        metric,
        targets[0],
        len(hits),
        seeds,
        _to_target(hits, seeds, lambda _, epoch: epoch.train_seconds),
        _to_target(hits, seeds, lambda _, epoch: float(epoch.number)),
        _to_target(hits, seeds, _items),
        _to_target(hits, seeds, lambda _, epoch: epoch.joules),
        steady,
        first,
    )


def diverged(row: Row) -> tuple[int, ...]:
    """Return the seeds whose training ended because the loss was no number any more, in order."""
    return tuple(sorted(f.seed for f in row.failures if f.kind == "diverged" and f.case.get("phase") == "converge"))


def _to_target(
    hits: Sequence[tuple[Trial, Epoch]], seeds: int, figure: Callable[[Trial, Epoch], float | None]
) -> float | None:
    """Return the censored median of a figure at the target; None where one of the trials does not have it."""
    known = [found for trial, epoch in hits if (found := figure(trial, epoch)) is not None]
    return _censored_median(known, seeds) if len(known) == len(hits) else None


def _items(trial: Trial, epoch: Epoch) -> float | None:
    size = trial.ledger.get("batch_size")
    return float(epoch.steps * size) if isinstance(size, int) else None


def _epoch_seconds(trial: Trial) -> tuple[float, float] | None:
    """Return the seconds of a steady epoch and of the first one; None for fewer than two epochs."""
    seconds = [after - before for before, after in pairwise((0.0, *(epoch.train_seconds for epoch in trial.epochs)))]
    return (median(seconds[1:]), seconds[0]) if len(seconds) > 1 else None


def _censored_median(reached: list[float], n: int) -> float | None:
    """Return the median of n values of which only the smaller ones are known."""
    middle = median([*reached, *[math.inf] * (n - len(reached))])
    return middle if math.isfinite(middle) else None

"""Accuracy: how well and how soon the trials of a row learnt."""

import math
from dataclasses import dataclass
from statistics import median

from . import figures, stats
from .model import Trial, WorkloadInfo
from .rows import Row
from .stats import Spread


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


def accuracy(row: Row, info: WorkloadInfo | None) -> Accuracy | None:
    """Return how a row learnt; None for one that was not trained to a target."""
    diverged = sum(f.kind == "diverged" and f.case.get("phase") == "converge" for f in row.failures)
    seeds = len(row.converge) + diverged
    if not seeds:
        return None
    metric = stats.spread([found for t in row.converge if (found := figures.final_metric(t)) is not None])
    if all(figures.target(t, info) is None and t.reached is None for t in row.converge):
        return Accuracy(metric, None, None, seeds, None, None, None)
    hits = [(trial, epoch) for trial in row.converge if (epoch := figures.target_epoch(trial, info))]
    return Accuracy(
        metric,
        figures.target(row.converge[0], info) if row.converge else None,
        len(hits),
        seeds,
        _censored_median([epoch.train_seconds for _, epoch in hits], seeds),
        _censored_median([float(epoch.number) for _, epoch in hits], seeds),
        _items([(trial, epoch.steps) for trial, epoch in hits], seeds),
    )


def _items(hits: list[tuple[Trial, int]], seeds: int) -> float | None:
    sizes = [trial.ledger.get("batch_size") for trial, _ in hits]
    known = [float(steps * size) for (_, steps), size in zip(hits, sizes, strict=True) if isinstance(size, int)]
    return _censored_median(known, seeds) if len(known) == len(hits) else None


def _censored_median(reached: list[float], n: int) -> float | None:
    """Return the median of n values of which only the smaller ones are known."""
    middle = median([*reached, *[math.inf] * (n - len(reached))])
    return middle if math.isfinite(middle) else None

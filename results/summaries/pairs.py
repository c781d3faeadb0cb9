"""Pairs: a figure of two sides, block by block."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..records.model import Trial
from ..statistics import stats
from ..statistics.stats import Interval
from . import figures

Figure = Callable[[Trial], float | None]


@dataclass(frozen=True, slots=True)
class Paired:
    """One side over the other, over the blocks that both have."""

    ratio: Interval | None
    """None without a shared block."""
    detectable: float | None
    """Smallest ratio above 1 that these blocks could show; None for fewer than two."""


def paired(candidate: Iterable[Trial], baseline: Iterable[Trial], figure: Figure) -> Paired:
    """Return a figure of the candidate over that of the baseline, paired within blocks."""
    own, other = by_block(candidate, figure), by_block(baseline, figure)
    blocks = sorted(own.keys() & other.keys())
    sides = [own[block] for block in blocks], [other[block] for block in blocks]
    return Paired(stats.paired_ratio(*sides), stats.smallest_detectable_ratio(*sides))


def by_block(trials: Iterable[Trial], figure: Figure) -> dict[int, float]:
    """Return a figure for each block; several trials of one block are one value, the geometric mean."""
    found: dict[int, list[float]] = {}
    for trial in trials:
        value = figure(trial)
        if value is not None and value > 0:
            found.setdefault(trial.block, []).append(value)
    return {block: mean.estimate for block, each in found.items() if (mean := stats.geometric_mean(each))}


def throughput(trial: Trial) -> float | None:
    """Return the steady throughput of a trial, items/s."""
    found = figures.speed(trial)
    return found.items_per_s if found else None


def step_seconds(trial: Trial) -> float | None:
    """Return the steady step time of a trial, seconds."""
    found = figures.speed(trial)
    return found.step_seconds if found else None

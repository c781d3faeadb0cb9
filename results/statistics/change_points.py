"""Changes of level in histories: judged after each new point, from what was known by then.

A history has one value per run, in order of time. What was told once is never taken back: the changes found in the
first n points of a series are the same however many follow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from .numbers import numbers

ALARM = {5: 0.0028, 10: 0.0002, 20: 0.0002}
"""How many points after a change it is judged by (four of five may lie beyond it), and the two-sided level of one such
judgement. Fewer are a neighbour's job as often as a change; the longer stretches find what is too small for five. Over
60 points about 6 % of series without a change have an alarm (tests/bench/histories.py)."""

FEWEST_BEFORE = 8
"""Points before a change that it takes to judge it."""

FEWEST = FEWEST_BEFORE + min(ALARM)
"""Points that a series needs before anything can be told about it."""

FEWEST_AFTER = 3
"""Points from a change on, at least: wherever it is placed, so many lie beyond it when it is told."""

BASELINE = 40
"""Points before a change that it is judged by, at most: older ones tell less than they drift."""

BEYOND, SIDE = 0.8, 0.5
"""Share of the points after a change that must lie on its side of the old level, and by how many noise units."""

CLIP_BEFORE = 2.5
CLIP_AFTER = 2.0
"""Points count as at most so many noise units from the old level: a burst of two or three cannot pass for a change."""

INFLATION = 1.3
"""Variance of a mean over that of independent points: runs resemble their neighbours. It is fixed: estimated from a
baseline it is so uncertain that a fifth of the power is lost."""

SMALL = 1.2
"""Excess of a limit where the points before a change are few, times their number: fitted to normal noise."""

SMALLEST_CHANGE = 0.01
"""Of logarithms. Smaller ones are not told, however sure."""

SMALLEST_NOISE = 0.002
"""Of logarithms. Figures that repeat exactly are not infinitely precise."""

CONSISTENCY = 1.03
"""Standard deviation of a normal distribution over that of the same clipped at CLIP_BEFORE."""

CONSISTENT_MEDIAN = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

CHUNK = 1024
"""Series that are judged at a time: their baselines fit into a core's own cache."""

Array = NDArray[np.float64]
Places = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level in a series."""

    place: int
    """Index of the first point after it."""
    seen: int
    """Index of the point after which it could be told."""
    before: float
    """Median of the points from the change before to this one, in the unit of the series."""
    after: float
    """Median of the points from this one to the next."""

    @property
    def ratio(self) -> float:
        """The level after the change over the one before."""
        return self.after / self.before


def changes(values: Sequence[float] | Array) -> list[Change]:
    """Return the changes of level of one series, shape (points,), oldest first.

    Raises ValueError for a value that is not positive and finite.
    """
    return changes_of([values])[0]


def changes_of(series: Sequence[Sequence[float] | Array]) -> list[list[Change]]:
    """Return the changes of level of several series, each of a length of its own: much faster than one by one.

    After each point the last 5, 10 and 20 points are held against the BASELINE points before them, on logarithms, as
    in a two-sample t test for the mean (Hawkins, Qiu & Kang, The changepoint model for statistical process control,
    Journal of Quality Technology 35(4), 2003, who judge after each point; here in windows, at linear cost). Level and
    noise of the baseline are a Winsorised mean and standard deviation (Tukey & McLaughlin, Sankhya A 25, 1963),
    the points after it are clipped likewise, and BEYOND of them must lie on one side. A change starts its series anew.

    Raises ValueError for a value that is not positive and finite.
    """
    every = [numbers(values) for values in series]
    for values in every:
        if values.ndim != 1 or not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError("expected series of positive, finite values")
    padded = np.full((len(every), max((values.size for values in every), default=0)), np.nan)
    for row, values in zip(padded, every, strict=True):
        row[: values.size] = np.log(values)
    return [_told(values, found) for values, found in zip(every, alarms(padded), strict=True)]


def alarms(logs: Array) -> list[Places]:
    """Return the index of each change and of the point after which it was told.

    logs: natural logarithms, shape (series, points), shorter series filled up with NaN at their ends. Raises ValueError
    for another shape, an infinite one, and for NaN before the end of a series.
    """
    every = numbers(logs)
    if every.ndim != 2 or np.isinf(every).any():
        raise ValueError(f"expected finite logarithms of shape (series, points); received shape {every.shape}")
    gaps = np.isnan(every)
    if (gaps[:, :-1] & ~gaps[:, 1:]).any():
        raise ValueError("expected NaN at the ends of series only; received one before a number")
    return [
        places
        for first in range(0, len(every), CHUNK)
        for places in _alarms(np.ascontiguousarray(every[first : first + CHUNK].T))
    ]


def _alarms(logs: Array) -> list[Places]:
    """Return the same for logarithms of shape (points, series): NumPy sums along the first axis many times as fast."""
    points, count = logs.shape
    found: list[Places] = [[] for _ in range(count)]
    starts = np.zeros(count, dtype=np.intp)
    levels, noises, sizes = (np.full((points + 1, count), np.nan) for _ in range(3))
    for now in range(FEWEST_BEFORE - 1, points):
        told = np.full(count, False)
        for length in ALARM:
            edge = now + 1 - length
            if edge < FEWEST_BEFORE:
                break
            told |= _differs(logs[edge : now + 1], levels[edge], noises[edge], sizes[edge])
        for row in np.flatnonzero(told):
            first = int(starts[row])
            place = first + _cut(logs[first : now + 1, row])
            found[row].append((place, now))
            starts[row] = place
            levels[: now + 1, row] = np.nan
        levels[now + 1], noises[now + 1], sizes[now + 1] = _baseline(logs, starts, now + 1)
    return found


def _differs(after: Array, level: Array, noise: Array, size: Array) -> NDArray[np.bool_]:
    """Tell for each series whether the points after an edge lie on another level than those before it.

    after: shape (length, series); level, noise and size describe the baselines, shape (series,), NaN where there is
    none.
    """
    length = len(after)
    units = (after - level) / noise
    mean = np.clip(units, -CLIP_AFTER, CLIP_AFTER).mean(axis=0)
    side = np.where(mean > 0, (units > SIDE).sum(axis=0), (units < -SIDE).sum(axis=0))
    score = np.abs(mean) / np.sqrt(INFLATION * (1 / length + 1 / size))
    shift = np.abs(after.mean(axis=0) - level)
    told: NDArray[np.bool_] = (score > limit(length, size)) & (side >= BEYOND * length) & (shift > SMALLEST_CHANGE)
    return told


def limit(length: int, size: Array) -> Array:
    """Return the score that points without a change reach with chance ALARM, by the number of points before.

    SMALL makes it so for few points before, whose level and noise are uncertain; clipped points keep that modest.
    """
    found: Array = NormalDist().inv_cdf(1 - ALARM[length] / 2) * (1 + SMALL / size)
    return found


def _baseline(logs: Array, starts: NDArray[np.intp], end: int) -> tuple[Array, Array, Array]:
    """Return level, noise and number of the points before `end`, NaN for series with too few since their start."""
    sizes = np.minimum(end - starts, BASELINE)
    level, noise, number = (np.full(logs.shape[1], np.nan) for _ in range(3))
    alive = ~np.isnan(logs[end - 1])
    for size in np.unique(sizes[alive & (sizes >= FEWEST_BEFORE)]):
        group = alive & (sizes == size)
        rows = slice(None) if group.all() else np.flatnonzero(group)
        level[rows], noise[rows] = level_and_noise(logs[end - size : end, rows])
        number[rows] = size
    return level, noise, number


def level_and_noise(logs: Array) -> tuple[Array, Array]:
    """Return the Winsorised mean and standard deviation of each series, shape (points, series).

    The deviation is SMALLEST_NOISE at least. Raises ValueError for another shape or fewer than two points.
    """
    if np.ndim(logs) != 2 or len(logs) < 2:
        raise ValueError(f"expected series of two points or more; received shape {np.shape(logs)}")
    middle = _medians(logs)
    reach = CLIP_BEFORE * CONSISTENT_MEDIAN * _medians(np.abs(logs - middle))
    drawn = np.clip(logs, middle - reach, middle + reach)
    return drawn.mean(axis=0), np.maximum(CONSISTENCY * drawn.std(axis=0, ddof=1), SMALLEST_NOISE)


def _medians(series: Array) -> Array:
    """Return the median of each series; sorting them whole is five times as fast as NumPy's selection here."""
    ordered, half = np.sort(series, axis=0), len(series) // 2
    middle: Array = ordered[half] if len(series) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return middle


def _cut(logs: Array) -> int:
    """Return where one change splits a series best, outliers drawn in: least squared error.

    Hinkley, Inference about the change-point in a sequence of random variables, Biometrika 57(1), 1970.
    """
    older = max(0, logs.size - BASELINE - max(ALARM))
    recent = logs[older:]
    low, high = np.sort([np.median(recent), np.median(recent[-min(ALARM) :])])
    spread = (
        CLIP_BEFORE * CONSISTENT_MEDIAN * max(float(np.median(np.abs(np.diff(recent)))) / math.sqrt(2), SMALLEST_NOISE)
    )
    drawn = np.clip(recent, low - spread, high + spread)
    sums = np.cumsum(drawn - drawn.mean())
    places = np.arange(min(ALARM), recent.size - FEWEST_AFTER + 1)
    gains = sums[places - 1] ** 2 * (1 / places + 1 / (recent.size - places))
    return older + int(places[np.argmax(gains)])


def _told(values: Array, found: Places) -> list[Change]:
    if not found:
        return []
    edges = [0, *(place for place, _ in found), values.size]
    levels = [median(values[a:b].tolist()) for a, b in pairwise(edges)]
    return [
        Change(place, seen, before, after)
        for (place, seen), (before, after) in zip(found, pairwise(levels), strict=True)
    ]

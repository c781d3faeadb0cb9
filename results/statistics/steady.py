"""Steady state: the first window of a trial from which its step time no longer changes."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .numbers import numbers

FEWEST = 5
"""Fewer windows than this are never called steady: no noise can be told from them."""

LONGEST = 400
"""Longer series are merged to at most so many points: the search is quadratic."""

TOLERANCE = 0.01
"""Segments this close to the last one count as equal (relative), or within half the noise where that is
more."""

COVERAGE = 0.3
"""Share of all steps that the steady part must hold."""

PENALTY = 3.0
"""A change must lower the squared error by PENALTY ln(n) noise variances: two parameters, its place and its
level (Zhang & Siegmund, Biometrics 63(1), 2007). The variance is that of a mean: see `_inflation`."""

CAUTION = 2.5
"""Inflation of the noise variance in the first search for changes, whose residuals tell the autocorrelation."""

MOST_ALIKE = 0.8
"""Highest lag-1 autocorrelation that is believed; beyond it, noise and drift are the same thing."""

TRIMMED = 0.15
"""Share of the largest differences that the estimate of the autocorrelation leaves out: jumps are there."""

CLIP = 3.0
"""Values further than so many noise units from their running median are drawn in to there."""

REACH = 3
"""Neighbours on each side in the running median."""

SMALLEST_NOISE = 0.002
"""Relative; below this, clock resolution passes for change."""

Array = NDArray[np.float64]


def steady_start(step_seconds: Sequence[float] | Array, steps: Sequence[int]) -> int | None:
    """Return the index of the first steady window, or None where the series never settles.

    step_seconds: mean step time of each window, seconds, shape (windows,). steps: steps in each window, same
    shape.

    The logarithms of the step times are split by change points (optimal partitioning, Jackson et al., IEEE
    Signal Processing Letters 12(2), 2005), outliers drawn in, and the penalty raised by as much as neighbouring
    windows resemble each other. The steady part starts at the earliest segment from which all segments agree with
    the last one within max(1 %, half the noise), and holds at least 30 % of the steps: the rule after Barrett et
    al., Virtual Machine Warmup Blows Hot and Cold, OOPSLA 2017. None is a label, not an error. Raises ValueError
    for step times that are not positive, or arguments of unequal length.
    """
    times, counts = numbers(step_seconds), numbers(steps)
    if times.shape != counts.shape or times.ndim != 1:
        raise ValueError(f"expected one step count per window; received {times.shape} and {counts.shape}")
    if times.size < FEWEST:
        return None
    if not (np.isfinite(times).all() and (times > 0).all() and (counts > 0).all()):
        raise ValueError("expected positive, finite step times and step counts")

    width = math.ceil(times.size / LONGEST)
    logs = np.log(_merged(times, counts, width))
    noise = _noise(logs)
    drawn = _drawn_in(logs, noise)
    errors = _errors(drawn)
    penalty = PENALTY * math.log(logs.size) * noise**2
    starts = _segments(errors, penalty * _inflation(logs, drawn, errors, penalty))
    first = starts[_agreeing(_levels(logs, starts), max(math.log1p(TOLERANCE), noise / 2))] * width
    return first if counts[first:].sum() >= COVERAGE * counts.sum() else None


def _merged(times: Array, counts: Array, width: int) -> Array:
    """Return the step times of groups of `width` neighbouring windows; the last group may be smaller."""
    if width == 1:
        return times
    places = np.arange(0, times.size, width)
    merged: Array = np.add.reduceat(times * counts, places) / np.add.reduceat(counts, places)
    return merged


def _noise(logs: Array) -> float:
    """Return the standard deviation of the noise, from the median absolute deviation of differences.

    Differences cancel the level, their median the drift, and the median absolute deviation (times 1.4826 for
    a normal distribution; Rousseeuw & Croux, JASA 88, 1993) the jumps. The largest over lags 1 to 3, since
    neighbouring windows resemble each other.
    """
    found = [SMALLEST_NOISE]
    for lag in range(1, min(3, logs.size - 3) + 1):
        differences = logs[lag:] - logs[:-lag]
        deviation = _median(np.abs(differences - _median(differences)))
        found.append(1.4826 * deviation / math.sqrt(2))
    return max(found)


def _median(values: Array) -> float:
    """Return the median; short series are sorted in a tenth of the time that NumPy's function takes."""
    ordered, half = np.sort(values), values.size // 2
    return float(ordered[half]) if values.size % 2 else float((ordered[half - 1] + ordered[half]) / 2)


def _inflation(logs: Array, drawn: Array, errors: Array, penalty: float) -> float:
    """Return by how much the variance of a mean exceeds that of independent noise: (1 + r) / (1 - r).

    r is the lag-1 autocorrelation of a first-order process (Priestley, Spectral Analysis and Time Series, 1981,
    3.5). Two estimates see it, and the smaller counts, so that neither a drift nor a change passes for noise: the
    one from differences is blind to drift, the one from the residuals of a cautious search to changes.
    """
    alike = min(_alike_in_differences(logs), _alike_in_residuals(drawn, _segments(errors, CAUTION * penalty)))
    alike = min(max(alike, 0.0), MOST_ALIKE)
    return (1 + alike) / (1 - alike)


def _alike_in_differences(logs: Array) -> float:
    """Return r from the variances of differences over lags 1 to 3, which are as 1 : 1 + r : 1 + r + r^2.

    After Chakar et al., A robust approach for estimating change-points in the mean of an AR(1) process, Bernoulli
    23(2), 2017, with trimmed variances in place of medians, which vary less.
    """
    if logs.size < FEWEST + 3:
        return 0.0
    first, second, third = (_trimmed_variance(logs[lag:] - logs[:-lag]) for lag in (1, 2, 3))
    return math.sqrt(max((second + third) / first - 1, 0.0)) - 1 if first > 0 else 0.0


def _trimmed_variance(differences: Array) -> float:
    """Return the mean square around the median without the largest; short of a factor that all lags share."""
    squares = np.sort((differences - _median(differences)) ** 2)
    return float(squares[: max(3, math.ceil(squares.size * (1 - TRIMMED)))].mean())


def _alike_in_residuals(drawn: Array, starts: list[int]) -> float:
    """Return r from the residuals around the segments' means, its bias of first order (Kendall 1954) undone."""
    n, fitted = drawn.size, len(starts)
    residuals = np.concatenate([part - part.mean() for part in np.split(drawn, starts[1:])])
    square = float((residuals**2).sum())
    if square == 0 or n <= 3 * fitted + 3:
        return 0.0
    return (float((residuals[1:] * residuals[:-1]).sum()) / square * n + fitted) / (n - 3 * fitted)


def _drawn_in(logs: Array, noise: float) -> Array:
    """Return the series with lone outliers drawn in to their running median.

    The first windows stay as they are: a slow one there is settling, and to lose it costs nothing.
    """
    mirrored = np.pad(logs, REACH, mode="reflect")  # never repeats the last value itself
    running = np.sort(np.lib.stride_tricks.sliding_window_view(mirrored, 2 * REACH + 1), axis=1)[:, REACH]
    drawn: Array = np.clip(logs, running - CLIP * noise, running + CLIP * noise)
    drawn[:REACH] = logs[:REACH]
    return drawn


def _errors(values: Array) -> Array:
    """Return the squared error of each part of a series around its mean: from the column's index to before the row."""
    values = values - values.mean()
    total = np.concatenate(([0.0], np.cumsum(values)))
    square = np.concatenate(([0.0], np.cumsum(values**2)))
    places = np.arange(values.size + 1)
    lengths = np.maximum(places[:, None] - places[None, :], 1)  # what lies above the diagonal is never read
    errors: Array = square[:, None] - square[None, :] - (total[:, None] - total[None, :]) ** 2 / lengths
    return errors


def _segments(errors: Array, penalty: float) -> list[int]:
    """Return where each segment of the best partition starts: least squared error (see `_errors`) plus penalties."""
    n = len(errors) - 1
    best, previous = np.zeros(n + 1), [0] * (n + 1)
    for end in range(1, n + 1):
        costs = best[:end] + errors[end, :end] + penalty
        previous[end] = int(costs.argmin())
        best[end] = costs[previous[end]]
    starts = [previous[n]]
    while starts[-1] > 0:
        starts.append(previous[starts[-1]])
    return starts[::-1]


def _levels(logs: Array, starts: list[int]) -> list[float]:
    """Return the median of each segment: an outlier that was drawn in still pulls at a mean."""
    return [_median(part) for part in np.split(logs, starts[1:])]


def _agreeing(levels: list[float], tolerance: float) -> int:
    """Return the earliest segment from which all levels lie within the tolerance of the last."""
    first = len(levels) - 1
    while first > 0 and abs(levels[first - 1] - levels[-1]) <= tolerance:
        first -= 1
    return first

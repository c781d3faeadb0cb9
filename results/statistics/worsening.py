"""Worsening: by how much a candidate is worse than a baseline, over pairs, and whether by more than a margin.

Worse has one sign here whatever the metric's direction: above 0. Between ratios it is a share (0.05: takes 1.05 times
as long, or the baseline does 1.05 times as much); between differences it has the unit of the metric. A pair is one
process of each side (or one seed), measured next to each other.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .. import units
from ..names import listed
from . import stats
from .numbers import numbers
from .stats import Interval

Measured = Sequence[float | None] | NDArray[np.float64]
"""One value per pair; None, NaN and what is masked where there is none."""

ROUNDING = 1e-12
"""Pairs that differ by no more than this, in logarithms or as a share of the values, differ by rounding."""

LARGEST = 1e150
"""Values beyond it have no squares, so that their differences have no spread."""


@dataclass(frozen=True, slots=True)
class Worsening:
    """How much worse a candidate is, over the pairs that both sides have."""

    effect: Interval | None
    """Mean worsening with its 95 % interval; None without a pair, bounds None for one pair or without spread."""
    p: float | None
    """Chance of what was seen, or of worse, if the candidate were worse by just the margin; one-sided. None where
    nothing can be tested: see `reason`."""
    p_better: float | None
    """The same for being better, against no difference."""
    smallest: float | None
    """Smallest true worsening that such pairs find beyond the margin at 2.5 %, one-sided, with a power of 80 %."""
    pairs: int
    candidate_lost: int
    """Pairs where only the candidate has no value that can be used."""
    baseline_lost: int
    reason: str | None = None
    """Why there is no test, or why it is another one than t."""
    error: float | None = None
    """Standard error of the mean, of log ratios or in the unit of the metric; None without a t test."""


def worsenings(
    candidate: Measured, baseline: Measured, *, larger_is_better: bool = False, differences: bool = False
) -> NDArray[np.float64]:
    """Return how much worse the candidate is in each pair: log ratios, or differences in the unit of the metric.

    Args:
        candidate: of shape (..., pairs).
        baseline: of the same shape, in the same order.
        larger_is_better: direction of the metric.
        differences: whether to subtract and not to divide.

    Returns:
        The same shape; above 0 is worse, NaN where a side has no finite value or, for ratios, none above 0.

    Raises:
        ValueError: the sides have different shapes, are no numbers, or are too large to be subtracted.

    """
    own, other = _values(candidate, differences=differences), _values(baseline, differences=differences)
    if own.shape != other.shape:
        given = f"{own.size} and {other.size} values"
        given = f"values of shapes {own.shape} and {other.shape}" if own.size == other.size else given
        raise ValueError(f"expected one pair per place; received {given}")
    found = own - other if differences else np.log(own) - np.log(other)
    return -found if larger_is_better else found


def p_worse(
    worse: Sequence[float] | NDArray[np.float64], margin: float = 0.0, *, rounding: float = ROUNDING
) -> NDArray[np.float64]:
    """Return the one-sided p-values of rows of pairs against being worse by no more than a margin.

    The test of `worsening`, for many rows at once: Student's paired t test (1908); for a row whose pairs all differ by
    the same, the sign test: 2^-n beyond the margin, else 1. A place that is not finite is a lost pair: its row goes
    without it. `worsening` sees the values too: it counts who lost a pair, and where they vary though their ratio does
    not it takes them for copies and has no p-value.

    Args:
        worse: worsenings of shape (..., pairs).
        margin: in their unit, at least 0: log(1 + share) for ratios.
        rounding: pairs of a row that differ by no more than this differ by the same; of differences, ROUNDING times
            the largest value.

    Returns:
        Shape (...).

    Raises:
        ValueError: a row has fewer than two pairs, the margin is below 0 or not finite, or these are no numbers.

    """
    every = numbers(worse)
    if not 0 <= margin < math.inf:
        raise ValueError(f"expected a margin of at least 0; received {margin}")
    if not every.ndim:
        raise ValueError(f"expected rows of pairs; received {worse!r}")
    known = np.isfinite(every)
    pairs = known.sum(axis=-1)
    if (short := int((pairs < 2).sum())) > 0:
        raise ValueError(
            f"expected two pairs or more in each row; {short} of {units.plural(pairs.size, 'row')} "
            f"{'has' if short == 1 else 'have'} fewer: leave them out, `worsening` says what can be told of them"
        )
    if known.all():
        return _p_of_rows(every, margin, rounding)
    found = np.empty(pairs.shape)
    for count in np.unique(pairs).tolist():
        alike = pairs == count
        found[alike] = _p_of_rows(every[alike][known[alike]].reshape(-1, count), margin, rounding)
    return found


def _p_of_rows(worse: NDArray[np.float64], margin: float, rounding: float) -> NDArray[np.float64]:
    """Return the p-values of rows without a gap, each of two pairs or more."""
    pairs = worse.shape[-1]
    mean, spread = worse.mean(axis=-1), np.ptp(worse, axis=-1)
    flat = spread <= rounding
    # In units of the spread, so that no square is too small for a number.
    unit = np.where(flat, 1.0, spread)
    sd = np.where(flat, 1.0, (worse / unit[..., np.newaxis]).std(axis=-1, ddof=1))
    with np.errstate(over="ignore"):
        t = np.where(flat, 0.0, (mean - margin) / unit / (sd / math.sqrt(pairs)))
    signs = np.where(mean - margin > rounding, 0.5**pairs, 1.0)
    return np.where(flat, signs, stats.t_tail(t, pairs - 1))


def worsening(
    candidate: Measured,
    baseline: Measured,
    *,
    larger_is_better: bool = False,
    margin: float = 0.0,
    differences: bool = False,
    confidence: float = stats.CONFIDENCE,
) -> Worsening:
    """Test whether a candidate is worse than a baseline by more than a margin, over pairs.

    A paired t test on log ratios or differences, one-sided, against "worse by at most the margin". A pair that lacks
    a side is left out and counted. Where all pairs differ by just the same there is no spread to test with: if the
    values do not vary either (as bytes do not), or are differences, the sign test has a say (p = 2^-n where they are
    worse by more than the margin, and 1 otherwise); ratios that are the same though the values vary were not measured
    one by one, and nothing is told.

    Args:
        candidate: one value per pair.
        baseline: in the same order.
        larger_is_better: direction of the metric.
        margin: worsening that does not matter, at least 0: a share for ratios, else in the unit of the metric.
        differences: whether to subtract (accuracy) and not to divide (times, rates, bytes).
        confidence: of the interval.

    Raises:
        ValueError: the sides have unequal lengths, are not one row of numbers each or too large to be subtracted, or
            the margin is below 0 or not finite.

    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"expected a margin of at least 0; received {margin}")
    every = worsenings(candidate, baseline, larger_is_better=larger_is_better, differences=differences)
    if every.ndim != 1:
        raise ValueError(f"expected one row of values on each side; received values of shape {every.shape}")
    own, other = _values(candidate, differences=differences), _values(baseline, differences=differences)
    both = np.isfinite(every)
    worse, pairs = every[both], int(both.sum())
    bare = Worsening(
        effect=_told(float(worse.mean()), None, pairs, differences=differences) if pairs else None,
        p=None,
        p_better=None,
        smallest=None,
        pairs=pairs,
        candidate_lost=int((np.isnan(own) & ~np.isnan(other)).sum()),
        baseline_lost=int((~np.isnan(own) & np.isnan(other)).sum()),
    )
    if not pairs:
        return replace(bare, reason=_nothing(candidate, baseline, differences=differences))
    if pairs == 1:
        return replace(bare, reason="one pair tells nothing about noise")
    allowed = margin if differences else math.log1p(margin)
    rounding = ROUNDING * float(np.abs([own[both], other[both]]).max()) if differences else ROUNDING
    p = float(p_worse(worse, allowed, rounding=rounding))
    p_better = float(p_worse(-worse, rounding=rounding))
    if float(np.ptp(worse)) <= rounding:
        if not differences and max(_range(own[both]), _range(other[both])) > ROUNDING:
            reason = f"the ratio is the same in all {pairs} pairs though the values vary: they are no measurements"
            return replace(bare, reason=reason)
        reason = f"all {pairs} pairs differ by the same: a sign test, for want of spread"
        return replace(bare, p=p, p_better=p_better, reason=reason)
    error = float(worse.std(ddof=1)) / math.sqrt(pairs)
    half = stats.t_quantile((1 + confidence) / 2, pairs - 1) * error
    return replace(
        bare,
        effect=_told(float(worse.mean()), half, pairs, differences=differences),
        p=p,
        p_better=p_better,
        smallest=_smallest(error, pairs - 1, allowed, differences=differences),
        error=error,
    )


def _values(values: Measured, *, differences: bool) -> NDArray[np.float64]:
    """Return values with NaN for each that cannot be used."""
    array = numbers(values)
    if differences and (np.abs(array[np.isfinite(array)]) > LARGEST).any():
        raise ValueError(f"expected values of at most {LARGEST:g}, for their differences; received {values!r}")
    usable = np.isfinite(array) if differences else np.isfinite(array) & (array > 0)
    return np.where(usable, array, np.nan)


def _range(values: NDArray[np.float64]) -> float:
    """Return the range of positive values, in logarithms."""
    return float(np.ptp(np.log(values)))


def _smallest(error: float, freedom: int, allowed: float, *, differences: bool) -> float | None:
    """Return margin + (t(.975) + t(.8)) s / sqrt(n): Bloom, Evaluation Review 19(5), 1995."""
    factor = stats.t_quantile((1 + stats.CONFIDENCE) / 2, freedom) + stats.t_quantile(stats.POWER, freedom)
    return _share(allowed + factor * error, differences=differences)


def _told(middle: float, half: float | None, pairs: int, *, differences: bool) -> Interval | None:
    """Return an interval in the unit that is told; None where the estimate is beyond any number."""
    estimate = _share(middle, differences=differences)
    if estimate is None:
        return None
    low, high = (None if half is None else _share(middle + sign * half, differences=differences) for sign in (-1, 1))
    return Interval(estimate, low if high is not None else None, high if low is not None else None, pairs)


def _share(value: float, *, differences: bool) -> float | None:
    """Return a worsening as it is told; None for one that is beyond any number."""
    if differences:
        return value
    return math.expm1(value) if value < math.log(sys.float_info.max) else None


def _nothing(candidate: Measured, baseline: Measured, *, differences: bool) -> str:
    """Return why no pair is left."""
    sides = [("candidate", candidate), ("baseline", baseline)]
    arrays = {name: numbers(values) for name, values in sides}
    if not arrays["candidate"].size:
        return "there are no pairs"
    words = []
    for name, array in arrays.items():
        usable = np.isfinite(_values(array, differences=differences))
        if not usable.any():
            low = int((np.isfinite(array) & ~usable).sum())
            words.append(f"the {name} has " + (f"{units.plural(low, 'value')}, none above 0" if low else "no value"))
    return " and ".join(words) if words else f"{listed(list(arrays))} have no pair in common"

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
from .stats import Interval

Measured = Sequence[float | None] | NDArray[np.float64]
"""One value per pair; None and NaN where there is none."""

ROUNDING = 1e-12
"""Pairs that differ by no more than this, in logarithms or as a share of the values, differ by rounding."""


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
        ValueError: the sides have different shapes.

    """
    own, other = _values(candidate, differences=differences), _values(baseline, differences=differences)
    if own.shape != other.shape:
        raise ValueError(f"expected one pair per place; received {own.size} and {other.size} values")
    found = own - other if differences else np.log(own) - np.log(other)
    return -found if larger_is_better else found


def p_worse(worse: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.float64]:
    """Return the one-sided p-value of Student's paired t test (1908) against being worse by no more than a margin.

    Args:
        worse: worsenings of shape (..., pairs), at least two pairs, all finite and not all the same.
        margin: in their unit: log(1 + share) for ratios.

    Returns:
        Shape (...).

    """
    pairs = worse.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (worse.mean(axis=-1) - margin) / (worse.std(axis=-1, ddof=1) / math.sqrt(pairs))
    return stats.t_tail(t, pairs - 1)


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
        ValueError: the sides have unequal lengths, or the margin is below 0 or not finite.

    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"expected a margin of at least 0; received {margin}")
    every = worsenings(candidate, baseline, larger_is_better=larger_is_better, differences=differences)
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
    if float(np.ptp(worse)) <= rounding:
        if not differences and max(_range(own[both]), _range(other[both])) > ROUNDING:
            reason = f"the ratio is the same in all {pairs} pairs though the values vary: they are no measurements"
            return replace(bare, reason=reason)
        p, p_better = (0.5**pairs if float(d) > rounding else 1.0 for d in (worse.mean() - allowed, -worse.mean()))
        reason = f"all {pairs} pairs differ by the same: a sign test, for want of spread"
        return replace(bare, p=p, p_better=p_better, reason=reason)
    half = stats.t_quantile((1 + confidence) / 2, pairs - 1) * float(worse.std(ddof=1)) / math.sqrt(pairs)
    return replace(
        bare,
        effect=_told(float(worse.mean()), half, pairs, differences=differences),
        p=float(p_worse(worse, allowed)),
        p_better=float(p_worse(-worse)),
        smallest=_smallest(worse, allowed, differences=differences),
    )


def _values(values: Measured, *, differences: bool) -> NDArray[np.float64]:
    """Return values with NaN for each that cannot be used."""
    array = np.asarray(values, dtype=np.float64)
    usable = np.isfinite(array) if differences else np.isfinite(array) & (array > 0)
    return np.where(usable, array, np.nan)


def _range(values: NDArray[np.float64]) -> float:
    """Return the range of positive values, in logarithms."""
    return float(np.ptp(np.log(values)))


def _smallest(worse: NDArray[np.float64], allowed: float, *, differences: bool) -> float | None:
    """Return margin + (t(.975) + t(.8)) s / sqrt(n): Bloom, Evaluation Review 19(5), 1995."""
    freedom = worse.size - 1
    factor = stats.t_quantile((1 + stats.CONFIDENCE) / 2, freedom) + stats.t_quantile(stats.POWER, freedom)
    return _share(allowed + factor * float(worse.std(ddof=1)) / math.sqrt(worse.size), differences=differences)


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
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in sides}
    if not arrays["candidate"].size:
        return "there are no pairs"
    words = []
    for name, array in arrays.items():
        usable = np.isfinite(_values(array, differences=differences))
        if not usable.any():
            low = int((np.isfinite(array) & ~usable).sum())
            words.append(f"the {name} has " + (f"{units.plural(low, 'value')}, none above 0" if low else "no value"))
    return " and ".join(words) if words else f"{listed(list(arrays))} have no pair in common"

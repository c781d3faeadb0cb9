"""Two groups of processes that are no pairs: how far they are apart, and whether that is shown."""

import math
from dataclasses import dataclass

import numpy as np

from . import stats
from .stats import Interval, Values

INNER = 0.90
"""Confidence of the interval that decides on equivalence: two one-sided tests at 5 %."""
LARGEST_LOG = 700.0


@dataclass(frozen=True, slots=True)
class Apart:
    """A candidate against a baseline: a ratio, or a difference in the unit of the values."""

    effect: Interval | None
    """With its 95 % interval; without bounds where there is no spread to make them of."""
    inner: Interval | None
    """The same with its 90 % interval."""
    p: float | None
    """Two-sided, against equality; None where there is no spread to test with."""
    smallest: float | None
    """Ratio above 1, or difference above 0, that would be shown with a power of 80 %."""


def unpaired(candidate: Values, baseline: Values, *, differences: bool = False) -> Apart:
    """Compare two groups, of shapes (m,) and (n,): positive values by their ratio, or any by their difference.

    Welch's t test for unequal variances on logarithms (or on the values), with Satterthwaite's degrees of freedom
    rounded down (Welch, Biometrika 34, 1947). The level holds where the machine was the same for both groups; one that
    drifts between them raises false alarms, about one in six under simulated noise (docs/comparing.md).
    """
    a, b = (np.asarray(side, dtype=np.float64) for side in (baseline, candidate))
    if not differences:
        a, b = np.log(a), np.log(b)
    if not a.size or not b.size:
        return Apart(None, None, None, None)
    middle, count = float(b.mean() - a.mean()), int(min(a.size, b.size))

    def told(half: float | None) -> Interval:
        bounds = (None, None) if half is None else (middle - half, middle + half)
        found = [None if v is None else v if differences else math.exp(v) for v in (middle, *bounds)]
        return Interval(found[0] or 0.0, found[1], found[2], count)

    if a.size < 2 or b.size < 2:
        return Apart(told(None), None, None, None)
    shares = [float(side.var(ddof=1)) / side.size for side in (a, b)]
    error = math.sqrt(sum(shares))
    if error <= 0:
        return Apart(told(None), None, None, None)
    freedom = sum(shares) ** 2 / sum(share**2 / (side.size - 1) for share, side in zip(shares, (a, b), strict=True))
    whole = max(1, math.floor(freedom))
    outer, inner = (stats.t_quantile((1 + level) / 2, whole) * error for level in (stats.CONFIDENCE, INNER))
    p = min(1.0, 2 * float(stats.t_tail(abs(middle) / error, whole)))
    least = outer + stats.t_quantile(stats.POWER, whole) * error
    return Apart(told(outer), told(inner), p, least if differences else math.exp(min(least, LARGEST_LOG)))

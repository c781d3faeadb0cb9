"""Two groups of processes that are no pairs: how far they are apart, and whether that is shown."""

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import stats
from .numbers import row
from .stats import Interval, Values
from .worsening import LARGEST, ROUNDING

INNER = 0.90
"""Confidence of the interval that decides on equivalence: two one-sided tests at 5 %."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A candidate against a baseline: a ratio, or a difference in the unit of the values."""

    effect: Interval | None
    """With its 95 % interval; without bounds where there is no spread to make them of."""
    inner: Interval | None
    """The same with its 90 % interval."""
    p: float | None
    """Two-sided, against equality; None where nothing can be tested: see `reason`."""
    error: float | None = None
    """Standard error of the difference, of logarithms or in the unit of the values; None without a t test."""
    freedom: int | None = None
    """Its degrees of freedom."""
    reason: str | None = None
    """Why there is no test, or why it is another one than t."""


def unpaired(candidate: Values, baseline: Values, *, differences: bool = False) -> Apart:
    """Compare two groups, of shapes (m,) and (n,): positive values by their ratio, or any by their difference.

    Welch's t test for unequal variances on logarithms (or on the values), with Satterthwaite's degrees of freedom
    rounded down (Welch, Biometrika 34, 1947). The level holds where the machine was the same for both groups; one that
    drifts between them raises false alarms, about one in six under simulated noise (docs/comparing.md).

    Where no value varies within its group, as of bytes, the exact test of who is in which group (Fisher, The Design of
    Experiments, 1935, 21): of all ways to make such groups, two have all of one side above all of the other.

    Raises:
        ValueError: a value is not finite, not positive for a ratio, or too large to be subtracted.

    """
    a, b = (_values(side, differences=differences) for side in (baseline, candidate))
    if not a.size or not b.size:
        return Apart(None, None, None, reason="a side has no value")
    middle, count = float(b.mean() - a.mean()), int(min(a.size, b.size))
    bare = _told(middle, None, count, differences=differences)
    if a.size < 2 or b.size < 2:
        return Apart(bare, bare, None, reason="one value on a side tells nothing about noise")
    size = float(np.abs(np.concatenate((a, b))).max()) if differences else 1.0
    rounding = ROUNDING * size
    if max(float(np.ptp(a)), float(np.ptp(b))) <= rounding:
        p = 1.0 if abs(middle) <= rounding else 2 / math.comb(a.size + b.size, a.size)
        return Apart(bare, bare, p, reason="no value varies within its side: an exact test of the groups")
    a_share, b_share = (float((side / size).var(ddof=1)) / side.size for side in (a, b))
    error, part = size * math.sqrt(a_share + b_share), a_share / (a_share + b_share)
    whole = max(1, math.floor(1 / (part**2 / (a.size - 1) + (1 - part) ** 2 / (b.size - 1))))
    outer, inner = (
        _told(middle, stats.t_quantile((1 + level) / 2, whole) * error, count, differences=differences)
        for level in (stats.CONFIDENCE, INNER)
    )
    p = min(1.0, 2 * float(stats.t_tail(abs(middle) / error, whole)))
    return Apart(outer, inner, p, error, whole)


def _values(side: Values, *, differences: bool) -> NDArray[np.float64]:
    """Return values as they are compared: their logarithms, or themselves."""
    found = row(side)
    if not np.isfinite(found).all() or not (differences or (found > 0).all()):
        raise ValueError(f"expected {'' if differences else 'positive, '}finite values; received {side!r}")
    if differences and (np.abs(found) > LARGEST).any():
        raise ValueError(f"expected values of at most {LARGEST:g}, for their differences; received {side!r}")
    return found if differences else np.log(found)


def _told(middle: float, half: float | None, count: int, *, differences: bool) -> Interval | None:
    """Return an interval in the unit that is told; None where the estimate is beyond any number."""
    bounds = [middle] if half is None else [middle, middle - half, middle + half]
    if not differences:
        if middle >= math.log(sys.float_info.max):
            return None
        bounds = [math.exp(v) if v < math.log(sys.float_info.max) else math.inf for v in bounds]
    bounded = len(bounds) > 1 and math.isfinite(bounds[-1])
    return Interval(bounds[0], bounds[1] if bounded else None, bounds[-1] if bounded else None, count)

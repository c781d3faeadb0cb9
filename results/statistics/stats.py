"""Statistics on plain arrays: means, paired ratios, detectable effects and quantiles, each with its interval.

A figure that cannot be had is None, never 0 and never NaN. Trials are the unit of replication: pass one value
per trial, never pooled steps.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from .numbers import numbers

CONFIDENCE = 0.95
"""For means and ratios over trials."""

QUANTILE_CONFIDENCE = 0.99
"""For quantiles within a trial, as MLPerf's LoadGen has it."""

POWER = 0.8
"""Chance that a difference of the smallest detectable size is found."""

MANY = 2000
"""Degrees of freedom from which Student's t is taken from its expansion around the normal distribution."""

Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its bounds, in the unit of the values it was made from."""

    estimate: float
    low: float | None
    """None, together with `high`, where there are too few values for bounds."""
    high: float | None
    n: int
    """Number of values (for paired figures: of pairs)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean and the sample standard deviation around it, in the unit of the values."""

    mean: float
    sd: float | None
    """With n - 1 in the denominator; None for one value."""
    n: int


@lru_cache(maxsize=1024)
def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution with so many degrees of freedom.

    Needs no scipy, which workers need not have and which takes half a second to import: the distribution is a
    finite sum for whole degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4), inverted by bisection. Above
    MANY degrees it is the expansion around the normal quantile (26.7.5), good to nine digits there. Raises
    ValueError for a probability that is not between 0 and 1, or no degree of freedom.
    """
    if not 0 < probability < 1 or freedom < 1:
        raise ValueError(f"expected a probability and a degree of freedom; received {probability} and {freedom}")
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    if freedom > MANY:
        z = NormalDist().inv_cdf(probability)
        second, third = (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return z + (z**3 + z) / (4 * freedom) + second / freedom**2 + third / freedom**3
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _within(middle, freedom) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def t_tail(t: Values | float, freedom: int) -> NDArray[np.float64]:
    """Return P(T > t) for Student's t with so many degrees of freedom, for t of any shape, infinite ones too.

    The finite sum that `t_quantile` inverts, so a tail is right to about 1e-15 and never below 0. Raises ValueError for
    a t that is NaN, or no degree of freedom.
    """
    values = numbers(t)
    if np.isnan(values).any() or freedom < 1:
        raise ValueError(f"expected numbers and a degree of freedom; received {t!r} and {freedom}")
    angle = np.arctan(np.abs(values) / math.sqrt(freedom))
    sine, square = np.sin(angle), np.cos(angle) ** 2
    odd = freedom % 2
    term = np.cos(angle) if odd else np.ones_like(angle)
    total = np.zeros_like(angle)
    for k in range(1 + odd, freedom, 2):
        total += term
        term = term * square * k / (k + 1)
    within = (angle + sine * total) * 2 / math.pi if odd else sine * total
    upper = np.clip((1 - within) / 2, 0, 0.5)
    return np.where(values < 0, 1 - upper, upper)


def _within(angle: float, freedom: int) -> float:
    """Return P(|T| <= t) for t = sqrt(freedom) tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    return (angle + sine * total) * 2 / math.pi if odd else sine * total


def spread(values: Values) -> Spread | None:
    """Return mean and sample standard deviation; None for no values.

    Raises ValueError for a value that is not finite.
    """
    array = _finite(values)
    if array.size == 0:
        return None
    return Spread(float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else None, array.size)


def mean(values: Values, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the mean of values of shape (n,) with its t interval (Student 1908); None for no values.

    One value has no interval. Raises ValueError for a value that is not finite.
    """
    array = _finite(values)
    if not array.size:
        return None
    n, middle = array.size, float(array.mean())
    if n <= 1:
        return Interval(middle, None, None, n)
    half = t_quantile((1 + confidence) / 2, n - 1) * float(array.std(ddof=1)) / math.sqrt(n)
    return Interval(middle, middle - half, middle + half, n)


def geometric_mean(values: Values, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the geometric mean of positive values of shape (trials,), with its t interval.

    The interval is Student's (1908) on the logarithms, carried back: timings are skewed to the right, and
    ratios of geometric means do not depend on which side is the denominator (Fleming & Wallace, CACM 29(3),
    1986). One value has no interval; no values give None. Raises ValueError for a value that is not positive
    and finite.
    """
    found = mean(_logs(values), confidence)
    return _exponential(found) if found else None


def paired_ratio(candidate: Values, baseline: Values, confidence: float = CONFIDENCE) -> Interval | None:
    """Return candidate / baseline over blocks, both of shape (blocks,) in the same order; None for no blocks.

    With d and s_d the mean and the standard deviation of the log ratios, the interval is d +- t(n-1) s_d /
    sqrt(n) (randomised complete blocks; Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., 3.2).
    Raises ValueError for sides of unequal length, since unpaired values say little under drift, and for
    values that are not positive and finite.
    """
    found = mean(_log_ratios(candidate, baseline), confidence)
    return _exponential(found) if found else None


def smallest_detectable_ratio(
    candidate: Values, baseline: Values, confidence: float = CONFIDENCE, power: float = POWER
) -> float | None:
    """Return the ratio above 1 that so many blocks of such noise would show with the given power.

    exp((t(1 - alpha/2) + t(power)) s_d / sqrt(n)), both t with n - 1 degrees of freedom (Bloom, Evaluation
    Review 19(5), 1995: minimum detectable effects). None for fewer than two blocks, and where the noise is so
    large that the ratio is beyond any number. Raises ValueError as `paired_ratio` does.
    """
    differences = _log_ratios(candidate, baseline)
    n = differences.size
    if n <= 1:
        return None
    factor = t_quantile((1 + confidence) / 2, n - 1) + t_quantile(power, n - 1)
    effect = factor * float(differences.std(ddof=1)) / math.sqrt(n)
    return math.exp(effect) if effect < math.log(sys.float_info.max) else None


@lru_cache(maxsize=64)
def fewest_queries(q: float, confidence: float = QUANTILE_CONFIDENCE, exceedances: int = 1) -> int:
    """Return the fewest queries from which quantile q may be told.

    The smallest n for which at most `exceedances` values above the true quantile would be seen with a
    probability of no more than 1 - confidence: P(Binomial(n, 1 - q) <= exceedances) <= 1 - confidence (order
    statistics: David & Nagaraja, 3rd ed., 7.1; early stopping in MLPerf's LoadGen uses the same bound).
    Raises ValueError for a q that is not between 0 and 1.
    """
    if not 0 < q < 1:
        raise ValueError(f"a quantile lies between 0 and 1; received {q}")
    above, most = 1, 2
    while _binomial(most, 1 - q, exceedances) > 1 - confidence:
        above, most = most, most * 2
    while most - above > 1:
        middle = (above + most) // 2
        if _binomial(middle, 1 - q, exceedances) > 1 - confidence:
            above = middle
        else:
            most = middle
    return most


def quantile(values: Values, q: float, confidence: float = QUANTILE_CONFIDENCE) -> Interval | None:
    """Return quantile q of values of shape (queries,), with bounds that are two of the values.

    The bounds hold for any continuous distribution (David & Nagaraja, Order Statistics, 3rd ed., 7.1); the
    estimate is the median-unbiased one (Hyndman & Fan, American Statistician 50(4), 1996, type 8). None where
    there are fewer than `fewest_queries`. Raises ValueError for a value that is not finite.
    """
    array = np.sort(_finite(values))
    if array.size < fewest_queries(q, confidence):
        return None
    return _ordered_bounds(array, q, confidence)


def median(values: Values, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the median of values of shape (n,), with bounds between order statistics; None for no values.

    Order statistics alone give only some confidences; the bounds are interpolated between the two pairs around
    the one wanted (Hettmansperger & Sheather, Statistics & Probability Letters 4(2), 1986). They are None where
    even smallest and largest do not reach it (below 6 values at 95 %). Raises ValueError for a value that is not
    finite.
    """
    array = np.sort(_finite(values))
    if not array.size:
        return None
    n, middle = array.size, float(np.median(array))
    wide, weight = _median_ranks(n, confidence)
    if wide is None:
        return Interval(middle, None, None, n)
    low = _between(array[wide - 1], array[min(wide, n - 1)], weight)
    high = _between(array[n - wide], array[max(n - wide - 1, 0)], weight)
    return Interval(middle, low, high, n)


def _between(first: float, second: float, weight: float) -> float:
    """Return what lies a share of the way from one value to another, and never outside them by rounding."""
    found = (1 - weight) * first + weight * second
    return float(min(max(found, min(first, second)), max(first, second)))


@lru_cache(maxsize=256)
def _median_ranks(n: int, confidence: float) -> tuple[int | None, float]:
    """Return the rank d, from 1, of the narrowest pair that reaches the confidence, and the weight of the next."""
    below = _cumulative(n, 0.5)
    covered = [1 - 2 * float(below[d - 1]) for d in range(1, n // 2 + 1)]
    reaching = [d for d, share in enumerate(covered, start=1) if share >= confidence]
    if not reaching:
        return None, 0.0
    d = reaching[-1]
    inner = covered[d] if d < len(covered) else 0.0
    part = (covered[d - 1] - confidence) / (covered[d - 1] - inner)
    return d, (n - d) * part / (d + (n - 2 * d) * part)


def holds(values: Values, q: float, bound: float, confidence: float = QUANTILE_CONFIDENCE) -> bool | None:
    """Tell whether quantile q of the values is shown to be no more than a bound; None with too few values.

    It is where so few values above the bound would seldom be seen if the quantile lay there: P(Binomial(n, 1 - q)
    <= exceedances) <= 1 - confidence, the rule by which MLPerf's LoadGen accepts a query log. Raises ValueError
    for a value that is not finite.
    """
    array = _finite(values)
    if array.size < fewest_queries(q, confidence):
        return None
    above = int((array > bound).sum())
    return bool(_cumulative(array.size, 1 - q)[above] <= 1 - confidence)


def _ordered_bounds(ordered: NDArray[np.float64], q: float, confidence: float) -> Interval:
    estimate = float(np.quantile(ordered, q, method="median_unbiased"))
    low, high = _ranks(ordered.size, q, confidence)
    if low is None or high is None:
        return Interval(estimate, None, None, ordered.size)
    return Interval(estimate, float(ordered[low]), float(ordered[high]), ordered.size)


@lru_cache(maxsize=256)
def _ranks(n: int, q: float, confidence: float) -> tuple[int | None, int | None]:
    """Return the places, from 0, of the tightest order statistics with half the doubt outside each."""
    tail = (1 - confidence) / 2
    below = _cumulative(n, q)[:n]
    low = int(np.searchsorted(below, tail, side="right")) - 1
    high = int(np.searchsorted(below, 1 - tail, side="left"))
    return (low if low >= 0 else None), (high if high < n else None)


def _binomial(n: int, p: float, most: int) -> float:
    """Return P(Binomial(n, p) <= most)."""
    return math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(min(most, n) + 1))


def _cumulative(n: int, p: float) -> NDArray[np.float64]:
    """Return P(Binomial(n, p) <= k) for k = 0 .. n, through logarithms so that no term overflows."""
    factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    k = np.arange(n + 1)
    logs = factorials[n] - factorials - factorials[::-1] + k * math.log(p) + (n - k) * math.log1p(-p)
    return np.cumsum(np.exp(logs))


def _exponential(logs: Interval) -> Interval:
    low = None if logs.low is None else float(np.exp(logs.low))
    with np.errstate(over="ignore"):
        high = None if logs.high is None else float(np.exp(logs.high))
    if high is None or not math.isfinite(high):
        return Interval(math.exp(logs.estimate), None, None, logs.n)
    return Interval(math.exp(logs.estimate), low, high, logs.n)


def _finite(values: Values) -> NDArray[np.float64]:
    array = numbers(values)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"expected one row of finite numbers; received {values!r}")
    return array


def _logs(values: Values) -> NDArray[np.float64]:
    array = _finite(values)
    if (array <= 0).any():
        raise ValueError(f"expected positive numbers, for their logarithms; received {values!r}")
    return np.log(array)


def _log_ratios(candidate: Values, baseline: Values) -> NDArray[np.float64]:
    above, below = _logs(candidate), _logs(baseline)
    if above.size != below.size:
        raise ValueError(f"expected one pair per block; received {above.size} and {below.size} values")
    return above - below

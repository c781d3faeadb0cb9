"""Equivalence: do two sides that were measured in pairs differ by less than a margin? On plain arrays.

The verdicts are statements about the mean difference; which of them hold is written beside each name.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from . import stats
from .numbers import numbers
from .stats import Interval, Values

EQUIVALENT = "equivalent"
"""The 90 % interval lies within plus and minus the margin: both one-sided tests reject at 5 %."""
WORSE = "worse"
"""The 95 % interval excludes 0 on the bad side, and the sides are not equivalent."""
BETTER = "better"
"""The same on the good side."""
NOT_SHOWN = "no difference shown"
"""None of these: neither a difference nor its absence is shown."""

ALPHA = 0.05
"""Level of each of the two one-sided tests."""
MOST_SEEDS = 10_000
"""More pairs than this are not worth asking for."""
ROUNDING = 1e-9
"""Share of the margin that a difference must stay below it: 0.03 - 0.02 is less than 0.01 in binary."""
NODES, REACH = 64, 10.0
"""Of the quadrature of the power, and how many standard deviations around 1 it goes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate less a reference, over pairs, in the unit of the values."""

    difference: Interval
    """Mean difference with its 95 % interval."""
    inner: Interval
    """The same with its 90 % interval, which decides on equivalence."""
    sd: float | None
    """Of the differences; None for one pair."""
    margin: float | None
    verdict: str | None
    """EQUIVALENT, WORSE, BETTER or NOT_SHOWN; None where none can be given."""
    reason: str | None = None
    """Why there is no verdict, or why one is withheld."""
    seeds_needed: int | None = None
    """Pairs that would show equivalence with a power of 80 % if there were no difference, where the verdict is
    NOT_SHOWN; None where that is not known, or more than MOST_SEEDS."""


def compare(
    candidate: Values,
    reference: Values,
    margin: float | None,
    *,
    larger_is_better: bool = True,
    candidate_lost: bool = False,
    reference_lost: bool = False,
) -> Comparison | None:
    """Compare two sides of shape (pairs,) in the same order; None for no pairs.

    Two one-sided t tests on the differences (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15(6),
    1987) for equivalence, and one two-sided t test for a difference; equivalence goes first. Differences that are
    all the same have no spread to test with: then they are equivalent below the margin, and a difference otherwise.

    Args:
        candidate: the metric on one side.
        reference: the metric on the other.
        margin: largest difference that does not matter, in the unit of the metric; None: equivalence is not asked.
        larger_is_better: direction of the metric.
        candidate_lost: some of the candidate's values are missing because they were too bad to have, such as those
            of seeds that diverged. What is left flatters it, so nothing in its favour is claimed.
        reference_lost: the same of the reference.

    Raises:
        ValueError: the sides have unequal lengths, a value is not finite, or the margin is not above 0.

    """
    if margin is not None and not 0 < margin < math.inf:
        raise ValueError(f"expected a margin above 0; received {margin}")
    differences = _differences(candidate, reference)
    difference, inner = (stats.mean(differences, level) for level in (stats.CONFIDENCE, 1 - 2 * ALPHA))
    if difference is None or inner is None:
        return None
    if differences.size == 1:
        return Comparison(difference, inner, None, margin, None, "one shared seed has no interval")
    sd = float(differences.std(ddof=1))
    found = _verdict(difference, inner, margin, larger_is_better=larger_is_better)
    withheld = _withheld(found, candidate_lost=candidate_lost, reference_lost=reference_lost)
    if withheld:
        return Comparison(difference, inner, sd, margin, NOT_SHOWN, withheld)
    if found == NOT_SHOWN:
        if margin is None:
            return Comparison(difference, inner, sd, None, found, "no margin is known, so equivalence is not tested")
        if not (candidate_lost or reference_lost):
            return Comparison(difference, inner, sd, margin, found, seeds_needed=seeds_for(sd, margin))
    return Comparison(difference, inner, sd, margin, found)


def seeds_for(sd: float, margin: float, power: float = stats.POWER) -> int | None:
    """Return the fewest pairs that show equivalence with some power where there is no difference.

    Args:
        sd: standard deviation of the differences, at least 0.
        margin: above 0, in the same unit.
        power: chance that both tests reject.

    Returns:
        At least 2; None for more than MOST_SEEDS.

    """
    if power_of(MOST_SEEDS, sd, margin) < power:
        return None
    low, high = 1, 2
    while power_of(high, sd, margin) < power:
        low, high = high, min(2 * high, MOST_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle, sd, margin) >= power else (middle, high)
    return high


@lru_cache(maxsize=1024)
def power_of(n: int, sd: float, margin: float, alpha: float = ALPHA) -> float:
    """Return the chance that n pairs without a difference are found equivalent.

    Exact for normal differences: both tests reject where |mean| < margin - t(1 - alpha) s / sqrt(n), which is
    integrated over the distribution of s (Phillips, Journal of Pharmacokinetics and Biopharmaceutics 18(2), 1990;
    sample sizes: Julious, Statistics in Medicine 23(12), 2004).

    Args:
        n: pairs, at least 2.
        sd: standard deviation of the differences.
        margin: in the same unit.
        alpha: level of each test.

    """
    if sd == 0:
        return 1.0
    freedom, wide = n - 1, margin * math.sqrt(n) / sd
    t = stats.t_quantile(1 - alpha, freedom)
    around = REACH / math.sqrt(2 * freedom)
    low, high = max(0.0, 1 - around), min(1 + around, wide / t)
    if high <= low:
        return 0.0
    nodes, weights = _quadrature()
    share = low + (high - low) * (nodes + 1) / 2
    # The density of s over sd, whose square times the degrees of freedom is chi-squared.
    logs = freedom / 2 * math.log(freedom / 2) + math.log(2) - math.lgamma(freedom / 2)
    density = np.exp(logs + (freedom - 1) * np.log(share) - freedom * share**2 / 2)
    inside = np.array([math.erf(bound / math.sqrt(2)) for bound in wide - t * share])
    return float((high - low) / 2 * (weights * density * inside).sum())


@lru_cache(maxsize=1)
def _quadrature() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nodes of the quadrature on -1 to 1, and their weights."""
    return np.polynomial.legendre.leggauss(NODES)


def listed_seeds(seeds: Iterable[int]) -> str:
    """Return seeds as they stand in a sentence: seed 3, seeds 1, 4."""
    numbers = sorted(seeds)
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _differences(candidate: Values, reference: Values) -> NDArray[np.float64]:
    one, other = numbers(candidate), numbers(reference)
    if one.shape != other.shape:
        raise ValueError(f"expected one pair per seed; received {one.size} and {other.size} values")
    with np.errstate(invalid="ignore"):  # two infinite ones; what is not finite is refused by its mean
        return np.asarray(one - other)


def _verdict(difference: Interval, inner: Interval, margin: float | None, *, larger_is_better: bool) -> str:
    low, high = inner.low, inner.high
    if margin is not None and low is not None and high is not None:
        bound = margin * (1 - ROUNDING)
        if -bound < low and high < bound:
            return EQUIVALENT
    if difference.low is not None and difference.low > 0:
        return BETTER if larger_is_better else WORSE
    if difference.high is not None and difference.high < 0:
        return WORSE if larger_is_better else BETTER
    return NOT_SHOWN


def _withheld(verdict: str, *, candidate_lost: bool, reference_lost: bool) -> str | None:
    """Return why a verdict is not given: it would favour a side whose worst seeds are not in its values."""
    if verdict == EQUIVALENT and (candidate_lost or reference_lost):
        return "no equivalence with a seed that diverged"
    if (verdict == BETTER and candidate_lost) or (verdict == WORSE and reference_lost):
        return f"not called {verdict}: the seeds that diverged are not in the difference"
    return None

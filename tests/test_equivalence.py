"""Equivalence: verdicts against scipy's tests, on made-up seeds, and how often they are wrong."""

import math

import numpy as np
import pytest
import scipy.stats as reference
from dlbench.results.statistics import equivalence, stats
from dlbench.results.statistics.equivalence import BETTER, EQUIVALENT, NOT_SHOWN, WORSE, Comparison, compare
from hypothesis import given
from hypothesis import strategies as st

values = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20)


def _sides(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


def _compare(one: list[float], other: list[float], margin: float = 0.01, **how: bool) -> Comparison:
    found = compare(one, other, margin, **how)
    assert found is not None
    return found


@given(values, st.floats(1e-3, 1))
def test_verdicts_are_those_of_two_one_sided_tests(pairs: list[tuple[float, float]], margin: float) -> None:
    one, other = _sides(pairs)
    differences = np.subtract(one, other)
    found = _compare(one, other, margin)
    if differences.std() < 1e-9:
        return
    below = reference.ttest_1samp(differences, margin, alternative="less").pvalue
    above = reference.ttest_1samp(differences, -margin, alternative="greater").pvalue
    if abs(max(below, above) - 0.05) > 1e-6:
        assert (found.verdict == EQUIVALENT) == (max(below, above) < 0.05)
    two_sided = reference.ttest_1samp(differences, 0).pvalue
    if found.verdict != EQUIVALENT and abs(two_sided - 0.05) > 1e-6:
        assert (found.verdict in (BETTER, WORSE)) == (two_sided < 0.05)


@given(values, st.floats(1e-3, 1))
def test_a_metric_that_is_better_when_smaller_mirrors_the_verdict(
    pairs: list[tuple[float, float]], margin: float
) -> None:
    one, other = _sides(pairs)
    mirror = {BETTER: WORSE, WORSE: BETTER}
    there = _compare(one, other, margin).verdict
    assert _compare(one, other, margin, larger_is_better=False).verdict == mirror.get(str(there), there)
    assert _compare(other, one, margin).verdict == mirror.get(str(there), there)


@given(values, st.floats(1e-3, 1))
def test_what_seeds_share_does_not_matter(pairs: list[tuple[float, float]], margin: float) -> None:
    one, other = _sides(pairs)
    plain, shifted = _compare(one, other, margin), _compare([a + 8 for a in one], [b + 8 for b in other], margin)
    assert plain.difference.estimate == pytest.approx(shifted.difference.estimate, abs=1e-9)
    assert plain.sd == pytest.approx(shifted.sd, abs=1e-9)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ([0.97, 0.98], [0.97, 0.98], EQUIVALENT),
        ([0.975, 0.985], [0.97, 0.98], EQUIVALENT),
        ([0.03, 0.03], [0.02, 0.02], BETTER),
        ([0.90, 0.90, 0.90], [0.97, 0.97, 0.97], WORSE),
        ([0.97, 0.95, 0.99], [0.96, 0.98, 0.97], NOT_SHOWN),
    ],
)
def test_values_that_do_not_vary_and_some_that_do(one: list[float], other: list[float], verdict: str) -> None:
    assert _compare(one, other).verdict == verdict


def test_a_margin_as_large_as_the_difference_shows_nothing_by_rounding() -> None:
    # 0.03 - 0.02 is 0.009999999999999998 in binary.
    assert 0.03 - 0.02 < 0.01
    assert _compare([0.03] * 3, [0.02] * 3, 0.01).verdict == BETTER


def test_few_pairs_have_no_verdict() -> None:
    assert compare([], [], 0.01) is None
    one = _compare([0.9], [0.8])
    assert (one.verdict, one.reason) == (None, "one shared seed has no interval")
    assert one.difference == stats.Interval(pytest.approx(0.1), None, None, 1)


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_margins_that_are_none_are_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin above 0"):
        compare([1.0, 2.0], [1.0, 2.0], margin)


def test_sides_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="one pair per seed"):
        compare([1.0, 2.0], [1.0], 0.1)
    with pytest.raises(ValueError, match="finite"):
        compare([1.0, math.nan], [1.0, 1.0], 0.1)


def test_without_a_margin_only_differences_are_shown() -> None:
    same, apart = compare([0.5, 0.6], [0.5, 0.6], None), compare([0.1, 0.11, 0.12], [0.5, 0.5, 0.5], None)
    assert same is not None
    assert apart is not None
    assert (same.verdict, same.reason) == (NOT_SHOWN, "no margin is known, so equivalence is not tested")
    assert (apart.verdict, apart.seeds_needed) == (WORSE, None)


def test_a_lost_seed_forbids_what_favours_its_side() -> None:
    alike, low, high = [0.97, 0.98, 0.97], [0.9, 0.91, 0.89], [0.999, 1.0, 0.998]
    for lost in ({"candidate_lost": True}, {"reference_lost": True}):
        found = _compare(alike, alike, **lost)
        assert (found.verdict, found.reason) == (NOT_SHOWN, "no equivalence with a seed that diverged")
        assert found.seeds_needed is None
    assert _compare(low, alike, candidate_lost=True).verdict == WORSE
    assert _compare(high, alike, candidate_lost=True).verdict == NOT_SHOWN
    assert _compare(low, alike, reference_lost=True).verdict == NOT_SHOWN
    assert _compare(high, alike, reference_lost=True).verdict == BETTER


@pytest.mark.parametrize(("n", "sd"), [(2, 0.2), (3, 0.5), (5, 0.8), (12, 1.2), (40, 2.0)])
def test_power_is_what_simulation_finds(n: int, sd: float) -> None:
    rng = np.random.default_rng(n)
    differences = rng.normal(0, sd, (40_000, n))
    half = stats.t_quantile(0.95, n - 1) * differences.std(axis=1, ddof=1) / math.sqrt(n)
    share = float(np.mean(np.abs(differences.mean(axis=1)) + half < 1))
    assert equivalence.power_of(n, sd, 1.0) == pytest.approx(share, abs=0.01)


@given(st.floats(1e-4, 10), st.floats(1e-3, 1))
def test_seeds_needed_are_the_fewest_with_the_power(sd: float, margin: float) -> None:
    n = equivalence.seeds_for(sd, margin)
    if n is None:
        assert equivalence.power_of(equivalence.MOST_SEEDS, sd, margin) < 0.8
        return
    assert equivalence.power_of(n, sd, margin) >= 0.8
    assert n == 2 or equivalence.power_of(n - 1, sd, margin) < 0.8
    # The normal approximation (Julious 2004) asks for no more, and soon for as many.
    normal = (sd / margin * (reference.norm.ppf(0.95) + reference.norm.ppf(0.9))) ** 2
    assert normal <= n + 1e-9
    assert n <= normal + 4 or n <= 6


def test_the_needed_seeds_stand_beside_what_is_not_shown() -> None:
    found = _compare([0.97, 0.95, 0.99], [0.96, 0.98, 0.97])
    assert found.sd is not None
    assert found.seeds_needed == equivalence.seeds_for(found.sd, 0.01)
    assert _compare([0.97, 0.98], [0.97, 0.98]).seeds_needed is None


def test_equivalence_is_seldom_claimed_at_the_margin_and_a_difference_seldom_where_there_is_none() -> None:
    rng = np.random.default_rng(5)
    at_margin = [compare(row, np.zeros(5), 0.01) for row in rng.normal(0.01, 0.004, (2000, 5))]
    wrong = sum(found is not None and found.verdict == EQUIVALENT for found in at_margin)
    assert wrong / 2000 <= 0.06
    alike = [compare(row, np.zeros(5), 0.01) for row in rng.normal(0, 0.02, (2000, 5))]
    worse = sum(found is not None and found.verdict == WORSE for found in alike)
    assert worse / 2000 <= 0.033


@pytest.mark.parametrize(("seeds", "words"), [([3], "seed 3"), ([4, 1], "seeds 1, 4")])
def test_seeds_in_words(seeds: list[int], words: str) -> None:
    assert equivalence.listed_seeds(seeds) == words

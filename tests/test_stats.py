"""Statistics: agreement with scipy, coverage by simulation, and what is refused."""

import math
import subprocess
import sys

import numpy as np
import pytest
from dlbench.results.statistics import stats
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats as reference

positive = st.floats(1e-9, 1e9)
samples = st.lists(positive, min_size=2, max_size=30)


@pytest.mark.parametrize(("q", "fewest"), [(0.5, 11), (0.9, 64), (0.95, 130), (0.99, 662), (0.999, 6636)])
def test_fewest_queries_are_those_of_the_rule(q: float, fewest: int) -> None:
    assert stats.fewest_queries(q) == fewest


@pytest.mark.parametrize("q", [0.9, 0.95, 0.99])
def test_fewest_queries_follow_from_the_binomial(q: float) -> None:
    fewest = stats.fewest_queries(q)
    assert reference.binom.cdf(1, fewest, 1 - q) <= 0.01 < reference.binom.cdf(1, fewest - 1, 1 - q)


@pytest.mark.parametrize("q", [0.0, 1.0, 1.5])
def test_fewest_queries_refuse_what_is_no_quantile(q: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.fewest_queries(q)


def test_quantile_is_refused_below_the_fewest_queries() -> None:
    assert stats.quantile(np.arange(63.0), 0.9) is None
    assert stats.quantile(np.arange(64.0), 0.9) is not None
    assert stats.quantile(np.arange(661.0), 0.99) is None


@pytest.mark.parametrize(("q", "n"), [(0.5, 11), (0.5, 100), (0.9, 64), (0.9, 300), (0.95, 1000), (0.99, 2000)])
def test_quantile_bounds_are_the_tightest_order_statistics(q: float, n: int) -> None:
    found = stats.quantile(np.arange(float(n)), q)  # the value is its own place
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    low, high, below = int(found.low), int(found.high), reference.binom(n, q).cdf
    assert below(low) <= 0.005 < below(low + 1)
    assert below(high) >= 0.995 > below(high - 1)


def test_quantile_bounds_cover() -> None:
    rng = np.random.default_rng(1)
    truth = reference.expon.ppf(0.9)
    found = [stats.quantile(row, 0.9) for row in rng.exponential(size=(1000, 100))]
    hits = sum(f is not None and f.low is not None and f.high is not None and f.low <= truth <= f.high for f in found)
    assert hits >= 980


@given(samples)
def test_geometric_mean_agrees_with_scipy(values: list[float]) -> None:
    found = stats.geometric_mean(values)
    assert found is not None
    assert found.n == len(values)
    assert found.estimate == pytest.approx(reference.gmean(values))
    logs = np.log(values)
    if found.low is not None and found.high is not None and logs.std() > 1e-6:
        interval = reference.t.interval(0.95, len(values) - 1, logs.mean(), reference.sem(logs))
        assert (math.log(found.low), math.log(found.high)) == pytest.approx(interval, abs=1e-6)


@given(samples, st.floats(1e-3, 1e3))
def test_geometric_mean_scales_with_its_unit(values: list[float], unit: float) -> None:
    found, scaled = stats.geometric_mean(values), stats.geometric_mean([unit * value for value in values])
    assert found is not None
    assert scaled is not None
    assert scaled.estimate == pytest.approx(found.estimate * unit)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert stats.geometric_mean([1.0]) == stats.Interval(1.0, None, None, 1)
    assert stats.geometric_mean([]) is None
    assert stats.paired_ratio([], []) is None
    assert stats.spread([]) is None
    assert stats.median([]) is None
    assert stats.spread([3.0]) == stats.Spread(3.0, None, 1)


@pytest.mark.parametrize("values", [[1.0, 0.0], [1.0, -1.0], [1.0, math.nan], [math.inf]])
def test_values_without_a_logarithm_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        stats.geometric_mean(values)


def test_unpaired_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="one pair per block"):
        stats.paired_ratio([1.0, 2.0], [1.0])


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=20))
def test_paired_ratio_does_not_depend_on_the_direction(pairs: list[tuple[float, float]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = stats.paired_ratio(one, other), stats.paired_ratio(other, one)
    assert there is not None
    assert back is not None
    assert there.estimate * back.estimate == pytest.approx(1)
    if there.low and back.high and there.low > 1e-100:
        assert there.low * back.high == pytest.approx(1)


def test_paired_ratio_covers_and_ignores_what_blocks_share() -> None:
    rng = np.random.default_rng(2)
    drift = rng.normal(0, 1, (1500, 5))
    one = np.exp(drift + rng.normal(0, 0.02, drift.shape))
    other = np.exp(drift + rng.normal(math.log(1.1), 0.02, drift.shape))
    found = [stats.paired_ratio(b, a) for a, b in zip(one, other, strict=True)]
    hits = sum(f is not None and f.low is not None and f.high is not None and f.low < 1.1 < f.high for f in found)
    assert 0.93 < hits / 1500 < 0.97


def test_smallest_detectable_ratio_is_found_at_the_stated_power() -> None:
    rng = np.random.default_rng(3)
    n, noise = 7, 0.03
    factor = reference.t.ppf(0.975, n - 1) + reference.t.ppf(0.8, n - 1)
    effect = factor * noise / math.sqrt(n)
    sides = np.exp(rng.normal(0, noise, n)), np.ones(n)
    spread = np.log(sides[0]).std(ddof=1)
    assert stats.smallest_detectable_ratio(*sides) == pytest.approx(math.exp(effect * spread / noise))
    found = [stats.paired_ratio(np.exp(row), np.ones(n)) for row in rng.normal(effect, noise, (1500, n))]
    power = sum(f is not None and f.low is not None and f.low > 1 for f in found) / 1500
    assert 0.74 < power < 0.88


def test_smallest_detectable_ratio_needs_two_blocks() -> None:
    assert stats.smallest_detectable_ratio([1.0], [2.0]) is None
    assert stats.smallest_detectable_ratio([1e300, 1e-300], [1e-300, 1e300]) is None


def test_median_has_bounds_from_six_values() -> None:
    five, six = stats.median(np.arange(5.0)), stats.median(np.arange(6.0))
    assert five == stats.Interval(2.0, None, None, 5)
    assert six is not None
    assert six.low is not None
    assert six.high is not None
    assert 0 < six.low < 1
    assert 4 < six.high < 5
    assert six.low + six.high == pytest.approx(5)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 29, 30, 99, 500, stats.MANY, stats.MANY + 1, 10**5])
@pytest.mark.parametrize("probability", [0.001, 0.05, 0.5, 0.8, 0.9, 0.95, 0.975, 0.995, 0.9995])
def test_t_quantile_agrees_with_scipy(probability: float, freedom: int) -> None:
    expected = float(reference.t.ppf(probability, freedom))
    assert stats.t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 3), (1.0, 3), (0.9, 0)])
def test_t_quantile_refuses_what_is_none(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="a probability and a degree of freedom"):
        stats.t_quantile(probability, freedom)


def test_statistics_need_no_scipy() -> None:
    code = "import sys, dlbench.results.summaries.figures; sys.exit(any(m.startswith('scipy') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("n", [6, 9, 10, 25])
def test_median_bounds_cover_as_often_as_they_say(n: int) -> None:
    found = [stats.median(row) for row in np.random.default_rng(n).lognormal(0, 0.3, (2000, n))]
    hits = sum(f is not None and f.low is not None and f.high is not None and f.low <= 1 <= f.high for f in found)
    assert 0.93 < hits / 2000 < 0.97


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
@example([0.0] * 5 + [767865.0193946135] * 2)
def test_the_median_lies_within_its_bounds(values: list[float]) -> None:
    found = stats.median(values)
    assert found is not None
    assert found.estimate == pytest.approx(float(np.median(values)))
    assert (found.low is None) == (len(values) < 6)
    if found.low is not None and found.high is not None:
        assert min(values) <= found.low <= found.estimate <= found.high <= max(values)


@pytest.mark.parametrize(("over", "held"), [(0, True), (1, True), (2, False)])
def test_a_bound_is_held_with_as_many_exceedances_as_the_rule_allows(over: int, held: bool) -> None:
    values = [0.001] * (662 - over) + [0.02] * over
    assert stats.holds(values, 0.99, 0.01) is held
    assert stats.holds(values[:661], 0.99, 0.01) is None


def test_more_queries_allow_more_exceedances() -> None:
    n = 24_576
    most = max(k for k in range(400) if reference.binom.cdf(k, n, 0.01) <= 0.01)
    for over, held in ((most, True), (most + 1, False)):
        assert stats.holds([0.02] * over + [0.001] * (n - over), 0.99, 0.01) is held


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=10), st.integers(1, 60))
def test_t_tail_agrees_with_scipy(values: list[float], freedom: int) -> None:
    assert stats.t_tail(values, freedom) == pytest.approx(reference.t.sf(values, freedom), rel=1e-6, abs=1e-14)


@given(st.floats(0.001, 0.999), st.integers(1, 60))
def test_t_tail_undoes_t_quantile(probability: float, freedom: int) -> None:
    assert float(stats.t_tail(stats.t_quantile(probability, freedom), freedom)) == pytest.approx(1 - probability)


def test_t_tail_at_its_ends_and_beyond() -> None:
    assert stats.t_tail([-math.inf, 0, math.inf], 3).tolist() == [1, 0.5, 0]
    assert stats.t_tail(np.zeros((2, 3)), 3).shape == (2, 3)
    for t, freedom in ((math.nan, 3), (1.0, 0)):
        with pytest.raises(ValueError, match="degree of freedom"):
            stats.t_tail(t, freedom)

"""Worsening: against scipy's t test, what must not change it, what cannot be tested, and how often it is wrong."""

import math

import numpy as np
import pytest
import scipy.stats as reference
from dlbench.results.statistics import stats
from dlbench.results.statistics.worsening import Worsening, p_worse, worsening, worsenings
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

times = arrays(np.float64, st.tuples(st.just(2), st.integers(2, 14)), elements=st.floats(0.1, 10))
factors = st.floats(1e-6, 1e6)
nan = math.nan


def _varied(sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    assume(np.ptp(np.log(sides[0] / sides[1])) > 1e-6)
    return sides[0], sides[1]


@given(times, st.floats(0, 0.5))
def test_p_is_that_of_the_paired_t_test_with_its_margin(sides: np.ndarray, margin: float) -> None:
    candidate, baseline = _varied(sides)
    found = worsening(candidate, baseline, margin=margin)
    logs = np.log(candidate / baseline)
    wanted = reference.ttest_1samp(logs, math.log1p(margin), alternative="greater")
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-12)
    assert found.p_better == pytest.approx(
        reference.ttest_1samp(logs, 0, alternative="less").pvalue, rel=1e-6, abs=1e-12
    )
    bounds = reference.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert found.effect is not None
    assert (found.effect.low, found.effect.high) == pytest.approx(tuple(np.expm1(bounds)), rel=1e-6, abs=1e-9)


@given(times)
def test_the_interval_excludes_no_difference_just_where_p_is_below_its_level(sides: np.ndarray) -> None:
    found = worsening(*_varied(sides))
    assert found.p is not None
    assert found.effect is not None
    assert found.effect.low is not None
    if abs(found.p - 0.025) > 1e-9:
        assert (found.effect.low > 0) == (found.p < 0.025)


@given(times, factors, st.lists(factors, min_size=14, max_size=14))
def test_units_and_what_a_pair_shares_do_not_matter(sides: np.ndarray, unit: float, shared: list[float]) -> None:
    candidate, baseline = _varied(sides)
    plain = worsening(candidate, baseline)
    scale = unit * np.asarray(shared[: candidate.size])
    scaled = worsening(candidate * scale, baseline * scale)
    assert scaled.p == pytest.approx(plain.p, rel=1e-3, abs=1e-9)


@given(times)
def test_swapped_sides_and_the_other_direction_mirror_it(sides: np.ndarray) -> None:
    candidate, baseline = _varied(sides)
    plain, swapped = worsening(candidate, baseline), worsening(baseline, candidate)
    assert (swapped.p, swapped.p_better) == pytest.approx((plain.p_better, plain.p))
    rate = worsening(1 / candidate, 1 / baseline, larger_is_better=True)
    assert rate.p == pytest.approx(plain.p, rel=1e-6, abs=1e-12)
    assert plain.effect is not None
    assert rate.effect is not None
    assert rate.effect.estimate == pytest.approx(plain.effect.estimate, rel=1e-6, abs=1e-9)


@given(times, st.floats(0.001, 0.5))
def test_a_margin_never_makes_it_easier(sides: np.ndarray, margin: float) -> None:
    candidate, baseline = _varied(sides)
    plain, wider = worsening(candidate, baseline), worsening(candidate, baseline, margin=margin)
    assert plain.p is not None
    assert wider.p is not None
    assert wider.p >= plain.p
    assert wider.effect == plain.effect


@given(times, st.floats(-5, 5))
def test_differences_are_those_of_the_values(sides: np.ndarray, shift: float) -> None:
    candidate, baseline = sides
    assume(np.ptp(candidate - baseline) > 1e-6)
    found = worsening(candidate + shift, baseline + shift, differences=True, larger_is_better=True)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(float((baseline - candidate).mean()), abs=1e-9)
    wanted = reference.ttest_rel(baseline, candidate, alternative="greater").pvalue
    assert found.p == pytest.approx(wanted, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(
    ("candidate", "baseline", "reason"),
    [
        ([], [], "there are no pairs"),
        ([None, None], [1.0, 2.0], "the candidate has no value"),
        ([nan, nan], [nan, nan], "the candidate has no value and the baseline has no value"),
        ([0.0, -1.0], [1.0, 2.0], "the candidate has 2 values, none above 0"),
        ([1.0, None], [None, 1.0], "candidate and baseline have no pair in common"),
        ([1.0], [2.0], "one pair tells nothing about noise"),
        ([1.0, None, 3.0], [2.0, 2.0, nan], "one pair tells nothing about noise"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "the ratio is the same in all 3 pairs though the values vary"),
        ([1.1, 2.2, 3.3], [1.0, 2.0, 3.0], "the ratio is the same in all 3 pairs though the values vary"),
    ],
)
def test_what_cannot_be_tested_has_no_p_and_a_reason(
    candidate: list[float | None], baseline: list[float | None], reason: str
) -> None:
    found = worsening(candidate, baseline)
    assert found.p is None
    assert found.p_better is None
    assert found.smallest is None
    assert found.reason is not None
    assert found.reason.startswith(reason)
    assert found.effect is None or found.effect.low is None


@pytest.mark.parametrize(
    ("candidate", "baseline", "margin", "p"),
    [(110.0, 100.0, 0.0, 0.5**7), (110.0, 100.0, 0.2, 1.0), (110.0, 100.0, 0.1, 1.0), (100.0, 100.0, 0.0, 1.0)],
)
def test_what_does_not_vary_has_the_sign_test(candidate: float, baseline: float, margin: float, p: float) -> None:
    found = worsening([candidate] * 7, [baseline] * 7, margin=margin)
    assert found.p == p
    assert found.reason == "all 7 pairs differ by the same: a sign test, for want of spread"


def test_seeds_that_all_differ_by_the_same_are_no_copies() -> None:
    # 0.97 - 0.96 and 0.95 - 0.94 differ in binary.
    found = worsening([0.96, 0.94, 0.9], [0.97, 0.95, 0.91], larger_is_better=True, differences=True)
    assert (found.p, found.p_better) == (0.5**3, 1.0)


def test_lost_pairs_are_left_out_and_counted_by_side() -> None:
    found = worsening([1.0, None, 1.2, 1.1, nan, 0.0], [1.0, 1.0, None, 1.2, nan, 1.0])
    assert (found.pairs, found.candidate_lost, found.baseline_lost) == (2, 2, 1)
    assert found.p is not None
    assert found.p == worsening([1.0, 1.1], [1.0, 1.2]).p


def test_zero_is_a_value_where_values_are_subtracted() -> None:
    assert worsening([0.0, 0.1, 0.0], [0.1, 0.0, 0.3], differences=True).pairs == 3


def test_values_beyond_any_ratio_have_no_bounds() -> None:
    found = worsening([1e300, 1e-300, 1.0], [1e-300, 1e300, 2.0])
    assert found.effect is not None
    assert (found.effect.low, found.effect.high, found.smallest) == (None, None, None)


def test_sides_of_unequal_length_and_margins_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 values"):
        worsening([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="margin of at least 0"):
        worsening([1.0, 2.0], [1.0, 2.0], margin=-0.1)


def test_the_smallest_effect_is_that_of_the_paired_ratio_and_lies_beyond_the_margin() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.lognormal(0, 0.05, (2, 7))
    plain, wider = worsening(one, other), worsening(one, other, margin=0.1)
    wanted = stats.smallest_detectable_ratio(one, other)
    assert wanted is not None
    assert plain.smallest == pytest.approx(wanted - 1)
    assert wider.smallest == pytest.approx(1.1 * wanted - 1)


@pytest.mark.parametrize("n", [2, 3, 5, 7, 12])
def test_the_false_alarm_rate_is_the_level(n: int) -> None:
    noise = np.random.default_rng(n).normal(math.log(1.05), 0.05, (20_000, n))
    for level in (0.05, 0.025, 0.001):
        hits = int((p_worse(noise, math.log(1.05)) <= level).sum())
        assert reference.binom.ppf(1e-3, 20_000, level) <= hits <= reference.binom.ppf(1 - 1e-3, 20_000, level)


def test_many_metrics_at_once_are_as_one_by_one() -> None:
    candidate, baseline = np.random.default_rng(8).lognormal(0, 0.05, (2, 50, 7))
    together = p_worse(worsenings(candidate, baseline))
    alone: list[Worsening] = [worsening(one, other) for one, other in zip(candidate, baseline, strict=True)]
    assert together.tolist() == [one.p for one in alone]


discrete = arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(2, 12)), elements=st.integers(-2, 2).map(lambda v: v / 64)
)
constant = st.tuples(st.sampled_from([0.0, 0.2, -0.2, 1e-13]), st.integers(2, 12)).map(
    lambda v: np.full((1, v[1]), v[0])
)
lengths = st.integers(2, 12)


@given(st.one_of(discrete, constant), st.sampled_from([0.0, 0.01, 0.2]))
def test_rows_of_steps_or_constants_are_tested_as_one_by_one(rows: np.ndarray, margin: float) -> None:
    # Of differences: constant ratios of values that vary are copies, which rows of log ratios cannot show.
    alone = [worsening(row, np.zeros_like(row), differences=True, margin=margin) for row in rows]
    largest = [1e-12 * float(np.abs(row).max()) for row in rows]
    together = [float(p_worse(row, margin, rounding=rounding)) for row, rounding in zip(rows, largest, strict=True)]
    assert together == [one.p for one in alone]
    if np.abs(rows).max() > 1e-9 or not rows.any():
        assert p_worse(rows, margin).tolist() == pytest.approx([one.p for one in alone])


@given(lengths, st.integers(1, 1000), st.integers(0, 1000), st.sampled_from([0.0, 0.05]))
def test_ratios_of_values_that_do_not_vary_are_tested_as_one_by_one(
    pairs: int, candidate: int, baseline: int, margin: float
) -> None:
    sides = np.full(pairs, float(candidate)), np.full(pairs, float(baseline + 1))
    found = worsening(*sides, margin=margin)
    assert found.p == float(p_worse(worsenings(*sides), math.log1p(margin)))
    assert found.p in {0.5**pairs, 1.0}


@given(
    arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(6, 10)), elements=st.floats(0.5, 2)),
    st.sets(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=8),
)
def test_rows_with_lost_pairs_are_tested_as_one_by_one(candidate: np.ndarray, lost: set[tuple[int, int]]) -> None:
    baseline = np.ones_like(candidate)
    for place, pair in lost:
        candidate[place % len(candidate), pair] = nan
    rows = worsenings(candidate, baseline)
    alone = [worsening(one, other).p for one, other in zip(candidate, baseline, strict=True)]
    assert all(p is not None for p in alone)
    assert p_worse(rows).tolist() == pytest.approx(alone)


def test_one_constant_row_among_many_does_not_spoil_the_others() -> None:
    rows = np.random.default_rng(5).normal(0, 0.03, (300, 7))
    rows[17], rows[18] = 0.0, 0.05
    found = p_worse(rows)
    assert (found[17], found[18]) == (1.0, 0.5**7)
    assert np.isfinite(found).all()
    rest = np.delete(rows, [17, 18], axis=0)
    assert np.delete(found, [17, 18]).tolist() == p_worse(rest).tolist()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0.1], "two pairs or more in each row; 1 of 1 row has fewer"),
        ([], "two pairs or more"),
        (np.zeros((3, 0)), "3 of 3 rows have fewer"),
        ([[0.1, 0.2, nan], [0.1, nan, math.inf]], "1 of 2 rows has fewer"),
        (0.1, "expected rows of pairs"),
        (["a", "b"], "expected numbers"),
    ],
)
def test_rows_that_cannot_be_tested_are_refused(rows: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        p_worse(rows)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="margin of at least 0"):
        p_worse([0.1, 0.2], nan)
    assert p_worse(np.zeros((0, 7))).shape == (0,)


@pytest.mark.parametrize("kind", [list, np.asarray, np.float32, np.int64])
def test_lists_and_arrays_of_any_number_are_values(kind: type) -> None:
    candidate, baseline = [12, 11, 13, 12], [10, 10, 11, 12]
    made = [kind(side) for side in (candidate, baseline)]
    assert worsening(*made).p == worsening([float(v) for v in candidate], [float(v) for v in baseline]).p


def test_what_a_mask_hides_is_a_lost_pair() -> None:
    candidate = np.ma.array([1.0, 1e9, 1.2, 1.1], mask=[False, True, False, False])
    found = worsening(candidate, [1.0, 1.0, 1.0, 1.0])
    assert (found.pairs, found.candidate_lost) == (3, 1)
    assert found.p == worsening([1.0, 1.2, 1.1], [1.0, 1.0, 1.0]).p


def test_what_is_not_one_row_of_numbers_a_side_is_refused() -> None:
    for one in (np.ones((2, 3)), 1.0):
        with pytest.raises(ValueError, match="one row of values on each side"):
            worsening(one, one)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(3, 2\)"):
        worsenings(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="expected numbers"):
        worsening(["fast", "slow"], [1.0, 2.0])  # type: ignore[list-item]


def test_values_without_squares_are_not_subtracted() -> None:
    with pytest.raises(ValueError, match="at most 1e"):
        worsening([1e308, -1e308], [1.0, 2.0], differences=True)

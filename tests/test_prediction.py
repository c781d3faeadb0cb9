"""Prediction of one more session."""

import numpy as np
import pytest
from dlbench.results.statistics.change_points import INFLATION
from dlbench.results.statistics.prediction import FEWEST_SESSIONS, MOST_SESSIONS, Prediction, near, prediction
from hypothesis import given
from hypothesis import strategies as st


def sessions(count: int, seed: int = 0) -> list[float]:
    return [float(v) for v in 100 * np.exp(np.random.default_rng(seed).normal(0, 0.03, count))]


def told(values: list[float]) -> Prediction:
    found = prediction(values)
    assert found is not None
    return found


def test_too_few_sessions_have_no_prediction() -> None:
    assert prediction(sessions(FEWEST_SESSIONS - 1)) is None
    assert told(sessions(FEWEST_SESSIONS)).sessions == FEWEST_SESSIONS


def test_an_outlier_among_the_sessions_hardly_widens_it() -> None:
    values = sessions(20)
    plain, spoilt = told(values), told([*values[:7], 10 * values[7], *values[8:]])
    assert spoilt.high / spoilt.low < 1.3 * plain.high / plain.low


def test_only_the_last_sessions_count() -> None:
    last = sessions(MOST_SESSIONS)
    assert prediction([5.0] * 30 + last) == prediction(last)


def test_the_share_of_normal_sessions_inside_is_what_it_says() -> None:
    rng = np.random.default_rng(2)
    rows = np.exp(rng.normal(0, 0.03, (4000, 13)))
    outside = sum(not (p := told(row[:-1].tolist())).low <= row[-1] <= p.high for row in rows)
    assert 0.002 * 4000 <= outside <= 0.016 * 4000


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_values_that_have_no_logarithm_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="positive, finite"):
        prediction([*sessions(10), wrong])


@given(st.integers(0, 1000), st.integers(FEWEST_SESSIONS, 30), st.sampled_from([2.0**-20, 2.0**13]))
def test_the_unit_does_not_matter(seed: int, count: int, unit: float) -> None:
    values = sessions(count, seed)
    plain, scaled = told(values), told([unit * value for value in values])
    assert scaled.low == pytest.approx(unit * plain.low)
    assert scaled.high == pytest.approx(unit * plain.high)
    assert plain.low < plain.middle < plain.high


def test_a_higher_level_is_a_wider_interval() -> None:
    wide = prediction(sessions(20), 0.9999)
    assert wide is not None
    assert wide.low < told(sessions(20)).low
    assert wide.high > told(sessions(20)).high


def test_two_sessions_differ_by_more_than_one_from_the_level() -> None:
    values = sessions(20)
    around, expected = near(100.0, values), told(values)
    assert around is not None
    assert around.middle == pytest.approx(100.0)
    ratio = np.log(around.high / around.middle) / np.log(expected.high / expected.middle)
    assert ratio == pytest.approx((2 / (1 + INFLATION / 20)) ** 0.5)
    assert near(100.0, sessions(FEWEST_SESSIONS - 1)) is None
    with pytest.raises(ValueError, match="positive, finite"):
        near(0.0, values)


def test_the_share_of_normal_sessions_near_another_one_is_what_it_says() -> None:
    rng = np.random.default_rng(5)
    rows = np.exp(rng.normal(0, 0.03, (4000, 14)))
    around = [near(float(row[0]), row[1:-1].tolist()) for row in rows]
    outside = sum(p is None or not p.low <= row[-1] <= p.high for p, row in zip(around, rows, strict=True))
    assert 0.002 * 4000 <= outside <= 0.016 * 4000


def test_noise_beyond_any_number_still_has_bounds() -> None:
    found = told([1e300, 1e-300] * 6)
    assert 0 <= found.low < found.middle < found.high < float("inf")


def test_sessions_are_one_row() -> None:
    with pytest.raises(ValueError, match="one row"):
        prediction(np.ones((10, 2)))  # type: ignore[arg-type]
    assert prediction(np.arange(90, 110)) == prediction([float(v) for v in range(90, 110)])  # type: ignore[arg-type]

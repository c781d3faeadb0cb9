"""Change points: what is told, what is not, and what may not depend on the unit, on company or on what comes later."""

import numpy as np
import pytest
from dlbench.results.statistics import change_points
from dlbench.results.statistics.change_points import ALARM, FEWEST, FEWEST_AFTER, alarms, changes, changes_of
from hypothesis import given, settings
from hypothesis import strategies as st


def noisy(points: int, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    """Return a series around 1 without a change."""
    return np.exp(np.random.default_rng(seed).normal(0, noise, points))


def stepped(points: int, place: int, ratio: float, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    """Return a series with one step."""
    return noisy(points, seed, noise) * np.where(np.arange(points) < place, 1.0, ratio)


seeds = st.integers(0, 10_000)


def test_a_step_is_told_with_its_place_and_its_size() -> None:
    (change,) = changes(stepped(60, 30, 1.25))
    assert abs(change.place - 30) <= 1
    assert change.seen <= 34
    assert change.ratio == pytest.approx(1.25, rel=0.02)


def test_a_drop_is_told_like_a_rise() -> None:
    (change,) = changes(stepped(60, 30, 0.8))
    assert change.ratio == pytest.approx(0.8, rel=0.02)


def test_two_steps_are_two_changes_and_levels_lie_between_them() -> None:
    values = stepped(80, 25, 1.3) * np.where(np.arange(80) < 55, 1.0, 0.7)
    first, second = changes(values)
    assert first.after == second.before == pytest.approx(1.3, rel=0.03)


def test_three_points_beyond_are_not_told_yet_four_of_a_large_step_are() -> None:
    values = stepped(40, 34, 1.5)
    assert changes(values[:37]) == []
    assert len(changes(values[:38])) == 1


def test_a_burst_of_three_runs_is_not_a_change() -> None:
    values = noisy(60)
    values[30:33] *= 1.6
    assert changes(values) == []


def test_lone_outliers_are_not_changes() -> None:
    values = noisy(60)
    values[10::12] *= 3
    assert changes(values) == []


def test_figures_that_repeat_exactly_are_told_apart_but_not_below_one_percent() -> None:
    exact = np.full(40, 100.0)
    assert changes(exact) == []
    assert len(changes(np.where(np.arange(40) < 20, 100.0, 102.0))) == 1
    assert changes(np.where(np.arange(40) < 20, 100.0, 100.5)) == []


@pytest.mark.parametrize("points", [0, 1, FEWEST - 1])
def test_a_short_series_has_no_changes(points: int) -> None:
    assert changes(stepped(points, points // 2, 2.0)) == []


@pytest.mark.parametrize("wrong", [[1.0, 0.0], [1.0, -2.0], [1.0, float("nan")], [float("inf")]])
def test_values_that_have_no_logarithm_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="positive, finite"):
        changes(wrong)


def test_about_six_percent_of_quiet_series_have_an_alarm_at_most() -> None:
    told = alarms(np.random.default_rng(1).normal(0, 0.03, (2000, 60)))
    assert sum(map(bool, told)) <= 0.07 * 2000


@settings(max_examples=25)
@given(seeds, st.integers(15, 45), st.sampled_from([0.7, 0.9, 1.1, 1.4]), st.sampled_from([2.0**-30, 2.0**20]))
def test_the_unit_does_not_matter(seed: int, place: int, ratio: float, unit: float) -> None:
    values = stepped(60, place, ratio, seed)
    assert [(c.place, c.seen) for c in changes(values)] == [(c.place, c.seen) for c in changes(values * unit)]


@settings(max_examples=25)
@given(seeds, st.integers(15, 45), st.sampled_from([0.7, 0.9, 1.1, 1.4]))
def test_a_rate_changes_where_its_time_does(seed: int, place: int, ratio: float) -> None:
    values = stepped(60, place, ratio, seed)
    assert [(c.place, c.seen) for c in changes(values)] == [(c.place, c.seen) for c in changes(1 / values)]


@settings(max_examples=25)
@given(seeds, st.integers(15, 45), st.integers(20, 59))
def test_what_was_told_is_never_taken_back(seed: int, place: int, known: int) -> None:
    values = stepped(60, place, 1.15, seed)
    later = [(c.place, c.seen) for c in changes(values) if c.seen < known]
    assert [(c.place, c.seen) for c in changes(values[:known])] == later


@settings(max_examples=25)
@given(seeds, st.lists(st.integers(0, 70), min_size=1, max_size=6))
def test_series_do_not_depend_on_their_company(seed: int, lengths: list[int]) -> None:
    series = [stepped(length, length // 2, 1.2, seed + n) for n, length in enumerate(lengths)]
    assert changes_of(series) == [changes(values) for values in series]


@settings(max_examples=25)
@given(seeds, st.integers(0, 60), st.sampled_from([0.8, 1.05, 1.3]))
def test_at_least_three_points_lie_beyond_each_change_when_it_is_told(seed: int, place: int, ratio: float) -> None:
    edge = 0
    for change in changes(stepped(60, place, ratio, seed, 0.03)):
        assert change.seen - change.place + 1 >= FEWEST_AFTER
        assert change.place - edge >= min(ALARM)
        edge = change.place


def test_more_series_than_are_judged_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    series = [stepped(50, 25, 1.2, seed) for seed in range(5)]
    whole = changes_of(series)
    monkeypatch.setattr(change_points, "CHUNK", 2)
    assert changes_of(series) == whole
    assert all(whole)


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        ([0.0, 0.1], "shape"),
        (np.full((2, 20), np.inf), "finite"),
        ([[*[0.0] * 10, np.nan, *[1.0] * 20]], "NaN at the ends"),
    ],
)
def test_logarithms_with_gaps_are_refused(logs: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alarms(logs)  # type: ignore[arg-type]


def test_series_may_be_lists_and_integers() -> None:
    values = [100] * 20 + [130] * 10
    assert changes(values) == changes(np.array(values, np.float64)) == changes(np.array(values, np.float32))
    assert len(alarms(np.log([values]).tolist())[0]) == 1
    assert alarms(np.zeros((0, 0))) == []
    with pytest.raises(ValueError, match="positive, finite"):
        changes(np.ma.array(values, mask=[True] + [False] * 29))


@pytest.mark.parametrize("wrong", [[0.1, 0.2], np.zeros((1, 3)), np.zeros((0, 3))])
def test_level_and_noise_take_two_points(wrong: object) -> None:
    with pytest.raises(ValueError, match="two points or more"):
        change_points.level_and_noise(wrong)  # type: ignore[arg-type]

"""A session's figures against the last sessions and against saved ones, on plain arrays."""

import numpy as np
import pytest
from dlbench.results.statistics.prediction import FEWEST_SESSIONS, near, prediction
from dlbench.results.statistics.session import FAMILY, JudgedFigure, judge_session, level_of_each

NOISE = 0.03


def sessions(count: int, level: float = 100.0, seed: int = 0) -> list[float]:
    return [float(v) for v in level * np.exp(np.random.default_rng(seed).normal(0, NOISE, count))]


def alone(now: float, values: list[float], saved: float | None) -> JudgedFigure:
    (found,) = judge_session([now], [values], [saved])
    return found


def test_sessions_that_have_moved_along_do_not_hide_the_saved_figure() -> None:
    slower = sessions(20, 80.0)
    old, new = alone(80.0, slower, 100.0), alone(80.0, slower, 81.0)
    assert (old.below, old.above) == (True, False)
    assert (new.below, new.above) == (False, False)
    assert old.expected == new.expected


def test_the_sessions_tell_what_a_noisy_saved_figure_hides() -> None:
    found = alone(89.0, sessions(20), 94.0)
    assert found.near is not None
    assert found.near.low < 89.0
    assert found.below


def test_worse_than_the_sessions_and_better_than_the_saved_figure_is_both() -> None:
    found = alone(80.0, sessions(20), 50.0)
    assert (found.below, found.above) == (True, True)


def test_without_a_saved_figure_the_sessions_alone_are_asked() -> None:
    assert alone(100.0, sessions(12), None).near is None
    assert alone(70.0, sessions(12), None).below


def test_sessions_before_the_last_change_of_level_are_not_used() -> None:
    found = alone(140.0, [*sessions(30), *sessions(12, 140.0, seed=1)], None)
    assert found.sessions in range(11, 14)
    assert not found.below
    assert not found.above


def test_a_figure_with_too_few_sessions_is_not_judged_and_does_not_weaken_the_others() -> None:
    few = sessions(FEWEST_SESSIONS - 1)
    judged, refused = judge_session([100.0, 1.0], [sessions(20), few], [100.0, 100.0])
    assert (refused.sessions, refused.expected, refused.near) == (FEWEST_SESSIONS - 1, None, None)
    assert (refused.below, refused.above) == (False, False)
    assert judged == alone(100.0, sessions(20), 100.0)


def test_each_of_many_figures_gets_its_part_of_the_level() -> None:
    assert level_of_each(1) == pytest.approx(1 - FAMILY / 2)
    assert level_of_each(10) == pytest.approx(1 - FAMILY / 20)
    many = judge_session([100.0] * 10, [sessions(20)] * 10, [100.0] * 10)
    assert {one.expected for one in many} == {prediction(sessions(20), level_of_each(10))}
    assert {one.near for one in many} == {near(100.0, sessions(20), level_of_each(10))}


def test_any_figure_of_a_session_without_a_change_is_beyond_as_seldom_as_stated() -> None:
    rng, count = np.random.default_rng(3), 600
    rows = np.exp(rng.normal(0, NOISE, (count, 6, 21)))
    out = [
        any(
            one.below or one.above
            for one in judge_session(row[:, -1].tolist(), row[:, :-1].tolist(), row[:, 0].tolist())
        )
        for row in rows
    ]
    assert sum(out) <= count * FAMILY + 3 * (count * FAMILY) ** 0.5


@pytest.mark.parametrize("figures", [0, 2])
def test_lengths_that_do_not_fit_are_refused(figures: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        judge_session([1.0], [sessions(20)] * figures, [1.0])


def test_no_figure_at_all_is_no_judgement() -> None:
    assert judge_session([], [], []) == []

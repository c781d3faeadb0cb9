"""Figures of one trial: the interval within a trial, on windows with a known truth."""

from collections.abc import Sequence

import numpy as np
import pytest
from dlbench.results.records.model import TRAINING_STEP, Case, Trial, Window
from dlbench.results.statistics.steady import steady_start
from dlbench.results.summaries.figures import (
    FEWEST_WINDOWS,
    interval_of_windows,
    quiet_speed,
    relative_halfwidth,
    settling_seconds,
    speed_of,
)

from .synthetic_runs import trial, windows

CASE = Case.of("toy", backend="jax", phase="train")


def _alike(rng: np.random.Generator, n: int, alike: float, noise: float = 0.02) -> np.ndarray:
    """Return the exponentials of a first-order process of lag-1 autocorrelation `alike`, with mean 1."""
    fresh = rng.normal(0, 1, n)
    series = np.empty(n)
    series[0] = fresh[0]
    for place in range(1, n):
        series[place] = alike * series[place - 1] + np.sqrt(1 - alike**2) * fresh[place]
    return np.exp(noise * series - noise**2 / 2)


@pytest.mark.parametrize(("alike", "least"), [(0.0, 0.93), (0.5, 0.88)])
def test_the_interval_holds_the_step_time_though_windows_resemble_each_other(alike: float, least: float) -> None:
    rng = np.random.default_rng(1)
    found = [interval_of_windows(windows(_alike(rng, 40, alike))) for _ in range(300)]
    told = [one for one in found if one is not None]
    held = sum(one.low is not None and one.high is not None and one.low <= 1 <= one.high for one in told)
    assert len(told) >= 270
    assert held / len(told) >= least


def test_the_interval_of_windows_that_resemble_each_other_is_wider() -> None:
    rng = np.random.default_rng(2)
    widths = {
        alike: np.median([relative_halfwidth(windows(_alike(rng, 60, alike))) or np.nan for _ in range(60)])
        for alike in (0.0, 0.5)
    }
    assert widths[0.5] > 1.3 * widths[0.0]


def test_half_the_interval_is_told_as_a_share_of_the_step_time() -> None:
    steps = 0.01 * _alike(np.random.default_rng(3), 40, 0.0)
    found, share = interval_of_windows(windows(steps)), relative_halfwidth(windows(steps))
    assert found is not None
    assert found.high is not None
    assert share == pytest.approx((found.high - found.estimate) / found.estimate)
    assert found.estimate == pytest.approx(steps.mean())
    assert 0.001 < share < 0.03


def test_constant_windows_are_as_precise_as_can_be() -> None:
    assert relative_halfwidth(windows([0.01] * 20)) == pytest.approx(0, abs=1e-9)


def test_settling_is_not_in_the_interval() -> None:
    found = interval_of_windows(windows([3.0] * 10 + [1.0, 1.001] * 15))
    assert found is not None
    assert found.n == 30
    assert found.estimate == pytest.approx(1.0005)


def test_no_windows_have_no_interval() -> None:
    assert interval_of_windows(()) is None


@pytest.mark.parametrize(
    "steps", [[1.0, 1.001] * (FEWEST_WINDOWS // 2 - 1), list(np.linspace(1, 2, 40))], ids=["few", "drift"]
)
def test_what_cannot_be_told_has_no_interval(steps: list[float]) -> None:
    assert interval_of_windows(windows(steps)) is None
    assert relative_halfwidth(windows(steps)) is None


def test_windows_that_the_clock_could_not_see_are_left_out() -> None:
    found = speed_of((Window(1, 8, 1.0, 1.0), *windows([0.01] * 10)))
    assert found is not None
    assert found.settled
    assert found.step_seconds == pytest.approx(0.01)
    assert steady_start([], []) is None


def test_settling_ends_where_the_steady_state_begins() -> None:
    slow, steady = [0.05] * 4, [0.01] * 40
    found = settling_seconds(trial(CASE, windows=windows([*slow, *steady])))
    assert found == pytest.approx(4 * 0.05 * 10)
    assert settling_seconds(trial(CASE, windows=windows(steady))) == 0
    assert settling_seconds(trial(CASE)) is None


def test_the_quickest_steps_do_not_see_what_slows_some_of_them() -> None:
    steps = np.full(40, 0.01)
    steps[10:34] *= 1.3
    assert quiet_speed(singles(steps)) == pytest.approx(64 / 0.01)
    assert quiet_speed(singles(steps[:9])) is None
    assert quiet_speed(singles([])) is None


def test_the_queries_of_inference_are_single_steps() -> None:
    infer = Case.of("toy", backend="jax", phase="infer", batch_size=64)
    assert quiet_speed(trial(infer, windows=windows([0.01] * 10), queries=(0.02,) * 10)) == pytest.approx(64 / 0.02)


def singles(steps: Sequence[float] | np.ndarray) -> Trial:
    """Return a trial of phase train whose single steps take so many seconds."""
    return trial(CASE, windows=windows([0.02] * 10), latencies={TRAINING_STEP: tuple(steps)})

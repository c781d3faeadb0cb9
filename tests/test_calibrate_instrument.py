"""The clock and the measuring loop, measured with clocks that are made up."""

import time
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest
from dlbench.harness.measuring.instrument import measure_clock, measure_instrument


def ticking(*ticks: float) -> Callable[[], float]:
    """Return a clock that goes on by the given ticks, in turn, at each reading."""
    left: Iterator[float] = cycle(ticks)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += next(left)
        return now

    return clock


def test_the_resolution_is_the_smallest_step_that_is_not_zero() -> None:
    resolution_s, reading_s = measure_clock(ticking(0.0, 0.5, 0.25, 0.25), readings=400)
    assert resolution_s == 0.25
    assert reading_s == pytest.approx(0.25)


def test_a_coarse_clock_is_read_until_it_moves() -> None:
    resolution_s, reading_s = measure_clock(ticking(*[0.0] * 999, 1.0), readings=10)
    assert resolution_s == 1.0
    assert reading_s == pytest.approx(1 / 999)


def test_a_loop_in_which_only_readings_take_time_adds_nothing_to_a_step() -> None:
    found = measure_instrument(ticking(0.01))
    assert found.resolution_s == pytest.approx(0.01)
    assert found.reading_s == pytest.approx(0.01)
    assert found.bare_step_s == pytest.approx(0.01)
    assert found.step_s == pytest.approx(0.0, abs=1e-12)
    assert found.window_s == pytest.approx(0.01)


def test_the_real_clock_gives_real_figures() -> None:
    found = measure_instrument(time.perf_counter)
    assert found.resolution_s > 0
    assert found.reading_s > 0
    assert found.bare_step_s > 0
    assert found.window_s > 0

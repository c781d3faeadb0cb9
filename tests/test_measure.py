"""The loops that measure, driven by a clock that stands still and steps of exactly known cost."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.measuring.energy import Tally
from dlbench.harness.measuring.measure import (
    Convergence,
    DivergedError,
    check_loss,
    converge,
    cycle_batches,
    measure_queries,
    repeat_input,
    timed,
)
from dlbench.harness.measuring.single_steps import SingleSteps
from dlbench.harness.measuring.windows import BLOCKED_STEPS, MOST_DRAIN, blocked_steps, measure_windows
from dlbench.results.records.model import Window
from hypothesis import given, settings
from hypothesis import strategies as st

from .factories import FakeClock, FakeStep

TICK_S = 2.0**-20
"""About a microsecond; sums of it are exact in binary."""
both_kinds = pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])


def windows_of(
    cost_s: float,
    *,
    seconds: float = 1.0,
    effort: Effort | None = None,
    asynchronous: bool = False,
    check: Callable[[int], None] = lambda steps: None,
) -> tuple[tuple[Window, ...], FakeStep]:
    """Measure windows of steps that cost so much."""
    clock = FakeClock(1000.0)
    step = FakeStep(clock, cost_s, asynchronous=asynchronous)
    windows = measure_windows(
        step.run,
        step.wait,
        items_per_step=32,
        seconds=seconds,
        effort=effort or Effort(),
        clock=clock,
        check=check,
    )
    return windows, step


@both_kinds
@pytest.mark.parametrize("ticks", [1, 7, 1000, 30_000, 300_000, 3_000_000])
def test_every_window_shows_exactly_what_its_steps_cost(ticks: int, *, asynchronous: bool) -> None:
    windows, step = windows_of(ticks * TICK_S, asynchronous=asynchronous)
    assert all(window.seconds == window.steps * ticks * TICK_S for window in windows)
    assert sum(window.steps for window in windows) == step.steps
    assert sum(window.seconds for window in windows) == step.clock() - 1000.0


@settings(deadline=None)
@given(st.integers(1, 2**22), st.booleans())
def test_windows_follow_each_other_without_a_gap(ticks: int, asynchronous: bool) -> None:
    windows, _ = windows_of(ticks * TICK_S, asynchronous=asynchronous)
    assert windows[0].start == 1000.0
    assert all(after.start == before.end for before, after in pairwise(windows))
    assert all(window.items == 32 * window.steps for window in windows)


def test_work_left_over_from_before_is_not_charged_to_the_first_window() -> None:
    clock = FakeClock()
    step = FakeStep(clock, 0.25, asynchronous=True)
    step.run()
    windows = measure_windows(step.run, step.wait, items_per_step=1, seconds=1.0, effort=Effort(), clock=clock)
    assert windows[0] == Window(1, 1, 0.25, 0.5)


def test_windows_of_microsecond_steps_grow_until_the_clock_does_not_show() -> None:
    windows, _ = windows_of(TICK_S, effort=Effort(windows=40, min_window_s=0.005))
    steps = [window.steps for window in windows]
    assert steps[0] == 1
    assert all(after <= 8 * before for before, after in pairwise(steps))
    assert windows[-1].seconds >= 0.005
    assert windows[-1].seconds == pytest.approx(1.0 / 40, rel=0.5)
    assert 20 <= len(windows) <= 90
    assert sorted(steps) == steps


def test_no_settled_window_is_shorter_than_half_the_shortest_allowed() -> None:
    windows, _ = windows_of(TICK_S, seconds=0.1, effort=Effort(windows=1000, min_window_s=0.005))
    assert windows[-1].seconds >= 0.0025


def test_slow_steps_get_a_window_each() -> None:
    windows, _ = windows_of(0.125)
    assert {window.steps for window in windows} == {1}


def test_measuring_ends_when_the_seconds_are_over() -> None:
    windows, step = windows_of(0.03125, seconds=1.0)
    assert step.clock() - 1000.0 == 1.0
    assert len(windows) == 32


def test_the_fewest_windows_are_measured_even_when_the_seconds_are_over() -> None:
    windows, _ = windows_of(0.25, seconds=1.0, effort=Effort(min_windows=8))
    assert len(windows) == 8


def test_patience_ends_a_measurement_that_would_take_too_long() -> None:
    windows, step = windows_of(1.0, seconds=1.0, effort=Effort(min_windows=8, patience=4.0))
    assert len(windows) == 4
    assert step.clock() - 1000.0 == 4.0


def test_one_window_is_measured_even_when_a_step_outlasts_all_patience() -> None:
    windows, _ = windows_of(100.0, seconds=1.0)
    assert len(windows) == 1


def test_the_check_hears_of_all_steps_so_far_after_each_window() -> None:
    heard: list[int] = []
    windows, _ = windows_of(0.125, check=heard.append)
    assert heard == [sum(window.steps for window in windows[: count + 1]) for count in range(len(windows))]


def test_the_time_of_the_check_is_in_no_window() -> None:
    clock = FakeClock()
    step = FakeStep(clock, 0.25)
    windows = measure_windows(
        step.run,
        step.wait,
        items_per_step=1,
        seconds=2.0,
        effort=Effort(),
        clock=clock,
        check=lambda steps: clock.spend(0.5),
    )
    assert {window.seconds for window in windows} == {0.25}
    assert windows[1].start == 0.75


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_trial_and_names_the_step(loss: float) -> None:
    clock = FakeClock()
    step = FakeStep(clock, 0.25)
    step.losses = lambda steps: 1.0 if steps < 3 else loss
    with pytest.raises(DivergedError, match=f"the loss is {loss} after step 3") as caught:
        measure_windows(
            step.run,
            step.wait,
            items_per_step=1,
            seconds=2.0,
            effort=Effort(),
            clock=clock,
            check=check_loss(step),
        )
    assert caught.value.step == 3


def queries_of(cost_s: float, seconds: float, effort: Effort, *, asynchronous: bool = False) -> tuple[float, ...]:
    """Measure queries that cost so much."""
    clock = FakeClock(5.0)
    step = FakeStep(clock, cost_s, asynchronous=asynchronous)
    return measure_queries(step.run, step.wait, seconds=seconds, effort=effort, clock=clock)


@both_kinds
def test_every_query_is_timed_with_its_barrier(*, asynchronous: bool) -> None:
    queries = queries_of(TICK_S * 4096, 1.0, Effort(min_queries=66), asynchronous=asynchronous)
    assert set(queries) == {TICK_S * 4096}
    assert len(queries) == 256


def single_and_windows(cost_s: float, share: float, *, asynchronous: bool) -> tuple[list[float], tuple[Window, ...]]:
    """Measure windows of a second in turn with single steps, for a share of that."""
    clock = FakeClock(5.0)
    step = FakeStep(clock, cost_s, asynchronous=asynchronous)
    effort = Effort(train_s=1.0, min_windows=4, single_share=share)
    single = SingleSteps(step.run, step.wait, effort, clock)
    windows = measure_windows(
        step.run, step.wait, items_per_step=1, seconds=1.0, effort=effort, clock=clock, between=single.keep_up
    )
    single.complete()
    assert sum(window.steps for window in windows) + len(single.seconds) == step.steps
    return single.seconds, windows


@both_kinds
@pytest.mark.parametrize(
    ("cost_s", "share", "count"),
    [(TICK_S * 4096, 1.0, 256), (TICK_S * 4096, 0.5, 128), (0.25, 1.0, 10), (4.0, 1.0, 1), (0.25, 0.0, 0)],
)
def test_single_steps_take_their_share_or_are_ten(
    cost_s: float, share: float, count: int, *, asynchronous: bool
) -> None:
    single, windows = single_and_windows(cost_s, share, asynchronous=asynchronous)
    assert len(single) == pytest.approx(count, rel=0.03)
    assert set(single) <= {cost_s}
    assert sum(window.seconds for window in windows) == pytest.approx(max(1.0, cost_s), rel=0.03)


def test_single_steps_are_spread_over_the_windows() -> None:
    _, windows = single_and_windows(2.0**-5, 1.0, asynchronous=True)
    gaps = [after.start - before.end for before, after in pairwise(windows)]
    assert gaps == [before.seconds for before in windows[:-1]]


def test_single_steps_begin_anew_with_the_windows() -> None:
    clock = FakeClock()
    step = FakeStep(clock, 0.25)
    single = SingleSteps(step.run, step.wait, Effort(single_share=1.0), clock)
    single.keep_up(2.0)
    assert len(single.seconds) == 8
    single.restart()
    single.keep_up(0.5)
    assert single.seconds == [0.25, 0.25]


def test_the_fewest_queries_are_measured_even_when_the_seconds_are_over() -> None:
    assert len(queries_of(0.0625, 2.0, Effort(min_queries=66))) == 66


def test_patience_ends_queries_that_would_take_too_long() -> None:
    assert len(queries_of(0.5, 1.0, Effort(min_queries=66, patience=4.0))) == 8


@both_kinds
def test_a_timed_dispatch_includes_its_barrier(*, asynchronous: bool) -> None:
    clock = FakeClock(3.0)
    step = FakeStep(clock, 0.25, asynchronous=asynchronous)
    assert timed(step.run, step.wait, clock) == 0.25


class Training:
    """A training of ten steps an epoch, each batch 1/16 s on its way and each step 1/8 s; evaluation takes 3 s."""

    def __init__(self, metrics: list[float], *, asynchronous: bool = False) -> None:
        self.clock = FakeClock(100.0)
        self.step = FakeStep(self.clock, 0.125, asynchronous=asynchronous)
        self.metrics = iter(metrics)
        self.epochs: list[int] = []

    def batches(self, number: int) -> Iterator[tuple[Any, Any]]:
        self.epochs.append(number)
        for place in range(10):
            self.clock.spend(0.0625)
            yield (number, place), None

    def evaluate(self) -> float:
        self.clock.spend(3.0)
        return next(self.metrics)

    def run(
        self,
        limit: int = 5,
        target: float | None = 0.9,
        *,
        evaluated: bool = True,
        stop: bool = True,
        energy: Tally | None = None,
    ) -> Convergence:
        return converge(
            self.step,
            self.batches,
            self.evaluate if evaluated else None,
            items_per_step=32,
            epoch_limit=limit,
            reached=None if target is None else lambda value: value >= target,
            clock=self.clock,
            stop_at_target=stop,
            energy=energy,
        )


def test_training_goes_past_the_target_where_epochs_are_asked_for() -> None:
    found = Training([0.5, 0.9, 0.8, 0.7]).run(limit=4, stop=False)
    assert found.reached is True
    assert [epoch.metric for epoch in found.epochs] == [0.5, 0.9, 0.8, 0.7]
    stopped = Training([0.5, 0.9, 0.8, 0.7]).run(limit=4)
    assert found.epochs[:2] == stopped.epochs
    assert Training([0.5, 0.6]).run(limit=2, stop=False).reached is False


class Joules:
    """A tally that counts ten joules for each stretch."""

    def __init__(self) -> None:
        self.stretches = 0

    def begin(self) -> None:
        self.stretches += 1

    def end(self) -> float:
        return 10.0 * self.stretches


def test_energy_is_added_up_over_the_epochs() -> None:
    training = Training([0.5, 0.8])
    found = training.run(limit=2, energy=Joules())  # type: ignore[arg-type]
    assert [epoch.joules for epoch in found.epochs] == [10.0, 20.0]
    assert [epoch.joules for epoch in Training([0.5]).run(limit=1).epochs] == [None]


def test_training_stops_at_the_target() -> None:
    training = Training([0.5, 0.8, 0.9, 0.99])
    found = training.run()
    assert found.reached is True
    assert [epoch.metric for epoch in found.epochs] == [0.5, 0.8, 0.9]
    assert [epoch.number for epoch in found.epochs] == [1, 2, 3]
    assert [epoch.steps for epoch in found.epochs] == [10, 20, 30]
    assert training.epochs == [1, 2, 3]


def test_a_target_missed_is_said_after_the_last_epoch() -> None:
    found = Training([0.5, 0.6, 0.7]).run(limit=3)
    assert found.reached is False
    assert len(found.epochs) == 3


def test_a_target_reached_in_the_last_epoch_counts() -> None:
    assert Training([0.5, 0.9]).run(limit=2).reached is True


@both_kinds
def test_the_clock_of_training_stands_still_in_evaluation(*, asynchronous: bool) -> None:
    found = Training([0.1, 0.2, 0.3], asynchronous=asynchronous).run(limit=3)
    epoch_s = 10 * (0.0625 + 0.125)
    assert [epoch.train_seconds for epoch in found.epochs] == [epoch_s, 2 * epoch_s, 3 * epoch_s]
    assert found.evaluate_s == 9.0
    assert found.windows == (
        Window(10, 320, 100.0, 100.0 + epoch_s),
        Window(10, 320, 103.0 + epoch_s, 103.0 + 2 * epoch_s),
        Window(10, 320, 106.0 + 2 * epoch_s, 106.0 + 3 * epoch_s),
    )


def test_the_loss_of_an_epoch_is_that_of_its_last_step() -> None:
    found = Training([0.1, 0.2]).run(limit=2)
    assert [epoch.loss for epoch in found.epochs] == [1 / 10, 1 / 20]


def test_without_a_target_all_epochs_are_trained_and_nothing_is_reached_or_missed() -> None:
    found = Training([0.99, 0.99]).run(limit=2, target=None)
    assert found.reached is None
    assert len(found.epochs) == 2


def test_without_a_metric_training_goes_on_and_nothing_is_evaluated() -> None:
    found = Training([]).run(limit=2, evaluated=False)
    assert found.reached is None
    assert found.evaluate_s == 0.0
    assert [epoch.metric for epoch in found.epochs] == [None, None]


def test_a_metric_that_is_no_number_does_not_reach_the_target() -> None:
    found = Training([math.nan, math.nan]).run(limit=2)
    assert found.reached is False


def test_training_that_diverges_names_the_step_and_is_not_evaluated() -> None:
    training = Training([0.1])
    training.step.losses = lambda steps: math.nan if steps > 15 else 1.0
    with pytest.raises(DivergedError, match="after step 20"):
        training.run()
    assert next(training.metrics, None) is None
    assert training.epochs == [1, 2]


def test_batches_are_fed_in_turn() -> None:
    step = FakeStep(FakeClock(), 0.0)
    dispatch = cycle_batches(step, [("x0", "y0"), ("x1", "y1"), ("x2", "y2")])
    for _ in range(7):
        dispatch()
    assert [x for x, _ in step.fed] == ["x0", "x1", "x2", "x0", "x1", "x2", "x0"]
    assert all(x[1] == y[1] for x, y in step.fed)


def test_one_input_is_fed_again_and_again() -> None:
    step = FakeStep(FakeClock(), 0.0)
    dispatch = repeat_input(step, "x")  # type: ignore[arg-type]
    dispatch()
    dispatch()
    assert [x for x, _ in step.fed] == ["x", "x"]


def test_windows_go_on_until_the_steps_are_enough() -> None:
    effort = Effort(windows=4, min_windows=1, min_steps=300, patience=2)
    windows, step = windows_of(2.0**-8, seconds=0.1, effort=effort)
    assert step.steps >= 300
    assert sum(window.steps for window in windows) == step.steps


def emptied(blocked_s: float, seconds: float) -> tuple[Window, ...]:
    """Measure steps of 1 ms on a device that a barrier lets run empty, which takes what is left of a blocked step."""
    clock = FakeClock()
    step = FakeStep(clock, 0.001)

    def wait() -> None:
        step.wait()
        clock.spend(blocked_s - 0.001)

    return measure_windows(
        step.run, wait, items_per_step=1, seconds=seconds, effort=Effort(), clock=clock, blocked_s=blocked_s
    )


def test_windows_are_longer_where_a_barrier_costs() -> None:
    cheap, dear = emptied(0.001, 4.0), emptied(0.0015, 4.0)
    assert 0.05 <= cheap[-1].seconds <= 0.1
    assert 0.5 * 0.0005 / MOST_DRAIN <= dear[-1].seconds <= 1.1 * 0.0005 / MOST_DRAIN
    assert dear[-1].step_seconds == pytest.approx(0.001, rel=2 * MOST_DRAIN)


def test_a_dear_barrier_leaves_the_fewest_windows() -> None:
    windows = emptied(0.05, 4.0)
    assert len(windows) >= Effort().min_windows
    assert windows[-1].seconds >= 0.5 * 4.0 / Effort().min_windows


def test_windows_go_on_until_the_interval_is_narrow() -> None:
    def noisy(precision: float) -> int:
        clock = FakeClock()
        step = FakeStep(clock, 2.0**-8)
        plain = step.run

        def run(x: Any = None, y: Any = None) -> None:
            # A step that takes one, two or three times as long, in an order that no window evens out.
            step.cost_s = 2.0**-8 * (1 + (step.steps * step.steps // 3) % 3)
            plain(x, y)

        effort = Effort(windows=10, min_windows=5, rel_precision=precision, patience=50)
        found = measure_windows(run, step.wait, items_per_step=1, seconds=0.2, effort=effort, clock=clock)
        return len(found)

    assert noisy(0.0) < noisy(0.02)
    steady, _ = windows_of(2.0**-8, seconds=0.2, effort=Effort(windows=10, min_windows=5, rel_precision=0.02))
    assert len(steady) < noisy(0.02)


def test_a_diverged_step_is_counted_from_the_start_of_training() -> None:
    step = FakeStep(FakeClock(), 1.0)
    step.losses = lambda steps: math.nan
    with pytest.raises(DivergedError, match="after step 25") as caught:
        check_loss(step, before=20)(5)
    assert caught.value.step == 25


@both_kinds
def test_blocked_steps_tell_the_step_from_its_dispatch(*, asynchronous: bool) -> None:
    clock = FakeClock()
    step = FakeStep(clock, 2.0**-6, asynchronous=asynchronous)
    whole, ahead, count = blocked_steps(step.run, step.wait, clock)
    assert (whole, ahead) == (2.0**-6, 0.0 if asynchronous else 2.0**-6)
    assert count == step.steps == BLOCKED_STEPS


def test_of_long_steps_few_are_blocked() -> None:
    clock = FakeClock()
    step = FakeStep(clock, 60.0)
    assert blocked_steps(step.run, step.wait, clock)[2] == 3

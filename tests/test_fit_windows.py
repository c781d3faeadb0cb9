"""Windows within Keras' loops: a fake loop calls a function for each batch, and a clock stands still but for it."""

from collections.abc import Callable
from typing import Any

import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.measuring.fit_windows import FitWindows
from dlbench.harness.measuring.windows import BLOCKED_STEPS, FEWEST_BLOCKED, Pace
from hypothesis import given, settings
from hypothesis import strategies as st

from .factories import FakeClock

EPOCH_S, LOOP_S = 5.0, 0.001


class Loop:
    """What Keras does: epochs, batches, and between them its own work, which takes time."""

    def __init__(self, step_s: float, epoch_steps: int, barrier_s: float = 0.0, **effort: Any) -> None:
        self.clock = FakeClock(100.0)
        self.steps, self.stopped, self.compiled = 0, False, 0
        self.step_s, self.epoch_steps, self.barrier_s = step_s, epoch_steps, barrier_s
        self.waited: list[Any] = []
        self.effort = Effort(**effort)
        self.after: Callable[[Any], bool] | None = None
        self.compile_at: set[int] = set()

    def run(self, epochs: int = 1000, most_steps: float = float("inf")) -> FitWindows:
        """Train until it is told to stop."""
        effort = self.effort
        windows = FitWindows(
            self.clock,
            self.wait,
            lambda blocked_s: Pace(effort.train_s, effort, 8, blocked_s=blocked_s, most_steps=most_steps),
            lambda: self.compiled,
            end=self.stop,
            after=self.after,
        )
        function = windows.around(self.batch)
        for _ in range(epochs):
            windows.begin()
            self.clock.spend(EPOCH_S)
            for number in range(self.epoch_steps):
                assert function(number) == ("result", number)
                if self.stopped:
                    return windows
                self.clock.spend(LOOP_S)
        return windows

    def batch(self, number: int) -> tuple[str, int]:
        """Do one step."""
        self.steps += 1
        self.compiled += self.steps in self.compile_at
        self.clock.spend(self.step_s)
        return "result", number

    def wait(self, result: Any) -> None:
        """Note that it was waited for."""
        self.waited.append(result)
        self.clock.spend(self.barrier_s)

    def stop(self) -> None:
        """End it."""
        self.stopped = True


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-4, 0.2), st.integers(3, 400))
def test_a_window_holds_steps_and_what_keras_does_between_them(step_s: float, epoch_steps: int) -> None:
    loop = Loop(step_s, epoch_steps)
    found = loop.run(most_steps=max(1, (epoch_steps - 1) // 4))
    assert found.over
    assert found.steps() == loop.steps
    assert loop.stopped
    assert found.pace
    for window in found.pace.windows:
        # The last step of a window ends before Keras' own work, whose share is that of the step before the first.
        assert window.step_seconds == pytest.approx(step_s + LOOP_S)
        assert window.items == 8 * window.steps


def test_an_epoch_and_its_first_step_are_in_no_window() -> None:
    loop = Loop(0.25, 3, train_s=20.0, windows=40)
    found = loop.run(most_steps=1)
    assert found.pace
    assert max(window.seconds for window in found.pace.windows) < EPOCH_S


def test_windows_begin_once_it_is_known_what_a_barrier_costs() -> None:
    loop = Loop(0.001, 100_000, barrier_s=0.004)
    found = loop.run()
    assert found.blocked_s() == pytest.approx(0.001 + LOOP_S + 0.004)
    assert loop.waited[: BLOCKED_STEPS + 1] == [("result", number) for number in range(BLOCKED_STEPS + 1)]
    assert found.pace
    # One barrier for a window, so long that the barrier does not show.
    assert found.pace.windows[-1].step_seconds == pytest.approx(0.001 + LOOP_S, abs=0.004 / found.pace.steps + 1e-9)
    assert found.pace.windows[-1].seconds >= 0.8 / 8 / 2


def test_of_long_steps_few_are_blocked() -> None:
    loop = Loop(10.0, 100)
    found = loop.run()
    assert found.pace
    assert len(loop.waited) - len(found.pace.windows) == FEWEST_BLOCKED + 1


def test_what_compiles_between_epochs_is_not_in_a_window() -> None:
    loop = Loop(0.01, 50)
    loop.compile_at = {1, 51, 101}
    assert loop.run(most_steps=4).compiled == 0
    loop = Loop(0.01, 200)
    loop.compile_at = {1, 40, 60, 70}
    assert loop.run(most_steps=4).compiled == 3


def test_a_window_may_end_the_series() -> None:
    loop = Loop(0.01, 1000)
    seen: list[Any] = []

    def after(result: Any) -> bool:
        seen.append(result)
        return len(seen) == 3

    loop.after = after
    found = loop.run()
    assert found.over
    assert found.steps() == loop.steps
    assert found.pace
    assert len(found.pace.windows) == len(seen) == 3
    assert seen[-1] == ("result", loop.steps - 1)


def test_a_loop_that_ends_first_leaves_what_there_is() -> None:
    found = Loop(0.01, 5).run(epochs=1)
    assert not found.over
    assert found.steps() == 5
    assert found.pace is None
    assert found.blocked_s() == pytest.approx(0.01 + LOOP_S)
    assert Loop(0.01, 1).run(epochs=1).blocked_s() is None

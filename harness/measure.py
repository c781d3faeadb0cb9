"""The loops that measure: windows of steps between barriers, single queries, training to a target.

Each takes the clock as an argument and knows no framework, so that tests drive it with a fake of both.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..backends.backend import ForwardStep, TrainStep
from ..results.model import Epoch, Window

Clock = Callable[[], float]
Dispatch = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure, for one case of one trial."""

    train_s: float = 0.8
    """Seconds of training windows."""
    infer_s: float = 0.3
    """Seconds of inference windows, and as many of single queries."""
    windows: int = 40
    """Windows aimed at; a window holds as many steps as that takes, at least one."""
    min_windows: int = 8
    """Windows measured even when the seconds are over."""
    min_queries: int = 66
    """Queries measured even when the seconds are over: 64 are needed for a p90 with 99 % confidence."""
    min_window_s: float = 0.005
    """Shortest window: below it the clock and the barrier would show."""
    patience: float = 4.0
    """Measuring ends at this multiple of the seconds, whatever the minimums say."""


class DivergedError(Exception):
    """The training loss is not a number any more."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"the loss is {loss} after step {step}")
        self.step = step


def timed(dispatch: Dispatch, wait: Callable[[], None], clock: Clock) -> float:
    """Return the seconds of one dispatch with a barrier after it."""
    start = clock()
    dispatch()
    wait()
    return clock() - start


def measure_windows(
    dispatch: Dispatch,
    wait: Callable[[], None],
    *,
    items_per_step: int,
    seconds: float,
    effort: Effort,
    clock: Clock,
    check: Callable[[int], None] | None = None,
) -> tuple[Window, ...]:
    """Measure windows of several steps, each between two barriers.

    The first windows hold one step each and find how many steps a window needs; they are kept too, since
    settling is found afterwards from all of them.

    Args:
        dispatch: starts one step and may return before it is done.
        wait: blocks until all that was started is done.
        items_per_step: samples in one step.
        seconds: how long to measure.
        effort: number and length of windows.
        clock: seconds, monotonic.
        check: called between windows with the steps done so far; may raise to end the trial.

    """
    windows: list[Window] = []
    wanted_s = max(seconds / effort.windows, effort.min_window_s)
    steps, done = 1, 0
    wait()
    begin = clock()
    while True:
        start = clock()
        for _ in range(steps):
            dispatch()
        wait()
        end = clock()
        windows.append(Window(steps, steps * items_per_step, start, end))
        done += steps
        if check is not None:
            check(done)
        elapsed = end - begin
        if elapsed >= seconds * effort.patience:
            break
        if elapsed >= seconds and len(windows) >= effort.min_windows:
            break
        per_step = (end - start) / steps
        if end - start < wanted_s / 2:
            # Grow by at most eight times: one step alone says little about the next thousand.
            steps = min(steps * 8, max(steps, math.ceil(wanted_s / max(per_step, 1e-9))))
    return tuple(windows)


def measure_queries(
    dispatch: Dispatch, wait: Callable[[], None], *, seconds: float, effort: Effort, clock: Clock
) -> tuple[float, ...]:
    """Return the seconds of single steps, each with a barrier after it."""
    queries: list[float] = []
    begin = clock()
    while True:
        queries.append(timed(dispatch, wait, clock))
        elapsed = clock() - begin
        if elapsed >= seconds * effort.patience:
            break
        if elapsed >= seconds and len(queries) >= effort.min_queries:
            break
    return tuple(queries)


def check_loss(step: TrainStep) -> Callable[[int], None]:
    """Return a check for `measure_windows` that ends a trial whose loss is NaN or infinite."""

    def check(steps: int) -> None:
        loss = step.loss()
        if not math.isfinite(loss):
            raise DivergedError(steps, loss)

    return check


@dataclass(frozen=True, slots=True)
class Convergence:
    """How a training to a target went."""

    epochs: tuple[Epoch, ...]
    windows: tuple[Window, ...]
    """One per epoch: its training steps."""
    reached: bool | None
    evaluate_s: float


def converge(
    step: TrainStep,
    epoch_batches: Callable[[int], Iterator[tuple[Any, Any]]],
    evaluate: Callable[[], float] | None,
    *,
    items_per_step: int,
    epoch_limit: int,
    reached: Callable[[float], bool] | None,
    clock: Clock,
) -> Convergence:
    """Train until the target is reached or the epochs are used up.

    The clock of training covers the batches' way to the device and the steps; it stands still in evaluation.

    Args:
        step: a training step that has been compiled and restarted.
        epoch_batches: gives the batches of an epoch, numbered from 1.
        evaluate: returns the test metric of the model as it is; None for a workload without one.
        items_per_step: samples in one step.
        epoch_limit: most epochs.
        reached: tells whether a metric meets the target; None where there is no target.
        clock: seconds, monotonic.

    Raises:
        DivergedError: the loss became NaN or infinite.

    """
    epochs: list[Epoch] = []
    windows: list[Window] = []
    steps, train_s, evaluate_s, hit = 0, 0.0, 0.0, False
    for number in range(1, epoch_limit + 1):
        before = steps
        start = clock()
        for x, y in epoch_batches(number):
            step.run(x, y)
            steps += 1
        step.wait()
        end = clock()
        train_s += end - start
        windows.append(Window(steps - before, (steps - before) * items_per_step, start, end))
        check_loss(step)(steps)
        metric = None
        if evaluate is not None:
            metric = evaluate()
            evaluate_s += clock() - end
        epochs.append(Epoch(number, steps, train_s, step.loss(), metric))
        if metric is not None and reached is not None and reached(metric):
            hit = True
            break
    known = reached is not None and evaluate is not None
    return Convergence(tuple(epochs), tuple(windows), hit if known else None, evaluate_s)


def cycle_batches(step: TrainStep, batches: Sequence[tuple[Any, Any]]) -> Dispatch:
    """Return a dispatch that feeds a training step with placed batches in turn."""
    position = 0

    def dispatch() -> None:
        nonlocal position
        x, y = batches[position]
        position = (position + 1) % len(batches)
        step.run(x, y)

    return dispatch


def repeat_input(step: ForwardStep, x: Any) -> Dispatch:
    """Return a dispatch that feeds an inference step with one placed input."""
    return lambda: step.run(x)

"""The loops that measure: windows of steps between barriers, single queries, training to a target.

Each takes the clock as an argument and knows no framework, so that tests drive it with a fake of both.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ..backends.backend import ForwardStep, PartialStep, TrainStep
from ..results.figures import relative_halfwidth
from ..results.model import Epoch, Window

Clock = Callable[[], float]
Dispatch = Callable[[], None]


BLOCKED_STEPS = 10
"""Single steps with a barrier each, before the windows: what a step costs when nothing is pipelined."""
FEWEST_BLOCKED, BLOCKED_S = 3, 0.5
"""Of long steps fewer: at least three, and no further one after half a second."""


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
    min_steps: int = 0
    """Training or inference steps measured however long they take."""
    rel_precision: float = 0.0
    """Windows are measured until the 95 % interval of the step time is at most so wide on either side, as a share of
    it; 0: the seconds alone decide."""
    patience: float = 4.0
    """Measuring ends at this multiple of the seconds, whatever the fewest windows and the precision say; `min_steps`
    are done in any case."""
    most_foreign_load: float = 0.05
    """Share of the cores that other programs may take; windows with more are measured again."""
    attempts: int = 3
    """Times that a series of windows is measured at most for that reason; the last one is kept, and marked."""
    memory_steps: int = 20
    """Steady steps of phase memory."""


class DivergedError(Exception):
    """The training loss is not a number any more."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"the loss is {loss} after step {step} of training")
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
    steps, done, looked = 1, 0, 0
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
        if elapsed >= seconds * effort.patience and done >= effort.min_steps:
            break
        if elapsed >= seconds and len(windows) >= effort.min_windows and done >= effort.min_steps:
            if not effort.rel_precision:
                break
            # Looking costs time that grows with the windows: look each time there are a tenth more.
            if len(windows) >= 1.1 * looked:
                looked = len(windows)
                width = relative_halfwidth(windows)
                if width is not None and width <= effort.rel_precision:
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


def check_loss(step: TrainStep, before: int = 0) -> Callable[[int], None]:
    """Return a check for `measure_windows` that ends a trial whose loss is NaN or infinite.

    Args:
        step: the training step.
        before: steps done before the windows.

    """

    def check(steps: int) -> None:
        loss = step.loss()
        if not math.isfinite(loss):
            raise DivergedError(before + steps, loss)

    return check


def blocked_steps(dispatch: Dispatch, wait: Callable[[], None], clock: Clock) -> tuple[float, float, int]:
    """Return the median seconds of single steps with a barrier each, of their dispatch alone, and how many."""
    whole: list[float] = []
    ahead: list[float] = []
    wait()
    begin = clock()
    while len(whole) < BLOCKED_STEPS and (len(whole) < FEWEST_BLOCKED or clock() - begin < BLOCKED_S):
        start = clock()
        dispatch()
        back = clock()
        wait()
        whole.append(clock() - start)
        ahead.append(back - start)
    return median(whole), median(ahead), len(whole)


def cut(epochs: Sequence[Sequence[tuple[int, float]]], items_per_step: int, wanted_s: float) -> tuple[Window, ...]:
    """Return windows of at least some seconds from the times at which steps were done; none spans two epochs.

    Args:
        epochs: per epoch, (steps done, time) in any order.
        items_per_step: samples in one step.
        wanted_s: shortest window.

    """
    windows: list[Window] = []
    for times in epochs:
        ordered = sorted(times)
        start = ordered[0] if ordered else (0, 0.0)
        for steps, now in ordered[1:]:
            if now - start[1] >= wanted_s:
                count = steps - start[0]
                windows.append(Window(count, count * items_per_step, start[1], now))
                start = steps, now
    return tuple(windows)


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


def cycle_batches(step: TrainStep | PartialStep, batches: Sequence[tuple[Any, Any]]) -> Dispatch:
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

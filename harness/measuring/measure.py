"""The loops that measure single queries and training to a target; windows of steps are in `windows`.

Each takes the clock as an argument and knows no framework, so that tests drive it with a fake of both.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...backends.backend import ForwardStep, PartialStep, TrainStep
from ...results.records.model import Epoch, Window
from ..effort import Effort
from .energy import Tally

Clock = Callable[[], float]
Dispatch = Callable[[], None]


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
    stop_at_target: bool = True,
    energy: Tally | None = None,
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
        stop_at_target: False: all epochs are trained, and the target is reached if any of them met it.
        energy: adds up the energy of training.

    Raises:
        DivergedError: the loss became NaN or infinite.

    """
    epochs: list[Epoch] = []
    windows: list[Window] = []
    steps, train_s, evaluate_s, hit = 0, 0.0, 0.0, False
    for number in range(1, epoch_limit + 1):
        before = steps
        if energy is not None:
            energy.begin()
        start = clock()
        for x, y in epoch_batches(number):
            step.run(x, y)
            steps += 1
        step.wait()
        end = clock()
        train_s += end - start
        joules = energy.end() if energy is not None else None
        windows.append(Window(steps - before, (steps - before) * items_per_step, start, end))
        check_loss(step)(steps)
        metric = None
        if evaluate is not None:
            start = clock()
            metric = evaluate()
            evaluate_s += clock() - start
        epochs.append(Epoch(number, steps, train_s, step.loss(), metric, joules))
        if metric is not None and reached is not None and reached(metric):
            hit = True
            if stop_at_target:
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

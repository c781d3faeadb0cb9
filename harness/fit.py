"""Keras' own `fit` and `predict`, timed from inside by a callback that does not slow them down.

Keras hands a callback the logs of a step once they are computed. Where a framework dispatches ahead it does so in a
thread of its own, but only if every callback says that it is safe there (`async_safe`); one that does not say so makes
each step wait for the one before. The times at which steps were done are thus those of the pipelined loop, and windows
are cut from them afterwards. They never span the end of an epoch, whose own cost is a figure apart.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import keras
import numpy as np

from ..results.model import Case, Window
from . import memory
from .feed import SamplesDataset
from .measure import Clock, DivergedError, Effort, cut, measure_queries, timed
from .session import FirstStep, Session
from .weights_check import check_moved, read_digests

Compilations = Callable[[], int | None]
LONG_EPOCH_STEPS = 2000
"""The samples are repeated until an epoch has so many steps, or until LONG_EPOCH_BYTES."""
LONG_EPOCH_BYTES = 64 * 2**20
FEWEST_BATCHES = 16
"""Of one long call of `predict`, whatever their size."""
SETTLING_STEPS = 3
CALLS = 3
SHORT_EPOCHS = 6
MOST_EPOCHS = 10**6


class StepCompilations:
    """What was compiled from the first step of a call to its last: a call itself may trace its pipeline anew."""

    def __init__(self, count: Compilations) -> None:
        self._count = count
        self._first: int | None = None
        self.found = 0

    def step(self) -> None:
        """Note that a step was done."""
        now = self._count()
        if now is not None:
            self._first = now if self._first is None else self._first
            self.found = now - self._first


class StepTimes(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes when each step was done, and ends the training when the time is over."""

    async_safe = True

    def __init__(self, clock: Clock, seconds: float, fewest: int, compilations: Compilations) -> None:
        super().__init__()
        self._clock, self._seconds, self._fewest = clock, seconds, fewest
        self.compilations = StepCompilations(compilations)
        self._begin: float | None = None
        self._done = 0
        self._over = False
        self.epochs: list[list[tuple[int, float]]] = []
        """Per epoch: (steps of the epoch so far, time) for each step."""
        self.diverged: tuple[int, float] | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the list of an epoch."""
        self.epochs.append([])

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """End the training when the time is over: here, in Keras' own thread, and not in the one that notes times."""
        if self._over:
            self.model.stop_training = True

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the time; called when the step's loss is known."""
        now = self._clock()
        self.epochs[-1].append((batch + 1, now))
        self._done += 1
        self.compilations.step()
        self._begin = self._begin or now
        loss = logs["loss"]
        if not math.isfinite(loss):
            self.diverged = self._done, loss
        self._over = bool(self.diverged) or (now - self._begin >= self._seconds and self._done >= self._fewest)


class BatchTimes(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes when each batch of `predict` was done."""

    async_safe = True

    def __init__(self, session: Session, clock: Clock) -> None:
        super().__init__()
        self._wait, self._clock = session.runtime.wait_for, clock
        self.compilations = StepCompilations(session.runtime.compilations)
        self.times: list[tuple[int, float]] = []

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the time at which the batch's outputs are computed."""
        self._wait(logs["outputs"])
        self.compilations.step()
        self.times.append((batch + 1, self._clock()))


class FitTraining:
    """A compiled Keras model that trains by `fit`, with its data in the form that the feed asks for."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock
        problem, request = session.problem, session.request
        loss = list(problem.loss) if isinstance(problem.loss, tuple) else problem.loss
        self._model = problem.model
        self._model.compile(
            optimizer=problem.optimizer,
            loss=loss,
            auto_scale_loss=False,
            **session.runtime.compile_arguments(request.compile_kind),
        )

    def steps(self, count: int) -> None:
        """Train so many steps in one call, the samples in order as often as it takes."""
        rows = np.arange(count * self._session.request.batch_size) % self._session.samples
        self.call(rows)

    def first_step(self) -> FirstStep:
        """Return the cost of the first call, with one step in it: compiling, and what `fit` itself needs."""
        memory.reset_peak()
        seconds = timed(lambda: self.steps(1), lambda: None, self._clock)
        return FirstStep(seconds, memory.peak_bytes())

    def fixed_costs(self, step_s: float) -> dict[str, float]:
        """Return what one more call, and one more epoch within a call, cost beside their steps; negative: noise."""
        calls = [timed(lambda: self.steps(1), lambda: None, self._clock) for _ in range(CALLS)]
        several = self.call(np.arange(self._session.request.batch_size), epochs=SHORT_EPOCHS)
        call_s = median(calls)
        epoch_s = (several - call_s) / (SHORT_EPOCHS - 1) - step_s
        return {"call_s": call_s - step_s, "epoch_s": epoch_s}

    def run(self, effort: Effort) -> StepTimes:
        """Train in one call until the time is over and return when each step was done."""
        times = StepTimes(self._clock, effort.train_s, effort.min_steps, self._session.runtime.compilations)
        self.call(self.long_rows(), epochs=MOST_EPOCHS, callbacks=(times,))
        return times

    def call(self, rows: np.ndarray, *, epochs: int = 1, callbacks: Sequence[Any] = ()) -> float:
        """Call `fit` once on some rows of the samples and return its seconds."""
        data = self._data(rows)
        return timed(
            lambda: self._model.fit(**data, epochs=epochs, verbose=0, callbacks=list(callbacks)),
            lambda: None,
            self._clock,
        )

    def long_rows(self) -> np.ndarray:
        """Return the rows of a long epoch: the training samples again and again, whole batches only."""
        request, data = self._session.request, self._session.data
        sample_bytes = sum(array[0].nbytes for array in (*data.train_x, *data.train_y))
        most = max(LONG_EPOCH_BYTES // max(sample_bytes, 1), self._session.samples)
        count = min(LONG_EPOCH_STEPS * request.batch_size, most) // request.batch_size * request.batch_size
        return np.arange(max(count, request.batch_size)) % self._session.samples

    def _data(self, rows: np.ndarray) -> dict[str, Any]:
        session, size = self._session, self._session.request.batch_size
        x = session.as_inputs([array[rows] for array in session.data.train_x])
        targets = [array[rows] for array in session.data.train_y]
        y = targets[0] if len(targets) == 1 else targets
        if session.request.feed == "numpy":
            return {"x": x, "y": y, "batch_size": size}
        if session.request.feed == "pydataset":
            return {"x": SamplesDataset(x, y, size)}
        return {"x": session.runtime.own_dataset(x, y, size)}


def measure_fit_train(session: Session, case: Case, clock: Clock) -> dict[str, Any]:
    """Measure the steps of one long call of `fit`."""
    request, effort = session.request, session.request.effort
    before = read_digests(session.problem)
    training = FitTraining(session, clock)
    first = training.first_step()
    training.steps(SETTLING_STEPS)
    memory.reset_peak()
    compiled = 0

    def measure() -> tuple[Window, ...]:
        nonlocal compiled
        times = training.run(effort)
        compiled += times.compilations.found
        if times.diverged:
            raise DivergedError(*times.diverged)
        return cut(times.epochs, request.batch_size, max(effort.train_s / effort.windows, effort.min_window_s))

    seen = session.watched(measure, lambda: compiled)
    steady = memory.peak_bytes()
    unmoved = check_moved(before, read_digests(session.problem))
    fixed = training.fixed_costs(median(window.step_seconds for window in seen.windows))
    work = session.work(request.batch_size)
    return {
        "windows": seen.windows,
        "marks": {
            **seen.marks,
            **fixed,
            "first_step_s": first.seconds,
            "peak_first_step_bytes": first.peak_bytes,
            "peak_steady_bytes": steady,
            "device_peak_bytes": session.runtime.device_peak_bytes(),
            "unmoved_share": unmoved,
            "forward_flops": work.forward_flops,
            "training_flops": work.training_flops,
        },
        "ledger": {
            "batch_size": request.batch_size,
            "feed": request.feed,
            "layout": session.layout(),
            "flops_unknown": ", ".join(work.unknown) or None,
            "steps_per_execution": 1,
        },
        "flags": seen.flags,
    }


def measure_fit_infer(session: Session, case: Case, clock: Clock) -> dict[str, Any]:
    """Measure the batches of long calls of `predict`, and whole calls with one batch for the latency."""
    effort, request = session.request.effort, session.request
    size = int(case.get("batch_size") or request.batch_size)
    model = session.problem.model
    model.compile(**session.runtime.compile_arguments(request.compile_kind))
    samples = len(session.data.test_x[0])

    def inputs(count: int) -> Any:
        rows = np.arange(count * size) % samples
        return session.as_inputs([array[rows] for array in session.data.test_x])

    one = inputs(1)

    def query() -> None:
        model.predict(one, batch_size=size, verbose=0)

    first = timed(query, lambda: None, clock)
    query()
    queries = measure_queries(query, lambda: None, seconds=effort.infer_s, effort=effort, clock=clock)
    wanted_s = max(effort.infer_s / effort.windows, effort.min_window_s)
    few = inputs(FEWEST_BATCHES)
    call_of_few_s = timed(lambda: model.predict(few, batch_size=size, verbose=0), lambda: None, clock)
    step_s = max(call_of_few_s - median(queries), 0.0) / (FEWEST_BATCHES - 1)
    sample_bytes = sum(array[0].nbytes for array in session.data.test_x)
    most = min(LONG_EPOCH_STEPS, LONG_EPOCH_BYTES // max(size * sample_bytes, 1))
    wanted_steps = math.ceil(effort.infer_s / step_s) if step_s > 0 else most
    many = inputs(max(FEWEST_BATCHES, min(most, wanted_steps)))
    compiled = 0

    def measure() -> tuple[Window, ...]:
        nonlocal compiled
        windows: list[Window] = []
        begin = clock()
        while clock() - begin < effort.infer_s or len(windows) < effort.min_windows:
            times = BatchTimes(session, clock)
            model.predict(many, batch_size=size, verbose=0, callbacks=[times])
            windows += cut([times.times], size, wanted_s)
            compiled += times.compilations.found
            if clock() - begin >= effort.infer_s * effort.patience:
                break
        return tuple(windows)

    seen = session.watched(measure, lambda: compiled)
    work = session.work(size)
    call_s = median(queries) - median(window.step_seconds for window in seen.windows)
    return {
        "windows": seen.windows,
        "queries": queries,
        "marks": {**seen.marks, "first_forward_s": first, "call_s": call_s, "forward_flops": work.forward_flops},
        "ledger": {"batch_size": size, "feed": "numpy", "layout": session.layout()},
        "flags": seen.flags,
    }

"""Keras' own `fit` and `predict`: windows of their steps, and what a call and an epoch cost beside them.

Both are timed from around the function that they call for each batch (`FitWindows`), not by a callback per batch.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import keras
import numpy as np

from ...results.records.model import Case, Window
from ..effort import Effort
from . import memory
from .feed import SamplesDataset
from .fit_windows import FitWindows
from .measure import Clock, DivergedError, measure_queries, timed
from .session import FirstStep, Session
from .watch import leak, told
from .weights_check import check_driven, check_moved, read_digests, unmoved_flag
from .windows import Pace

LONG_EPOCH_STEPS = 2000
"""The samples are repeated until an epoch has so many steps, or until LONG_EPOCH_BYTES."""
LONG_EPOCH_BYTES = 64 * 2**20
FEWEST_EPOCH_STEPS = 4
"""However large they are: the first step of an epoch is in no window."""
FEWEST_BATCHES = 16
"""Of one long call of `predict`, whatever their size."""
SETTLING_STEPS = 3
CALLS = 3
SHORT_EPOCHS = 6
MOST_EPOCHS = 10**6


class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the windows where an epoch begins; it asks for no call per batch."""

    def __init__(self, windows: FitWindows) -> None:
        super().__init__()
        self._windows = windows

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tell it."""
        self._windows.begin()


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

    def train_once(self, number: int) -> None:
        """Train one step on the first batch (0), or on the second with other targets (1)."""
        rows = np.arange(self._session.request.batch_size) + number * self._session.request.batch_size
        rows %= self._session.samples
        self._model.fit(**self._data(rows, np.roll(rows, number)), epochs=1, verbose=0)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Put the state variables back to some values."""
        for variable, value in zip(self._session.state().every, values, strict=True):
            variable.assign(value)

    def fixed_costs(self, step_s: float) -> dict[str, float]:
        """Return what one more call, and one more epoch within a call, cost beside their steps; negative: noise."""
        calls = [timed(lambda: self.steps(1), lambda: None, self._clock) for _ in range(CALLS)]
        several = self.call(np.arange(self._session.request.batch_size), epochs=SHORT_EPOCHS)
        call_s = median(calls)
        epoch_s = (several - call_s) / (SHORT_EPOCHS - 1) - step_s
        return {"call_s": call_s - step_s, "epoch_s": epoch_s}

    def windows(self, effort: Effort, resident: list[int]) -> FitWindows:
        """Train in one call until the time is over; resident memory after each window is added to a list.

        Raises:
            DivergedError: the loss became NaN or infinite.

        """
        runtime, model, rows = self._session.runtime, self._model, self.long_rows()
        size = self._session.request.batch_size
        most = most_steps(len(rows) // size)
        diverged: list[DivergedError] = []

        def after(result: Any) -> bool:
            now = memory.resident_bytes()
            if now is not None:
                resident.append(now)
            logs = result[0] if isinstance(result, tuple) else result
            loss = float(logs["loss"])
            if not math.isfinite(loss):
                diverged.append(DivergedError(1 + SETTLING_STEPS + windows.steps(), loss))
            return bool(diverged)

        def end() -> None:
            model.stop_training = True

        windows = FitWindows(
            self._clock,
            runtime.wait_for,
            lambda blocked_s: Pace(effort.train_s, effort, size, blocked_s=blocked_s, most_steps=most),
            runtime.compilations,
            after=after,
            end=end,
        )
        self.call(rows, epochs=MOST_EPOCHS, windows=windows)
        if diverged:
            raise diverged[0]
        return windows

    def call(self, rows: np.ndarray, *, epochs: int = 1, windows: FitWindows | None = None) -> float:
        """Call `fit` once on some rows of the samples and return its seconds; not the first call, if it has windows."""
        data = self._data(rows)
        plain, callbacks = self._model.train_function, []
        if windows is not None:
            self._model.train_function = windows.around(plain)
            callbacks = [Epochs(windows)]
        try:
            return timed(
                lambda: self._model.fit(**data, epochs=epochs, verbose=0, callbacks=callbacks),
                lambda: None,
                self._clock,
            )
        finally:
            if windows is not None:
                self._model.train_function = plain

    def long_rows(self) -> np.ndarray:
        """Return the rows of a long epoch: the training samples again and again, whole batches only."""
        request, data = self._session.request, self._session.data
        sample_bytes = sum(array[0].nbytes for array in (*data.train_x, *data.train_y))
        most = max(LONG_EPOCH_BYTES // max(sample_bytes, 1), self._session.samples)
        count = min(LONG_EPOCH_STEPS, max(most // request.batch_size, FEWEST_EPOCH_STEPS))
        return np.arange(count * request.batch_size) % self._session.samples

    def _data(self, rows: np.ndarray, target_rows: np.ndarray | None = None) -> dict[str, Any]:
        session, size = self._session, self._session.request.batch_size
        x = session.as_inputs([array[rows] for array in session.data.train_x])
        targets = [array[rows if target_rows is None else target_rows] for array in session.data.train_y]
        y = targets[0] if len(targets) == 1 else targets
        if session.request.feed == "numpy":
            return {"x": x, "y": y, "batch_size": size}
        if session.request.feed == "pydataset":
            return {"x": SamplesDataset(x, y, size)}
        return {"x": session.runtime.own_dataset(x, y, size)}


def most_steps(batches: int) -> int:
    """Return how long windows may be so that an epoch or a call of so many batches has several."""
    return max(1, (batches - 1) // 4)


def measure_fit_train(session: Session, case: Case, clock: Clock) -> dict[str, Any]:
    """Measure the steps of one long call of `fit`."""
    request, effort = session.request, session.request.effort
    before = read_digests(session.state())
    training = FitTraining(session, clock)
    first = training.first_step()
    training.steps(SETTLING_STEPS)
    memory.reset_peak()
    compiled, blocked_s = 0, None
    resident: list[int] = []

    def measure() -> tuple[Window, ...]:
        nonlocal compiled, blocked_s
        resident.clear()
        found = training.windows(effort, resident)
        compiled, blocked_s = compiled + found.compiled, found.blocked_s()
        return tuple(found.pace.windows) if found.pace else ()

    seen = session.watched(measure, lambda: compiled)
    steady = memory.peak_bytes()
    unmoved = check_moved(before, read_digests(session.state()))
    fixed = training.fixed_costs(median(window.step_seconds for window in seen.windows))
    if session.can_check_driven():
        check_driven(training.train_once, training.restart, session.state())
    work = session.work(request.batch_size)
    return {
        "windows": seen.windows,
        "marks": {
            **seen.marks,
            **fixed,
            "first_step_s": first.seconds,
            "blocked_step_s": blocked_s,
            "peak_first_step_bytes": first.peak_bytes,
            "peak_steady_bytes": steady,
            "device_peak_bytes": session.runtime.device_peak_bytes(),
            "unmoved_share": unmoved,
            "forward_flops": work.forward_flops,
            "training_flops": work.training_flops,
        },
        "ledger": session.settled(work, request.batch_size, request.feed),
        "flags": seen.flags | told(unmoved=unmoved_flag(unmoved), leaking=leak(resident)),
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
    few = inputs(FEWEST_BATCHES)
    call_of_few_s = timed(lambda: model.predict(few, batch_size=size, verbose=0), lambda: None, clock)
    step_s = max(call_of_few_s - median(queries), 0.0) / (FEWEST_BATCHES - 1)
    sample_bytes = sum(array[0].nbytes for array in session.data.test_x)
    most = min(LONG_EPOCH_STEPS, LONG_EPOCH_BYTES // max(size * sample_bytes, 1))
    wanted_steps = math.ceil(effort.infer_s / step_s) if step_s > 0 else most
    calls = max(FEWEST_BATCHES, min(most, wanted_steps))
    many = inputs(calls)
    compiled = 0

    def end() -> None:
        model.stop_predicting = True

    def measure() -> tuple[Window, ...]:
        nonlocal compiled
        windows = FitWindows(
            clock,
            session.runtime.wait_for,
            lambda blocked_s: Pace(effort.infer_s, effort, size, blocked_s=blocked_s, most_steps=most_steps(calls)),
            session.runtime.compilations,
            end=end,
        )
        plain = model.predict_function
        model.predict_function = windows.around(plain)
        try:
            while not windows.over:
                windows.begin()
                model.predict(many, batch_size=size, verbose=0)
        finally:
            model.predict_function = plain
        compiled += windows.compiled
        return tuple(windows.pace.windows) if windows.pace else ()

    seen = session.watched(measure, lambda: compiled)
    work = session.work(size)
    call_s = median(queries) - median(window.step_seconds for window in seen.windows)
    return {
        "windows": seen.windows,
        "queries": queries,
        "marks": {**seen.marks, "first_forward_s": first, "call_s": call_s, "forward_flops": work.forward_flops},
        "ledger": session.settled(work, size, "numpy"),
        "flags": seen.flags,
    }

"""The parity role: what one backend computes from given weights over given batches, in a process of its own."""

import hashlib
import json
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ...backends import catalog as backends
from ...backends.backend import ForwardStep, PartialStep, Runtime, StepSettings, TrainStep
from ...backends.determinism import DeterministicMode, deterministic_mode
from ...results.errors import BrokenError
from ...results.parity.computation import Computation, Sensitivity
from ...results.records.codec import from_json, to_json
from ...results.statistics.deviation import gradients_deviation, losses_deviation, outputs_deviation
from ...workloads.reference import resolve
from ..effort import Effort
from ..measuring.load import foreign_load, read_load
from ..measuring.measure import cycle_batches
from ..measuring.windows import measure_windows
from .isolation import OPTIONAL_FOR_KERAS, also_hidden, hide
from .parity_model import DOUBLE, calm, in_double, layers_of, variable_facts
from .parity_wire import ParityRequest
from .worker import classify

ULP = 2.0**-23
"""The relative step from one float32 to the next is between half of this and this."""
State = list[np.ndarray]


def main(data: Mapping[str, Any]) -> int:
    """Answer a parity request; 0 when it could be answered."""
    request = from_json(ParityRequest, data["parity"])
    try:
        reply = _answer(request)
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is the answer
        traceback.print_exc()
        kind, message = classify(error)
        reply = Computation(error=message if kind == "error" else f"{kind}: {message}")
    Path(request.job.reply).write_text(json.dumps(to_json(reply)), encoding="utf-8")
    return int(reply.error is not None)


def _answer(request: ParityRequest) -> Computation:
    job = request.job
    backend = backends.get(job.backend)
    finder = hide(backends.foreign_modules(job.backend) - set(job.allow_import))
    with also_hidden(finder, set(OPTIONAL_FOR_KERAS) - set(job.allow_import)):
        runtime = backend.open_runtime(job.device)
        import keras

        from ..measuring.session import Session
    mode = deterministic_mode(job.backend, job.device)
    if request.deterministic and isinstance(mode, DeterministicMode):
        mode.switch_on()
    if job.lane == "matched" or request.reference:
        runtime.match()
    if request.reference:
        keras.config.set_floatx(DOUBLE)
        with in_double():
            session = Session(job, resolve(job.workload), runtime, time.perf_counter)
    else:
        session = Session(job, resolve(job.workload), runtime, time.perf_counter)
    return Rehearsal(request, session, runtime).reply()


class Rehearsal:
    """One problem with the weights that all backends start from."""

    def __init__(self, request: ParityRequest, session: Any, runtime: Runtime) -> None:
        from ...backends.objective import state_of

        self._request = request
        self._session = session
        self._runtime = runtime
        self._settings = StepSettings(request.job.compile_kind, matched=request.matched)
        self._variables = state_of(session.problem).every
        self._trainable = list(session.problem.model.trainable_variables)
        self._calmed, self._random = calm(session.problem.model)
        self._gaps: dict[str, str] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._state, self._own = self._shared_state(Path(request.weights))
        self._first_batch = next(_endless(session))
        self._forward: ForwardStep | None = None
        self._partial: PartialStep | None = None
        self._step: TrainStep | None = None

    def reply(self) -> Computation:
        """Compute everything that was asked for, and keep the large arrays in their file."""
        request = self._request
        noises = [np.random.default_rng((request.job.seed, number)) for number in range(request.perturbations)]
        first: float | None = None
        # Before any training step: on JAX it takes the memory of the Keras variables.
        if not request.only_trajectory:
            outputs = self._guarded("outputs", self._outputs)
            loss_gradients = self._guarded("gradients", self._gradients)
            self._keep("outputs", outputs or [])
            if loss_gradients:
                first = loss_gradients[0]
                self._keep("gradients", loss_gradients[1])
            spread = [self._deviations(self._moved(self._state, noise), outputs, loss_gradients) for noise in noises]
            self._assign(self._state)
        losses, trained = self._trajectory(self._state, keep=not request.only_trajectory)
        again, trained_again = self._trajectory(self._state)
        sensitivity = None
        if noises and not request.only_trajectory:
            found = [losses_deviation(self._trajectory(self._state, noise)[0], losses) for noise in noises]
            steps = np.maximum.accumulate(np.max(found, axis=0))
            outputs_by, loss_by, gradients_by = (max(found) for found in zip(*spread, strict=True))
            sensitivity = Sensitivity(outputs_by, loss_by, gradients_by, tuple(steps.tolist()))
        with Path(request.arrays).open("wb") as file:
            np.savez(file, **self._arrays)  # type: ignore[arg-type]
        seconds, busy = self._step_seconds() if request.timing_s else (None, None)
        model = self._session.problem.model
        return Computation(
            losses=tuple(losses),
            first_loss=first,
            repeat_losses=tuple(again),
            trained=trained,
            repeat_trained=trained_again,
            own_weights=self._own,
            optimizer=type(self._session.problem.optimizer).__name__,
            variables=variable_facts(model),
            layers=tuple(sorted({type(layer).__name__ for layer in layers_of(model)})),
            calmed=self._calmed,
            random=self._random,
            gaps=self._gaps,
            sensitivity=sensitivity,
            step_seconds=seconds,
            foreign_load=busy,
            facts=self._runtime.facts(),
        )

    def _shared_state(self, path: Path) -> tuple[State, bool]:
        """Return every variable's value, the same for all processes, and whether this one drew the same weights.

        The values are those of float32; the first process writes the file.
        """
        drawn = [_value(variable) for variable in self._variables]
        own = [_as_float32(value) for value in drawn]
        if not path.exists():
            with path.open("wb") as file:
                np.savez(file, *own)
        with np.load(path) as stored:
            shared = [stored[name] for name in stored.files]
        if [value.shape for value in shared] != [value.shape for value in own]:
            raise BrokenError(f"the model has other variables on {self._request.job.backend} than on the first backend")
        same = all(np.array_equal(a, b) for a, b in zip(own, shared, strict=True))
        # In the variables' own precision, so that a reference computes its first step in float64 too.
        state = [
            value.astype(kept.dtype) if _is_float(value) else kept for value, kept in zip(shared, drawn, strict=True)
        ]
        self._assign(state)
        return state, same

    def _assign(self, state: Sequence[np.ndarray]) -> None:
        for variable, value in zip(self._variables, state, strict=True):
            variable.assign(value)

    def _moved(self, state: State, noise: np.random.Generator) -> State:
        """Return a state with each trainable weight moved by about one unit in the last place of float32."""
        moved = list(state)
        for place, value in enumerate(state[: len(self._trainable)]):
            if _is_float(value):
                signs = noise.choice(np.array([-1.0, 1.0]), value.shape)
                moved[place] = (value.astype(np.float64) * (1.0 + ULP * signs)).astype(self._float)
        return moved

    @property
    def _float(self) -> str:
        return DOUBLE if self._request.reference else "float32"

    def _outputs(self) -> list[np.ndarray]:
        if self._forward is None:
            self._forward = self._runtime.forward_step(self._session.problem, self._settings)
        step = self._forward
        step.refresh()
        step.run(self._session.placed_input(self._request.job.batch_size))
        step.wait()
        return step.outputs()

    def _gradients(self) -> tuple[float, list[np.ndarray]]:
        if self._partial is None:
            self._partial = self._runtime.partial_step(self._session.problem, self._settings, backward=True)
        step = self._partial
        step.refresh()
        step.run(*self._first_batch)
        step.wait()
        return step.loss(), step.gradients()

    def _deviations(
        self, state: State, outputs: list[np.ndarray] | None, found: tuple[float, list[np.ndarray]] | None
    ) -> tuple[float, float, float]:
        """Return how far outputs, loss and gradients move with the weights; 0 for what could not be computed."""
        self._assign(state)
        by_outputs = outputs_deviation(self._outputs(), outputs) if outputs else 0.0
        if not found:
            return by_outputs, 0.0, 0.0
        loss, gradients = self._gradients()
        return by_outputs, float(losses_deviation([loss], [found[0]])[0]), gradients_deviation(gradients, found[1])

    def _trajectory(
        self, state: State, noise: np.random.Generator | None = None, *, keep: bool = False
    ) -> tuple[list[float], str]:
        """Train from a state; return the loss before each step and after the last, and a digest of the weights.

        With noise the weights are moved before each step, as storing them in float32 moves them.
        """
        step = self._train_step()
        step.restart(self._moved(state, noise) if noise else state)
        losses = []
        for number, (x, y) in enumerate(islice(_endless(self._session), self._request.steps + 1)):
            step.run(x, y)
            step.wait()
            losses.append(step.loss())
            if noise:
                step.sync()
                step.restart(self._moved([_value(variable) for variable in self._variables], noise))
            elif keep and number == 0:
                step.sync()
                now = [_value(variable) for variable in self._trainable]
                self._keep("moves", [after - before for after, before in zip(now, self._state, strict=False)])
        step.sync()
        return losses, _digest([_value(variable) for variable in self._variables])

    def _train_step(self) -> TrainStep:
        if self._step is None:
            self._step = self._runtime.train_step(self._session.problem, self._settings)
        return self._step

    def _step_seconds(self) -> tuple[float, float | None]:
        """Return the median time of steady training steps, and the share of the cores that others took meanwhile."""
        step, effort = self._train_step(), replace(Effort(), train_s=self._request.timing_s)
        step.restart(self._state)
        dispatch = cycle_batches(step, self._session.placed_batches())
        tried: list[tuple[float, float | None]] = []
        for _ in range(effort.attempts):
            before = read_load()
            windows = measure_windows(
                dispatch, step.wait, items_per_step=1, seconds=effort.train_s, effort=effort, clock=time.perf_counter
            )
            busy = foreign_load(before, read_load())
            tried.append((median(window.step_seconds for window in windows[len(windows) // 3 :]), busy))
            if busy is None or busy <= effort.most_foreign_load:
                break
        return min(tried, key=lambda attempt: attempt[1] or 0.0)

    def _guarded(self, what: str, compute: Any) -> Any:
        """Return what a function computes; None, and a gap with the reason, where it fails."""
        try:
            return compute()
        except Exception as error:  # noqa: BLE001 - the other quantities may still be had
            traceback.print_exc()
            self._gaps[what] = classify(error)[1]
            return None

    def _keep(self, name: str, values: Sequence[np.ndarray]) -> None:
        self._arrays |= {f"{name}_{place}": value for place, value in enumerate(values)}


def _endless(session: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the batches of one epoch after the other, in the order that the seed gives."""
    if session.samples < session.request.batch_size:
        raise BrokenError(f"{session.samples} training samples give no batch of {session.request.batch_size}")
    return chain.from_iterable(session.epoch_batches(number) for number in count())


def _value(variable: Any) -> np.ndarray:
    import keras

    value: np.ndarray = keras.ops.convert_to_numpy(variable.value)
    return np.array(value)


def _is_float(value: np.ndarray) -> bool:
    return np.issubdtype(value.dtype, np.floating)


def _as_float32(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32) if _is_float(value) else value


def _digest(values: Sequence[np.ndarray]) -> str:
    total = hashlib.sha256()
    for value in values:
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()

"""One problem, built in a worker: the model with its data, and the steps made from it, shared by the job's cases."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...backends.backend import ForwardStep, Native, Runtime, StateVariables, StepSettings, TrainStep
from ...backends.objective import model_inputs, state_of
from ...results.errors import BrokenError, UnsupportedError, UsageError
from ...results.factors import Scalar
from ...workloads import data_file, initial, metrics
from ...workloads.metrics import Metric
from ...workloads.optimizers import make_optimizer, parse_optimizer
from ...workloads.work import Work, count_work
from ...workloads.workload import Arrays, Data, Generation, Problem, Workload
from ..host import usable_cores
from ..wire import Request
from . import memory
from .energy import open_meter
from .measure import Clock, timed
from .watch import Watched, Windows, watched

PLACED_BATCHES = 8
"""Training batches kept on the device; steady steps go round them."""


@dataclass(frozen=True, slots=True)
class FirstStep:
    """What the first training step cost: tracing, compiling and one step."""

    seconds: float
    peak_bytes: int | None


class Session:
    """The built problem of one job."""

    def __init__(self, request: Request, workload: Workload, runtime: Runtime, clock: Clock) -> None:
        self.request = request
        self.runtime = runtime
        self._workload = workload
        self._clock = clock
        self.settings = StepSettings(request.compile_kind, matched=request.lane == "matched")
        self.meter = open_meter(request.device)
        self._train: TrainStep | None = None
        self._first: FirstStep | None = None
        self._forward: ForwardStep | None = None
        self._native: Native | None = None
        self._placed: list[tuple[Any, Any]] | None = None
        self.marks: dict[str, float] = {}
        start = clock()
        self.data, stored = data_file.read(Path(request.data.path))
        if stored != request.data.sha256 or data_file.digest(self.data) != stored:
            raise BrokenError(f"the prepared data {request.data.path} changed since the run began; run again")
        self.marks["data_s"] = clock() - start
        self._mark_resident("rss_data_bytes")
        start = clock()
        self.problem = _build(request, workload, self.data)
        self._own_metric: Metric | None = workload.metric
        self.marks["build_s"] = clock() - start
        self.marks["parameters"] = float(self.problem.model.count_params())
        self._mark_resident("rss_built_bytes")
        self._check_sizes()
        if self.has_own_twin:
            start = clock()
            self.native()
            self.marks["build_s"] = clock() - start
        self.initial_weights = initial.weights_digest(
            self.state().trainable if self.has_own_twin else self.problem.model.weights
        )
        self._initial_state = Path(request.reply).with_suffix(".npz")
        if any(case.get("phase") == "converge" for case in request.cases):
            np.savez(self._initial_state, *(keras.ops.convert_to_numpy(v.value) for v in self.state().every))

    def train_step(self) -> TrainStep:
        """Return the training step; made, and run once, when first asked for."""
        if self._train is None:
            memory.reset_peak()
            self._train = self.make_train_step()
            x, y = self.placed_batches()[0]
            step = self._train
            seconds = timed(lambda: step.run(x, y), step.wait, self._clock)
            self._first = FirstStep(seconds, memory.peak_bytes())
        return self._train

    def make_train_step(self) -> TrainStep:
        """Make the training step of the execution asked for."""
        if self.request.execution == "native":
            return self.native().train_step()
        return self.runtime.train_step(self.problem, self.settings)

    def native(self) -> Native:
        """Return the workload's twin; made when first asked for."""
        if self._native is None:
            self._native = self._own_native() or self.runtime.native(
                self.request.workload.name, self.problem, self.settings
            )
        return self._native

    def state(self) -> StateVariables:
        """Return what training changes: variables of Keras, or those of a user's own twin."""
        own = self.native().state if self.has_own_twin else None
        return own or state_of(self.problem)

    @property
    def has_own_twin(self) -> bool:
        """Whether the user's own twin is measured, whose weights lie beside those of the Keras model."""
        return self.request.execution == "native" and self.request.backend in self._workload.natives

    def _own_native(self) -> Native | None:
        make = self._workload.natives.get(self.request.backend)
        if make is None:
            return None
        keras.utils.set_random_seed(self.request.seed)
        parts = make(self.request.parameters, self.request.seed)
        name = f"{self.request.workload.source}: native_{self.request.backend}"
        return self.runtime.own_native(name, parts, self.problem, self.settings, self.placed_input(1))

    def layout(self) -> str:
        """Return the memory order of images that the step works in."""
        return self.native().layout if self.request.execution == "native" else keras.config.image_data_format()

    def has_embedding(self) -> bool:
        """Tell whether the model looks rows up in a table that it trains."""
        return any(isinstance(layer, keras.layers.Embedding) for layer in _layers(self.problem.model))

    def work(self, batch_size: int, model: Any = None) -> Work:
        """Return the floating-point operations of the problem's model or another one; not to be called while timing."""
        return count_work(self.problem.model if model is None else model, batch_size)

    def generation(self) -> Generation:
        """Return the models that generate, with the weights of the problem's model.

        Raises:
            UsageError: the workload generates nothing.

        """
        if self._workload.generate is None:
            raise UsageError(f"{self._workload.spec.name} generates nothing")
        return self._workload.generate(self.request.parameters, self.problem.model)

    def can_check_driven(self) -> bool:
        """Tell whether two different batches can show that gradients are used; float16 may skip a step."""
        return len(self.placed_batches()) > 1 and self.request.precision != "mixed_float16"

    def settled(self, work: Work, batch_size: int, feed: str) -> dict[str, Scalar]:
        """Return what a phase settled on, for the ledger."""
        return {
            "batch_size": batch_size,
            "feed": feed,
            "layout": self.layout(),
            "flops_unknown": ", ".join(work.unknown) or None,
        }

    def first_step(self) -> FirstStep:
        """Return what the first step cost."""
        self.train_step()
        if self._first is None:
            raise BrokenError("the first training step was not timed")
        return self._first

    def forward_step(self) -> ForwardStep:
        """Return the inference step with the model's present weights; made when first asked for."""
        if self._train is not None:
            self._train.sync()
        if self._forward is None:
            native = self.request.execution == "native"
            make = self.native().forward_step if native else None
            self._forward = make() if make else self.runtime.forward_step(self.problem, self.settings)
        self._forward.refresh()
        return self._forward

    def placed_batches(self) -> list[tuple[Any, Any]]:
        """Return the first few training batches, on the device."""
        if self._placed is None:
            count = min(PLACED_BATCHES, self.samples // self.request.batch_size)
            if self.request.repeat_samples:
                count = max(count, 1)
            batches = np.arange(count * self.request.batch_size).reshape(count, -1)
            self._placed = [self.place_rows(rows % self.samples) for rows in batches]
        return self._placed

    def place_rows(self, rows: np.ndarray) -> tuple[Any, Any]:
        """Return some training samples as a batch on the device."""
        return self._inputs(self.data.train_x, rows), self._targets(rows)

    def placed_input(self, batch_size: int) -> Any:
        """Return one batch of inputs, on the device; the test samples are repeated where they are too few."""
        return self._inputs(self.data.test_x, np.arange(batch_size) % len(self.data.test_x[0]))

    def epoch_batches(self, number: int) -> Iterator[tuple[Any, Any]]:
        """Yield an epoch's batches in the order that the seed gives, the same on every backend."""
        order = np.random.default_rng((self.request.seed, number)).permutation(self.samples)
        size = self.request.batch_size
        for start in range(0, self.samples - size + 1, size):
            yield self.place_rows(order[start : start + size])

    def metric(self) -> Metric | None:
        """Return what accuracy is measured by; None for a workload without one."""
        name = self.request.metric
        return None if name is None else self._own_metric or metrics.get(name)

    def evaluator(self) -> Callable[[], float] | None:
        """Return the function that gives the test metric of the model as training left it."""
        metric = self.metric()
        if metric is None:
            return None

        def evaluate() -> float:
            return float(metric.function(self.data.test_y[0], self._predict()))

        return evaluate

    def restart(self) -> None:
        """Put the training step back to the initial state, which waits on the disk so as not to count as memory."""
        with np.load(self._initial_state) as stored:
            self.train_step().restart([stored[name] for name in stored.files])

    def _predict(self) -> np.ndarray:
        forward = self.forward_step()
        samples, size = len(self.data.test_x[0]), self.request.batch_size
        parts = []
        for start in range(0, samples, size):
            # Every batch has the same shape, the last one filled up, so that nothing is compiled anew.
            rows = np.arange(start, start + size) % samples
            forward.run(self._inputs(self.data.test_x, rows))
            forward.wait()
            parts.append(forward.outputs()[0][: samples - start])
        return np.concatenate(parts)

    def as_inputs(self, tensors: Sequence[Any]) -> Any:
        """Return one tensor per model input in the form that the model takes."""
        return model_inputs(self.problem.model, tensors)

    def watched(self, measure: Callable[[], Windows], compilations: Callable[[], int | None] | None = None) -> Watched:
        """Measure a series of windows, watched: load, compilations (the runtime's count), processor time, energy."""
        return watched(
            measure,
            self.request.effort,
            self._clock,
            cores=usable_cores(),
            compilations=compilations or self.runtime.compilations,
            meter=self.meter,
        )

    def rolled(self, targets: Sequence[Any]) -> list[Any]:
        """Return targets moved on by one sample, so that they belong to other inputs."""
        return [keras.ops.roll(target, 1, axis=0) for target in targets]

    def _inputs(self, arrays: Arrays, rows: np.ndarray) -> Any:
        return self.as_inputs(self.runtime.place(tuple(array[rows] for array in arrays)))

    def _targets(self, rows: np.ndarray) -> list[Any]:
        return self.runtime.place(tuple(array[rows] for array in self.data.train_y))

    def _mark_resident(self, name: str) -> None:
        resident = memory.resident_bytes()
        if resident is not None:
            self.marks[name] = float(resident)

    @property
    def samples(self) -> int:
        """Training samples."""
        return len(self.data.train_x[0])

    def _check_sizes(self) -> None:
        outputs = self.problem.model.outputs
        if len(outputs) != len(self.data.train_y):
            raise BrokenError(
                f"the model has {len(outputs)} outputs and the data {len(self.data.train_y)} sets of targets"
            )


def _layers(model: Any) -> Iterator[Any]:
    """Yield every layer of a model, those of models within it too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _build(request: Request, workload: Workload, data: Data) -> Problem:
    keras.config.set_dtype_policy(request.precision)
    with initial.seeded_initializers(request.seed):
        problem = workload.build(request.parameters, data)
    wanted = request.precision.removeprefix("mixed_")
    if all(getattr(layer, "compute_dtype", None) != wanted for layer in _layers(problem.model)):
        raise UnsupportedError(
            f"no layer of {request.workload.name} computes in {wanted}: its precision is fixed where the model is "
            "made; a saved model has that of its file"
        )
    optimizer = problem.optimizer
    if request.optimizer is not None:
        optimizer = make_optimizer(parse_optimizer(request.optimizer))
    if request.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(problem.model.trainable_variables)
    return Problem(problem.model, problem.loss, optimizer)

"""Steps of a problem on TensorFlow: GradientTape inside tf.function, with or without XLA."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..workloads.workload import Problem
from .backend import StepAnalysis, StepSettings
from .objective import flat_outputs, objective, state_of

GRAPH_FLOPS = (
    "TensorFlow's profiler over the traced graph, which counts the body of a loop once and misses einsum; "
    "TensorFlow has no account of CPU memory"
)
NOT_TRACED = "nothing is traced, so TensorFlow has no figures"


class TensorFlowTrainStep:
    """GradientTape and `optimizer.apply`."""

    def __init__(self, problem: Problem, settings: StepSettings, *, gpu: bool) -> None:
        self._gpu = gpu
        self._variables = state_of(problem).every
        self._loss: Any = None
        self._step = compiled(_train_function(problem, dense=settings.matched), settings.compile_kind)

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._loss = self._step(x, y)

    def wait(self) -> None:
        """Block until the step's function has ended and the devices are idle."""
        synchronize(self._loss, gpu=self._gpu)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Assign the values."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def sync(self) -> None:
        """Do nothing: a step changes the model's own variables."""

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return what TensorFlow's profiler counts in the traced graph."""
        return traced_analysis(self._step, x, y)


class TensorFlowPartialStep:
    """Forward and loss, or these and the tape's gradients."""

    def __init__(self, problem: Problem, settings: StepSettings, *, gpu: bool, backward: bool) -> None:
        self._gpu = gpu
        self._result: Any = None
        gradients_of = _gradient_function(problem, dense=settings.matched)
        part = gradients_of if backward else _forward_function(problem)
        self._part = compiled(part, settings.compile_kind)

    def run(self, x: Any, y: Any) -> None:
        """Run it; on a GPU it only queues the kernels."""
        self._result = self._part(x, y)

    def wait(self) -> None:
        """Block until loss and gradients are computed."""
        for tensor in self._result:
            values = tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor
            synchronize(values, gpu=self._gpu)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._result[0])

    def gradients(self) -> list[np.ndarray]:
        """Return the last gradients, summed per row where they are sparse, as float32."""
        return [tf.cast(tf.convert_to_tensor(gradient), tf.float32).numpy() for gradient in self._result[1:]]

    def refresh(self) -> None:
        """Do nothing: it computes with the model's own variables."""


class TensorFlowForwardStep:
    """The forward pass."""

    def __init__(self, problem: Problem, compile_kind: str, *, gpu: bool) -> None:
        self._gpu = gpu
        self._outputs: Any = None
        self._forward = forward_function(problem.model, compile_kind)

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until every output is computed."""
        for tensor in flat_outputs(self._outputs):
            synchronize(tensor, gpu=self._gpu)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [tf.cast(tensor, tf.float32).numpy() for tensor in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Do nothing: the pass reads the model's own variables."""


def compiled(function: Any, compile_kind: str) -> Any:
    """Return a function as it is (eager), as a tf.function (jit), or as one through XLA (xla)."""
    if compile_kind == "eager":
        return function
    return tf.function(function, jit_compile=compile_kind == "xla", reduce_retracing=False)


def forward_function(model: Any, compile_kind: str) -> Any:
    """Return a model's forward pass."""
    return compiled(lambda x: model(x, training=False), compile_kind)


def synchronize(tensor: Any, *, gpu: bool) -> None:
    """Block until a tensor is computed and a GPU is idle."""
    if gpu:
        tf.test.experimental.sync_devices()
    else:
        # On a CPU a function returns when it is done, unless eager execution is asynchronous: asking for the memory
        # forces that too. `numpy()` would copy it, which large outputs would show.
        tf.experimental.dlpack.to_dlpack(tensor)


def traced_analysis(step: Any, *arguments: Any) -> StepAnalysis:
    """Return the profiler's count of a traced function; of an eager one there is none."""
    if not hasattr(step, "get_concrete_function"):
        return StepAnalysis(note=NOT_TRACED)
    graph = step.get_concrete_function(*arguments).graph
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation()).with_empty_output()
    found = profiler.profile(graph, options=options.build())
    return StepAnalysis(float(found.total_float_ops), None, GRAPH_FLOPS)


def _forward_function(problem: Problem) -> Any:
    model = problem.model

    def forward(x: Any, y: Any) -> Any:
        outputs = model(x, training=True)
        return (objective(problem, y, outputs, model.losses),)

    return forward


def _gradient_function(problem: Problem, *, dense: bool) -> Any:
    model, optimizer = problem.model, problem.optimizer
    values = [variable.value for variable in model.trainable_variables]

    def gradients(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = objective(problem, y, outputs, model.losses)
            scaled = optimizer.scale_loss(loss)
        found = tape.gradient(scaled, values)
        # Keras leaves the gradients of an embedding as slices that are not summed per row; optimizers that square
        # gradients then differ from those of other backends.
        return (loss, *(tf.convert_to_tensor(g) if dense and g is not None else g for g in found))

    return gradients


def _train_function(problem: Problem, *, dense: bool) -> Any:
    optimizer = problem.optimizer
    trainable = list(problem.model.trainable_variables)
    gradients_of = _gradient_function(problem, dense=dense)

    def step(x: Any, y: Any) -> Any:
        loss, *gradients = gradients_of(x, y)
        optimizer.apply(gradients, trainable)
        return loss

    return step

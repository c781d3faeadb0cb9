"""Steps of twins on TensorFlow: a function of `tf.Variable`s, GradientTape and TensorFlow's own Adam kernel.

The variables are those inside the Keras variables, so that nothing is held twice and both sides always agree.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...workloads.workload import Problem
from ..backend import Native, StepAnalysis, StepSettings
from ..objective import state_of
from ..tensorflow_steps import compiled, synchronize, traced_analysis
from .adam import Adam, read_adam

Weights = Mapping[str, Any]
"""`tf.Variable`s by Keras path."""
Forward = Callable[[Any], Any]
"""A batch of inputs -> outputs."""
Loss = Callable[[Any, Any], Any]
"""Outputs and targets -> the mean loss."""


class TensorFlowTwinTrainStep:
    """GradientTape, then the fused kernel `ResourceApplyAdam` for each weight."""

    def __init__(
        self, problem: Problem, weights: Weights, forward: Forward, loss: Loss, compile_kind: str, *, gpu: bool
    ) -> None:
        self._gpu = gpu
        self._variables = state_of(problem).every
        self._loss: Any = None
        self._step = compiled(_train_function(list(weights.values()), forward, loss, read_adam(problem)), compile_kind)

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._loss = self._step(x, y[0])

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
        """Do nothing: a step changes the variables inside the Keras variables."""

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return what TensorFlow's profiler counts in the traced graph."""
        return traced_analysis(self._step, x, y[0])


class TensorFlowTwinForwardStep:
    """The forward pass."""

    def __init__(self, forward: Forward, compile_kind: str, *, gpu: bool) -> None:
        self._gpu = gpu
        self._outputs: Any = None
        self._forward = compiled(forward, compile_kind)

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until the output is computed."""
        synchronize(self._outputs, gpu=self._gpu)

    def outputs(self) -> list[np.ndarray]:
        """Return the output on the host."""
        return [self._outputs.numpy()]

    def refresh(self) -> None:
        """Do nothing: the pass reads the model's own variables."""


def tensors_of(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `tf.Variable` inside each Keras variable."""
    return {path: variable.value for path, variable in weights.items()}


def make_native(
    problem: Problem,
    weights: Weights,
    forward: Forward,
    loss: Loss,
    settings: StepSettings,
    gpu: bool,
    layout: str = "none",
) -> Native:
    """Return a twin made of its forward pass and its loss."""
    kind = settings.compile_kind
    return Native(
        layout,
        lambda: TensorFlowTwinTrainStep(problem, weights, forward, loss, kind, gpu=gpu),
        lambda: TensorFlowTwinForwardStep(forward, kind, gpu=gpu),
    )


def _train_function(weights: Sequence[Any], forward: Forward, loss: Loss, adam: Adam) -> Any:
    iteration = adam.iteration.value
    slots = [(m.value, v.value) for m, v in zip(adam.momentums, adam.velocities, strict=True)]

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(forward(x), y)
        gradients = tape.gradient(value, weights)
        steps = tf.cast(iteration.assign_add(1), tf.float32)
        power_1, power_2 = tf.pow(adam.beta_1, steps), tf.pow(adam.beta_2, steps)
        for weight, (mean, square), gradient in zip(weights, slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=power_1,
                beta2_power=power_2,
                lr=adam.learning_rate,
                beta1=adam.beta_1,
                beta2=adam.beta_2,
                epsilon=adam.epsilon,
                # Slices of an embedding's gradient are summed per row before they are squared.
                grad=tf.convert_to_tensor(gradient),
            )
        return value

    return step

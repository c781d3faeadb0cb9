"""A user's own twin on TensorFlow: a `tf.Module` that can be called, a loss and an optimizer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...results.errors import UsageError
from ..backend import Native, StateVariables, StepAnalysis, StepSettings
from ..objective import flat_outputs
from ..tensorflow_steps import compiled, synchronize, traced_analysis
from .own import LAYOUT, Held, targets_of

PARTS = ("module", "loss", "optimizer")


class OwnTrainStep:
    """GradientTape and `apply_gradients`."""

    def __init__(
        self, module: Any, loss: Callable[..., Any], optimizer: Any, variables: StateVariables, kind: str, *, gpu: bool
    ) -> None:
        self._gpu = gpu
        self._variables = variables
        self._loss: Any = None
        self._step = compiled(_train_function(module, loss, optimizer), kind)

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._loss = self._step(x, targets_of(y))

    def wait(self) -> None:
        """Block until the step's function has ended and the devices are idle."""
        synchronize(self._loss, gpu=self._gpu)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Assign the values."""
        for variable, value in zip(self._variables.every, values, strict=True):
            variable.assign(value)

    def sync(self) -> None:
        """Do nothing: the state is the module's and the optimizer's."""

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return what TensorFlow's profiler counts in the traced graph."""
        return traced_analysis(self._step, x, targets_of(y))


class OwnForwardStep:
    """The forward pass."""

    def __init__(self, module: Any, kind: str, *, gpu: bool) -> None:
        self._gpu = gpu
        self._outputs: Any = None
        self._forward = compiled(module, kind)

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        self._outputs = flat_outputs(self._forward(x))

    def wait(self) -> None:
        """Block until the outputs are computed."""
        synchronize(self._outputs[0], gpu=self._gpu)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [output.numpy() for output in self._outputs]

    def refresh(self) -> None:
        """Do nothing: the pass reads the module's own variables."""


def twin(function: str, parts: Any, settings: StepSettings, device: bool, sample: Any) -> tuple[Native, Any]:
    """Return the twin, and its outputs for a sample; see `own.open_own`."""
    module, loss, optimizer = parts
    if not isinstance(module, tf.Module) or not callable(module) or not callable(loss):
        raise UsageError(
            f"{function}: the first two must be a tf.Module with __call__ and a function of (outputs, targets)"
        )
    if not hasattr(optimizer, "apply_gradients"):
        raise UsageError(f"{function}: the optimizer must have apply_gradients; it is a {type(optimizer).__name__}")
    outputs = module(sample)  # Makes the variables of modules that make them when called.
    trainable = list(module.trainable_variables)
    if hasattr(optimizer, "build"):
        optimizer.build(trainable)
    fixed = [variable for variable in module.variables if not any(variable is other for other in trainable)]
    slots = list(getattr(optimizer, "variables", ()))
    variables = StateVariables([_held(v) for v in trainable], [_held(v) for v in [*fixed, *slots]])
    kind = settings.compile_kind
    native = Native(
        LAYOUT,
        lambda: OwnTrainStep(module, loss, optimizer, variables, kind, gpu=device),
        lambda: OwnForwardStep(module, kind, gpu=device),
        variables,
    )
    return native, outputs


def _held(variable: Any) -> Held:
    return Held(lambda: tf.convert_to_tensor(variable), variable.assign)


def _train_function(module: Any, loss: Callable[..., Any], optimizer: Any) -> Any:
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(module(x), y)
        weights = list(module.trainable_variables)
        pairs = zip(tape.gradient(value, weights), weights, strict=True)
        optimizer.apply_gradients([(gradient, weight) for gradient, weight in pairs if gradient is not None])
        return value

    return step

"""A user's own twin on JAX: a pure function of a tree of weights, and optax."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from ...results.errors import UsageError
from ..backend import Native, StateVariables, StepAnalysis, StepSettings
from ..jax_steps import NOT_COMPILED, compiled_analysis
from ..objective import flat_outputs
from .own import LAYOUT, Held, targets_of

PARTS = ("weights", "forward", "loss", "optimizer")


class OwnState:
    """Weights and the optimizer's state: trees whose leaves lie on the device."""

    def __init__(self, weights: Any, optimizer: Any, device: Any) -> None:
        self._device = device
        self.weights = jax.device_put(weights, device)
        self.slots = jax.device_put(optimizer.init(self.weights), device)

    def variables(self) -> StateVariables:
        """Return the leaves as variables."""
        trainable = [self._held("weights", place) for place in range(len(jax.tree.leaves(self.weights)))]
        others = [self._held("slots", place) for place in range(len(jax.tree.leaves(self.slots)))]
        return StateVariables(trainable, others)

    def _held(self, name: str, place: int) -> Held:
        def read() -> Any:
            return jax.tree.leaves(getattr(self, name))[place]

        def write(value: np.ndarray) -> None:
            leaves, form = jax.tree.flatten(getattr(self, name))
            leaves[place] = jax.device_put(np.asarray(value, leaves[place].dtype), self._device)
            setattr(self, name, jax.tree.unflatten(form, leaves))

        return Held(read, write)


class OwnTrainStep:
    """Value and gradient, then the optimizer's update."""

    def __init__(self, state: OwnState, forward: Any, loss: Any, optimizer: Any, *, jit: bool) -> None:
        self._state = state
        self._variables = state.variables()
        self._loss: Any = None
        self._jit = jit
        step = _train_function(forward, loss, optimizer)
        self._step = jax.jit(step, donate_argnums=(0, 1)) if jit else step

    def run(self, x: Any, y: Any) -> None:
        """Dispatch one step."""
        state = self._state
        self._loss, state.weights, state.slots = self._step(state.weights, state.slots, x, targets_of(y))

    def wait(self) -> None:
        """Block until loss and state are computed."""
        jax.block_until_ready((self._loss, self._state.weights, self._state.slots))

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Assign the values."""
        for variable, value in zip(self._variables.every, values, strict=True):
            variable.assign(value)

    def sync(self) -> None:
        """Do nothing: the state is the variables."""

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return XLA's figures of the step."""
        if not self._jit:
            return StepAnalysis(note=NOT_COMPILED)
        return compiled_analysis(self._step, self._state.weights, self._state.slots, x, targets_of(y))


class OwnForwardStep:
    """The forward pass with the present weights."""

    def __init__(self, state: OwnState, forward: Any, *, jit: bool) -> None:
        self._state = state
        self._outputs: Any = None
        self._forward = jax.jit(forward) if jit else forward

    def run(self, x: Any) -> None:
        """Dispatch one pass."""
        self._outputs = self._forward(self._state.weights, x)

    def wait(self) -> None:
        """Block until the outputs are computed."""
        jax.block_until_ready(self._outputs)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [np.asarray(output) for output in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Do nothing: the pass reads the present weights."""


def twin(function: str, parts: Any, settings: StepSettings, device: Any, sample: Any) -> tuple[Native, Any]:
    """Return the twin, and the form of its outputs for a sample; see `own.open_own`."""
    weights, forward, loss, optimizer = parts
    if not callable(forward) or not callable(loss):
        raise UsageError(f"{function}: forward and loss must be functions of (weights, inputs) and (outputs, targets)")
    if not hasattr(optimizer, "init") or not hasattr(optimizer, "update"):
        raise UsageError(f"{function}: the optimizer must be one of optax; it is a {type(optimizer).__name__}")
    state = OwnState(weights, optimizer, device)
    jit = settings.compile_kind != "eager"
    native = Native(
        LAYOUT,
        lambda: OwnTrainStep(state, forward, loss, optimizer, jit=jit),
        lambda: OwnForwardStep(state, forward, jit=jit),
        state.variables(),
    )
    return native, jax.eval_shape(forward, state.weights, sample)


def _train_function(forward: Callable[..., Any], loss: Callable[..., Any], optimizer: Any) -> Any:
    import optax

    def step(weights: Any, slots: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(lambda weights: loss(forward(weights, x), y))(weights)
        updates, slots = optimizer.update(gradients, slots, weights)
        return value, optax.apply_updates(weights, updates), slots

    return step

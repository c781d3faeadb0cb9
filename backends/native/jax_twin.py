"""Steps of twins on JAX: pure functions of a dictionary of weights, and optax.

The state holds the very arrays that the Keras variables hold: a jitted step gives them away, and `sync` hands the new
ones to the variables, as the Keras step does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

from ...workloads.workload import Problem
from ..backend import Native, StepAnalysis, StepSettings
from ..jax_steps import NOT_COMPILED, compiled_analysis
from ..objective import state_of
from .adam import Adam, read_adam

Weights = Mapping[str, Any]
Forward = Callable[[Weights, Any], Any]
"""Weights by Keras path and a batch of inputs -> outputs."""
Loss = Callable[[Any, Any], Any]
"""Outputs and targets -> the mean loss."""


class JaxTwinTrainStep:
    """Value and gradient, then `optax.adam`."""

    def __init__(
        self, problem: Problem, weights: Weights, forward: Forward, loss: Loss, device: Any, *, jit: bool
    ) -> None:
        self._variables = state_of(problem).every
        self._weights = weights
        self._adam = read_adam(problem)
        self._device = device
        self._jit = jit
        self._loss: Any = None
        self._state: Any = None
        step = _train_function(forward, loss, self._adam)
        self._step = jax.jit(step, donate_argnums=0) if jit else step
        self.restart([np.array(variable.value) for variable in self._variables])

    def run(self, x: Any, y: Any) -> None:
        """Dispatch one step."""
        self._loss, self._state = self._step(self._state, x, y[0])

    def wait(self) -> None:
        """Block until loss and state are computed."""
        jax.block_until_ready((self._loss, self._state))

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Put copies of the values on the device, as committed arrays, and let the Keras variables hold the same."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(jax.device_put(np.array(value), self._device))
        weights = {path: variable.value for path, variable in self._weights.items()}
        fresh = jax.eval_shape(_optimizer(self._adam, 0).init, weights)
        slots = optax.tree_utils.tree_set(
            fresh,
            count=self._adam.iteration.value,
            mu={path: momentum.value for path, momentum in zip(weights, self._adam.momentums, strict=True)},
            nu={path: velocity.value for path, velocity in zip(weights, self._adam.velocities, strict=True)},
        )
        self._state = (weights, slots)
        jax.block_until_ready(self._state)

    def sync(self) -> None:
        """Hand weights, moments and the number of steps to the Keras variables."""
        weights, slots = self._state
        adam, get = self._adam, optax.tree_utils.tree_get
        adam.iteration.assign(get(slots, "count"))
        mean, square = get(slots, "mu"), get(slots, "nu")
        for (path, variable), momentum, velocity in zip(
            self._weights.items(), adam.momentums, adam.velocities, strict=True
        ):
            variable.assign(weights[path])
            momentum.assign(mean[path])
            velocity.assign(square[path])

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return XLA's figures: arguments, temporaries and results, less what is given away (aliased)."""
        return compiled_analysis(self._step, self._state, x, y[0]) if self._jit else StepAnalysis(note=NOT_COMPILED)


class JaxTwinForwardStep:
    """The forward pass as a pure function of the weights."""

    def __init__(self, weights: Weights, forward: Forward, device: Any, *, jit: bool) -> None:
        self._variables = weights
        self._device = device
        self._outputs: Any = None
        self._forward = jax.jit(forward) if jit else forward
        self.refresh()

    def run(self, x: Any) -> None:
        """Dispatch one pass."""
        self._outputs = self._forward(self._values, x)

    def wait(self) -> None:
        """Block until the output is computed."""
        jax.block_until_ready(self._outputs)

    def outputs(self) -> list[np.ndarray]:
        """Return the output on the host."""
        return [np.asarray(self._outputs)]

    def refresh(self) -> None:
        """Take over the model's variables, committed to the device."""
        self._values = {path: jax.device_put(v.value, self._device) for path, v in self._variables.items()}


def make_native(
    problem: Problem,
    weights: Weights,
    forward: Forward,
    loss: Loss,
    settings: StepSettings,
    device: Any,
    layout: str = "none",
) -> Native:
    """Return a twin made of its forward pass and its loss."""
    jit = settings.compile_kind != "eager"
    return Native(
        layout,
        lambda: JaxTwinTrainStep(problem, weights, forward, loss, device, jit=jit),
        lambda: JaxTwinForwardStep(weights, forward, device, jit=jit),
    )


def _optimizer(adam: Adam, steps: Any) -> Any:
    """Return optax' Adam with the epsilon that makes the step after so many steps the one that Keras makes."""
    return optax.adam(adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon_uncorrected(steps + 1))


def _train_function(forward: Forward, loss: Loss, adam: Adam) -> Any:
    def step(state: Any, x: Any, y: Any) -> Any:
        weights, slots = state
        value, gradients = jax.value_and_grad(lambda weights: loss(forward(weights, x), y))(weights)
        optimizer = _optimizer(adam, slots[0].count)
        updates, slots = optimizer.update(gradients, slots, weights)
        return value, (optax.apply_updates(weights, updates), slots)

    return step

"""Steps of a problem on JAX: Keras' stateless API under jax.jit."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import keras
import numpy as np

from ..workloads.workload import Problem
from .backend import StepAnalysis
from .objective import flat_outputs, objective

LOOPS_ONCE = "XLA's cost analysis; it counts the body of a loop once, so recurrent layers are far too low"
NOT_COMPILED = "nothing is compiled, so XLA has no figures"


class JaxTrainStep:
    """One step of training as a pure function of (trainable, other, optimizer) variables."""

    def __init__(self, problem: Problem, device: Any, *, jit: bool) -> None:
        self._device = device
        self._jit = jit
        self._groups = (
            problem.model.trainable_variables,
            problem.model.non_trainable_variables,
            problem.optimizer.variables,
        )
        self._loss: Any = None
        self._state: Any = None
        step = _train_function(problem)
        self._step = jax.jit(step, donate_argnums=0) if jit else step
        self.restart([np.array(variable.value) for group in self._groups for variable in group])

    def run(self, x: Any, y: Any) -> None:
        """Dispatch one step."""
        self._loss, self._state = self._step(self._state, x, y)

    def wait(self) -> None:
        """Block until loss and state are computed."""
        jax.block_until_ready((self._loss, self._state))

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Put copies of the values on the device, and let go of what the variables held.

        They are committed to the device, as a step's results are; otherwise the second step would compile anew. The
        Keras variables hold the same arrays and not a second copy; a step gives them away, until `sync`.
        """
        left = iter(values)
        self._state = tuple(
            [jax.device_put(np.array(next(left)), self._device) for _ in group] for group in self._groups
        )
        self.sync()
        jax.block_until_ready(self._state)

    def sync(self) -> None:
        """Hand the state to the Keras variables."""
        for group, state in zip(self._groups, self._state, strict=True):
            for variable, value in zip(group, state, strict=True):
                variable.assign(value)

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return XLA's figures: arguments, temporaries and results, less what is given away (aliased)."""
        return compiled_analysis(self._step, self._state, x, y) if self._jit else StepAnalysis(note=NOT_COMPILED)


class JaxPartialStep:
    """Forward and loss, or loss and gradients, with the state of the model's variables."""

    def __init__(self, problem: Problem, device: Any, *, jit: bool, backward: bool) -> None:
        self._result: Any = None
        self._backward = backward
        loss_of = _loss_function(problem)

        def forward(trainable: Any, other: Any, slots: Any, x: Any, y: Any) -> Any:
            # The new values of other variables, batch statistics for example, are part of the forward pass.
            return loss_of(trainable, other, slots, x, y)[1]

        part: Any = jax.value_and_grad(loss_of, has_aux=True) if backward else forward
        self._part = jax.jit(part) if jit else part
        self._device = device
        self._variables = (
            problem.model.trainable_variables,
            problem.model.non_trainable_variables,
            problem.optimizer.variables,
        )
        self.refresh()

    def run(self, x: Any, y: Any) -> None:
        """Dispatch it."""
        self._result = self._part(*self._state, x, y)

    def wait(self) -> None:
        """Block until everything is computed."""
        jax.block_until_ready(self._result)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._result[0][1][0] if self._backward else self._result[0])

    def gradients(self) -> list[np.ndarray]:
        """Return the last gradients, as float32."""
        return [np.asarray(keras.ops.cast(g, "float32")) for g in self._result[1]] if self._backward else []

    def refresh(self) -> None:
        """Take over the variables of model and optimizer."""
        self._state = tuple(
            [jax.device_put(np.array(v.value), self._device) for v in group] for group in self._variables
        )


class JaxForwardStep:
    """The forward pass as a pure function of the model's variables."""

    def __init__(self, problem: Problem, device: Any, *, jit: bool) -> None:
        self._model = problem.model
        self._device = device
        self._outputs: Any = None
        self._forward = _forward_function(problem.model, jit=jit)
        self.refresh()

    def run(self, x: Any) -> None:
        """Dispatch one pass."""
        self._outputs = self._forward(*self._state, x)

    def wait(self) -> None:
        """Block until every output is computed."""
        jax.block_until_ready(self._outputs)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [np.asarray(keras.ops.cast(tensor, "float32")) for tensor in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Take over the model's variables."""
        self._state = _model_state(self._model, self._device)


def forward_function(model: Any, device: Any, *, jit: bool) -> Any:
    """Return a model's forward pass as a function of its inputs, with the weights that the model has now."""
    return partial(_forward_function(model, jit=jit), *_model_state(model, device))


def compiled_analysis(step: Any, *arguments: Any) -> StepAnalysis:
    """Return XLA's figures of a jitted step; compiles it once more, ahead of time."""
    compiled = step.lower(*arguments).compile()
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis()
    cost = cost[0] if isinstance(cost, list) else cost
    flops = cost.get("flops") if cost else None
    total = None
    if memory is not None:
        sizes = memory.argument_size_in_bytes + memory.temp_size_in_bytes + memory.output_size_in_bytes
        total = float(sizes - memory.alias_size_in_bytes)
    return StepAnalysis(None if flops is None else float(flops), total, LOOPS_ONCE)


def _forward_function(model: Any, *, jit: bool) -> Any:
    """Return the forward pass as a function of trainable variables, other variables and inputs."""

    def forward(trainable: Any, other: Any, x: Any) -> Any:
        return model.stateless_call(trainable, other, x, training=False)[0]

    return jax.jit(forward) if jit else forward


def _model_state(model: Any, device: Any) -> list[list[Any]]:
    """Return a model's trainable and other values, committed to the device: one compiled form for all."""
    groups = (model.trainable_variables, model.non_trainable_variables)
    return [[jax.device_put(variable.value, device) for variable in group] for group in groups]


def _loss_function(problem: Problem) -> Any:
    model, optimizer = problem.model, problem.optimizer

    def loss_of(trainable: Any, other: Any, slots: Any, x: Any, y: Any) -> Any:
        outputs, other, penalties = model.stateless_call(trainable, other, x, training=True, return_losses=True)
        loss = objective(problem, y, outputs, penalties)
        # The loss scale of float16 is an optimizer variable: read it from the state that was passed in.
        with keras.StatelessScope(state_mapping=list(zip(optimizer.variables, slots, strict=True))):
            scaled = optimizer.scale_loss(loss)
        return scaled, (loss, other)

    return loss_of


def _train_function(problem: Problem) -> Any:
    optimizer = problem.optimizer
    gradient_of = jax.value_and_grad(_loss_function(problem), has_aux=True)

    def step(state: Any, x: Any, y: Any) -> Any:
        trainable, other, slots = state
        (_, (loss, other)), gradients = gradient_of(trainable, other, slots, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, (trainable, other, slots)

    return step

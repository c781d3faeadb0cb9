"""JAX in a worker: Keras' stateless API under jax.jit."""

import os
from collections.abc import Sequence
from typing import Any

import jax
import keras
import numpy as np

from ..results.environment import Device
from ..results.factors import Scalar
from ..workloads.workload import Arrays, Problem
from .objective import flat_outputs, objective


class JaxRuntime:
    """Runtime of the JAX backend."""

    def __init__(self, device: str) -> None:
        self._device = None if device == "any" else jax.devices(device)[0]

    def devices(self) -> tuple[Device, ...]:
        """Return JAX's devices; a CPU has no memory limit of its own."""
        found = []
        for device in jax.devices():
            kind = (
                "cpu" if device.platform == "cpu" else "gpu" if device.platform in ("gpu", "cuda") else device.platform
            )
            stats = device.memory_stats() if kind != "cpu" else None
            found.append(Device(kind, device.device_kind, stats.get("bytes_limit") if stats else None))
        if all(device.kind != "cpu" for device in found):
            found.append(Device("cpu", "cpu"))
        return tuple(found)

    def facts(self) -> dict[str, Scalar]:
        """Return JAX's settings; its CPU client takes as many threads as there are usable cores, or NPROC."""
        return {
            "threads": int(os.environ.get("NPROC", "0")) or len(os.sched_getaffinity(0)),
            "matmul_precision": str(jax.config.jax_default_matmul_precision or "default"),
            "x64": bool(jax.config.jax_enable_x64),
        }

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""
        return [jax.device_put(array, self._device) for array in arrays]

    def train_step(self, problem: Problem, compile_kind: str) -> "JaxTrainStep":
        """Make the training step; jit gives the old state's memory to the new one."""
        return JaxTrainStep(problem, self._device, jit=compile_kind != "eager")

    def forward_step(self, problem: Problem, compile_kind: str) -> "JaxForwardStep":
        """Make the inference step."""
        return JaxForwardStep(problem, self._device, jit=compile_kind != "eager")

    def device_peak_bytes(self) -> int | None:
        """Return the allocator's peak on a GPU."""
        stats = self._device.memory_stats() if self._device and self._device.platform != "cpu" else None
        return stats.get("peak_bytes_in_use") if stats else None


class JaxTrainStep:
    """One step of training as a pure function of (trainable, other, optimizer) variables."""

    def __init__(self, problem: Problem, device: Any, *, jit: bool) -> None:
        self._device = device
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


class JaxForwardStep:
    """The forward pass as a pure function of the model's variables."""

    def __init__(self, problem: Problem, device: Any, *, jit: bool) -> None:
        model = problem.model
        self._model = model
        self._device = device
        self._outputs: Any = None

        def forward(trainable: Any, other: Any, x: Any) -> Any:
            return model.stateless_call(trainable, other, x, training=False)[0]

        self._forward = jax.jit(forward) if jit else forward
        self.refresh()

    def run(self, x: Any) -> None:
        """Dispatch one pass."""
        self._outputs = self._forward(self._trainable, self._other, x)

    def wait(self) -> None:
        """Block until every output is computed."""
        jax.block_until_ready(self._outputs)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [np.asarray(keras.ops.cast(tensor, "float32")) for tensor in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Take over the model's variables."""
        self._trainable = self._committed(self._model.trainable_variables)
        self._other = self._committed(self._model.non_trainable_variables)

    def _committed(self, variables: Any) -> list[Any]:
        """Return values that are committed to the device, whether just built or trained: one compiled form for all."""
        return [jax.device_put(variable.value, self._device) for variable in variables]


def _train_function(problem: Problem) -> Any:
    model, optimizer = problem.model, problem.optimizer

    def loss_of(trainable: Any, other: Any, slots: Any, x: Any, y: Any) -> Any:
        outputs, other, penalties = model.stateless_call(trainable, other, x, training=True, return_losses=True)
        loss = objective(problem, y, outputs, penalties)
        # The loss scale of float16 is an optimizer variable: read it from the state that was passed in.
        with keras.StatelessScope(state_mapping=list(zip(optimizer.variables, slots, strict=True))):
            scaled = optimizer.scale_loss(loss)
        return scaled, (loss, other)

    gradient_of = jax.value_and_grad(loss_of, has_aux=True)

    def step(state: Any, x: Any, y: Any) -> Any:
        trainable, other, slots = state
        (_, (loss, other)), gradients = gradient_of(trainable, other, slots, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, (trainable, other, slots)

    return step

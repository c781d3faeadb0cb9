"""TensorFlow in a worker: GradientTape inside tf.function, with or without XLA."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..results.environment import Device
from ..results.factors import Scalar
from ..workloads.workload import Arrays, Problem
from .objective import flat_outputs, objective, state_variables


class TensorFlowRuntime:
    """Runtime of the TensorFlow backend."""

    def __init__(self, device: str) -> None:
        self._gpu = device == "gpu"

    def devices(self) -> tuple[Device, ...]:
        """Return TensorFlow's GPUs, if any, and the CPU."""
        found = []
        for device in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(device)
            found.append(Device("gpu", details.get("device_name", device.name)))
        return (*found, Device("cpu", "cpu"))

    def facts(self) -> dict[str, Scalar]:
        """Return TensorFlow's settings; 0 threads means as many as there are cores."""
        cores = len(os.sched_getaffinity(0))
        return {
            "threads": tf.config.threading.get_intra_op_parallelism_threads() or cores,
            "threads_interop": tf.config.threading.get_inter_op_parallelism_threads() or cores,
            "matmul_precision": "tf32"
            if self._gpu and tf.config.experimental.tensor_float_32_execution_enabled()
            else "default",
        }

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""
        with tf.device("GPU:0" if self._gpu else "CPU:0"):
            return [tf.identity(tf.constant(array)) for array in arrays]

    def train_step(self, problem: Problem, compile_kind: str) -> "TensorFlowTrainStep":
        """Make the training step."""
        return TensorFlowTrainStep(problem, compile_kind, gpu=self._gpu)

    def forward_step(self, problem: Problem, compile_kind: str) -> "TensorFlowForwardStep":
        """Make the inference step."""
        return TensorFlowForwardStep(problem, compile_kind, gpu=self._gpu)

    def device_peak_bytes(self) -> int | None:
        """Return the allocator's peak on a GPU."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]) if self._gpu else None


class TensorFlowTrainStep:
    """GradientTape and `optimizer.apply`."""

    def __init__(self, problem: Problem, compile_kind: str, *, gpu: bool) -> None:
        self._gpu = gpu
        self._variables = state_variables(problem)
        self._loss: Any = None
        self._step = _compiled(_train_function(problem), compile_kind)

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._loss = self._step(x, y)

    def wait(self) -> None:
        """Block until the step's function has ended and the devices are idle."""
        _synchronize(self._loss, gpu=self._gpu)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Assign the values."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def sync(self) -> None:
        """Do nothing: a step changes the model's own variables."""


class TensorFlowForwardStep:
    """The forward pass."""

    def __init__(self, problem: Problem, compile_kind: str, *, gpu: bool) -> None:
        model = problem.model
        self._gpu = gpu
        self._outputs: Any = None
        self._forward = _compiled(lambda x: model(x, training=False), compile_kind)

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until every output is computed."""
        for tensor in flat_outputs(self._outputs):
            _synchronize(tensor, gpu=self._gpu)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [tf.cast(tensor, tf.float32).numpy() for tensor in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Do nothing: the pass reads the model's own variables."""


def _train_function(problem: Problem) -> Any:
    model, optimizer = problem.model, problem.optimizer
    trainable = list(model.trainable_variables)
    values = [variable.value for variable in trainable]

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = objective(problem, y, outputs, model.losses)
            scaled = optimizer.scale_loss(loss)
        optimizer.apply(tape.gradient(scaled, values), trainable)
        return loss

    return step


def _compiled(function: Any, compile_kind: str) -> Any:
    if compile_kind == "eager":
        return function
    return tf.function(function, jit_compile=compile_kind == "xla", reduce_retracing=False)


def _synchronize(tensor: Any, *, gpu: bool) -> None:
    if gpu:
        tf.test.experimental.sync_devices()
    else:
        # On a CPU a function returns when it is done, unless eager execution is asynchronous: reading
        # any element forces that too, and is a pointer access, not a copy.
        tensor.numpy()

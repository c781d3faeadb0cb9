"""PyTorch in a worker: Keras' documented custom loop, eager or under torch.compile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..results.environment import Device
from ..results.factors import Scalar
from ..workloads.workload import Arrays, Problem
from .objective import flat_outputs, objective, state_variables


class TorchRuntime:
    """Runtime of the PyTorch backend."""

    def __init__(self, device: str) -> None:
        self._device = "cuda" if device == "gpu" else "cpu"

    def devices(self) -> tuple[Device, ...]:
        """Return the CUDA devices, if any, and the CPU."""
        found = []
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(Device("gpu", properties.name, properties.total_memory))
        return (*found, Device("cpu", "cpu"))

    def facts(self) -> dict[str, Scalar]:
        """Return PyTorch's settings."""
        return {
            "threads": torch.get_num_threads(),
            "threads_interop": torch.get_num_interop_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "blas": "mkl" if torch.backends.mkl.is_available() else "openblas or other",
        }

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""
        return [torch.tensor(array, device=self._device) for array in arrays]

    def train_step(self, problem: Problem, compile_kind: str) -> "TorchTrainStep":
        """Make the training step."""
        return TorchTrainStep(problem, self._device, compiled=compile_kind != "eager")

    def forward_step(self, problem: Problem, compile_kind: str) -> "TorchForwardStep":
        """Make the inference step."""
        return TorchForwardStep(problem, self._device, compiled=compile_kind != "eager")

    def device_peak_bytes(self) -> int | None:
        """Return the caching allocator's peak on a GPU."""
        return torch.cuda.max_memory_allocated() if self._device == "cuda" else None


class TorchTrainStep:
    """Forward, `loss.backward()` and `optimizer.apply`."""

    def __init__(self, problem: Problem, device: str, *, compiled: bool) -> None:
        self._device = device
        self._variables = state_variables(problem)
        self._loss: Any = None
        step = _train_function(problem)
        self._step = torch.compile(step) if compiled else step

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._loss = self._step(x, y)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        _synchronize(self._device)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss.detach())

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Assign the values."""
        with torch.no_grad():
            for variable, value in zip(self._variables, values, strict=True):
                variable.assign(value)

    def sync(self) -> None:
        """Do nothing: a step changes the model's own variables."""


class TorchForwardStep:
    """The forward pass without a graph for gradients."""

    def __init__(self, problem: Problem, device: str, *, compiled: bool) -> None:
        model = problem.model
        self._device = device
        self._outputs: Any = None

        def forward(x: Any) -> Any:
            with torch.no_grad():
                return model(x, training=False)

        self._forward = torch.compile(forward) if compiled else forward

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        _synchronize(self._device)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [tensor.detach().float().cpu().numpy() for tensor in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Do nothing: the pass reads the model's own variables."""


def _train_function(problem: Problem) -> Any:
    model, optimizer = problem.model, problem.optimizer
    trainable = list(model.trainable_variables)

    def step(x: Any, y: Any) -> Any:
        model.zero_grad()
        outputs = model(x, training=True)
        loss = objective(problem, y, outputs, model.losses)
        optimizer.scale_loss(loss).backward()
        gradients = [variable.value.grad for variable in trainable]
        with torch.no_grad():
            optimizer.apply(gradients, trainable)
        return loss

    return step


def _synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()

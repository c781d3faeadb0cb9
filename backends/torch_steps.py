"""Steps of a problem on PyTorch: Keras' documented custom loop, eager or under torch.compile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..workloads.workload import Problem
from .backend import StepAnalysis
from .objective import flat_outputs, objective, state_of

FLOPS_ONLY = "torch's FLOP counter, which does not see fused attention on a CPU; PyTorch has no account of CPU memory"


class TorchTrainStep:
    """Forward, `loss.backward()` and `optimizer.apply`."""

    def __init__(self, problem: Problem, device: str, *, compiled: bool) -> None:
        self._device = device
        self._variables = state_of(problem).every
        self._loss: Any = None
        self._plain = _train_function(problem)
        self._step = torch.compile(self._plain) if compiled else self._plain

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._loss = self._step(x, y)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

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

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return torch's own count over one more step, run eagerly."""
        return counted_analysis(lambda: self._plain(x, y), self._device)


class TorchPartialStep:
    """Forward and loss, or these and `loss.backward()`."""

    def __init__(self, problem: Problem, device: str, *, compiled: bool, backward: bool) -> None:
        self._device = device
        self._loss: Any = None
        self._trainable = list(problem.model.trainable_variables) if backward else []
        part = _gradient_function(problem) if backward else _loss_function(problem)
        self._part = torch.compile(part) if compiled else part

    def run(self, x: Any, y: Any) -> None:
        """Run it; on a GPU it only queues the kernels."""
        self._loss = self._part(x, y)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss.detach())

    def gradients(self) -> list[np.ndarray]:
        """Return the last gradients, as float32."""
        return [variable.value.grad.detach().float().cpu().numpy() for variable in self._trainable]

    def refresh(self) -> None:
        """Do nothing: it computes with the model's own variables."""


class TorchForwardStep:
    """The forward pass without a graph for gradients."""

    def __init__(self, problem: Problem, device: str, *, compiled: bool) -> None:
        self._device = device
        self._outputs: Any = None
        self._forward = forward_function(problem.model, compiled=compiled)

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [tensor.detach().float().cpu().numpy() for tensor in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Do nothing: the pass reads the model's own variables."""


def forward_function(model: Any, *, compiled: bool) -> Any:
    """Return a model's forward pass without a graph for gradients."""

    def forward(x: Any) -> Any:
        with torch.no_grad():
            return model(x, training=False)

    return torch.compile(forward) if compiled else forward


def counted_analysis(step: Any, device: str) -> StepAnalysis:
    """Return torch's FLOP count of a call, and on a GPU the allocator's peak in it."""
    from torch.utils.flop_counter import FlopCounterMode

    memory = None
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with FlopCounterMode(display=False) as counter:
        step()
    if device == "cuda":
        memory = float(torch.cuda.max_memory_allocated())
    return StepAnalysis(float(counter.get_total_flops()), memory, FLOPS_ONLY if device == "cpu" else None)


def synchronize(device: str) -> None:
    """Block until a GPU has nothing left to do; a CPU never has."""
    if device == "cuda":
        torch.cuda.synchronize()


def _loss_function(problem: Problem) -> Any:
    model = problem.model

    def loss_of(x: Any, y: Any) -> Any:
        outputs = model(x, training=True)
        return objective(problem, y, outputs, model.losses)

    return loss_of


def _gradient_function(problem: Problem) -> Any:
    model, optimizer, loss_of = problem.model, problem.optimizer, _loss_function(problem)

    def gradients(x: Any, y: Any) -> Any:
        model.zero_grad()
        loss = loss_of(x, y)
        optimizer.scale_loss(loss).backward()
        return loss

    return gradients


def _train_function(problem: Problem) -> Any:
    optimizer = problem.optimizer
    trainable = list(problem.model.trainable_variables)
    gradients_of = _gradient_function(problem)

    def step(x: Any, y: Any) -> Any:
        loss = gradients_of(x, y)
        gradients = [variable.value.grad for variable in trainable]
        with torch.no_grad():
            optimizer.apply(gradients, trainable)
        return loss

    return step

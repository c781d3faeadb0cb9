"""The seam between dlbench and a framework.

`Backend` is what the controller knows: plain data, no framework imported. `Runtime` is the worker's side: it is
opened in a process whose environment was prepared with `Backend.environ` and in which only this framework can be
imported. Adding a framework is one file with both and one line in `catalog`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..results.environment import Device
from ..results.errors import UsageError
from ..results.factors import Scalar
from ..workloads.workload import Arrays, Problem

DEVICES = ("cpu", "gpu")
COMPILE_MODES = ("auto", "eager", "jit", "xla")


@dataclass(frozen=True, slots=True)
class CompileMode:
    """What a requested compile mode comes to on one backend and device."""

    kind: str
    """eager, jit (compiled or traced as a whole) or xla (the same through XLA, where that is a choice)."""
    how: str
    """The framework's own name for it, for example `jax.jit`, `torch.compile`, `tf.function`."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A framework as the controller sees it."""

    name: str
    """Keras' name for it, the value of KERAS_BACKEND."""
    title: str
    """The name people use."""
    distribution: str
    """The package whose version counts."""
    modules: tuple[str, ...]
    """Top-level modules that belong to it; hidden in the workers of other backends."""
    environment: Mapping[str, Mapping[str, str]]
    """Environment variables by device kind, set before the worker starts."""
    compile_modes: Mapping[str, Mapping[str, CompileMode]]
    """By device kind and requested mode."""
    refused: Mapping[str, str]
    """Requested compile modes that it does not have, with the reason in words."""
    open_runtime: Callable[[str], "Runtime"]
    """Import the framework and return its runtime on a kind of device; call it in a worker only."""

    def resolve_compile(self, requested: str, device: str) -> CompileMode:
        """Return what a requested mode comes to.

        Raises:
            UsageError: this backend has no such mode; the message says why.

        """
        if requested in self.refused:
            raise UsageError(f"--compile {requested} on {self.title}: {self.refused[requested]}")
        return self.compile_modes[device][requested]


class TrainStep(Protocol):
    """A training step bound to one model, optimizer and loss."""

    def run(self, x: Any, y: Any) -> None:
        """Dispatch forward, backward and update for one batch; may return before the work is done."""

    def wait(self) -> None:
        """Block until the loss and every updated variable of the last step are computed."""

    def loss(self) -> float:
        """Return the last step's loss."""

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Put model and optimizer into a state: one array per variable, in the order of `state_variables`."""

    def sync(self) -> None:
        """Write the trained state into the model's variables."""


class ForwardStep(Protocol):
    """An inference step: the forward pass without training behaviour."""

    def run(self, x: Any) -> None:
        """Dispatch one forward pass; may return before the work is done."""

    def wait(self) -> None:
        """Block until every output of the last pass is computed."""

    def outputs(self) -> list[np.ndarray]:
        """Return the last pass's outputs as float32 or integer arrays, one per model output."""

    def refresh(self) -> None:
        """Take over the model's present variables."""


class Runtime(Protocol):
    """A framework, opened in a worker on one kind of device."""

    def devices(self) -> tuple[Device, ...]:
        """Return every device that the framework can use here."""

    def facts(self) -> dict[str, Scalar]:
        """Return settings for the ledger: threads, precision of matrix products and the like."""

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""

    def train_step(self, problem: Problem, compile_kind: str) -> TrainStep:
        """Make the training step of a problem."""

    def forward_step(self, problem: Problem, compile_kind: str) -> ForwardStep:
        """Make the inference step of a problem."""

    def device_peak_bytes(self) -> int | None:
        """Return the peak of the device allocator since the process started; None where there is none (CPU)."""

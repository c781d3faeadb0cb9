"""The seam between dlbench and a framework.

`Backend` is what the controller knows: plain data, no framework imported. `Runtime` is the worker's side: it is
opened in a process whose environment was prepared with `Backend.environ` and in which only this framework can be
imported. Adding a framework is one file with both and one line in `catalog`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..results.errors import UsageError
from ..results.factors import Scalar
from ..results.records.environment import Device
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
    warm_cache: Mapping[str, str]
    """Environment variables that make it keep compiled code in a folder and read it again, `{}` in a value standing
    for the folder; empty where it keeps none."""
    thread_variables: tuple[str, ...]
    """Environment variables that take a number of threads."""
    compile_modes: Mapping[str, Mapping[str, CompileMode]]
    """By device kind and requested mode."""
    refused: Mapping[str, str]
    """Requested compile modes that it does not have, with the reason in words."""
    feed: str
    """Its own way of feeding batches, one of the values of the factor `feed`."""
    compile_counter: str
    """What counts its compilations, in words."""
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


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How the steps of a problem are to be made."""

    compile_kind: str
    """eager, jit or xla."""
    matched: bool = False
    """True: semantics that are the same on every backend, where the framework's own differ. On TensorFlow the
    gradients of embeddings are made dense before the optimizer sees them."""


@dataclass(frozen=True, slots=True)
class StepAnalysis:
    """What the framework itself says about a compiled or traced step; None where it does not tell, with the reason."""

    flops: float | None = None
    """Floating-point operations of one step."""
    memory_bytes: float | None = None
    """Arguments, results and temporaries of one step."""
    note: str | None = None
    """Where the figures come from, their known gaps, or why there are none."""


class TrainStep(Protocol):
    """A training step bound to one model, optimizer and loss."""

    def run(self, x: Any, y: Any) -> None:
        """Dispatch forward, backward and update for one batch; may return before the work is done."""

    def wait(self) -> None:
        """Block until the loss and every updated variable of the last step are computed."""

    def loss(self) -> float:
        """Return the last step's loss."""

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Put model and optimizer into a state: one array per variable, in the order of `StateVariables.every`."""

    def sync(self) -> None:
        """Write the trained state into the model's variables."""

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return the framework's own figures for a step over such a batch; may compile once more."""


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


class PartialStep(Protocol):
    """The first part of a training step: forward and loss, or these and the gradients. It changes no weight."""

    def run(self, x: Any, y: Any) -> None:
        """Dispatch it for one batch; may return before the work is done."""

    def wait(self) -> None:
        """Block until the loss, and every gradient where there are any, is computed."""

    def loss(self) -> float:
        """Return the last loss."""

    def gradients(self) -> list[np.ndarray]:
        """Return the last gradients, one per trainable variable of the model; empty for forward alone."""

    def refresh(self) -> None:
        """Take over the model's present variables."""


class StateVariable(Protocol):
    """A variable that training changes: Keras' own, or one of a framework."""

    @property
    def value(self) -> Any:
        """The tensor that it holds."""

    def assign(self, value: np.ndarray) -> None:
        """Replace it."""


@dataclass(frozen=True, slots=True)
class StateVariables:
    """What a training step changes."""

    trainable: Sequence[StateVariable]
    others: Sequence[StateVariable]
    """Further ones of the model, then the optimizer's."""

    @property
    def every(self) -> tuple[StateVariable, ...]:
        """All of them: the order in which `TrainStep.restart` takes values."""
        return (*self.trainable, *self.others)


@dataclass(frozen=True, slots=True)
class Native:
    """A twin of a workload, written directly in the framework.

    One of dlbench's works on the Keras model's variables; a user's own has a state of its own.
    """

    layout: str
    """Memory order of images and filters in words, or "none" where it makes no difference."""
    train_step: Callable[[], TrainStep]
    """`restart` takes, and `sync` writes, the state, as for other steps."""
    forward_step: Callable[[], ForwardStep]
    state: StateVariables | None = None
    """None: the Keras model's and optimizer's variables."""


class Runtime(Protocol):
    """A framework, opened in a worker on one kind of device."""

    asynchronous: bool
    """Whether a step may return before its work is done."""

    def devices(self) -> tuple[Device, ...]:
        """Return every device that the framework can use here."""

    def facts(self) -> dict[str, Scalar]:
        """Return settings for the ledger: threads, precision of matrix products and the like."""

    def match(self) -> None:
        """Set what the matched lane needs to be the same on every backend: full float32 products, no TF32."""

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""

    def train_step(self, problem: Problem, settings: StepSettings) -> TrainStep:
        """Make the training step of a problem."""

    def partial_step(self, problem: Problem, settings: StepSettings, *, backward: bool) -> PartialStep:
        """Make the part of the training step up to the loss, or up to the gradients."""

    def forward_step(self, problem: Problem, settings: StepSettings) -> ForwardStep:
        """Make the inference step of a problem."""

    def forward_function(self, model: Any, settings: StepSettings) -> Callable[[Any], Any]:
        """Return a Keras model's forward pass, made as the inference step is, from input tensors to output tensors.

        A call may return before its work is done. The weights are those that the model has now; what goes in stays as
        it is, and may be passed again.
        """

    def native(self, workload: str, problem: Problem, settings: StepSettings) -> Native:
        """Return the twin of a workload that has one (see `native.catalog`)."""

    def own_native(self, function: str, parts: Any, problem: Problem, settings: StepSettings, sample: Any) -> Native:
        """Return a user's twin, made of what a function of theirs returned (see `native.own`)."""

    def own_dataset(self, x: Any, y: Any, batch_size: int) -> Any:
        """Return the framework's own data set over arrays, in any nesting: pairs (x, y) of whole batches, in order."""

    def own_batches(self, dataset: Any) -> Iterator[tuple[Any, Any]]:
        """Yield one pass over such a data set, each batch on the device."""

    def compile_arguments(self, compile_kind: str) -> dict[str, Any]:
        """Return the arguments of Keras' `Model.compile` for a compile kind."""

    def wait_for(self, tensors: Any) -> None:
        """Block until tensors, in any nesting, are computed."""

    def compilations(self) -> int | None:
        """Return how often something was compiled or traced in this process; None where nothing counts it."""

    def compile_report(self, compile_kind: str) -> dict[str, Scalar]:
        """Return what compiling came to, for the ledger, once steps have run: graph breaks and the like.

        An entry `compile_resolved` replaces what the mode was expected to come to.
        """

    def reset_device_peak(self) -> bool:
        """Start the device allocator's peak anew; False where it cannot be done or there is none."""

    def device_peak_bytes(self) -> int | None:
        """Return the peak of the device allocator since its start or reset; None where there is none (CPU)."""

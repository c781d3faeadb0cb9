"""A user's own twin: a model written for one framework beside the Keras one, checked to be of the same kind.

What a user's function returns, by backend:

- jax: (weights, forward, loss, optimizer): a tree of arrays, a function of (weights, inputs), a function of
  (outputs, targets) that gives the mean loss, and an optax optimizer;
- torch: (module, loss, optimizer): a `torch.nn.Module`, a function as above, a `torch.optim.Optimizer` of its
  parameters;
- tensorflow: (module, loss, optimizer): a `tf.Module` that can be called, a function as above, and what has
  `apply_gradients`, such as a Keras optimizer.

Its weights are its own, so they are not those that the Keras model starts from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from ...results.errors import UsageError
from ...workloads.workload import Problem
from ..backend import Native, StateVariable, StepSettings
from ..objective import flat_outputs

LAYOUT = "own"
"""Its author chose the memory order of images."""


@dataclass(frozen=True, slots=True)
class Held:
    """A variable of a framework, read and written as Keras' variables are."""

    read: Callable[[], Any]
    write: Callable[[np.ndarray], None]

    @property
    def value(self) -> Any:
        """The tensor that it holds."""
        return self.read()

    def assign(self, value: np.ndarray) -> None:
        """Replace it."""
        self.write(value)


def open_own(
    backend: str, function: str, parts: Any, problem: Problem, settings: StepSettings, device: Any, sample: Any
) -> Native:
    """Return a user's twin of the model.

    Args:
        backend: its name.
        function: how messages name the user's function.
        parts: what that returned.
        problem: the Keras model with its loss; the twin must have as many trainable weights and such outputs.
        settings: the compile kind.
        device: what the backend's runtime holds (see `catalog.open_twin`).
        sample: inputs of one sample on the device, in the form that the Keras model takes.

    Raises:
        UsageError: it is not of the form above, or not a twin of the model.

    """
    module = import_module(f".own_{backend}", __package__)
    names = module.PARTS
    if not isinstance(parts, tuple) or len(parts) != len(names):
        raise UsageError(f"{function} must return ({', '.join(names)}); it returned {_kind(parts)}")
    native: Native
    native, outputs = module.twin(function, parts, settings, device, sample)
    _check(function, native.state.trainable if native.state else (), outputs, problem)
    return native


def targets_of(y: Sequence[Any]) -> Any:
    """Return what a twin's loss compares outputs with: one tensor, or one per output."""
    return y[0] if len(y) == 1 else list(y)


def _kind(parts: Any) -> str:
    return f"{len(parts)} values" if isinstance(parts, tuple) else f"a value of type {type(parts).__name__}"


def _check(function: str, trainable: Sequence[StateVariable], outputs: Any, problem: Problem) -> None:
    model = problem.model
    found = sum(prod(variable.value.shape) for variable in trainable)
    wanted = sum(prod(variable.shape) for variable in model.trainable_variables)
    if found != wanted:
        raise UsageError(
            f"{function}: {found:,} trainable weights, and the Keras model has {wanted:,}; "
            "a twin is the same model, so give both the same sizes"
        )
    shapes = [tuple(output.shape[1:]) for output in flat_outputs(outputs)]
    expected = [tuple(output.shape[1:]) for output in model.outputs]
    if shapes != expected:
        raise UsageError(f"{function}: outputs of shape {shapes}, and those of the Keras model are {expected}")

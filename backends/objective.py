"""What a model takes and gives, and the training loss of a problem: written once for all backends."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..workloads.workload import Problem
from .backend import StateVariables


def objective(problem: Problem, targets: Sequence[Any], outputs: Any, penalties: Iterable[Any]) -> Any:
    """Return the scalar loss of a batch: the sum over outputs, plus the layers' own penalties.

    Args:
        problem: gives the loss, one or one per output.
        targets: one tensor per output, in the order of the model's outputs.
        outputs: what the model returned.
        penalties: scalars that layers added (regularisation).

    """
    losses = problem.loss if isinstance(problem.loss, tuple) else (problem.loss,)
    pairs = zip(losses, targets, flat_outputs(outputs), strict=True)
    parts = [loss(target, output) for loss, target, output in pairs]
    return sum([*parts[1:], *penalties], start=parts[0])


def state_of(problem: Problem) -> StateVariables:
    """Return the Keras variables that training changes."""
    model = problem.model
    return StateVariables(model.trainable_variables, [*model.non_trainable_variables, *problem.optimizer.variables])


def flat_outputs(outputs: Any) -> list[Any]:
    """Return what a model returned as a list in the order of `model.outputs`: dictionaries by sorted key."""
    import keras

    flat: list[Any] = keras.tree.flatten(outputs)
    return flat


def model_inputs(model: Any, tensors: Sequence[Any]) -> Any:
    """Return input tensors in the form that a model takes: one tensor, a list, or the model's own dictionary."""
    import keras

    # Keras tells the structure of a functional model's inputs in no public place.
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, dict):
        return keras.tree.pack_sequence_as(structure, list(tensors))
    return tensors[0] if len(tensors) == 1 else list(tensors)

"""The training loss of a problem, written once in Keras operations for all backends."""

from collections.abc import Iterable
from typing import Any

from ..workloads.workload import Problem


def objective(problem: Problem, targets: Any, outputs: Any, penalties: Iterable[Any]) -> Any:
    """Return the scalar loss of a batch: the sum over outputs, plus the layers' own penalties.

    Args:
        problem: gives the loss, one or one per output.
        targets: a tensor, or a list of them for several outputs.
        outputs: what the model returned.
        penalties: scalars that layers added (regularisation).

    """
    losses = problem.loss if isinstance(problem.loss, tuple) else (problem.loss,)
    pairs = zip(losses, as_list(targets), as_list(outputs), strict=True)
    parts = [loss(target, output) for loss, target, output in pairs]
    return sum([*parts[1:], *penalties], start=parts[0])


def as_list(value: Any) -> list[Any]:
    """Return tensors as a flat list, in the order of the model's outputs."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


def single_or_list(tensors: list[Any]) -> Any:
    """Return the only tensor of a list, or the list: the form in which Keras models take inputs."""
    return tensors[0] if len(tensors) == 1 else tensors

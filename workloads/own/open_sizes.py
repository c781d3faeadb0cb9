"""Sizes that a model leaves open, as keras.Input((None, 80)) does: they become parameters of the workload."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...results.errors import UsageError
from ..workload import Parameter

LENGTH, SIZE = "length", "size"
MEANINGS = {
    LENGTH: "steps of each input that has no length of its own",
    SIZE: "side of the square pictures of an input without a size of its own, in pixels",
}


def open_sizes(model: Any) -> tuple[str, ...]:
    """Return the names of the parameters that a built model's inputs need to have a full shape."""
    found = dict.fromkeys(name for tensor in model.inputs for name in _names(tuple(tensor.shape)[1:]))
    return tuple(name for name in MEANINGS if name in found)


def _names(shape: Sequence[int | None]) -> list[str]:
    """Return what each open axis is: one alone is a length; of several the last two are a picture's sides."""
    count = sum(size is None for size in shape)
    return [LENGTH] if count == 1 else [LENGTH] * (count - 2) + [SIZE] * min(count, 2)


def parameters_for_sizes(names: Sequence[str]) -> tuple[Parameter, ...]:
    """Return parameters without a default."""
    return tuple(Parameter(name, None, MEANINGS[name], minimum=1, data=True, free=True) for name in names)


def shown_shape(model: Any) -> str:
    """Return the first input with an open size, in words."""
    for place, tensor in enumerate(model.inputs):
        shape = tuple(tensor.shape)
        if any(size is None for size in shape[1:]):
            shown = ", ".join("None" if size is None else str(size) for size in shape)
            return f"input {getattr(tensor, 'name', None) or f'input_{place}'!r} has the shape ({shown})"
    return "every input has a full shape"


def fill(model: Any, parameters: Mapping[str, Any]) -> Any:
    """Return a model whose inputs have full shapes: the same one, or one around it.

    Raises:
        UsageError: a size is missing or no whole number above 0.

    """
    import keras

    if not open_sizes(model):
        return model
    inputs = [
        keras.Input(_full(tuple(tensor.shape)[1:], parameters), dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    ]
    # Keras tells the structure of a functional model's inputs in no public place.
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, dict):
        taken = keras.tree.pack_sequence_as(structure, inputs)
    else:
        taken = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(taken, model(taken))


def _full(shape: Sequence[int | None], parameters: Mapping[str, Any]) -> tuple[int, ...]:
    names = iter(_names(shape))
    return tuple(_size(next(names), parameters) if size is None else size for size in shape)


def _size(name: str, parameters: Mapping[str, Any]) -> int:
    value = parameters.get(name)
    if not isinstance(value, int) or value < 1:
        raise UsageError(f"parameter {name!r} takes a whole number above 0, such as {name}=128; received {value!r}")
    return value

"""The data that a user's source offers, brought into the form of the model's inputs and labels, and checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...results.errors import UsageError
from ..synthetic import InputSignature, OutputSignature, Signature
from ..workload import Arrays, Data

TEST_PART = 5
"""Of data without test samples, one sample in so many, from the end, is kept for the test."""
FORMS = "return ((x_train, y_train), (x_test, y_test)) or (x, y)"


def own_data(source: str, value: Any, signature: Signature) -> Data:
    """Return the data that a source gave, checked against the model.

    Args:
        source: how messages name it.
        value: ((x_train, y_train), (x_test, y_test)), or (x, y), of which the last fifth becomes the test; the pairs
            are tuples; x and y are arrays, or for several inputs and outputs lists, or dictionaries by their names.
        signature: what the model takes and gives.

    Raises:
        UsageError: it does not fit; the message names the input or output, what came and what fits.

    """
    train, test = split_pairs(source, value)
    train_x, train_y = _side(source, "training", train, signature)
    if test is not None:
        test_x, test_y = _side(source, "test", test, signature)
        return Data(train_x, train_y, test_x, test_y)
    kept = len(train_x[0]) // TEST_PART
    if not kept:
        raise UsageError(f"{source}: data() gives {len(train_x[0])} samples; at least {TEST_PART} are needed")
    return Data(*((_first(train_x, -kept), _first(train_y, -kept), _last(train_x, kept), _last(train_y, kept))))


def split_pairs(source: str, value: Any) -> tuple[Any, Any]:
    """Return the training pair and the test pair, the latter None where there is one pair."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise UsageError(f"{source}: data() gives {_kind(value)}; {FORMS}")
    # Lists of two stand for two inputs or two outputs.
    if all(isinstance(part, tuple) and len(part) == 2 for part in value):
        return value[0], value[1]
    return value, None


def has_arrays(value: Any) -> bool:
    """Tell whether something is an array, or a list or dictionary of arrays."""
    items = (
        list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
    )
    return bool(items) and all(hasattr(item, "shape") and hasattr(item, "__array__") for item in items)


def first_inputs(source: str, value: Any) -> list[np.ndarray]:
    """Return the training inputs as they come, for a model that does not know its inputs."""
    x = split_pairs(source, value)[0][0]
    items = list(x.values()) if isinstance(x, Mapping) else list(x) if isinstance(x, list | tuple) else [x]
    return [_array(source, "inputs", item) for item in items]


def _first(arrays: Arrays, end: int) -> Arrays:
    return tuple(array[:end] for array in arrays)


def _last(arrays: Arrays, count: int) -> Arrays:
    return tuple(array[-count:] for array in arrays)


def _side(source: str, which: str, pair: Any, signature: Signature) -> tuple[Arrays, Arrays]:
    """Return the checked inputs and labels of one side."""
    inputs = _ordered(source, f"{which} inputs", pair[0], [item.name for item in signature.inputs])
    labels = _ordered(source, f"{which} labels", pair[1], [item.name for item in signature.outputs])
    x = tuple(_input(source, which, item, array) for item, array in zip(signature.inputs, inputs, strict=True))
    y = tuple(_label(source, which, item, array) for item, array in zip(signature.outputs, labels, strict=True))
    counts = [len(array) for array in (*x, *y)]
    if len(set(counts)) > 1 or not counts[0]:
        listing = ", ".join(map(str, counts))
        raise UsageError(f"{source}: data() gives {which} arrays of {listing} samples; all need the same number")
    return x, y


def _ordered(source: str, what: str, value: Any, names: Sequence[str]) -> list[np.ndarray]:
    """Return one array per name."""
    if isinstance(value, Mapping):
        absent = [name for name in names if name not in value]
        if absent:
            listing = ", ".join(map(str, value))
            raise UsageError(f"{source}: data() gives {what} {listing}, without {', '.join(absent)} of the model")
        return [_array(source, what, value[name]) for name in names]
    items = list(value) if isinstance(value, list | tuple) and len(names) > 1 else [value]
    if len(items) != len(names):
        raise UsageError(f"{source}: data() gives {len(items)} {what}; the model has {len(names)}: {', '.join(names)}")
    return [_array(source, what, item) for item in items]


def _array(source: str, what: str, value: Any) -> np.ndarray:
    """Return an array on the host of whatever holds one: NumPy, pandas, a framework's tensor."""
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except Exception as error:
        raise UsageError(f"{source}: the {what} of data() are {_kind(value)}, not an array ({error})") from error
    if array.dtype.kind not in "fiub" or array.ndim < 1:
        raise UsageError(
            f"{source}: the {what} of data() have type {array.dtype} and shape {array.shape}; give numbers"
        )
    return array


def _input(source: str, which: str, item: InputSignature, array: np.ndarray) -> np.ndarray:
    if array.shape[1:] != item.shape:
        if (*array.shape[1:], 1) != item.shape:
            raise UsageError(
                f"{source}: data() gives {which} inputs of shape {_shown(array.shape[1:])} per sample for "
                f"{item.name!r}; the model takes {_shown(item.shape)}"
            )
        array = array[..., None]
    if item.below is not None and array.dtype.kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        if low < 0 or (high >= item.below and item.below > 2):
            raise UsageError(
                f"{source}: data() gives {which} inputs of {low} to {high} for {item.name!r}; the model's table has "
                f"rows 0 to {item.below - 1}"
            )
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _label(source: str, which: str, item: OutputSignature, array: np.ndarray) -> np.ndarray:
    """Return labels in the shape that the loss takes."""
    given = array.shape[1:]
    if given != item.shape:
        if given == (*item.shape, 1):
            array = array[..., 0]
        elif (*given, 1) == item.shape:
            array = array[..., None]
        else:
            raise UsageError(
                f"{source}: data() gives {which} labels of shape {_shown(given)} per sample for output {item.name!r}; "
                f"its loss takes {_wanted(item)}{_remedy(item, given)}"
            )
    if item.kind == "class":
        whole = array.astype(np.int32)
        if not np.array_equal(whole, array) or whole.min(initial=0) < 0 or whole.max(initial=0) >= (item.classes or 1):
            raise UsageError(
                f"{source}: data() gives {which} labels from {array.min():g} to {array.max():g} for output "
                f"{item.name!r}; its loss takes {_wanted(item)}"
            )
        return whole
    return array.astype(np.float32)


def _wanted(item: OutputSignature) -> str:
    shape = f" of shape {_shown(item.shape)} per sample"
    if item.kind == "class":
        return f"class numbers 0 to {(item.classes or 1) - 1}{shape}"
    kinds = {"one_hot": "one-hot classes", "binary": "values from 0 to 1"}
    return f"{kinds.get(item.kind, 'numbers')}{shape}"


def _remedy(item: OutputSignature, given: tuple[int, ...]) -> str:
    if item.kind == "class" and given == (*item.shape, item.classes):
        return "; give class numbers, or the loss CategoricalCrossentropy"
    if item.kind == "one_hot" and given == item.shape[:-1]:
        return "; give one-hot labels, or the loss SparseCategoricalCrossentropy"
    return "; change the labels, the loss or the model's last layer"


def _shown(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"

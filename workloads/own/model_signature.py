"""Read from a Keras model what it takes, what it gives, and which loss fits."""

from collections.abc import Iterator
from typing import Any

from ...results.errors import UsageError
from ..synthetic import InputSignature, OutputSignature, Signature

FIX = "give keras.Input a full shape"


def signature_of(model: Any, losses: tuple[Any, ...]) -> Signature:
    """Return the inputs and, for the losses given, the labels of a built model."""
    inputs = tuple(_input(model, tensor, place) for place, tensor in enumerate(model.inputs))
    outputs = tuple(
        _output(name, tensor, loss)
        for name, tensor, loss in zip(output_names(model), model.outputs, losses, strict=True)
    )
    return Signature(inputs, outputs)


def output_names(model: Any) -> tuple[str, ...]:
    """Return one name per output of a model."""
    names = tuple(str(name) for name in getattr(model, "output_names", None) or ())
    count = len(model.outputs)
    return names if len(names) == count else tuple(f"output_{place}" for place in range(count))


def _full_shape(what: str, tensor: Any, fix: str) -> tuple[int, ...]:
    shape = tuple(tensor.shape)[1:]
    if any(size is None for size in shape):
        shown = ", ".join("None" if size is None else str(size) for size in tensor.shape)
        raise UsageError(f"{what} has the shape ({shown}) with an unknown size; {fix}, without None")
    return tuple(int(size) for size in shape)


def _input(model: Any, tensor: Any, place: int) -> InputSignature:
    name = str(getattr(tensor, "name", None) or f"input_{place}")
    if getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False):
        raise UsageError(f"input {name!r} is sparse or ragged; only dense inputs can be made")
    shape = _full_shape(f"input {name!r}", tensor, FIX)
    dtype = str(tensor.dtype)
    if dtype == "string":
        raise UsageError(f"input {name!r} takes text; tokenise outside the model and take numbers")
    return InputSignature(name, shape, dtype, index_bound(model, tensor, dtype))


def index_bound(model: Any, tensor: Any, dtype: str) -> int | None:
    """Return the exclusive upper bound of an input of whole numbers; None for real values.

    The smallest table that the input can reach sets it. Without a table: pixels for uint8, else 0 and 1.
    """
    sizes = [size for operation in _first_tables(model, tensor) for size in _table_sizes(operation)]
    if sizes:
        return min(sizes)
    if dtype == "uint8":
        return 256
    return 2 if dtype == "bool" or dtype.startswith(("int", "uint")) else None


def _table_sizes(operation: Any) -> list[int]:
    """Return the sizes of the lookup tables in a layer: embeddings, and category encodings."""
    import keras

    flatten = getattr(operation, "_flatten_layers", None)  # layers within a layer: Keras has no public way
    result = []
    for layer in flatten() if flatten is not None else ():
        if isinstance(layer, keras.layers.Embedding):
            result.append(int(layer.input_dim))
        elif isinstance(layer, keras.layers.CategoryEncoding):
            result.append(int(layer.num_tokens))
    return result


def _first_tables(model: Any, tensor: Any) -> Iterator[Any]:
    """Yield the first operations with lookup tables on every path from an input."""
    consumers: dict[int, list[tuple[Any, list[Any]]]] = {}
    for node in _nodes(model):
        for source in node.input_tensors:
            consumers.setdefault(id(source), []).append((node.operation, list(node.output_tensors)))
    waiting, seen = [tensor], {id(tensor)}
    while waiting:
        for operation, produced in consumers.get(id(waiting.pop()), []):
            if _table_sizes(operation):
                yield operation
                continue
            fresh = [item for item in produced if id(item) not in seen]
            seen.update(id(item) for item in fresh)
            waiting.extend(fresh)


def _nodes(model: Any) -> Iterator[Any]:
    """Yield the calls that the outputs of a model depend on (`_keras_history`: Keras has no public way)."""
    waiting, seen = list(model.outputs), set()
    while waiting:
        history = getattr(waiting.pop(), "_keras_history", None)
        if history is None or (id(history.operation), history.node_index) in seen:
            continue
        seen.add((id(history.operation), history.node_index))
        node = history.operation._inbound_nodes[history.node_index]  # noqa: SLF001
        yield node
        waiting.extend(node.input_tensors)


def _output(name: str, tensor: Any, loss: Any) -> OutputSignature:
    shape = _full_shape(f"output {name!r}", tensor, "give every keras.Input a full shape")
    kind = label_kind(loss)
    if kind in ("class", "one_hot") and not shape:
        raise UsageError(f"output {name!r} has no axis of classes for the loss {type(loss).__name__}")
    if kind == "class":
        return OutputSignature(name, shape[:-1], kind, shape[-1])
    return OutputSignature(name, shape, kind, shape[-1] if kind == "one_hot" else None)


def label_kind(loss: Any) -> str:
    """Return which labels a loss takes, by its name."""
    name = "".join(str(getattr(loss, "name", "") or "").split("_")).lower() + type(loss).__name__.lower()
    if "sparsecategorical" in name:
        return "class"
    if "categorical" in name:
        return "one_hot"
    return "binary" if "binary" in name or "hinge" in name else "real"


def fitting_loss(tensor: Any) -> Any:
    """Return a loss that fits the activation of an output: softmax, sigmoid, or none of these."""
    import keras

    activation = final_activation(tensor)
    if activation == "softmax":
        return keras.losses.SparseCategoricalCrossentropy()
    return keras.losses.BinaryCrossentropy() if activation == "sigmoid" else keras.losses.MeanSquaredError()


def final_activation(tensor: Any) -> str:
    """Return the name of the activation that gave an output; `linear` where there is none."""
    import keras

    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return "linear"
    operation = history.operation
    if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
        return final_activation(operation.outputs[history.tensor_index])
    if type(operation).__name__ in ("Softmax", "Sigmoid"):
        return type(operation).__name__.lower()
    activation = getattr(operation, "activation", None)
    return str(getattr(activation, "__name__", "linear"))

"""Keras layers that are made of other calls: attention, recurrence, and wrappers around a layer."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .work_rules import Uncounted, convolution_cell, matrix_cell, shape_of, size_of
from .work_tape import Tape, keras_kind

Args = Sequence[Any]
Kwargs = Mapping[str, Any]

MATRIX_CELLS = frozenset(("SimpleRNNCell", "LSTMCell", "GRUCell"))
PROJECTIONS = ("query", "key", "value", "gate", "output")


def _attention(tape: Tape, query: Any, key: Any, value: Any, keys: int, layer: Any, scored: bool = True) -> Any:
    """Note the products of attention over so many keys per query; the sizes of queries and values come last.

    Masks are not looked at: a causal layer counts all pairs of positions, as is usual.
    """
    scores_shape = (*shape_of(query)[:-1], keys)
    if scored:
        scores = tape.product(size_of(query) * keys, query, key, scores_shape, layer)
    else:
        scores = tape.tensor(scores_shape, layer.compute_dtype)
        tape.note((query, key), [scores], (), layer.trainable_variables)
    width = shape_of(value)[-1]
    return tape.product(size_of(scores) * width, scores, value, (*shape_of(query)[:-1], width), layer)


def _multi_head(tape: Tape, layer: Any, args: Args, kwargs: Kwargs) -> list[Any]:
    outputs = tape.outputs(layer, args, kwargs)
    given = inspect.signature(layer.call).bind(*args, **kwargs).arguments
    query, value = given["query"], given["value"]
    key = value if given.get("key") is None else given["key"]
    parts = {name: getattr(layer, f"_{name}_dense", None) for name in PROJECTIONS}
    [queries] = tape.visit(parts["query"], (query,), {})
    [keys] = tape.visit(parts["key"], (key,), {})
    [values] = tape.visit(parts["value"], (value,), {})
    axes = getattr(layer, "_attention_axes", None) or (1,)
    mixed = _attention(tape, queries, keys, values, math.prod(shape_of(key)[axis] for axis in axes), layer)
    if parts["gate"] is not None:
        gated = tape.tensor(shape_of(mixed), mixed.dtype)
        tape.note((mixed, tape.visit(parts["gate"], (query,), {})), [gated])
        mixed = gated
    tape.note(tape.visit(parts["output"], (mixed,), {}), outputs)
    return outputs


def _plain_attention(tape: Tape, layer: Any, args: Args, kwargs: Kwargs) -> list[Any]:
    outputs = tape.outputs(layer, args, kwargs)
    query, value, *rest = args[0]
    key = rest[0] if rest else value
    scored = keras_kind(layer) == "Attention" and layer.score_mode == "dot"  # else the score is a sum over tanh
    tape.note(_attention(tape, query, key, value, shape_of(value)[-2], layer, scored), outputs)
    return outputs


def _bidirectional(tape: Tape, layer: Any, args: Args, kwargs: Kwargs) -> list[Any]:
    outputs = tape.outputs(layer, args, kwargs)
    results = [tape.visit(side, args, kwargs) for side in (layer.forward_layer, layer.backward_layer)]
    tape.note(results, outputs)
    return outputs


def _time_distributed(tape: Tape, layer: Any, args: Args, kwargs: Kwargs) -> list[Any]:
    outputs = tape.outputs(layer, args, kwargs)
    step, length = _step(tape, args[0])
    with tape.repeated(length):
        results = tape.visit(layer.layer, (step,), {})
    tape.note(results, outputs)
    return outputs


def _recurrent(tape: Tape, layer: Any, args: Args, kwargs: Kwargs) -> list[Any]:
    outputs = tape.outputs(layer, args, kwargs)
    step, length = _step(tape, args[0])
    with tape.repeated(length):
        results = _cell(tape, layer.cell, step, tape.tensors((args[1:], kwargs)))
    tape.note(results, outputs)
    return outputs


def _step(tape: Tape, sequence: Any) -> tuple[Any, int]:
    """Return one time step of a sequence, and the number of steps."""
    batch, length, *rest = shape_of(sequence)
    step = tape.tensor((batch, *rest), sequence.dtype)
    tape.note(sequence, [step])
    return step, length


def _cell(tape: Tape, cell: Any, x: Any, initial: Sequence[Any]) -> list[Any]:
    """Note one step of a recurrent cell. Its state is taken to need a gradient in every step, the first as well."""
    kind = keras_kind(cell)
    if kind == "StackedRNNCells":
        result = [x]
        for part in cell.cells:
            result = _cell(tape, part, result[0], initial)
        return result
    batch = shape_of(x)[0]
    if kind in MATRIX_CELLS or kind == "ConvLSTMCell":
        convolves = kind == "ConvLSTMCell"
        shape = cell.compute_output_shape(shape_of(x))[0] if convolves else (batch, cell.units)
        state, output = (tape.tensor(shape, cell.compute_dtype) for _ in range(2))
        tape.note((x, initial), [state], (), cell.trainable_variables)
        products = convolution_cell(cell, x, state, output) if convolves else matrix_cell(cell, x, state)
        tape.note((x, state), [output], products, cell.trainable_variables)
        return [output]
    if not isinstance(cell, tape.keras.Layer):
        raise Uncounted(f"its cell {type(cell).__name__} is no Keras layer")
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    shapes = [(batch, *size) if isinstance(size, (list, tuple)) else (batch, size) for size in sizes]
    states = [tape.tensor(shape, cell.compute_dtype) for shape in shapes]
    tape.note((x, initial), states, (), cell.trainable_variables)
    return tape.visit(cell, (x, states), {})


COMPOSITES: dict[str, Callable[[Tape, Any, Args, Kwargs], list[Any]]] = {
    "MultiHeadAttention": _multi_head,
    "GroupedQueryAttention": _multi_head,
    "Attention": _plain_attention,
    "AdditiveAttention": _plain_attention,
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "RNN": _recurrent,
    "SimpleRNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "ConvLSTM1D": _recurrent,
    "ConvLSTM2D": _recurrent,
    "ConvLSTM3D": _recurrent,
}
"""By the name of the class in Keras."""

"""The matrix products in one call of a Keras layer or operation, read from shapes alone.

A rule takes the operation, the arguments it was called with and its outputs, and returns its products. Only products
with a summed index count: matrix products, convolutions, attention products, recurrent cells.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]


class Uncounted(Exception):
    """The products of a call cannot be told; the message says why."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product of two operands: forward it takes `flops`, and each operand's gradient takes as many again."""

    flops: int
    left: Any
    """A symbolic tensor, a variable, a constant, or a tuple of these: what the operand was made of."""
    right: Any


Rule = Callable[[Any, Sequence[Any], Mapping[str, Any], Sequence[Any]], list[Product]]
"""Takes operation, positional arguments, keyword arguments and the flat list of outputs."""


def shape_of(tensor: Any) -> Shape:
    """Return the shape of a symbolic tensor, a variable, an array or a plain number.

    Raises:
        Uncounted: a size depends on the values.

    """
    shape = tuple(getattr(tensor, "shape", ()))
    if any(size is None for size in shape):
        raise Uncounted(f"a size of {shape} is only known when it runs")
    return tuple(int(size) for size in shape)


def size_of(tensor: Any) -> int:
    """Return the number of elements of a tensor."""
    return math.prod(shape_of(tensor))


def multiply_adds(count: int, left: Any, right: Any) -> Product:
    """Return the product that takes so many multiply-adds, of two FLOPs each."""
    return Product(2 * count, left, right)


def einsum_multiply_adds(subscripts: str, *shapes: Shape) -> int:
    """Return the multiply-adds of an einsum of one or two operands.

    An index that stands in one operand only and not in the result is summed before the product, and a product
    without a summed index is element-wise: it counts as zero.

    Raises:
        Uncounted: more than two operands, whose work depends on the order in which they are multiplied.

    """
    if len(shapes) > 2:
        raise Uncounted(f"an einsum of {len(shapes)} operands is multiplied in an order that is not fixed")
    terms, result, sizes = _einsum_labels(subscripts, shapes)
    shared = set.intersection(*map(set, terms))
    if len(shapes) < 2 or not shared - set(result):
        return 0
    return math.prod(sizes[label] for label in shared | set(result))


def einsum_shape(subscripts: str, *shapes: Shape) -> Shape:
    """Return the shape of the result of an einsum."""
    _, result, sizes = _einsum_labels(subscripts, shapes)
    return tuple(sizes[label] for label in result)


def _einsum_labels(subscripts: str, shapes: Sequence[Shape]) -> tuple[list[list[int]], list[int], dict[int, int]]:
    """Return the labels of each operand, those of the result, and the size that each stands for."""
    given, arrow, kept = subscripts.replace(" ", "").partition("->")
    terms = [_labels(term, len(shape)) for term, shape in zip(given.split(","), shapes, strict=True)]
    sizes: dict[int, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    hidden = sorted(label for label in sizes if label < 0)
    if arrow:
        before, dots, after = kept.partition("...")
        return terms, [*map(ord, before), *(hidden if dots else ()), *map(ord, after)], sizes
    every = [label for term in terms for label in term]  # the implicit form keeps what stands once, in order
    return terms, [*hidden, *sorted(label for label in sizes if label > 0 and every.count(label) == 1)], sizes


def _labels(term: str, rank: int) -> list[int]:
    """Return a number per axis: the code of its letter, or -1, -2 ... from the right for an ellipsis."""
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after) if dots else 0
    return [*map(ord, before), *range(-hidden, 0), *map(ord, after)]


# Layers: the kernel's shape tells all, so neither the order of the axes nor groups, strides or padding matter.


def kernel_parts(layer: Any) -> tuple[Any, ...]:
    """Return the variables that a layer's kernel is made of: the kernel itself, or with low-rank updates more."""
    bias = getattr(layer, "bias", None)
    return tuple(variable for variable in layer.variables if variable is not bias)


def low_rank_update(layer: Any, weight: Any) -> list[Product]:
    """Return the product that makes the update of a weight on which `enable_lora` was called, else nothing."""
    if not getattr(layer, "lora_enabled", False):
        return []
    return [multiply_adds(size_of(weight) * layer.lora_rank, kernel_parts(layer), kernel_parts(layer))]


def _dense(layer: Any, args: Sequence[Any], _: Mapping[str, Any], outputs: Sequence[Any]) -> list[Product]:
    kernel, parts = layer.kernel, kernel_parts(layer)
    return [
        multiply_adds(size_of(outputs[0]) * shape_of(kernel)[0], args[0], parts),
        *low_rank_update(layer, kernel),
    ]


def _einsum_dense(layer: Any, args: Sequence[Any], _: Mapping[str, Any], outputs: Sequence[Any]) -> list[Product]:
    kernel, parts = layer.kernel, kernel_parts(layer)
    count = einsum_multiply_adds(layer.equation, shape_of(args[0]), shape_of(kernel))
    return [multiply_adds(count, args[0], parts), *low_rank_update(layer, kernel)]


def _conv(layer: Any, args: Sequence[Any], _: Mapping[str, Any], outputs: Sequence[Any]) -> list[Product]:
    kernel, parts = layer.kernel, kernel_parts(layer)
    return [*_convolution(args[0], kernel, outputs[0], parts), *low_rank_update(layer, kernel)]


def _separable_conv(layer: Any, args: Sequence[Any], _: Mapping[str, Any], outputs: Sequence[Any]) -> list[Product]:
    return _separable(args[0], layer.depthwise_kernel, layer.pointwise_kernel, outputs[0])


def _embedding(layer: Any, args: Sequence[Any], _: Mapping[str, Any], outputs: Sequence[Any]) -> list[Product]:
    return low_rank_update(layer, layer.embeddings)  # a lookup multiplies nothing


def _reversible_embedding(
    layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any], outputs: Sequence[Any]
) -> list[Product]:
    if getattr(layer, "lora_enabled", False):
        raise Uncounted("low-rank updates of this layer are not known")
    if not kwargs.get("reverse", args[1] if len(args) > 1 else False):
        return []
    table = layer.embeddings if layer.tie_weights else layer.reverse_embeddings
    return [multiply_adds(size_of(outputs[0]) * layer.output_dim, args[0], table)]


def _dot_layer(layer: Any, args: Sequence[Any], _: Mapping[str, Any], outputs: Sequence[Any]) -> list[Product]:
    left, right = args[0]
    axes = layer.axes if isinstance(layer.axes, (list, tuple)) else (layer.axes, layer.axes)
    return [multiply_adds(size_of(outputs[0]) * shape_of(left)[axes[0]], left, right)]


def matrix_cell(cell: Any, x: Any, state: Any) -> list[Product]:
    """Return the products of one step of a SimpleRNN, LSTM or GRU cell, whose kernels hold all its gates."""
    batch = shape_of(x)[0]
    kernels = ((x, cell.kernel), (state, cell.recurrent_kernel))
    return [multiply_adds(batch * size_of(kernel), value, kernel) for value, kernel in kernels]


def convolution_cell(cell: Any, x: Any, state: Any, output: Any) -> list[Product]:
    """Return the products of one step of a convolutional LSTM cell; state and output have the same shape."""
    positions = size_of(output) // cell.filters
    kernels = ((x, cell.kernel), (state, cell.recurrent_kernel))
    return [multiply_adds(positions * size_of(kernel), value, kernel) for value, kernel in kernels]


# Operations of keras.ops.


def _convolution(x: Any, kernel: Any, output: Any, parts: Any = None) -> list[Product]:
    right = kernel if parts is None else parts
    return [multiply_adds(size_of(output) * math.prod(shape_of(kernel)[:-1]), x, right)]


def _transposed(x: Any, kernel: Any) -> list[Product]:
    return [multiply_adds(size_of(x) * math.prod(shape_of(kernel)[:-1]), x, kernel)]


def _depthwise(x: Any, kernel: Any, output: Any) -> list[Product]:
    return [multiply_adds(size_of(output) * math.prod(shape_of(kernel)[:-2]), x, kernel)]


def _separable(x: Any, depthwise: Any, pointwise: Any, output: Any) -> list[Product]:
    channels, filters = shape_of(pointwise)[-2:]
    positions = size_of(output) // filters
    return [
        multiply_adds(positions * channels * math.prod(shape_of(depthwise)[:-2]), x, depthwise),
        multiply_adds(positions * channels * filters, (x, depthwise), pointwise),
    ]


def _matmul(left: Any, right: Any, output: Any) -> list[Product]:
    return [multiply_adds(size_of(output) * shape_of(left)[-1], left, right)]


def _einsum(subscripts: str, operands: Sequence[Any]) -> list[Product]:
    count = einsum_multiply_adds(subscripts, *map(shape_of, operands))
    return [multiply_adds(count, *operands)] if count else []


def _contraction(left: Any, right: Any, output: Any) -> list[Product]:
    """Return the product of two tensors without batch axes: the summed sizes are what the output lacks, twice."""
    result = size_of(output)
    if not result or not shape_of(left) or not shape_of(right):
        return []
    return [multiply_adds(result * math.isqrt(size_of(left) * size_of(right) // result), left, right)]


def _attention(query: Any, key: Any, value: Any) -> list[Product]:
    """Return the two products over (batch, length, heads, size); keys and values may have fewer heads."""
    count = size_of(query) * shape_of(key)[1]
    return [multiply_adds(count, query, key), multiply_adds(count, (query, key), value)]


def _norm(order: Any, axis: Any, x: Any) -> list[Product]:
    axes = len(shape_of(x)) if axis is None else len(axis)
    if order in (2, -2, "nuc") and axes == 2:
        raise Uncounted("a matrix norm by singular values is not known")
    return []


LAYER_RULES: dict[str, Rule] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Conv3D": _conv,
    "Conv1DTranspose": lambda layer, args, _, __: _transposed(args[0], layer.kernel),
    "Conv2DTranspose": lambda layer, args, _, __: _transposed(args[0], layer.kernel),
    "Conv3DTranspose": lambda layer, args, _, __: _transposed(args[0], layer.kernel),
    "DepthwiseConv1D": lambda layer, args, _, outputs: _depthwise(args[0], layer.kernel, outputs[0]),
    "DepthwiseConv2D": lambda layer, args, _, outputs: _depthwise(args[0], layer.kernel, outputs[0]),
    "SeparableConv1D": _separable_conv,
    "SeparableConv2D": _separable_conv,
    "Dot": _dot_layer,
    "Embedding": _embedding,
    "ReversibleEmbedding": _reversible_embedding,
}
"""By the name of the class in Keras. Layers made of other calls (attention, recurrence, wrappers) are walked."""

OPERATION_RULES: dict[str, Rule] = {
    "Matmul": lambda _, args, __, outputs: _matmul(args[0], args[1], outputs[0]),
    "Einsum": lambda operation, args, _, __: _einsum(operation.subscripts, args),
    "Dot": lambda _, args, __, outputs: _contraction(args[0], args[1], outputs[0]),
    "Inner": lambda _, args, __, outputs: _contraction(args[0], args[1], outputs[0]),
    "Tensordot": lambda operation, args, _, outputs: (
        [] if operation.axes == 0 else _contraction(args[0], args[1], outputs[0])
    ),
    "Vdot": lambda _, args, __, outputs: _contraction(args[0], args[1], outputs[0]),
    "Conv": lambda _, args, __, outputs: _convolution(args[0], args[1], outputs[0]),
    "DepthwiseConv": lambda _, args, __, outputs: _depthwise(args[0], args[1], outputs[0]),
    "SeparableConv": lambda _, args, __, outputs: _separable(args[0], args[1], args[2], outputs[0]),
    "ConvTranspose": lambda _, args, __, ___: _transposed(args[0], args[1]),
    "DotProductAttention": lambda _, args, __, ___: _attention(args[0], args[1], args[2]),
    "Norm": lambda operation, args, _, __: _norm(operation.ord, operation.axis, args[0]),
}
"""By the name of the class behind the function in `keras.ops`."""

"""The work of a model in floating-point operations: counted from its layers, the same for every backend.

It is the one denominator for FLOP/s and utilisation: what the model needs, whatever a framework makes of it. A
multiply-add is two FLOPs. Matrix products, convolutions, attention products and recurrent cells are counted; all
else (biases, activations, normalisation, softmax, pooling, the loss, the optimizer's update) is zero by convention, as
in the literature on model FLOPs utilisation (Chowdhery et al. 2022, PaLM, appendix B).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .work_rules import Uncounted
from .work_walk import Walk


@dataclass(frozen=True, slots=True)
class LayerWork:
    """The work of one layer or operation in one step, all its calls together."""

    name: str
    """Its path in the model, such as `encoder/dense`."""
    kind: str
    """Name of its class."""
    calls: int
    forward_flops: float | None
    training_flops: float | None
    """Forward and backward."""


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a model for one batch; None where a part of it is unknown."""

    forward_flops: float | None
    training_flops: float | None
    """Forward and backward pass, without the optimizer's update."""
    unknown: tuple[str, ...]
    """What could not be counted, and why."""
    by_layer: tuple[LayerWork, ...]
    """In the order of the first call."""


def count_work(model: Any, batch_size: int) -> Work:
    """Return the FLOPs of one forward pass and of one training step of a built Keras model.

    The model is not run and not changed. Layers of one's own are followed through the Keras operations and layers in
    their `call`, or say their work themselves: `dlbench_flops(input_shapes)` gets the shapes of all input tensors,
    batch included, and returns the FLOPs of one forward call.

    Args:
        model: a functional or sequential `keras.Model`, or any that knows its `inputs`.
        batch_size: samples in the batch; takes the place of the first axis of every input.

    Raises:
        ValueError: the batch size is below 1.

    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, received {batch_size}")
    fault = _input_fault(model, batch_size)
    if fault:
        return Work(None, None, (fault,), ())
    inference, forward, _ = _walked(model, batch_size, training=False)
    if not inference.asks_training:
        return _work(inference, forward, _)
    walk, _, training = _walked(model, batch_size, training=True)
    return _work(walk, forward, training, also=inference)


def _input_fault(model: Any, batch_size: int) -> str | None:
    """Return why the inputs of a model give no shapes, if so."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return "the model does not know its inputs"
    for tensor in inputs:
        if None in tensor.shape[1:]:
            return f"input {tensor.name} has a shape {tuple(tensor.shape)} with an unknown size"
        if tensor.shape and tensor.shape[0] not in (None, batch_size):
            return f"input {tensor.name} is made for a batch of {tensor.shape[0]}, not {batch_size}"
    return None


Totals = Mapping[str, float]
"""FLOPs by the path of a layer."""


def _walked(model: Any, batch_size: int, *, training: bool) -> tuple[Walk, Totals, Totals]:
    """Return a walk through the model, with the FLOPs of each layer forward, and forward and backward."""
    import keras

    walk = Walk(model.trainable_variables, training)
    inputs = [
        keras.KerasTensor((batch_size, *tensor.shape[1:]) if tensor.shape else (), dtype=tensor.dtype)
        for tensor in model.inputs
    ]
    try:
        outputs = walk.start(model, inputs)
    except Uncounted:
        outputs = []  # the walk knows where it stopped, and the work is unknown
    return walk, _forward(walk), _training(walk, [*outputs, *walk.losses])


def _forward(walk: Walk) -> Totals:
    total = dict.fromkeys(walk.kinds, 0.0)
    for call in walk.calls:
        for product in call.products:
            total[call.owner] += call.times * product.flops
    return total


def _training(walk: Walk, outputs: Sequence[Any]) -> Totals:
    """Return forward and backward FLOPs: a product's backward pass is one product per operand that needs a gradient.

    An operand needs one if it is trained or made from what is trained, and if the product reaches an output (or a loss
    that a layer adds) on a way along which gradients flow.
    """
    total = dict(_forward(walk))
    reached = {id(tensor) for tensor in outputs if walk.carries(tensor)}
    for call in reversed(walk.calls):
        if reached.isdisjoint(map(id, call.outputs)):
            continue
        reached.update(id(tensor) for tensor in call.inputs if walk.carries(tensor))
        for product in call.products:
            needed = walk.carries(product.left) + walk.carries(product.right)
            total[call.owner] += call.times * product.flops * needed
    return total


def _work(walk: Walk, forward: Totals, training: Totals, also: Walk | None = None) -> Work:
    """Put the layers of a walk together, with those that only another walk met."""
    kinds, counts, unknown = dict(walk.kinds), dict(walk.counts), dict(walk.unknown)
    if also is not None:
        kinds = kinds | also.kinds
        counts = also.counts | counts
        unknown = also.unknown | unknown
    layers = tuple(
        LayerWork(
            name,
            kind,
            counts[name],
            None if name in unknown else forward.get(name, 0.0),
            None if name in unknown else training.get(name, 0.0),
        )
        for name, kind in kinds.items()
    )
    missing = tuple(f"{name} ({kinds[name]}): {reason}" for name, reason in unknown.items())
    if missing:
        return Work(None, None, missing, layers)
    return Work(sum(forward.values()), sum(training.values()), (), layers)

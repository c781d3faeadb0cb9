"""A workload from a user's own model: with the data that its source offers, or random data that fits it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ...results.errors import UsageError
from .. import metrics
from ..metrics import Metric
from ..synthetic import Signature, make, sample_count
from ..workload import SPEED_PHASES, USUAL_PHASES, Data, Parameter, Parameters, Problem, Spec, Workload
from .offer import Offer, arguments_needed
from .open_sizes import fill, open_sizes, parameters_for_sizes, shown_shape
from .own_data import first_inputs, own_data
from .problem import metric_of, problem_of, problem_signature

TRAINING_METHODS = ("train_step", "compute_loss")
FORWARD_PHASES = ("infer",)
"""Of a model that trains in a way of its own, which no other backend nor the custom-loop API has."""
SEED = 20_265
SEED_NAME = "seed"
"""Argument of a native function that is given the trial's seed."""
BATCH_SIZE = 32
EPOCHS = 10
FILL_EXAMPLES = {"length": 128, "size": 224}

Shapes = Callable[[], Sequence[np.ndarray]]
"""Makes arrays like the model's inputs."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a source offers with some parameters."""

    spec: Spec
    signature: Signature | None
    """None where the model cannot be measured with these parameters."""
    problem: str | None = None
    """Why not."""


def describe(offer: Offer, parameters: Mapping[str, Any]) -> Described:
    """Return what a source offers, its model built with some parameters; names that it lacks are passed over.

    Raises:
        UsageError: the source is of no use whatever the parameters are.

    """
    spec = spec_of(offer)
    for function in offer.natives.values():
        if strange := arguments_needed(function) - {*spec.names, SEED_NAME}:
            raise UsageError(
                f"{offer.source}: {function.__name__} takes {', '.join(sorted(strange))}, which {offer.name} does not; "
                "a twin takes parameters of the model, and seed"
            )
    missing = offer.missing(parameters)
    if missing:
        given = " ".join(f"-p {name}=VALUE" for name in missing)
        what = f"argument {missing[0]!r} of {offer.name} has" if len(missing) == 1 else f"{', '.join(missing)} have"
        return Described(spec, None, f"{offer.source}: {what} no default; add {given}, or write one into the file")
    values = {**spec.defaults(), **parameters}
    made, model = make_model(offer, values, _shapes(offer, values))
    needed = [name for name in open_sizes(model) if name not in spec.names]
    spec = replace(spec, parameters=(*spec.parameters, *parameters_for_sizes(needed)))
    if absent := [name for name in needed if name not in parameters]:
        fix = " ".join(f"-p {name}={FILL_EXAMPLES[name]}" for name in absent)
        shown = f"{offer.source}: {shown_shape(model)} with an unknown size"
        return Described(spec, None, f"{shown}; give keras.Input a full shape, or add {fix}")
    signature = problem_signature(problem_of(offer, made, fill(model, values), values))
    if trains_itself(made):
        return Described(replace(spec, phases=FORWARD_PHASES), signature)
    if offer.data is None:
        if offer.target is not None or offer.metric is not None:
            raise UsageError(
                f"{offer.source}: a metric or a target needs data: write 'def data()' that returns "
                "((x_train, y_train), (x_test, y_test))"
            )
        return Described(spec, signature)
    found = metric_of(offer, made, signature)
    metric = found if isinstance(found, Metric) else metrics.get(found)
    spec = replace(
        spec,
        metric=metric.name,
        direction=metric.direction,
        target=offer.target,
        margin=offer.margin,
        phases=USUAL_PHASES,
    )
    return Described(spec, signature)


def spec_of(offer: Offer) -> Spec:
    """Return what is known before a model is built."""
    return Spec(
        name=offer.source,
        area="user",
        summary=f"{offer.name} of {offer.source}",
        data="synthetic" if offer.data is None else "own",
        source=offer.source,
        batch_size=offer.batch_size or BATCH_SIZE,
        epochs=offer.epochs or EPOCHS,
        parameters=offer.parameters,
        phases=SPEED_PHASES,
        natives=tuple(offer.natives),
    )


def sizes_for(names: Iterable[str]) -> tuple[Parameter, ...]:
    """Return the parameters among some names that a model may need for sizes that it leaves open."""
    return parameters_for_sizes([name for name in FILL_EXAMPLES if name in names])


def workload(offer: Offer) -> Workload:
    """Return the workload of a user's own model."""

    def data(parameters: Parameters) -> Data:
        given = offer.call(offer.data, parameters) if offer.data is not None else None
        shapes = (lambda: first_inputs(offer.source, given)) if offer.data is not None else _shapes(offer, parameters)
        signature = problem_signature(_problem(offer, parameters, shapes))
        if offer.data is None:
            return make(signature, sample_count(signature), SEED)
        return own_data(offer.source, given, signature)

    def build(parameters: Parameters, data: Data) -> Problem:
        return _problem(offer, parameters, lambda: data.train_x)

    return Workload(
        spec_of(offer),
        data,
        build,
        natives={backend: partial(_native, offer, function) for backend, function in offer.natives.items()},
        metric=offer.metric if isinstance(offer.metric, Metric) else None,
    )


def _native(offer: Offer, function: Callable[..., Any], parameters: Parameters, seed: int) -> Any:
    return offer.call(function, {**parameters, SEED_NAME: seed})


def _problem(offer: Offer, parameters: Mapping[str, Any], shapes: Shapes | None) -> Problem:
    made, model = make_model(offer, parameters, shapes)
    return problem_of(offer, made, fill(model, parameters), parameters)


def _shapes(offer: Offer, parameters: Mapping[str, Any]) -> Shapes | None:
    data = offer.data
    if data is not None:
        return lambda: first_inputs(offer.source, offer.call(data, parameters))
    return None if offer.inputs is None else lambda: first_inputs(offer.source, (offer.inputs, None))


def make_model(offer: Offer, parameters: Mapping[str, Any], shapes: Shapes | None) -> tuple[Any, Any]:
    """Return the Keras model that a source makes, as it comes, and the same with inputs.

    Args:
        offer: the source.
        parameters: all of them.
        shapes: makes inputs for a model that does not know its own; None where there is no data.

    Raises:
        UsageError: it makes none, or one whose inputs nobody knows.

    """
    import keras

    made = offer.call(offer.model, parameters)
    if not isinstance(made, keras.Model):
        kind = "nothing" if made is None else f"a value of type {type(made).__name__}"
        raise UsageError(f"{offer.source}: {offer.name} returned {kind}, not a Keras model; return one")
    if getattr(made, "inputs", None):
        return made, made
    if trains_itself(made) and type(made).call is keras.Model.call:
        raise UsageError(
            f"{offer.source}: {type(made).__name__} has a train_step of its own, which dlbench does not run, and no "
            "call; return one of its networks from a function, such as 'def model(): return decoder'"
        )
    if shapes is None:
        raise UsageError(
            f"{offer.source}: the model of {offer.name} does not know its inputs; start it with keras.Input(shape), "
            f"write 'def data()', or wrap it as keras.Model(x, net(x)) with x = keras.Input(shape)"
        )
    return made, _with_inputs(made, shapes())


def trains_itself(model: Any) -> bool:
    """Tell whether a model's class replaces what Keras does in a training step."""
    import keras

    return any(getattr(type(model), name) is not getattr(keras.Model, name) for name in TRAINING_METHODS)


def _with_inputs(model: Any, arrays: Sequence[np.ndarray]) -> Any:
    """Return a model around one that was never called, which takes inputs like some arrays."""
    import keras

    types = ["float32" if array.dtype == np.float64 else str(array.dtype) for array in arrays]
    inputs = [
        keras.Input(array.shape[1:], dtype=dtype, name=f"input_{place}")
        for place, (array, dtype) in enumerate(zip(arrays, types, strict=True))
    ]
    taken = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(taken, model(taken))

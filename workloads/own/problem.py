"""The problem of a user's own model: its loss, optimizer and metric, as offered, as compiled, or ones that fit."""

import re
from collections.abc import Mapping
from typing import Any

from ...results.errors import UsageError
from .. import metrics
from ..metrics import Metric
from ..synthetic import Signature
from ..workload import Problem
from .model_signature import fitting_loss, output_names, signature_of
from .offer import Offer

LEARNING_RATE = 1e-3
COMPILED_METRICS = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "binary_accuracy": "binary_accuracy",
    "auc": "auc",
    "mse": "mean_squared_error",
    "mean_squared_error": "mean_squared_error",
}
"""What a metric that a model is compiled with is called here."""
METRIC_OF_LABELS = {"class": "accuracy", "one_hot": "accuracy", "binary": "auc", "real": "mean_squared_error"}


def problem_of(offer: Offer, made: Any, model: Any, parameters: Mapping[str, Any]) -> Problem:
    """Return a model with loss and optimizer: those offered, those it was compiled with, or ones that fit.

    Args:
        offer: where the model comes from.
        made: the model as it came, compiled or not.
        model: the same, or a model around it whose inputs have full shapes.
        parameters: all of them.

    Raises:
        UsageError: the losses do not fit the outputs, or there is no such loss or optimizer.

    """
    import keras

    compiled = bool(getattr(made, "compiled", False))
    given = offer.loss if offer.loss is not None else getattr(made, "loss", None) if compiled else None
    # Keras keeps the weights in no public place that can be read without serialising the optimizer.
    weights = getattr(getattr(made, "_compile_loss", None), "_user_loss_weights", None) if compiled else None
    if given is not None and weights is not None:
        raise UsageError(
            f"{offer.source}: the model is compiled with loss_weights, which are not applied; put them into the losses"
        )
    if given is None:
        losses = tuple(fitting_loss(tensor) for tensor in model.outputs)
    else:
        losses = tuple(as_loss(offer.source, loss) for loss in _per_output(offer.source, model, given))
    optimizer = _optimizer(offer, parameters)
    if optimizer is None and compiled and made.optimizer is not None:
        optimizer = _fresh(made.optimizer)
    return Problem(model, losses if len(losses) > 1 else losses[0], optimizer or keras.optimizers.Adam(LEARNING_RATE))


def _fresh(optimizer: Any) -> Any:
    """Return an optimizer that has no moments yet: one of the same settings for one that was used or stored."""
    return type(optimizer).from_config(optimizer.get_config()) if optimizer.built else optimizer


def _optimizer(offer: Offer, parameters: Mapping[str, Any]) -> Any:
    """Return the optimizer that a source offers, made anew."""
    import keras

    value = offer.optimizer
    if value is None:
        return None
    if isinstance(value, keras.optimizers.Optimizer):
        return _fresh(value)
    if isinstance(value, str):
        try:
            return keras.optimizers.get(value)
        except ValueError:
            raise UsageError(f"{offer.source}: unknown optimizer {value!r}; give a name of keras.optimizers") from None
    found = offer.call(value, parameters)
    if not isinstance(found, keras.optimizers.Optimizer):
        raise UsageError(f"{offer.source}: optimizer() returned {type(found).__name__}, not a Keras optimizer")
    return found


def metric_of(offer: Offer, made: Any, signature: Signature) -> str | Metric:
    """Return the metric: the one offered, one that the model was compiled with, or one for its labels.

    Raises:
        UsageError: the one offered does not exist.

    """
    if isinstance(offer.metric, str):
        try:
            return metrics.get(offer.metric).name
        except UsageError as error:
            raise UsageError(f"{offer.source}: {error}") from None
    if offer.metric is not None:
        return offer.metric
    kind = signature.outputs[0].kind
    for name in _compiled_metrics(made):
        if kind == "binary" and COMPILED_METRICS.get(name) == "accuracy":
            return "binary_accuracy"
        if name in COMPILED_METRICS:
            return COMPILED_METRICS[name]
    return METRIC_OF_LABELS[kind]


def _compiled_metrics(made: Any) -> list[str]:
    config = (made.get_compile_config() or {}) if getattr(made, "compiled", False) else {}
    given = config.get("metrics") or []
    items = given if isinstance(given, list | tuple) else [given]
    names = [item.get("config", {}).get("name", "") if isinstance(item, dict) else item for item in items]
    return [name.lower() for name in names if isinstance(name, str)]


def _per_output(source: str, model: Any, given: Any) -> tuple[Any, ...]:
    """Return the loss of each output."""
    count = len(model.outputs)
    if isinstance(given, dict):
        names = output_names(model)
        if not set(names) <= set(given):
            listing = ", ".join(str(name) for name in given)
            every = ", ".join(names)
            raise UsageError(f"{source}: the compiled losses ({listing}) must name every output ({every})")
        return tuple(given[name] for name in names)
    losses = tuple(given) if isinstance(given, (list, tuple)) else (given,) * count
    if len(losses) != count or any(loss is None for loss in losses):
        given_count = sum(loss is not None for loss in losses)
        raise UsageError(f"{source}: compiled with {given_count} losses for {count} outputs; give one each")
    return losses


def as_loss(source: str, loss: Any) -> Any:
    """Return a `keras.losses.Loss` for whatever `compile` accepts: an object, a name or a function."""
    import keras

    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            raise UsageError(f"{source}: unknown loss {loss!r}; give a name of keras.losses") from None
    if isinstance(loss, type):
        loss = loss()
    if isinstance(loss, keras.losses.Loss):
        return loss
    if not callable(loss):
        raise UsageError(f"{source}: a value of type {type(loss).__name__} for a loss; give a keras.losses.Loss")
    function = loss

    class FunctionLoss(keras.losses.Loss):  # type: ignore[misc]
        """A loss from a function of (targets, outputs)."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return function(y_true, y_pred)

    # A lambda's name is none that TensorFlow takes.
    name = re.sub(r"\W", "", str(getattr(function, "__name__", "loss")))
    return FunctionLoss(name=name)


def problem_signature(problem: Problem) -> Signature:
    """Return what the model takes and what its losses compare it with."""
    losses = problem.loss if isinstance(problem.loss, tuple) else (problem.loss,)
    return signature_of(problem.model, losses)

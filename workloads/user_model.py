"""A workload from a user's own file: its model, random data that fits, and a loss."""

from pathlib import Path
from typing import Any

from ..results.errors import UsageError
from .model_signature import fitting_loss, output_names, signature_of
from .synthetic import Signature, make, sample_count
from .user_file import ModelFunction, broken, load, parameters_of
from .workload import SPEED_PHASES, Data, Parameters, Problem, Spec, Workload

SEED = 20_265
BATCH_SIZE = 32
LEARNING_RATE = 1e-3


def workload(path: Path, function: str | None = None) -> Workload:
    """Return the workload of a user's file. Runs the file, so it is called in a worker."""
    make_model = load(path, function)
    spec = Spec(
        name=path.stem,
        area="user",
        summary=f"{getattr(make_model, '__name__', 'model')} of {path.name}",
        data="synthetic",
        source=str(path),
        batch_size=BATCH_SIZE,
        parameters=parameters_of(path, make_model),
        phases=SPEED_PHASES,
    )

    def data(parameters: Parameters) -> Data:
        problem = problem_of(path, call(path, make_model, parameters))
        signature = problem_signature(problem)
        return make(signature, sample_count(signature), SEED)

    def build(parameters: Parameters, data: Data) -> Problem:
        return problem_of(path, call(path, make_model, parameters))

    return Workload(spec, data, build)


def problem_signature(problem: Problem) -> Signature:
    """Return what the model takes and what its losses compare it with."""
    losses = problem.loss if isinstance(problem.loss, tuple) else (problem.loss,)
    return signature_of(problem.model, losses)


def call(path: Path, make_model: ModelFunction, parameters: Parameters) -> Any:
    """Return the Keras model that the user's function makes."""
    import keras

    name = getattr(make_model, "__name__", "the function")
    try:
        model = make_model(**parameters)
    except (Exception, SystemExit) as error:
        raise broken(path, error) from error
    if not isinstance(model, keras.Model):
        raise UsageError(f"{path}: {name} returned {_kind(model)}, not a Keras model; return one")
    if not getattr(model, "inputs", None):
        raise UsageError(
            f"{path}: the model of {name} does not know its inputs; start it with keras.Input(shape) "
            f"(a subclassed model: wrap it as keras.Model(x, net(x)) with x = keras.Input(shape))"
        )
    return model


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"


def problem_of(path: Path, model: Any) -> Problem:
    """Return the model with the loss and optimizer it was compiled with, or with ones that fit."""
    import keras

    given = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    # Keras keeps the weights in no public place that can be read without serialising the optimizer.
    if given is not None and getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None) is not None:
        raise UsageError(
            f"{path}: the model is compiled with loss_weights, which are not applied; put them into the losses"
        )
    if given is None:
        losses = tuple(fitting_loss(tensor) for tensor in model.outputs)
    else:
        losses = tuple(as_loss(path, loss) for loss in _per_output(path, model, given))
    optimizer = model.optimizer if given is not None else keras.optimizers.Adam(LEARNING_RATE)
    return Problem(model, losses if len(losses) > 1 else losses[0], optimizer)


def _per_output(path: Path, model: Any, given: Any) -> tuple[Any, ...]:
    """Return the compiled loss of each output."""
    count = len(model.outputs)
    if isinstance(given, dict):
        names = output_names(model)
        if not set(names) <= set(given):
            listing = ", ".join(str(name) for name in given)
            every = ", ".join(names)
            raise UsageError(f"{path}: the compiled losses ({listing}) must name every output ({every})")
        return tuple(given[name] for name in names)
    losses = tuple(given) if isinstance(given, (list, tuple)) else (given,) * count
    if len(losses) != count or any(loss is None for loss in losses):
        given_count = sum(loss is not None for loss in losses)
        raise UsageError(f"{path}: compiled with {given_count} losses for {count} outputs; give one each")
    return losses


def as_loss(path: Path, loss: Any) -> Any:
    """Return a `keras.losses.Loss` for whatever `compile` accepts: an object, a name or a function."""
    import keras

    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            raise UsageError(f"{path}: the model is compiled with an unknown loss {loss!r}") from None
    if isinstance(loss, type):
        loss = loss()
    if isinstance(loss, keras.losses.Loss):
        return loss
    if not callable(loss):
        raise UsageError(f"{path}: compiled with {_kind(loss)} for a loss; give a keras.losses.Loss")
    function = loss

    class FunctionLoss(keras.losses.Loss):  # type: ignore[misc]
        """A loss from a function of (targets, outputs)."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return function(y_true, y_pred)

    return FunctionLoss(name=str(getattr(function, "__name__", "loss")))

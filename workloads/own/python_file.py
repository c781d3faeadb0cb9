"""A user's Python file: run it, and find what it offers.

A file offers a function that returns a Keras model, and beside it what it likes: `data()`, `loss`, `optimizer`,
`metric`, `direction`, `target`, `margin`, `epochs`, `batch_size`. A script that builds a model as it runs, and trains
it, offers that model with what it gives to `fit`; it is stopped there.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from ...results.errors import UsageError
from ..metrics import Metric
from .offer import Offer, broken, parameters_of
from .own_data import has_arrays

FUNCTION_NAMES = ("model", "build_model", "create_model", "get_model", "make_model", "build")
"""Accepted names, the first found is taken."""

NATIVE = "native_"
"""Begins the name of a function that returns a twin; the name of a backend follows."""


class FitCalled(BaseException):
    """A script has come to the training of its model. No Exception, so that no script takes it for an error."""

    def __init__(self, model: Any, arguments: dict[str, Any]) -> None:
        super().__init__("fit was called")
        self.model = model
        self.arguments = arguments


@dataclass(frozen=True, slots=True)
class Executed:
    """A file after it ran."""

    module: ModuleType
    fit: FitCalled | None
    """Where it was stopped, if it began to train."""


def offer(path: Path, function: str | None = None) -> Offer:
    """Run a file and return what it offers.

    Raises:
        UsageError: it fails, or offers no model.

    """
    return read_offer(str(path), run_file(path), function, lambda: run_file(path), path)


def read_offer(
    source: str, ran: Executed, function: str | None, again: Callable[[], Executed], path: Path | None = None
) -> Offer:
    """Return what a module offers.

    Args:
        source: how messages name it.
        ran: the module.
        function: the name of what gives the model; None: found by itself.
        again: runs the module anew, for a model that is made while it runs.
        path: the file, for the usage that messages show.

    """
    if ran.fit is not None and function is None:
        return _script(source, ran.fit, again, path)
    module = ran.module
    name, value = find_model(source, module, function, path)
    if is_model(value):
        return Offer(source, name, lambda: getattr(again().module, name), path=path)
    data = _function(module, "data")
    optimizer = _named(source, module, "optimizer", _is_optimizer, "an optimizer, its name or a function")
    return Offer(
        source=source,
        name=name,
        model=value,
        parameters=parameters_of(source, (value, data, optimizer if inspect.isfunction(optimizer) else None)),
        data=data,
        loss=_named(source, module, "loss", _is_loss, "a loss, its name or a function of (targets, outputs)"),
        optimizer=optimizer,
        metric=_metric(source, module),
        target=_named(source, module, "target", _is_number, "a number"),
        margin=_named(source, module, "margin", _is_number, "a number"),
        epochs=_named(source, module, "epochs", _is_count, "a whole number above 0"),
        batch_size=_named(source, module, "batch_size", _is_count, "a whole number above 0"),
        natives=_natives(module),
        path=path,
    )


def run_file(path: Path) -> Executed:
    """Run a file as a module of its own, to its end or to where it begins to train a model."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    name = f"dlbench_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file; give a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: files beside it can be imported and shadow nothing
    sys.modules[name] = module  # dataclasses and pickle look their module up there
    try:
        with stopped_at_fit():
            spec.loader.exec_module(module)
    except FitCalled as reached:
        return Executed(module, reached)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise broken(str(path), error, path) from error
    return Executed(module, None)


@contextmanager
def stopped_at_fit() -> Iterator[None]:
    """Let `fit` stop the code within instead of training."""
    import keras

    def fit(model: Any, *positional: Any, **named: Any) -> None:
        arguments = inspect.signature(keras.Model.fit).bind(model, *positional, **named).arguments
        raise FitCalled(model, {name: value for name, value in arguments.items() if name != "self"})

    signature = inspect.signature(keras.Model.fit)
    fit.__signature__ = signature  # type: ignore[attr-defined]
    with patch.object(keras.Model, "fit", fit):
        yield


def find_model(source: str, module: ModuleType, function: str | None, path: Path | None) -> tuple[str, Any]:
    """Return the name of what gives the model, and it: a function, or a model made while the module ran."""
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and name not in ("data", "loss", "optimizer", "metric")
        and not name.startswith(NATIVE)
    }
    found = "its functions are " + ", ".join(own) if own else "it defines no public function"
    usage = f"dlbench run {path or source}:{next(iter(own), 'FUNCTION')}"
    if function is not None:
        value = getattr(module, function, None)
        if value is None:
            raise UsageError(f"{source}: no function {function!r}; {found}")
        return function, _checked(source, function, value)
    for name in FUNCTION_NAMES:
        if hasattr(module, name):
            return name, _checked(source, name, getattr(module, name))
    if len(own) == 1:
        return next(iter(own.items()))
    if own:
        raise UsageError(f"{source}: which function returns the model? {found}; run: {usage}")
    raise UsageError(f"{source}: {found}; add 'def model():' that returns a Keras model, or run: {usage}")


def is_model(value: object) -> bool:
    """Tell whether something is a Keras model."""
    import keras

    return isinstance(value, keras.Model)


def _checked(source: str, name: str, value: object) -> Any:
    if inspect.isroutine(value) or isinstance(value, type) or hasattr(value, "func") or is_model(value):
        return value
    kind = type(value).__name__
    raise UsageError(f"{source}: {name!r} is a {kind}, not a function; write 'def {name}(): return ...'")


def _script(source: str, fit: FitCalled, again: Callable[[], Executed], path: Path | None) -> Offer:
    """Return the offer of a script that trains a model: the model, and what it gives to `fit`."""

    def model() -> Any:
        reached = again().fit
        if reached is None:
            raise UsageError(f"{source}: it came to fit once, and not again; put the model into a function")
        return reached.model

    arguments = fit.arguments
    made = Offer(source, "the script", model, path=path)
    epochs, batch_size = arguments.get("epochs"), arguments.get("batch_size")
    x, y = arguments.get("x"), arguments.get("y")
    if y is None:
        arrays = has_arrays(x)
        what = "is given no targets" if arrays else f"takes its batches from a {type(x).__name__}"
        note = f"{source}: fit {what}; random data is used in its place"
        made = replace(made, inputs=x if arrays else None, note=note)
    else:
        validation = arguments.get("validation_data")
        pair = isinstance(validation, tuple) and len(validation) == 2
        value = ((x, y), validation) if pair else (x, y)
        made = replace(made, data=lambda: value)
    return replace(
        made,
        epochs=epochs if _is_count(epochs) else None,
        batch_size=batch_size if _is_count(batch_size) else None,
    )


def _natives(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the module's functions that give twins, by backend."""
    return {
        name.removeprefix(NATIVE): value
        for name, value in vars(module).items()
        if name.startswith(NATIVE) and inspect.isfunction(value)
    }


def _function(module: ModuleType, name: str) -> Callable[..., Any] | None:
    value = getattr(module, name, None)
    return value if inspect.isfunction(value) else None


def _named(source: str, module: ModuleType, name: str, fits: Callable[[Any], bool], what: str) -> Any:
    """Return what a module calls by a name, in capitals or not; None where it has no such thing.

    In capitals it must fit; else it may be something of the module's own.
    """
    value = getattr(module, name.upper(), None)
    if value is not None:
        if not fits(value):
            raise UsageError(f"{source}: {name.upper()} must be {what}; it is {value!r}")
        return value
    value = getattr(module, name, None)
    return value if fits(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_loss(value: Any) -> bool:
    import keras

    return inspect.isfunction(value) or isinstance(value, str | keras.losses.Loss)


def _is_optimizer(value: Any) -> bool:
    import keras

    return inspect.isfunction(value) or isinstance(value, str | keras.optimizers.Optimizer)


def _is_metric(value: Any) -> bool:
    return isinstance(value, str) or inspect.isfunction(value)


def _metric(source: str, module: ModuleType) -> str | Metric | None:
    """Return the name of one of dlbench's metrics, or a metric made of the module's own function."""
    value = _named(source, module, "metric", _is_metric, "a name or a function of (targets, outputs)")
    if value is None or isinstance(value, str):
        return value
    direction = _named(source, module, "direction", lambda v: v in ("max", "min"), "'max' or 'min'") or "max"
    infinity = float("inf")
    return Metric(value.__name__, direction, value, value.__name__.replace("_", " "), "", (-infinity, infinity))

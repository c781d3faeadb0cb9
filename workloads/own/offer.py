"""What a source of models offers: a function that makes the model, and what else is known about the problem."""

import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...results.errors import DlbenchError, UsageError
from ..metrics import Metric
from ..workload import Parameter, Value

SHAPE = re.compile(r"\d+(x\d+)+")
NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Offer:
    """A model with what its source tells beside it; what it does not tell is None and chosen to fit the model."""

    source: str
    """For messages: a path, or `keras.applications:NAME`."""
    name: str
    """Of the function that makes the model."""
    model: Callable[..., Any]
    """Takes parameters by name, returns a Keras model."""
    parameters: tuple[Parameter, ...] = ()
    data: Callable[..., Any] | None = None
    """Takes parameters by name, returns arrays (see own_data)."""
    inputs: Any = None
    """Arrays that the model is trained on, where there are no targets: for the shapes alone."""
    loss: Any = None
    """A `keras.losses.Loss`, a function of (targets, outputs) or a name; a list or a dictionary for several outputs."""
    optimizer: Any = None
    """A `keras.optimizers.Optimizer`, a function that returns one, or a name."""
    metric: str | Metric | None = None
    target: float | None = None
    margin: float | None = None
    """Difference in the metric that does not matter."""
    epochs: int | None = None
    batch_size: int | None = None
    natives: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """By backend: a function that returns a twin written in its framework (see backends.native.own)."""
    note: str | None = None
    """What a user should know about how the source was read."""
    path: Path | None = None
    """Of a Python file, to tell the line that failed."""

    def call(self, function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
        """Return what one of the functions returns for those parameters that it takes.

        Raises:
            UsageError: it fails; the message says where, and with what.

        """
        free = {item.name for item in self.parameters if item.free}
        taken = names_taken(function)
        own = {name: value for name, value in parameters.items() if taken is None or name in taken}
        try:
            return function(**{name: read_free(value) if name in free else value for name, value in own.items()})
        except (Exception, SystemExit) as error:
            raise broken(self.source, error, self.path) from error

    def missing(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the parameters that have no default and were not given."""
        return tuple(item.name for item in self.parameters if item.default is None and item.name not in parameters)


def names_taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names of a function's arguments; None where it takes any."""
    items = inspect.signature(function).parameters.values()
    if any(item.kind is item.VAR_KEYWORD for item in items):
        return None
    return frozenset(item.name for item in items)


def arguments_needed(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names of a function's arguments that have no default."""
    items = inspect.signature(function).parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return frozenset(item.name for item in items if item.default is item.empty and item.kind not in variable)


def read_free(value: Value) -> Any:
    """Return what the text of a free parameter stands for: none, a shape such as 28x28x1, or itself."""
    if isinstance(value, str):
        if value.lower() == NOTHING:
            return None
        if SHAPE.fullmatch(value):
            return tuple(int(size) for size in value.split("x"))
    return value


def parameters_of(source: str, functions: Iterable[Callable[..., Any] | None]) -> tuple[Parameter, ...]:
    """Return the arguments of the functions as parameters: of the model's first, then those of the data's.

    Raises:
        UsageError: two of the functions give an argument different defaults.

    """
    found: dict[str, Parameter] = {}
    for place, function in enumerate(functions):
        if function is None:
            continue
        for item in inspect.signature(function).parameters.values():
            if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD, item.POSITIONAL_ONLY):
                continue
            new = _parameter(function, item, data=place > 0)
            if new is None:
                continue
            old = found.setdefault(item.name, new)
            if old.default != new.default:
                raise UsageError(
                    f"{source}: argument {item.name!r} has two defaults, {old.default!r} and {new.default!r}; "
                    "give it the same one everywhere"
                )
            found[item.name] = replace(old, data=old.data or new.data)
    return tuple(found.values())


def _parameter(function: Callable[..., Any], item: inspect.Parameter, *, data: bool) -> Parameter | None:
    meaning = f"argument of {getattr(function, '__name__', 'the function')}"
    default = item.default
    if default is item.empty:
        return Parameter(item.name, None, f"{meaning}; it has no default", data=data, free=True)
    if isinstance(default, (bool, int, float, str)):
        return Parameter(item.name, default, meaning, data=data)
    if default is None:
        return Parameter(item.name, NOTHING, meaning, data=data, free=True)
    if isinstance(default, tuple) and len(default) > 1 and all(type(size) is int for size in default):
        return Parameter(item.name, "x".join(map(str, default)), meaning, data=data, free=True)
    return None  # Of another kind: it keeps its default.


def broken(source: str, error: BaseException, path: Path | None = None) -> DlbenchError:
    """Return the error that tells in one line where a user's source failed, and with what."""
    if isinstance(error, DlbenchError):
        return error
    last = traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
    line: int | None = None
    if path is not None and isinstance(error, SyntaxError):
        line = error.lineno if error.filename and Path(error.filename) == path else None
    elif path is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).resolve() == path.resolve():
                line = frame.lineno
    where = f"{source}, line {line}" if line else source
    return UsageError(f"{where}: {last}")

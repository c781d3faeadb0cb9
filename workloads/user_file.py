"""A user's Python file: find the function in it that returns a Keras model, and the function's parameters."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ..results.errors import DlbenchError, UsageError
from .workload import Parameter

FUNCTION_NAMES = ("model", "build_model", "create_model", "get_model", "make_model", "build")
"""Accepted names, the first found is taken."""

ModelFunction = Callable[..., Any]


def load(path: Path, function: str | None = None) -> ModelFunction:
    """Run a file and return its function that makes a model."""
    return find_function(path, run_file(path), function)


def run_file(path: Path) -> ModuleType:
    """Run a file as a module of its own."""
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
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise broken(path, error) from error
    return module


def find_function(path: Path, module: ModuleType, function: str | None) -> ModelFunction:
    """Return the named function, or the one that must be meant."""
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    found = "its functions are " + ", ".join(own) if own else "it defines no public function"
    usage = f"dlbench run {path}:{next(iter(own), 'FUNCTION')}"
    if function is not None:
        value = getattr(module, function, None)
        if value is None:
            raise UsageError(f"{path}: no function {function!r}; {found}")
        return _as_function(path, function, value)
    for name in FUNCTION_NAMES:
        if hasattr(module, name):
            return _as_function(path, name, getattr(module, name))
    if len(own) == 1:
        return next(iter(own.values()))
    if own:
        raise UsageError(f"{path}: which function returns the model? {found}; run: {usage}")
    raise UsageError(f"{path}: {found}; add 'def model():' that returns a Keras model, or run: {usage}")


def _as_function(path: Path, name: str, value: object) -> ModelFunction:
    if inspect.isroutine(value) or isinstance(value, type) or hasattr(value, "func"):
        return value  # type: ignore[return-value]
    kind = type(value).__name__
    raise UsageError(f"{path}: {name!r} is a {kind}, not a function; write 'def {name}(): return ...'")


def parameters_of(path: Path, function: ModelFunction) -> tuple[Parameter, ...]:
    """Return the function's parameters with scalar defaults; others keep their default."""
    name = getattr(function, "__name__", "the function")
    result = []
    for item in inspect.signature(function).parameters.values():
        if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
            continue
        if item.default is item.empty:
            what = f"parameter {item.name!r} of {name}"
            raise UsageError(f"{path}: {what} has no default; write {item.name}=VALUE")
        if item.kind is not item.POSITIONAL_ONLY and isinstance(item.default, (bool, int, float, str)):
            result.append(Parameter(item.name, item.default, f"argument of {name}", data=True))
    return tuple(result)


def broken(path: Path, error: BaseException) -> DlbenchError:
    """Return the error that tells in one line where a user's file failed, and with what."""
    if isinstance(error, DlbenchError):
        return error
    last = traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
    line: int | None = None
    if isinstance(error, SyntaxError):
        line = error.lineno if error.filename and Path(error.filename) == path else None
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).resolve() == path.resolve():
                line = frame.lineno
    where = f"{path}, line {line}" if line else str(path)
    return UsageError(f"{where}: {last}")

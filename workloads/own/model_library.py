"""Models of a library by their name: `keras.applications:MobileNetV2`, `keras_hub:BertBackbone`."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...results.errors import UnsupportedError, UsageError, unknown
from ..workload import Parameter
from .offer import NOTHING, Offer, parameters_of, read_free

LIBRARIES = {"keras.applications": "keras.applications", "keras_hub": "keras_hub.models"}
"""What the user writes, and the module that has the models."""
UNUSED = ("name", "input_tensor", "input_shape", "weights_path", "kwargs")
SIZE, PRESET = "size", "preset"


def offer(library: str, name: str) -> Offer:
    """Return what a library offers under a name; its arguments are parameters.

    Raises:
        UsageError: it has no such model.
        UnsupportedError: the library is not installed.

    """
    try:
        module = importlib.import_module(LIBRARIES[library])
    except ModuleNotFoundError as error:
        package = library.partition(".")[0].replace("_", "-")
        raise UnsupportedError(
            f"{library} is not installed here ({error}); to add it: pip install {package}"
        ) from error
    models = {item: value for item, value in vars(module).items() if _makes_models(item, value)}
    if name not in models:
        raise unknown(f"model of {library}", name, models)
    source = f"{library}:{name}"
    return _application(source, models[name]) if library == "keras.applications" else _hub(source, models[name])


def _makes_models(name: str, value: object) -> bool:
    return not name.startswith("_") and callable(value) and not inspect.ismodule(value) and name[:1].isupper()


def _application(source: str, function: Callable[..., Any]) -> Offer:
    """Return a function of keras.applications; its weights are random unless asked for."""
    own = [item for item in parameters_of(source, (function,)) if item.name not in UNUSED]
    own = [replace(item, default=NOTHING, free=True) if item.name == "weights" else item for item in own]
    meaning = "side of the square pictures, in pixels; none: the model's own"
    parameters = (*own, Parameter(SIZE, NOTHING, meaning, minimum=1, free=True))

    def model(**given: Any) -> Any:
        size = given.pop(SIZE, None)
        if size is not None:
            if not isinstance(size, int):
                raise UsageError(f"{source}: parameter 'size' takes a whole number of pixels; received {size!r}")
            given["input_shape"] = (size, size, 3)
        return function(**given)

    return Offer(source, source, model, parameters)


def _hub(source: str, kind: Any) -> Offer:
    """Return a class of keras_hub: made of its arguments, or as a preset without its weights."""
    own = [item for item in parameters_of(source, (kind,)) if item.name not in UNUSED and item.name != "dtype"]
    if not hasattr(kind, "from_preset"):
        return Offer(source, source, kind, tuple(own))
    names = {item.name for item in own}
    required = [item.name for item in own if item.default is None]
    parameters = tuple(replace(item, default=NOTHING) if item.default is None else item for item in own)
    meaning = "name of a preset, which gives every size; its weights are not loaded"

    def model(**given: Any) -> Any:
        preset = given.pop(PRESET, None)
        if preset is not None:
            return kind.from_preset(preset, load_weights=False)
        absent = [name for name in required if read_free(given.get(name, NOTHING)) is None]
        if absent:
            needed = " ".join(f"-p {name}=VALUE" for name in absent)
            raise UsageError(f"{source}: give a preset with -p preset=NAME, or its sizes: {needed}")
        return kind(**{name: value for name, value in given.items() if name in names})

    return Offer(source, source, model, (*parameters, Parameter(PRESET, NOTHING, meaning, free=True)))

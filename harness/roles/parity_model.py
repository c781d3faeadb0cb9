"""A model made comparable: computed in float64 where asked for, with nothing random in training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from ...results.parity.computation import VariableFacts

DOUBLE = "float64"
RANDOM_PARTS = ("rate", "dropout", "_dropout", "recurrent_dropout", "stddev")
"""Attributes of Keras' layers that say how much is random in training."""


@contextmanager
def in_double() -> Iterator[None]:
    """Build layers that ask for float32 in float64: a workload keeps its last layer in float32 whatever the policy."""
    import keras

    plain = keras.layers.Layer.__init__

    def init(self: Any, *args: Any, dtype: Any = None, **further: Any) -> None:
        name = str(getattr(dtype, "name", dtype))
        plain(self, *args, dtype=DOUBLE if name == "float32" or name.startswith("mixed_") else dtype, **further)

    with patch.object(keras.layers.Layer, "__init__", init):
        yield


def calm(model: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Set dropout and noise to zero; return the layers changed, and those that stay random.

    Each backend draws other random numbers from one seed, so that training could not be compared.
    """
    calmed, random = [], []
    for layer in layers_of(model):
        if getattr(layer, "seed_generator", None) is None:
            continue
        parts = [name for name in RANDOM_PARTS if isinstance(getattr(layer, name, None), int | float)]
        for name in parts:
            if getattr(layer, name):
                setattr(layer, name, 0.0)
                calmed.append(layer.name)
        if not parts:
            random.append(layer.name)
    return tuple(dict.fromkeys(calmed)), tuple(random)


def layers_of(model: Any) -> list[Any]:
    """Return every layer of a model, also those within layers."""
    # Layers within layers: Keras has no public way.
    return list(model._flatten_layers(include_self=False))  # noqa: SLF001


def variable_facts(model: Any) -> tuple[VariableFacts, ...]:
    """Return what there is to know about each trainable variable, in order."""
    import keras

    tables = {id(w) for layer in layers_of(model) if isinstance(layer, keras.layers.Embedding) for w in layer.weights}
    return tuple(
        VariableFacts(str(variable.path), int(np.prod(variable.shape)), id(variable) in tables)
        for variable in model.trainable_variables
    )

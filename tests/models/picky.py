"""A model that cannot be built on JAX."""

import keras


def build_model():
    if keras.backend.backend() == "jax":
        raise ValueError("not on JAX")
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])

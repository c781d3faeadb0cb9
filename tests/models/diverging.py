"""A model whose loss grows without bound."""

import keras


def build_model():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(8)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(optimizer=keras.optimizers.SGD(1e18), loss="mse")
    return model

"""Workload: an autoencoder of the UCI handwritten digits that is to beat principal components of the same size."""

from typing import Any

import numpy as np

from . import digits
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SPEC = Spec(
    name="digits_autoencoder",
    area="unsupervised",
    summary="autoencoder of handwritten digits; the target is the error of as many principal components",
    data="real",
    source=digits.SOURCE,
    batch_size=64,
    metric="mean_squared_error",
    direction="min",
    margin=0.001,
    epochs=60,
    parameters=(
        Parameter("width", 128, "units of a hidden layer", 1, 65536),
        Parameter("depth", 1, "hidden layers on each side of the bottleneck", 1, 5000),
        Parameter("bottleneck", 8, "units in the middle", 1, 63, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 1.0, "torch": 0.15, "tensorflow": 0.8},
        converge_s={"jax": 0.7, "torch": 1.5, "tensorflow": 1.0},
    ),
)


def component_error(train: np.ndarray, test: np.ndarray, components: int) -> float:
    """Return the mean squared error of the test images kept to so many principal components of the training ones."""
    mean = train.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(train - mean, full_matrices=False)
    kept = axes[:components]
    centred = test - mean
    return float(np.mean((centred - centred @ kept.T @ kept) ** 2))


def data(parameters: Parameters) -> Data:
    """Return images as their own targets."""
    found = digits.load()
    train, test = (images.reshape(len(images), -1) for images in (found.train_images, found.test_images))
    target = component_error(train, test, int(parameters["bottleneck"]))
    return Data((train,), (train,), (test,), (test,), target=target)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    pixels = keras.Input(data.train_x[0].shape[1:], name="pixels")
    x: Any = pixels
    for side, last in (("encode", int(parameters["bottleneck"])), ("decode", pixels.shape[-1])):
        for number in range(int(parameters["depth"])):
            x = keras.layers.Dense(int(parameters["width"]), activation="relu", name=f"{side}_{number}")(x)
        dtype = "float32" if side == "decode" else None
        x = keras.layers.Dense(last, dtype=dtype, name=f"{side}_out")(x)
    model = keras.Model(pixels, x, name="digits_autoencoder")
    return Problem(model, keras.losses.MeanSquaredError(), keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

"""Workload: a variational autoencoder of the UCI handwritten digits."""

from typing import Any

import numpy as np

from . import digits
from .draws import Draws
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_270
UNIFORMS, UNIFORM_BITS = 12, 16

SPEC = Spec(
    name="digits_vae",
    area="generative",
    summary="variational autoencoder (Kingma & Welling 2014) of handwritten digits; its noise is part of the data",
    data="real",
    source=digits.SOURCE,
    batch_size=64,
    metric="negative_elbo",
    direction="min",
    target=25.5,
    epochs=80,
    parameters=(
        Parameter("width", 256, "units of a hidden layer", 1, 65536),
        Parameter("depth", 1, "hidden layers of encoder and decoder each", 1, 1000),
        Parameter("latent", 8, "size of the latent vector", 1, 1024, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 1.5, "torch": 0.2, "tensorflow": 1.0},
        converge_s={"jax": 1.0, "torch": 2.5, "tensorflow": 1.5},
    ),
)


def nearly_normal(shape: tuple[int, ...], *seed: int) -> np.ndarray:
    """Return draws of mean 0 and variance 1: twelve uniform whole numbers added up, the same on every machine."""
    uniform = Draws(*seed).below(1 << UNIFORM_BITS, (UNIFORMS, *shape)).sum(axis=0)
    middle = UNIFORMS * ((1 << UNIFORM_BITS) - 1) / 2
    return np.asarray((uniform - middle) / (1 << UNIFORM_BITS), dtype=np.float32)


def data(parameters: Parameters) -> Data:
    """Return images and noise for their latent vectors; the images are the targets."""
    found, latent = digits.load(), int(parameters["latent"])
    train, test = (images.reshape(len(images), -1) for images in (found.train_images, found.test_images))
    return Data(
        train_x=(train, nearly_normal((len(train), latent), SEED, 1)),
        train_y=(train,),
        test_x=(test, nearly_normal((len(test), latent), SEED, 2)),
        test_y=(test,),
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, ops = keras.layers, keras.ops
    size, width, latent = data.train_x[0].shape[1], int(parameters["width"]), int(parameters["latent"])

    class NegativeElbo(keras.losses.Loss):  # type: ignore[misc]
        """Reconstruction as Bernoulli pixels, and the divergence of the latent vector from the unit normal."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            logits, mean, log_variance = (
                y_pred[:, :size],
                y_pred[:, size : size + latent],
                y_pred[:, size + latent :],
            )
            pixels = ops.softplus(logits) - y_true * logits
            divergence = 0.5 * (ops.square(mean) + ops.exp(log_variance) - log_variance - 1)
            return ops.sum(pixels, axis=-1) + ops.sum(divergence, axis=-1)

    def through(x: Any, name: str) -> Any:
        for number in range(int(parameters["depth"])):
            x = layers.Dense(width, activation="relu", name=f"{name}_{number}")(x)
        return x

    pixels, noise = keras.Input((size,), name="pixels"), keras.Input((latent,), name="noise")
    hidden = through(pixels, "encode")
    mean = layers.Dense(latent, dtype="float32", name="mean")(hidden)
    log_variance = layers.Dense(latent, dtype="float32", name="log_variance")(hidden)
    vector = mean + ops.exp(0.5 * log_variance) * ops.cast(noise, "float32")
    hidden = through(vector, "decode")
    logits = layers.Dense(size, dtype="float32", name="logits")(hidden)
    joined = layers.Concatenate(dtype="float32", name="joined")([logits, mean, log_variance])
    model = keras.Model([pixels, noise], joined, name="digits_vae")
    return Problem(model, NegativeElbo(), keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

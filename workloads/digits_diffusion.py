"""Workload: denoising diffusion of the UCI handwritten digits; noise and its strength are part of the data."""

from typing import Any

import numpy as np

from . import digits
from .digits_vae import nearly_normal
from .draws import Draws
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_271
STRENGTHS = 16
COPIES = 4
"""Of each image, each with a noise and a strength of its own."""

SPEC = Spec(
    name="digits_diffusion",
    area="generative",
    summary="convolutional denoiser (Ho et al. 2020) that predicts the noise in handwritten digits",
    data="real",
    source=digits.SOURCE,
    batch_size=64,
    metric="mean_squared_error",
    direction="min",
    target=0.20,
    epochs=20,
    parameters=(
        Parameter("width", 32, "channels", 1, 1024),
        Parameter("depth", 3, "residual convolutions", 1, 300),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.3, "tensorflow": 1.5},
        converge_s={"jax": 5.0, "torch": 6.0, "tensorflow": 5.0},
    ),
)


def _noised(images: np.ndarray, *seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images in noise, its strength (n,), and the noise itself: signal and noise have powers that add to 1."""
    clean = np.repeat(2 * images - 1, COPIES, axis=0)
    strength = Draws(*seed).below(STRENGTHS, (len(clean),))
    noise = nearly_normal(clean.shape, *seed, 1)
    # Square roots are rounded alike everywhere (IEEE 754), unlike the cosine of the usual schedule.
    power = ((strength + 1) / (STRENGTHS + 1)).astype(np.float32)[:, None, None, None]
    mixed = np.sqrt(1 - power) * clean + np.sqrt(power) * noise
    return mixed.astype(np.float32), strength.astype(np.int32), noise


def data(parameters: Parameters) -> Data:
    """Return noised images and strengths; the noise is the target."""
    found = digits.load()
    train, strength, noise = _noised(found.train_images, SEED, 1)
    test, test_strength, test_noise = _noised(found.test_images, SEED, 2)
    return Data((train, strength), (noise,), (test, test_strength), (test_noise,))


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, width = keras.layers, int(parameters["width"])
    noised = keras.Input(data.train_x[0].shape[1:], name="noised")
    strength = keras.Input((), dtype="int32", name="strength")
    embedded = layers.Embedding(STRENGTHS, width, name="strengths")(strength)
    embedded = layers.Reshape((1, 1, width), name="everywhere")(embedded)
    x: Any = layers.Conv2D(width, 3, padding="same", name="conv_in")(noised)
    for number in range(int(parameters["depth"])):
        hidden = layers.Add(name=f"strength_{number}")([x, embedded])
        hidden = layers.LayerNormalization(name=f"norm_{number}")(hidden)
        hidden = layers.Conv2D(2 * width, 3, padding="same", activation="gelu", name=f"conv_{number}_a")(hidden)
        hidden = layers.Conv2D(width, 3, padding="same", name=f"conv_{number}_b")(hidden)
        x = layers.Add(name=f"block_{number}")([x, hidden])
    x = layers.Conv2D(1, 3, padding="same", dtype="float32", name="noise")(x)
    model = keras.Model([noised, strength], x, name="digits_diffusion")
    return Problem(model, keras.losses.MeanSquaredError(), keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

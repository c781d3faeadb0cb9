"""Workload: a small convolutional network on MNIST."""

import io

import numpy as np

from . import digits_cnn, downloads
from .draws import part
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_281
LEVELS = 255
"""Of grey: pixels are whole numbers from 0 to this."""

SPEC = Spec(
    name="mnist_cnn",
    area="vision",
    summary="convolutional network naming handwritten digits of 28x28 pixels",
    data="real",
    source="MNIST, 60,000 training and 10,000 test images (LeCun et al. 1998), downloaded as keras.datasets.mnist",
    batch_size=128,
    metric="accuracy",
    direction="max",
    target=0.985,
    epochs=12,
    parameters=(
        Parameter("width", 32, "channels of the first stage; doubled in the second", 1, 1024),
        Parameter("depth", 1, "convolutions per stage", 1, 500),
        Parameter("samples", 60_000, "training images, and at most as many test images", 100, 60_000, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 1.5, "torch": 0.3, "tensorflow": 1.0},
        converge_s={"jax": 150.0, "torch": 300.0, "tensorflow": 60.0},
    ),
    download="mnist",
)


def images(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training images (n, 28, 28), uint8, their digits (n,), and the same of the test, from the file."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return stored["x_train"], stored["y_train"], stored["x_test"], stored["y_test"]


def data(parameters: Parameters) -> Data:
    """Return images scaled to 0..1 and digits; fewer than there are is a random part."""
    pixels, digits, test_pixels, test_digits = images(downloads.read("mnist"))
    train = part(len(digits), int(parameters["samples"]), SEED, 1)
    test = part(len(test_digits), int(parameters["samples"]), SEED, 2)
    return Data(
        (_scaled(pixels[train]),),
        (digits[train].astype(np.int32),),
        (_scaled(test_pixels[test]),),
        (test_digits[test].astype(np.int32),),
        facts={"classes": 10},
    )


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., None].astype(np.float32) / np.float32(LEVELS)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    model = digits_cnn.network(parameters, data, SPEC.name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(1e-3))


WORKLOAD = Workload(SPEC, data, build)

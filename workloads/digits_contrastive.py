"""Workload: contrastive learning on the UCI handwritten digits: two views of a digit are to find each other."""

from typing import Any

import numpy as np

from . import digits
from .draws import Draws
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_272
TEMPERATURE = 0.2
COPIES = 6
"""Pairs of views of each training image."""
SHIFT = 1
NOISE = 3
"""Grey levels, of 16."""

SPEC = Spec(
    name="digits_contrastive",
    area="unsupervised",
    summary="encoder trained without labels (SimCLR, Chen et al. 2020): two noisy views of a digit find each other",
    data="real",
    source=digits.SOURCE + "; views shifted and noised by seeded draws",
    batch_size=128,
    metric="retrieval_accuracy",
    direction="max",
    target=0.50,
    epochs=20,
    parameters=(
        Parameter("width", 32, "channels of the first stage; doubled in the second", 1, 1024),
        Parameter("depth", 1, "convolutions per stage", 1, 1000),
        Parameter("embedding", 32, "size of an embedding", 2, 4096),
    ),
    estimate=Estimate(
        first_step_s={"jax": 2.0, "torch": 0.3, "tensorflow": 1.5},
        converge_s={"jax": 3.0, "torch": 4.0, "tensorflow": 3.0},
    ),
)


def _view(images: np.ndarray, *seed: int) -> np.ndarray:
    """Return each image shifted by up to a pixel each way and noised."""
    draws, count, side = Draws(*seed), len(images), images.shape[1]
    wide = np.pad(images[..., 0], ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    down, right = (draws.below(2 * SHIFT + 1, (count, 1, 1)) for _ in range(2))
    rows, columns = np.arange(side)[None, :, None] + down, np.arange(side)[None, None, :] + right
    shifted = wide[np.arange(count)[:, None, None], rows, columns]
    noise = (draws.below(2 * NOISE + 1, shifted.shape) - NOISE) / digits.LEVELS
    return np.ascontiguousarray(np.clip(shifted + noise, 0, 1).astype(np.float32)[..., None])


def data(parameters: Parameters) -> Data:
    """Return pairs of views of each image, one for the test; the targets are numbers that no part of the loss reads."""
    found = digits.load()
    train, test = np.repeat(found.train_images, COPIES, axis=0), found.test_images
    train_x, test_x = (
        tuple(_view(images, SEED, number, view) for view in range(2)) for number, images in enumerate((train, test))
    )
    train_y, test_y = (np.arange(len(images), dtype=np.int32) for images in (train, test))
    return Data(train_x, (train_y,), test_x, (test_y,))


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, ops, size = keras.layers, keras.ops, int(parameters["embedding"])
    width, depth = int(parameters["width"]), int(parameters["depth"])

    def stage(number: int) -> list[Any]:
        names = [f"conv_{number}_{place}" for place in range(depth)]
        return [layers.Conv2D(width * 2**number, 3, padding="same", activation="relu", name=name) for name in names]

    encoder = keras.Sequential(
        [
            *stage(0),
            layers.MaxPooling2D(name="pool_0"),
            *stage(1),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="hidden"),
            layers.Dense(size, dtype="float32", name="embedding"),
            layers.UnitNormalization(dtype="float32", name="unit"),
        ],
        name="encoder",
    )

    class InfoNce(keras.losses.Loss):  # type: ignore[misc]
        """Cross entropy of finding, among all second views of a batch, the one of the same image, and conversely."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            alike = ops.matmul(y_pred[:, :size], ops.transpose(y_pred[:, size:])) / TEMPERATURE
            own = ops.diagonal(alike)
            return (ops.logsumexp(alike, axis=1) + ops.logsumexp(alike, axis=0)) / 2 - own

    views = [keras.Input(data.train_x[0].shape[1:], name=name) for name in ("one_view", "other_view")]
    joined = layers.Concatenate(dtype="float32", name="joined")([encoder(view) for view in views])
    model = keras.Model(views, joined, name="digits_contrastive")
    return Problem(model, InfoNce(), keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

"""Workload: a U-Net that tells what each pixel of a generated road scene shows."""

from typing import Any

import numpy as np

from . import road_scenes
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_269
TRAIN_SCENES, TEST_SCENES = 512, 128

SPEC = Spec(
    name="road_unet",
    area="self-driving",
    summary="U-Net (Ronneberger et al. 2015) naming the class of each pixel of a road scene",
    data="generated",
    source="seeded scenes of sky, verge, road, marking and car in whole numbers",
    batch_size=16,
    metric="mean_iou",
    direction="max",
    target=0.70,
    epochs=20,
    parameters=(
        Parameter("width", 16, "channels of the first level; doubled in each further one", 1, 1024),
        Parameter("depth", 2, "levels below the first", 1, 5),
        Parameter("size", 32, "rows and columns of a picture", choices=(32, 64, 128, 256), data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.5, "torch": 0.5, "tensorflow": 2.0},
        converge_s={"jax": 6.0, "torch": 7.0, "tensorflow": 6.0},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return pictures scaled to -1..1 and the class of each pixel."""
    scale = int(parameters["size"]) // road_scenes.SIDE
    (train_x, train_y), (test_x, test_y) = (
        road_scenes.sample(count, SEED, number, scale=scale) for count, number in ((TRAIN_SCENES, 1), (TEST_SCENES, 2))
    )
    return Data(
        train_x=((train_x / 127.5 - 1).astype(np.float32),),
        train_y=(train_y.astype(np.int32),),
        test_x=((test_x / 127.5 - 1).astype(np.float32),),
        test_y=(test_y.astype(np.int32),),
        facts={"classes": len(road_scenes.CLASSES)},
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, width, depth = keras.layers, int(parameters["width"]), int(parameters["depth"])

    def twice(x: Any, level: int, name: str) -> Any:
        for number in range(2):
            part = f"{name}_{level}_{number}"
            x = layers.Conv2D(width * 2**level, 3, padding="same", activation="relu", name=part)(x)
        return x

    picture = keras.Input(data.train_x[0].shape[1:], name="picture")
    x: Any = picture
    passed = []
    for level in range(depth):
        x = twice(x, level, "down")
        passed.append(x)
        x = layers.MaxPooling2D(name=f"pool_{level}")(x)
    x = twice(x, depth, "bottom")
    for level in reversed(range(depth)):
        x = layers.Conv2DTranspose(width * 2**level, 2, 2, name=f"up_{level}")(x)
        x = twice(layers.Concatenate(name=f"join_{level}")([passed[level], x]), level, "across")
    logits = layers.Conv2D(int(data.facts["classes"]), 1, dtype="float32", name="logits")(x)
    model = keras.Model(picture, logits, name="road_unet")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

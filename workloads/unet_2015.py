"""Workload for GPUs: the U-Net of 2015 as published, on random pictures."""

from typing import Any

from ..results.errors import UsageError
from .synthetic import InputSignature, OutputSignature, Signature, make
from .workload import SPEED_PHASES, Data, Parameter, Parameters, Problem, Spec, Workload

SEED, SAMPLES, CLASSES = 20_284, 64, 2
LEVELS, WIDTH = 4, 64
LOST = 184
"""Pixels that the output is smaller on each axis, since convolutions are not padded; sides that fit are 16 n + 12."""

SPEC = Spec(
    name="unet_2015",
    area="self-driving",
    summary="U-Net (Ronneberger et al. 2015), 31,030,658 parameters; unpadded, so that 572 pixels give 388",
    data="synthetic",
    source="random pictures and classes per pixel",
    batch_size=4,
    parameters=(Parameter("size", 252, "side of the square pictures, in pixels: 16 n + 12", 188, 1100, data=True),),
    phases=SPEED_PHASES,
)


def data(parameters: Parameters) -> Data:
    """Return random pictures and a class for each pixel of the output."""
    size = int(parameters["size"])
    if size % 16 != 12:
        raise UsageError(f"size {size} of unet_2015 does not halve evenly at every level; take 16 n + 12, such as 572")
    picture = InputSignature("picture", (size, size, 1), "float32")
    classes = OutputSignature("logits", (size - LOST, size - LOST), "class", CLASSES)
    return make(Signature((picture,), (classes,)), SAMPLES, SEED)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers = keras.layers

    def conv(x: Any, channels: int, size: int, name: str) -> Any:
        layer = layers.Conv2D(channels, size, activation="relu", kernel_initializer="he_normal", name=name)
        return layer(x)

    picture = keras.Input(data.train_x[0].shape[1:], name="picture")
    x: Any = picture
    passed = []
    for level in range(LEVELS + 1):
        for number in range(2):
            x = conv(x, WIDTH * 2**level, 3, f"down_{level}_{number}")
        if level < LEVELS:
            passed.append(x)
            x = layers.MaxPooling2D(name=f"pool_{level}")(x)
    for level in reversed(range(LEVELS)):
        x = layers.Conv2DTranspose(WIDTH * 2**level, 2, 2, activation="relu", name=f"up_{level}")(x)
        cut = (passed[level].shape[1] - x.shape[1]) // 2
        x = layers.Concatenate(name=f"join_{level}")([layers.Cropping2D(cut, name=f"crop_{level}")(passed[level]), x])
        for number in range(2):
            x = conv(x, WIDTH * 2**level, 3, f"across_{level}_{number}")
    logits = layers.Conv2D(CLASSES, 1, dtype="float32", name="logits")(x)
    model = keras.Model(picture, logits, name="unet_2015")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.SGD(0.01, momentum=0.99))


WORKLOAD = Workload(SPEC, data, build)

"""Workload: a vision transformer on the UCI handwritten digits."""

from typing import Any

from ..results.errors import UsageError
from . import digits, digits_cnn
from .transformer import block, positions
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SPEC = Spec(
    name="digits_vit",
    area="vision",
    summary="vision transformer (Dosovitskiy et al. 2021) naming handwritten digits of 8x8 pixels",
    data="real",
    source=digits.SOURCE,
    batch_size=64,
    metric="accuracy",
    direction="max",
    target=0.95,
    epochs=40,
    parameters=(
        Parameter("depth", 2, "transformer blocks", 1, 1000),
        Parameter("width", 48, "size of a patch's vector", 8, 16384),
        Parameter("heads", 4, "attention heads; must divide width", 1, 256),
        Parameter("patch", 2, "side of a patch in pixels; must divide 8", 1, 8),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.3, "tensorflow": 2.0},
        converge_s={"jax": 2.0, "torch": 4.0, "tensorflow": 2.5},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return images scaled to 0..1 and digits."""
    return digits_cnn.data(parameters)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    side, width, patch = data.train_x[0].shape[1], int(parameters["width"]), int(parameters["patch"])
    if side % patch:
        raise UsageError(f"patch {patch} of digits_vit does not divide the image's side of {side} pixels")
    count = (side // patch) ** 2
    pixels = keras.Input(data.train_x[0].shape[1:], name="pixels")
    x: Any = keras.layers.Conv2D(width, patch, patch, name="patches")(pixels)
    x = positions(keras.layers.Reshape((count, width), name="tokens")(x), count, width, stddev=0.02)
    for number in range(int(parameters["depth"])):
        x = block(x, width, int(parameters["heads"]), causal=False, name=f"block_{number}")
    x = keras.layers.LayerNormalization(epsilon=1e-6, name="final_norm")(x)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    logits = keras.layers.Dense(int(data.facts["classes"]), dtype="float32", name="logits")(x)
    model = keras.Model(pixels, logits, name="digits_vit")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

"""Workload: a small convolutional network on the UCI handwritten digits."""

from typing import Any

from . import digits
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SPEC = Spec(
    name="digits_cnn",
    area="vision",
    summary="convolutional network naming handwritten digits of 8x8 pixels",
    data="real",
    source=digits.SOURCE,
    batch_size=32,
    metric="accuracy",
    direction="max",
    target=0.97,
    epochs=20,
    parameters=(
        Parameter("width", 24, "channels of the first stage; doubled in the second", 1, 1024),
        Parameter("depth", 2, "convolutions per stage", 1, 500),
    ),
    estimate=Estimate(
        first_step_s={"jax": 1.5, "torch": 0.2, "tensorflow": 0.6},
        converge_s={"jax": 0.6, "torch": 1.4, "tensorflow": 1.2},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return images scaled to 0..1 and digits; one fifth of each digit is kept for the test."""
    found = digits.load()
    return Data(
        (found.train_images,), (found.train_labels,), (found.test_images,), (found.test_labels,), facts={"classes": 10}
    )


def network(parameters: Parameters, data: Data, name: str) -> Any:
    """Return the model, of that name."""
    import keras

    pixels = keras.Input(data.train_x[0].shape[1:], name="pixels")
    x: Any = pixels
    for stage in range(2):
        channels = int(parameters["width"]) * (stage + 1)
        for number in range(int(parameters["depth"])):
            layer = f"conv_{stage}_{number}"
            x = keras.layers.Conv2D(channels, 3, padding="same", activation="relu", name=layer)(x)
        x = keras.layers.MaxPooling2D(name=f"pool_{stage}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    logits = keras.layers.Dense(int(data.facts["classes"]), dtype="float32", name="logits")(x)
    return keras.Model(pixels, logits, name=name)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    model = network(parameters, data, SPEC.name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

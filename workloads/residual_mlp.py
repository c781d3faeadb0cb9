"""Workload: a residual stack of dense layers, to see what depth costs; on the breast cancer measurements."""

from typing import Any

from . import cancer_mlp
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SPEC = Spec(
    name="residual_mlp",
    area="depth",
    summary="residual stack of dense layers, ten to thousands deep",
    data="real",
    source=cancer_mlp.SPEC.source,
    batch_size=32,
    metric="auc",
    direction="max",
    target=0.99,
    epochs=40,
    parameters=(
        Parameter("depth", 10, "residual layers", 1, 10_000),
        Parameter("width", 64, "units of a layer", 1, 65536),
        Parameter("norm", "none", "what stands before each layer", choices=("none", "layer")),
    ),
    estimate=Estimate(
        first_step_s={"jax": 1.0, "torch": 0.2, "tensorflow": 1.5},
        converge_s={"jax": 0.6, "torch": 2.0, "tensorflow": 1.2},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return measurements, standardised, and 1 for benign."""
    return cancer_mlp.data(parameters)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer.

    Each layer adds to its input. What it adds is divided by the root of the depth, so that the sum stays of the same
    size however deep the stack is (De & Smith 2020), with or without layer normalisation.
    """
    import keras

    layers, width, depth = keras.layers, int(parameters["width"]), int(parameters["depth"])
    measurements = keras.Input(data.train_x[0].shape[1:], name="measurements")
    x: Any = layers.Dense(width, name="widen")(measurements)
    for number in range(depth):
        hidden = layers.LayerNormalization(name=f"norm_{number}")(x) if parameters["norm"] == "layer" else x
        hidden = layers.Dense(width, activation="relu", name=f"dense_{number}")(hidden)
        hidden = layers.Rescaling(depth**-0.5, name=f"scale_{number}")(hidden)
        x = layers.Add(name=f"add_{number}")([x, hidden])
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    model = keras.Model(measurements, logit, name="residual_mlp")
    return Problem(model, keras.losses.BinaryCrossentropy(from_logits=True), keras.optimizers.Adam(2e-4))


WORKLOAD = Workload(SPEC, data, build)

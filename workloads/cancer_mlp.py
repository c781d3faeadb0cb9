"""Workload: a multilayer perceptron on the Wisconsin breast cancer measurements."""

from typing import Any

import numpy as np

from .draws import stratified
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_264

SPEC = Spec(
    name="cancer_mlp",
    area="tabular",
    summary="multilayer perceptron telling benign from malignant tumours by 30 measurements",
    data="real",
    source="Wisconsin diagnostic breast cancer, 569 samples, from scikit-learn",
    batch_size=32,
    metric="auc",
    direction="max",
    target=0.99,
    epochs=60,
    parameters=(
        Parameter("width", 128, "units of a hidden layer", 1, 65536),
        Parameter("depth", 4, "hidden layers", 1, 10_000),
    ),
    estimate=Estimate(
        first_step_s={"jax": 0.8, "torch": 0.15, "tensorflow": 0.65},
        converge_s={"jax": 0.55, "torch": 1.15, "tensorflow": 0.9},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return measurements, standardised with the training samples' statistics, and 1 for benign."""
    from sklearn.datasets import load_breast_cancer

    measurements, benign = load_breast_cancer(return_X_y=True)
    train, test = stratified(benign, (3, 10), SEED)
    mean, deviation = measurements[train].mean(axis=0), measurements[train].std(axis=0)
    x = ((measurements - mean) / deviation).astype(np.float32)
    y = benign.astype(np.float32)[:, None]
    return Data((x[train],), (y[train],), (x[test],), (y[test],))


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    measurements = keras.Input(data.train_x[0].shape[1:], name="measurements")
    x: Any = measurements
    for number in range(int(parameters["depth"])):
        x = keras.layers.Dense(int(parameters["width"]), activation="relu", name=f"hidden_{number}")(x)
    logit = keras.layers.Dense(1, dtype="float32", name="logit")(x)
    model = keras.Model(measurements, logit, name="cancer_mlp")
    return Problem(model, keras.losses.BinaryCrossentropy(from_logits=True), keras.optimizers.Adam(2e-5))


WORKLOAD = Workload(SPEC, data, build)

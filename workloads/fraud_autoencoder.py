"""Workload: an autoencoder that finds frauds without having been told of any, by what it cannot reconstruct."""

from typing import Any

import numpy as np

from . import metrics
from .card_source import make_source
from .fraud_mlp import BROKEN, PAIRS, scaled
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_267
TRAIN_PAYMENTS, TEST_PAYMENTS = 16_384, 8_192
ODDS = 64
MARGIN = 0.06
"""Below the area under the ROC curve of the best possible ranking of the test payments."""

SPEC = Spec(
    name="fraud_autoencoder",
    area="tabular",
    summary="autoencoder whose reconstruction error tells frauds from payments; trained without labels",
    data="generated",
    source="seeded source of paired attributes with integer counts; best ranking computed exactly",
    batch_size=256,
    metric="anomaly_auc",
    direction="max",
    epochs=60,
    parameters=(
        Parameter("width", 128, "units of a hidden layer", 1, 65536),
        Parameter("depth", 2, "hidden layers on each side of the bottleneck", 1, 5000),
        Parameter("bottleneck", PAIRS, "units in the middle", 1, 1024),
    ),
    estimate=Estimate(
        first_step_s={"jax": 1.0, "torch": 0.15, "tensorflow": 0.8},
        converge_s={"jax": 2.0, "torch": 4.0, "tensorflow": 3.0},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return payments as their own targets; in the test each target begins with 1 for a fraud."""
    source = make_source(PAIRS, ODDS, BROKEN)
    train, _ = source.sample(TRAIN_PAYMENTS, SEED, 1)
    test, fraud = source.sample(TEST_PAYMENTS, SEED, 2)
    truth = fraud.astype(np.float32)[:, None]
    best = metrics.auc(truth, source.log_ratio(test)[:, None])
    return Data(
        train_x=(scaled(train),),
        train_y=(scaled(train),),
        test_x=(scaled(test),),
        test_y=(np.concatenate([truth, scaled(test)], axis=1),),
        best=best,
        target=best - MARGIN,
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    payment = keras.Input(data.train_x[0].shape[1:], name="payment")
    x: Any = payment
    for side, last in (("encode", int(parameters["bottleneck"])), ("decode", payment.shape[-1])):
        for number in range(int(parameters["depth"])):
            x = keras.layers.Dense(int(parameters["width"]), activation="relu", name=f"{side}_{number}")(x)
        dtype = "float32" if side == "decode" else None
        x = keras.layers.Dense(last, dtype=dtype, name=f"{side}_out")(x)
    model = keras.Model(payment, x, name="fraud_autoencoder")
    return Problem(model, keras.losses.MeanSquaredError(), keras.optimizers.Adam(2e-3))


WORKLOAD = Workload(SPEC, data, build)

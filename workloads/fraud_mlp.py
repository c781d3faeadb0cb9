"""Workload: a multilayer perceptron that finds the few frauds among generated payments; the best ranking is known."""

from fractions import Fraction
from typing import Any

import numpy as np

from . import metrics
from .card_source import VALUES, make_source
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_266
TRAIN_PAYMENTS, TEST_PAYMENTS = 131_072, 16_384
PAIRS = 6
BROKEN = Fraction(3, 4)
MARGIN = 0.16
"""Below the average precision of the best possible ranking of the test payments."""

SPEC = Spec(
    name="fraud_mlp",
    area="tabular",
    summary="multilayer perceptron finding the one payment in 64 that is a fraud",
    data="generated",
    source="seeded source of paired attributes with integer counts; best ranking computed exactly",
    batch_size=1024,
    metric="average_precision",
    direction="max",
    epochs=30,
    parameters=(
        Parameter("width", 128, "units of a hidden layer", 1, 65536),
        Parameter("depth", 3, "hidden layers", 1, 10_000),
        Parameter("odds", 64, "one payment in so many is a fraud", 2, 1024, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 0.8, "torch": 0.15, "tensorflow": 0.65},
        converge_s={"jax": 3.0, "torch": 5.0, "tensorflow": 4.0},
    ),
)


def scaled(payments: np.ndarray) -> np.ndarray:
    """Return attributes centred and scaled to about one."""
    return ((payments - (VALUES - 1) / 2) / (VALUES / 4)).astype(np.float32)


def data(parameters: Parameters) -> Data:
    """Return payments and 1 for frauds."""
    source = make_source(PAIRS, int(parameters["odds"]), BROKEN)
    train_x, train_y = source.sample(TRAIN_PAYMENTS, SEED, 1)
    test_x, test_y = source.sample(TEST_PAYMENTS, SEED, 2)
    truth = test_y.astype(np.float32)[:, None]
    best = metrics.average_precision(truth, source.log_ratio(test_x)[:, None])
    return Data(
        train_x=(scaled(train_x),),
        train_y=(train_y.astype(np.float32)[:, None],),
        test_x=(scaled(test_x),),
        test_y=(truth,),
        best=best,
        target=best - MARGIN,
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    payment = keras.Input(data.train_x[0].shape[1:], name="payment")
    x: Any = payment
    for number in range(int(parameters["depth"])):
        x = keras.layers.Dense(int(parameters["width"]), activation="relu", name=f"hidden_{number}")(x)
    logit = keras.layers.Dense(1, dtype="float32", name="logit")(x)
    model = keras.Model(payment, logit, name="fraud_mlp")
    return Problem(model, keras.losses.BinaryCrossentropy(from_logits=True), keras.optimizers.Adam(3e-3))


WORKLOAD = Workload(SPEC, data, build)

"""Workload: a recurrent network naming the intent of generated utterances; the best accuracy is known."""

from typing import Any

from . import intent_transformer
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SPEC = Spec(
    name="intent_lstm",
    area="text",
    summary="bidirectional LSTM naming the intent of an utterance",
    data="generated",
    source=intent_transformer.SPEC.source,
    batch_size=64,
    metric="accuracy",
    direction="max",
    epochs=20,
    parameters=(
        Parameter("depth", 1, "recurrent layers", 1, 100),
        Parameter("width", 48, "units of a layer in each direction, and size of a token's vector", 1, 16384),
        Parameter("length", 16, "tokens per utterance", 2, 4096, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.3, "tensorflow": 3.0},
        converge_s={"jax": 2.0, "torch": 10.0, "tensorflow": 4.0},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return utterances and the number of their intent."""
    return intent_transformer.data(parameters)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    width, depth = int(parameters["width"]), int(parameters["depth"])
    tokens = keras.Input(data.train_x[0].shape[1:], dtype="int32", name="token_ids")
    x: Any = keras.layers.Embedding(int(data.facts["vocabulary"]), width, name="tokens")(tokens)
    for number in range(depth):
        layer = keras.layers.LSTM(width, return_sequences=number < depth - 1, name=f"lstm_{number}")
        x = keras.layers.Bidirectional(layer, name=f"both_ways_{number}")(x)
    logits = keras.layers.Dense(int(data.facts["intents"]), dtype="float32", name="logits")(x)
    model = keras.Model(tokens, logits, name="intent_lstm")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(6e-3))


WORKLOAD = Workload(SPEC, data, build)

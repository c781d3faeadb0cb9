"""Workload: a transformer encoder naming the intent of generated utterances; the best accuracy is known."""

from typing import Any

import numpy as np

from .intent_grammar import make_grammar
from .transformer import block, embed
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_262
TRAIN_UTTERANCES = 4096
TEST_UTTERANCES = 1024
INTENTS = 6
WORDS = 16
FILLERS = 32
MARGIN = 0.05
"""Below the best possible accuracy, which no finite sample reaches for certain."""

SPEC = Spec(
    name="intent_transformer",
    area="text",
    summary="transformer encoder naming the intent of an utterance",
    data="generated",
    source="seeded grammar with integer counts and overlapping intents; best accuracy computed exactly",
    batch_size=64,
    metric="accuracy",
    direction="max",
    epochs=10,
    parameters=(
        Parameter("depth", 1, "transformer blocks", 1, 1000),
        Parameter("width", 32, "size of a token's vector", 8, 16384),
        Parameter("heads", 4, "attention heads; must divide width", 1, 256),
        Parameter("length", 16, "tokens per utterance", 2, 4096, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.3, "tensorflow": 1.6},
        converge_s={"jax": 0.7, "torch": 1.4, "tensorflow": 1.1},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return utterances and the number of their intent."""
    grammar = make_grammar(INTENTS, WORDS, FILLERS, int(parameters["length"]), SEED)
    train_x, train_y = grammar.sample(TRAIN_UTTERANCES, SEED, 1)
    test_x, test_y = grammar.sample(TEST_UTTERANCES, SEED, 2)
    best = grammar.best_accuracy()
    return Data(
        train_x=(train_x.astype(np.int32),),
        train_y=(train_y.astype(np.int32),),
        test_x=(test_x.astype(np.int32),),
        test_y=(test_y.astype(np.int32),),
        best=best,
        target=best - MARGIN,
        facts={"vocabulary": grammar.vocabulary, "intents": grammar.intents},
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    length, width = data.train_x[0].shape[1], int(parameters["width"])
    tokens = keras.Input((length,), dtype="int32", name="token_ids")
    x: Any = embed(tokens, int(data.facts["vocabulary"]), length, width, stddev=0.1)
    for number in range(int(parameters["depth"])):
        x = block(x, width, int(parameters["heads"]), causal=False, name=f"block_{number}")
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="final_norm")(x)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    logits = keras.layers.Dense(int(data.facts["intents"]), dtype="float32", name="logits")(x)
    model = keras.Model(tokens, logits, name="intent_transformer")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(6e-3))


WORKLOAD = Workload(SPEC, data, build)

"""Workload: a small GPT on a generated language whose best possible loss is known."""

from typing import Any

import numpy as np

from .generation import cached_generation
from .token_source import make_source
from .transformer import block, embed
from .workload import Data, Estimate, Generation, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_261
TRAIN_SEQUENCES = 512
TEST_SEQUENCES = 256
MARGIN = 0.45
"""Nats above the best possible loss. A model that sees one token of context stays further away (tested)."""

SPEC = Spec(
    name="grammar_gpt",
    area="generative",
    summary="decoder-only transformer (GPT) predicting the next token of a second-order Markov source",
    data="generated",
    source="seeded Markov source with integer counts; best possible loss computed exactly",
    batch_size=16,
    metric="cross_entropy",
    direction="min",
    epochs=20,
    parameters=(
        Parameter("depth", 2, "transformer blocks", 1, 1000),
        Parameter("width", 48, "size of a token's vector", 8, 16384),
        Parameter("heads", 4, "attention heads; must divide width", 1, 256),
        Parameter("length", 32, "tokens predicted per sequence", 4, 8192, data=True),
        Parameter("vocabulary", 8, "different tokens", 6, 128, data=True),
        Parameter("prompt", 16, "tokens that phase generate reads", 1, 8191),
        Parameter("new_tokens", 16, "tokens that it then generates; with the prompt at most length", 2, 8192),
    ),
    context="length",
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.4, "tensorflow": 2.1},
        converge_s={"jax": 0.95, "torch": 1.5, "tensorflow": 1.3},
    ),
)


def data(parameters: Parameters) -> Data:
    """Return sequences and the same sequences shifted by one token."""
    length, vocabulary = int(parameters["length"]), int(parameters["vocabulary"])
    source = make_source(vocabulary, SEED)
    train = source.sample(TRAIN_SEQUENCES, length + 1, SEED, 1).astype(np.int32)
    test = source.sample(TEST_SEQUENCES, length + 1, SEED, 2).astype(np.int32)
    best = source.best_mean_loss(length)
    return Data(
        train_x=(train[:, :-1].copy(),),
        train_y=(train[:, 1:].copy(),),
        test_x=(test[:, :-1].copy(),),
        test_y=(test[:, 1:].copy(),),
        best=best,
        target=best + MARGIN,
        facts={"vocabulary": vocabulary},
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    length, vocabulary = data.train_x[0].shape[1], int(data.facts["vocabulary"])
    width = int(parameters["width"])
    tokens = keras.Input((length,), dtype="int32", name="token_ids")
    x: Any = embed(tokens, vocabulary, length, width, stddev=1.0)
    for number in range(int(parameters["depth"])):
        x = block(x, width, int(parameters["heads"]), causal=True, name=f"block_{number}")
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="final_norm")(x)
    logits = keras.layers.Dense(vocabulary, dtype="float32", name="logits")(x)
    model = keras.Model(tokens, logits, name="grammar_gpt")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(5e-3))


def generate(parameters: Parameters, model: Any) -> Generation:
    """Return the steps of generation with a cache."""
    return cached_generation(model, model.get_layer("logits"), SPEC, parameters)


WORKLOAD = Workload(SPEC, data, build, generate)

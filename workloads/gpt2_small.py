"""Workload for GPUs: GPT-2 small as published, predicting the next of random tokens."""

from typing import Any

from .generation import cached_generation
from .synthetic import InputSignature, OutputSignature, Signature, make
from .transformer import block, positions
from .workload import SPEED_PHASES, Data, Generation, Parameter, Parameters, Problem, Spec, Workload

SEED, SAMPLES = 20_283, 64
DEPTH, WIDTH, HEADS, VOCABULARY, LENGTH = 12, 768, 12, 50_257, 1024

SPEC = Spec(
    name="gpt2_small",
    area="generative",
    summary="GPT-2 small (Radford et al. 2019), 124,439,808 parameters; output weights tied to the embedding",
    data="synthetic",
    source="random tokens",
    batch_size=4,
    parameters=(
        Parameter("length", 256, "tokens per sequence", 2, LENGTH, data=True),
        Parameter("prompt", 128, "tokens that phase generate reads; at most length", 1, LENGTH - 1),
        Parameter("new_tokens", 64, "tokens that it then generates; with the prompt at most 1,024", 2, LENGTH),
    ),
    context=LENGTH,
    phases=SPEED_PHASES,
)


def data(parameters: Parameters) -> Data:
    """Return random tokens, and others to predict."""
    length = int(parameters["length"])
    tokens = InputSignature("token_ids", (length,), "int32", VOCABULARY)
    return make(Signature((tokens,), (OutputSignature("logits", (length,), "class", VOCABULARY),)), SAMPLES, SEED)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, length = keras.layers, data.train_x[0].shape[1]
    tokens = keras.Input((length,), dtype="int32", name="token_ids")
    initializer = keras.initializers.RandomNormal(stddev=0.02)
    table = layers.ReversibleEmbedding(
        VOCABULARY, WIDTH, tie_weights=True, embeddings_initializer=initializer, reverse_dtype="float32", name="tokens"
    )
    x: Any = positions(table(tokens), LENGTH, WIDTH, stddev=0.01)
    for number in range(DEPTH):
        x = block(x, WIDTH, HEADS, causal=True, name=f"block_{number}")
    x = layers.LayerNormalization(epsilon=1e-5, name="final_norm")(x)
    model = keras.Model(tokens, table(x, reverse=True), name="gpt2_small")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.AdamW(3e-4))


def generate(parameters: Parameters, model: Any) -> Generation:
    """Return the steps of generation with a cache."""
    table = model.get_layer("tokens")
    return cached_generation(model, lambda x: table(x, reverse=True), SPEC, parameters)


WORKLOAD = Workload(SPEC, data, build, generate)

"""Workload for GPUs: BERT-base (uncased) as published, classifying random sequences."""

from typing import Any

from .synthetic import InputSignature, OutputSignature, Signature, make
from .transformer import positions
from .workload import SPEED_PHASES, Data, Parameter, Parameters, Problem, Spec, Workload

SEED, SAMPLES, CLASSES = 20_282, 256, 2
DEPTH, WIDTH, HEADS, VOCABULARY, LENGTH, SEGMENTS = 12, 768, 12, 30_522, 512, 2
EPSILON = 1e-12

SPEC = Spec(
    name="bert_base",
    area="text",
    summary="BERT-base (Devlin et al. 2019), 109,482,240 parameters with its pooler, and a head for two classes",
    data="synthetic",
    source="random tokens, segments and classes",
    batch_size=16,
    parameters=(Parameter("length", 128, "tokens per sequence", 2, LENGTH, data=True),),
    phases=SPEED_PHASES,
)


def data(parameters: Parameters) -> Data:
    """Return random tokens, segments and classes."""
    length = int(parameters["length"])
    inputs = (
        InputSignature("token_ids", (length,), "int32", VOCABULARY),
        InputSignature("segment_ids", (length,), "int32", SEGMENTS),
    )
    return make(Signature(inputs, (OutputSignature("logits", (), "class", CLASSES),)), SAMPLES, SEED)


def _block(x: Any, name: str) -> Any:
    """Return one post-norm block, as BERT has it."""
    import keras

    layers = keras.layers
    attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"{name}_attention")(x, x)
    x = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_attention_norm")(layers.Add()([x, attended]))
    hidden = layers.Dense(4 * WIDTH, activation="gelu", name=f"{name}_mlp_in")(x)
    hidden = layers.Dense(WIDTH, name=f"{name}_mlp_out")(hidden)
    return layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_mlp_norm")(layers.Add()([x, hidden]))


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, length = keras.layers, data.train_x[0].shape[1]
    tokens = keras.Input((length,), dtype="int32", name="token_ids")
    segments = keras.Input((length,), dtype="int32", name="segment_ids")

    def table(rows: int, name: str) -> Any:
        return layers.Embedding(rows, WIDTH, keras.initializers.TruncatedNormal(stddev=0.02), name=name)

    x: Any = layers.Add(name="embedded")([table(VOCABULARY, "tokens")(tokens), table(SEGMENTS, "segments")(segments)])
    x = positions(x, LENGTH, WIDTH, stddev=0.02)
    x = layers.LayerNormalization(epsilon=EPSILON, name="embedded_norm")(x)
    for number in range(DEPTH):
        x = _block(x, f"block_{number}")
    pooled = layers.Dense(WIDTH, activation="tanh", name="pooler")(x[:, 0])
    logits = layers.Dense(CLASSES, dtype="float32", name="logits")(pooled)
    model = keras.Model([tokens, segments], logits, name="bert_base")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.AdamW(5e-5))


WORKLOAD = Workload(SPEC, data, build)

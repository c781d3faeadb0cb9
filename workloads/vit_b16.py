"""Workload for GPUs: the vision transformer ViT-B/16 as published, on random pictures."""

from typing import Any

from ..results.errors import UsageError
from .synthetic import InputSignature, OutputSignature, Signature, make
from .transformer import block, positions
from .workload import SPEED_PHASES, Data, Parameter, Parameters, Problem, Spec, Workload

SEED, SAMPLES, CLASSES = 20_281, 64, 1000
DEPTH, WIDTH, HEADS, PATCH = 12, 768, 12, 16

SPEC = Spec(
    name="vit_b16",
    area="vision",
    summary="vision transformer ViT-B/16 (Dosovitskiy et al. 2021), 86,567,656 parameters at 224 pixels",
    data="synthetic",
    source="random pictures and classes",
    batch_size=16,
    parameters=(Parameter("size", 224, "side of the pictures, in pixels; a multiple of 16", 16, 1024, data=True),),
    phases=SPEED_PHASES,
)


def data(parameters: Parameters) -> Data:
    """Return random pictures and classes."""
    size = int(parameters["size"])
    if size % PATCH:
        raise UsageError(f"size {size} of vit_b16 is not a multiple of its patches' side of {PATCH} pixels")
    picture = InputSignature("picture", (size, size, 3), "float32")
    return make(Signature((picture,), (OutputSignature("logits", (), "class", CLASSES),)), SAMPLES, SEED)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers = keras.layers
    count = (data.train_x[0].shape[1] // PATCH) ** 2

    class ClassToken(keras.layers.Layer):  # type: ignore[misc]
        """Puts one learned vector before the patches."""

        def build(self, input_shape: Any) -> None:
            self.token = self.add_weight(shape=(1, 1, WIDTH), initializer="zeros", name="token")

        def call(self, inputs: Any) -> Any:
            token = keras.ops.cast(self.token, inputs.dtype)
            return keras.ops.concatenate([keras.ops.repeat(token, keras.ops.shape(inputs)[0], axis=0), inputs], axis=1)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (input_shape[0], input_shape[1] + 1, input_shape[2])

    picture = keras.Input(data.train_x[0].shape[1:], name="picture")
    x: Any = layers.Conv2D(WIDTH, PATCH, PATCH, name="patches")(picture)
    x = ClassToken(name="class_token")(layers.Reshape((count, WIDTH), name="tokens")(x))
    x = positions(x, count + 1, WIDTH, stddev=0.02)
    for number in range(DEPTH):
        x = block(x, WIDTH, HEADS, causal=False, name=f"block_{number}")
    x = layers.LayerNormalization(epsilon=1e-6, name="final_norm")(x)
    logits = layers.Dense(CLASSES, dtype="float32", name="logits")(x[:, 0])
    model = keras.Model(picture, logits, name="vit_b16")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.AdamW(1e-4))


WORKLOAD = Workload(SPEC, data, build)

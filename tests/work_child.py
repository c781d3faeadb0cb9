"""Child process of test_work: counts models on one backend and lets the framework count some of them itself.

The backend is in KERAS_BACKEND. Prints one line of JSON.
"""

import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np
from dlbench.workloads import catalog, data_file, initial, work_free, work_rules
from dlbench.workloads.work import count_work
from dlbench.workloads.work_composites import COMPOSITES
from keras import layers, ops

BATCH = 4
Named = Iterator[tuple[str, Any]]


def single(name: str, layer: Any, *shape: int, dtype: str = "float32") -> tuple[str, Any]:
    x = keras.Input(shape, dtype=dtype)
    return name, keras.Model(x, layer(x), name=name)


class Projection(layers.Layer):
    """Multiplies with a weight, with another that it casts, and with one that is not trained."""

    def build(self, shape: Any) -> None:
        self.direct = self.add_weight(shape=(shape[-1], 6))
        self.changed = self.add_weight(shape=(5, 6))
        self.fixed = self.add_weight(shape=(5, 5), trainable=False)

    def call(self, x: Any) -> Any:
        return x @ self.direct @ ops.transpose(ops.cast(self.changed, x.dtype)) @ self.fixed


class Nested(layers.Layer):
    """Holds layers, calls one twice, and gives a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Projection(), layers.Dense(5)

    def call(self, x: Any) -> Any:
        return {"out": self.second(self.second(self.first(x))), "in": x}


class TiedEmbedding(layers.Layer):
    """Uses the weights of a layer in it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = layers.Embedding(10, 8)

    def call(self, tokens: Any) -> Any:
        return ops.matmul(self.table(tokens), ops.transpose(self.table.embeddings))


class Penalised(layers.Layer):
    """Gives one product to the output and one to a loss, and keeps a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.penalty = layers.Dense(3), layers.Dense(4)

    def call(self, x: Any) -> Any:
        self.kept = self.penalty(x)
        self.add_loss(ops.mean(self.kept))
        return self.out(x)


class FewerInTraining(layers.Layer):
    """Looks at two of six steps in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x: Any, training: bool = False) -> Any:
        return ops.mean(self.dense(x[:, :2] if training else x), axis=1)


class Cell(layers.Layer):
    """A recurrent cell of a user."""

    state_size = 6

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 6))
        self.recurrent = self.add_weight(shape=(6, 6))

    def call(self, x: Any, states: Any) -> Any:
        output = ops.tanh(x @ self.kernel + states[0] @ self.recurrent)
        return output, [output]


class Wrapped(keras.Model):
    """A model written as a class."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.Sequential([layers.Dense(4), layers.Dense(5)])

    def call(self, x: Any) -> Any:
        return self.inner(x)


class Foreign(layers.Layer):
    """Leaves Keras."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, x: Any) -> Any:
        return keras.src.backend.numpy.matmul(x, self.kernel)


class Said(layers.Layer):
    """Says its work itself."""

    answer: Any = 2 * BATCH * 8 * 3

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3))

    def call(self, x: Any) -> Any:
        return keras.src.backend.numpy.matmul(x, self.kernel)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 3)

    def dlbench_flops(self, input_shapes: Any) -> Any:
        assert input_shapes == ((BATCH, 8),)
        return self.answer


class SaidWrong(Said):
    answer = float("nan")


class PresetDense(layers.Dense):
    """Changes only how it is made."""

    def __init__(self) -> None:
        super().__init__(5)


class TwiceDense(layers.Dense):
    """Changes what it computes."""

    def call(self, x: Any) -> Any:
        return super().call(x) + super().call(x)


def dense_models() -> Named:
    x = keras.Input((20,))
    yield "dense", keras.Model(x, layers.Dense(3)(layers.Dense(7, activation="relu")(layers.Dense(5)(x))))
    yield "sequential", keras.Sequential([keras.Input((20,)), layers.Dense(5), layers.Dense(3)])
    h = layers.EinsumDense("acd,ce->ade", (4, 6))(layers.EinsumDense("ab,bcd->acd", (3, 4))(x))
    yield "einsum_dense", keras.Model(x, h)
    frozen, between = layers.Dense(9, trainable=False), layers.Dense(7)
    yield "frozen_first", keras.Model(x, layers.Dense(3)(between(frozen(x))))
    h = layers.Dense(7, trainable=False)(layers.Dense(9)(x))
    yield "frozen_middle", keras.Model(x, layers.Dense(3)(h))
    h = layers.Dense(3)(ops.stop_gradient(layers.Dense(5)(layers.Dense(7)(x))))
    yield "stopped", keras.Model(x, [h, layers.Dense(2)(layers.Dense(7)(x))])
    x = keras.Input((8,))
    shared = layers.Dense(8)
    encoder = keras.Sequential([keras.Input((8,)), shared, layers.Dense(8)], name="encoder")
    yield "shared", keras.Model(x, encoder(shared(encoder(x))))
    low_rank = layers.Dense(5)
    model = keras.Model(x, layers.Dense(3)(low_rank(x)))
    low_rank.enable_lora(2)
    yield "low_rank", model


def conv_models() -> Named:
    x = keras.Input((16, 16, 3))
    h = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    h = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(h)))
    h = layers.Conv2D(16, 3, strides=2, padding="same")(h)
    h = layers.Conv2D(16, 3, dilation_rate=2)(layers.ZeroPadding2D(2)(h))
    yield "cnn", keras.Model(x, layers.Dense(10)(layers.GlobalAveragePooling2D()(h)))
    yield "transposed", keras.Model(x, layers.Conv2DTranspose(5, 3, strides=2, padding="same")(layers.Conv2D(4, 1)(x)))
    yield single("conv_3d", lambda y: layers.Conv3DTranspose(2, 3)(layers.Conv3D(3, 2)(y)), 6, 7, 8, 2)
    yield single("conv_1d", lambda y: layers.Conv1DTranspose(3, 4)(layers.Conv1D(6, 3, padding="causal")(y)), 17, 4)
    x = keras.Input((16, 16, 4))
    h = layers.SeparableConv2D(6, 3, depth_multiplier=3)(layers.DepthwiseConv2D(3, depth_multiplier=2)(x))
    yield "depthwise", keras.Model(x, layers.Conv2D(4, 3, groups=2)(h))


def attention_models() -> Named:
    # With dropout, Keras multiplies in two products that a counter can see instead of in one fused operation.
    x = keras.Input((12,), dtype="int32")
    h = layers.Embedding(30, 8)(x)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 4, dropout=0.1)(h, h, use_causal_mask=True))
    yield "transformer", keras.Model(x, layers.Dense(30)(layers.Dense(16, activation="gelu")(h)))
    query, value, key = keras.Input((5, 8)), keras.Input((9, 6)), keras.Input((9, 7))
    h = layers.MultiHeadAttention(2, 4, value_dim=3, dropout=0.1)(query, value, key)
    yield "cross_attention", keras.Model([query, value, key], h)
    value = keras.Input((9, 8))
    h = layers.GroupQueryAttention(4, 6, 2, dropout=0.1)(query, value)
    yield "grouped_attention", keras.Model([query, value], h)
    yield "attention", keras.Model([query, value], layers.Attention(use_scale=True)([query, value]))
    yield "additive_attention", keras.Model([query, value], layers.AdditiveAttention()([layers.Dense(8)(query), value]))
    image = keras.Input((5, 4, 8))
    yield (
        "attention_2d",
        keras.Model(image, layers.MultiHeadAttention(2, 4, attention_axes=(1, 2), dropout=0.1)(image, image)),
    )


def operation_models() -> Named:
    a, b = keras.Input((5, 8)), keras.Input((6, 8))
    h = ops.matmul(layers.Dense(8)(a), ops.transpose(layers.Dense(8)(b), (0, 2, 1)))
    yield "operations", keras.Model([a, b], ops.einsum("bij,bjk->bik", h, layers.Dense(4)(b)))
    yield "dot_layer", keras.Model([a, b], layers.Dot(axes=(2, 2))([layers.Dense(8)(a), b]))
    yield "batch_folded", keras.Model(a, layers.Dense(3)(ops.reshape(a, (-1, 8))))
    x = keras.Input((6,))
    h = ops.matmul(layers.Dense(4)(x), ops.transpose(layers.Dense(4)(x), (1, 0)))
    yield "across_batch", keras.Model(x, h)
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(3)])
    yield "time_distributed", keras.Model(a, layers.TimeDistributed(inner)(a))
    scores = layers.Lambda(lambda t: ops.matmul(t, ops.transpose(t, (0, 2, 1))), output_shape=(5, 5))
    yield "lambda", keras.Model(a, scores(layers.Dense(4)(a)))


def own_models() -> Named:
    x = keras.Input((5, 8))
    parts = Nested()(x)
    yield "nested", keras.Model(x, [layers.Dense(2)(parts["out"]), layers.Dense(3)(parts["in"])])
    yield single("tied", TiedEmbedding(), 5, dtype="int32")
    yield single("subclassed_model", Wrapped(), 8)
    yield single("preset", PresetDense(), 8)
    yield single("overridden", TwiceDense(5), 8)
    yield single("penalised", Penalised(), 8)


def other_models() -> Named:
    yield single("fewer_in_training", FewerInTraining(), 6, 8)
    yield single("lstm", layers.LSTM(6, return_sequences=True), 5, 8)
    yield single("gru", layers.GRU(6), 5, 8)
    yield single("old_gru", layers.GRU(6, reset_after=False), 5, 8)
    yield single("simple_rnn", layers.SimpleRNN(6), 5, 8)
    yield single("bidirectional", layers.Bidirectional(layers.LSTM(6)), 5, 8)
    yield single("stacked_cells", layers.RNN([layers.LSTMCell(6), layers.GRUCell(3)]), 5, 8)
    yield single("own_cell", layers.RNN(Cell()), 5, 8)
    yield single("conv_lstm", layers.ConvLSTM2D(3, 3), 5, 8, 8, 2)
    encoded, decoded = keras.Input((6, 8)), keras.Input((4, 3))
    _, *states = layers.LSTM(5, return_state=True)(encoded)
    yield "decoder", keras.Model([encoded, decoded], layers.LSTM(5, name="decode")(decoded, initial_state=states))
    yield single("foreign", Foreign(), 8)
    yield single("said", Said(), 8)
    yield single("said_wrong", SaidWrong(), 8)
    yield single("loop", layers.Lambda(lambda x: ops.fori_loop(0, 3, lambda _, y: y * 2, x), output_shape=(8,)), 8)
    yield single("no_products", lambda y: layers.Softmax()(y + ops.norm(y, axis=-1, keepdims=True)), 8)
    x = keras.Input((None, 8))
    yield "any_length", keras.Model(x, layers.Dense(3)(x))
    x = keras.Input(batch_shape=(3, 8))
    yield "other_batch", keras.Model(x, layers.Dense(3)(x))
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield single("mixed", lambda y: layers.LSTM(3)(Projection()(y)), 5, 8)
    keras.config.set_dtype_policy("float32")


def samples(model: Any) -> Any:
    """Return a batch for a model, one array per input."""
    random = np.random.default_rng(0)
    arrays = [
        random.integers(0, 10, (BATCH, *x.shape[1:])).astype("int32")
        if x.dtype == "int32"
        else random.random((BATCH, *x.shape[1:])).astype("float32")
        for x in model.inputs
    ]
    return arrays if len(arrays) > 1 else arrays[0]


def torch_counts(model: Any) -> list[float]:
    """Return what PyTorch's counter sees in a forward pass, and in a forward and backward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    x = keras.tree.map_structure(torch.as_tensor, samples(model))
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(x, training=False)
    with FlopCounterMode(display=False) as training:
        outputs = [y for y in keras.tree.flatten(model(x, training=True)) if y.requires_grad]
        sum([y.sum() for y in outputs] + list(model.losses)).backward()
    return [forward.get_total_flops(), training.get_total_flops()]


def jax_models() -> Named:
    """Models without padding and large enough that element-wise work is a few percent."""
    x = keras.Input((256,))
    h = layers.Dense(256, activation="relu")(layers.Dense(256, activation="relu")(x))
    yield "wide", keras.Model(x, layers.Dense(10)(h))
    x = keras.Input((20, 20, 16))
    h = layers.Conv2D(64, 3, groups=2)(layers.Conv2D(64, 3, activation="relu")(x))
    yield "unpadded", keras.Model(x, h)
    x = keras.Input((4, 96))
    yield "unrolled", keras.Model(x, layers.LSTM(128, unroll=True)(x))


def jax_counts(model: Any) -> list[float]:
    """Return what XLA's cost analysis says of the compiled forward pass, and of the compiled gradients."""
    import jax

    other = [v.value for v in model.non_trainable_variables]
    arguments = [v.value for v in model.trainable_variables], samples(model)

    def forward(trained: Any, x: Any) -> Any:
        return model.stateless_call(trained, other, x)[0]

    def loss(trained: Any, x: Any) -> Any:
        return (forward(trained, x) ** 2).sum()

    functions = forward, jax.value_and_grad(loss)
    return [jax.jit(f).lower(*arguments).compile().cost_analysis()["flops"] for f in functions]


def untouched(model: Any) -> bool:
    """Return whether counting leaves every layer as it was."""

    def state() -> list[Any]:
        layers_in = list(model._flatten_layers())
        return [
            (len(item._inbound_nodes), {name: id(value) for name, value in vars(item).items()}) for item in layers_in
        ]

    before = state()
    count_work(model, BATCH)
    return state() == before


def subclasses(kind: type) -> set[str]:
    """Return the names of all classes in Keras below a class."""
    found = {kind.__name__} if kind.__module__.startswith("keras.") else set()
    return found.union(*map(subclasses, kind.__subclasses__()))


def counted(model: Any, batch: int = BATCH) -> dict[str, Any]:
    work = count_work(model, batch)
    by_layer = [[x.name, x.kind, x.calls, x.forward_flops, x.training_flops] for x in work.by_layer]
    return {
        "forward": work.forward_flops, "training": work.training_flops, "unknown": work.unknown, "layers": by_layer,
    }  # fmt: skip


def main() -> None:
    """Print all counts of one backend."""
    backend = keras.backend.backend()
    groups = dense_models, conv_models, attention_models, operation_models, own_models
    seen = dict(chain.from_iterable(group() for group in groups))
    hidden, large = dict(other_models()), dict(jax_models())
    answer: dict[str, Any] = {"untouched": {name: untouched(m) for name, m in {**seen, **hidden}.items()}}
    answer["models"] = {name: counted(m) for name, m in {**seen, **hidden, **large}.items()}
    answer["catalog"] = {}
    for workload in catalog.WORKLOADS:
        if workload.spec.metric is None:  # the published models are counted in test_workloads_reference
            continue
        parameters = workload.spec.defaults()
        if workload.spec.download:
            data, _ = data_file.read(Path(sys.argv[1]) / f"{workload.spec.name}.npz")
        else:
            data = workload.data(parameters)
        model = workload.build(parameters, data).model
        answer["catalog"][workload.spec.name] = counted(model, workload.spec.batch_size)
    if backend == "torch":
        answer["counter"] = {name: torch_counts(m) for name, m in seen.items()}
    if backend == "jax":
        answer["counter"] = {name: jax_counts(m) for name, m in large.items()}
        for name in ("ResNet50", "MobileNetV2"):
            answer["models"][name] = counted(getattr(keras.applications, name)(weights=None), 1)
        answer["operations"] = sorted(subclasses(keras.Operation))
        answer["exported"] = [x.__name__ for x in vars(layers).values() if isinstance(x, type)]
        answer["listed"] = {
            "layers": sorted({*work_free.FREE_LAYERS, *work_rules.LAYER_RULES, *COMPOSITES}),
            "operations": sorted({*work_free.FREE_OPERATIONS, *work_rules.OPERATION_RULES}),
        }
        answer["keras"] = keras.version()
    sys.stdout.write(json.dumps(answer) + "\n")


with initial.seeded_initializers(0):  # JAX compiles its own for every shape
    main()

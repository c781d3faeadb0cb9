"""Parts of a transformer in Keras, shared by the encoder and the decoder workload."""

from collections.abc import Callable
from typing import Any

from ..results.errors import UsageError


def embed(tokens: Any, vocabulary: int, length: int, width: int, stddev: float) -> Any:
    """Return token embeddings plus learned position embeddings, both of this standard deviation at first."""
    import keras

    initializer = keras.initializers.RandomNormal(stddev=stddev)
    table = keras.layers.Embedding(vocabulary, width, embeddings_initializer=initializer, name="tokens")
    return positions(table(tokens), length, width, stddev)


def positions(x: Any, length: int, width: int, stddev: float) -> Any:
    """Return vectors, of at most `length` positions, plus learned embeddings of these of this standard deviation."""
    import keras

    class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]
        """Adds one learned vector per position: dense gradients, unlike a lookup.

        Vectors that do not begin at the first position come with their positions, of shape (batch, vectors): these are
        looked up.
        """

        def build(self, input_shape: Any) -> None:
            initializer = keras.initializers.RandomNormal(stddev=stddev)
            self.table = self.add_weight(shape=(length, width), initializer=initializer, name="table")

        def call(self, inputs: Any, places: Any = None) -> Any:
            table = keras.ops.convert_to_tensor(self.table)
            if places is not None:
                table = keras.ops.take(table, places, axis=0)
            elif inputs.shape[1] != length:
                table = keras.ops.slice(table, (0, 0), (inputs.shape[1], width))
            return inputs + keras.ops.cast(table, inputs.dtype)

    return PositionEmbedding(name="positions")(x)


def block(x: Any, width: int, heads: int, causal: bool, name: str) -> Any:
    """Return one pre-norm block: attention, then a GELU network four times as wide, each with a bypass."""
    import keras

    if width % heads:
        raise UsageError(f"width {width} cannot be shared among {heads} heads; choose a multiple of {heads}")
    attention = keras.layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")
    made = (
        keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_attention_norm"),
        keras.layers.Add(name=f"{name}_attended"),
        keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_mlp_norm"),
        keras.layers.Dense(4 * width, activation="gelu", name=f"{name}_mlp_in"),
        keras.layers.Dense(width, name=f"{name}_mlp_out"),
        keras.layers.Add(name=f"{name}_out"),
    )
    layers = {layer.name: layer for layer in made}
    return through(layers.__getitem__, x, lambda normed: attention(normed, normed, use_causal_mask=causal), name)


def through(layer: Callable[[str], Any], x: Any, attend: Callable[[Any], Any], name: str) -> Any:
    """Return what a block makes of vectors.

    Args:
        layer: gives the block's layers by their names, which begin with that of the block.
        x: shape (batch, vectors, width).
        attend: what attention makes of the normalised vectors.
        name: of the block.

    """
    x = layer(f"{name}_attended")([x, attend(layer(f"{name}_attention_norm")(x))])
    hidden = layer(f"{name}_mlp_in")(layer(f"{name}_mlp_norm")(x))
    return layer(f"{name}_out")([x, layer(f"{name}_mlp_out")(hidden)])

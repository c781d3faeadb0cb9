"""Parts of a transformer in Keras, shared by the encoder and the decoder workload."""

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
        """Adds one learned vector per position: dense gradients, unlike a lookup."""

        def build(self, input_shape: Any) -> None:
            initializer = keras.initializers.RandomNormal(stddev=stddev)
            self.table = self.add_weight(shape=(length, width), initializer=initializer, name="table")

        def call(self, inputs: Any) -> Any:
            table = (
                self.table
                if inputs.shape[1] == length
                else keras.ops.slice(self.table, (0, 0), (inputs.shape[1], width))
            )
            return inputs + keras.ops.cast(table, inputs.dtype)

    return PositionEmbedding(name="positions")(x)


def block(x: Any, width: int, heads: int, causal: bool, name: str) -> Any:
    """Return one pre-norm block: attention, then a GELU network four times as wide, each with a bypass."""
    import keras

    if width % heads:
        raise UsageError(f"width {width} cannot be shared among {heads} heads; choose a multiple of {heads}")
    attention = keras.layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")
    normed = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_attention_norm")(x)
    x = keras.layers.Add(name=f"{name}_attended")([x, attention(normed, normed, use_causal_mask=causal)])
    normed = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_mlp_norm")(x)
    hidden = keras.layers.Dense(4 * width, activation="gelu", name=f"{name}_mlp_in")(normed)
    hidden = keras.layers.Dense(width, name=f"{name}_mlp_out")(hidden)
    return keras.layers.Add(name=f"{name}_out")([x, hidden])

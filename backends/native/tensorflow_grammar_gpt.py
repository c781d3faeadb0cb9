"""The decoder-only transformer `grammar_gpt` in TensorFlow's own operations."""

from typing import Any

import tensorflow as tf

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .tensorflow_twin import make_native, tensors_of
from .weights import depth_of, weights_of

EPSILON = 1e-5
"""Of the layer normalisations."""


class GrammarGpt(tf.Module):  # type: ignore[misc]
    """Token and position vectors, blocks, a normalisation and the logits."""

    def __init__(self, weights: dict[str, Any], depth: int) -> None:
        super().__init__(name="grammar_gpt")
        self.weights = weights
        self.depth = depth
        self.length = weights["positions/table"].shape[0]
        self.heads, self.size = weights["block_0_attention/query/kernel"].shape[1:]
        future = tf.linalg.band_part(tf.ones((self.length, self.length)), -1, 0)
        self.mask = tf.where(future > 0, 0.0, tf.float32.min)

    def __call__(self, token_ids: Any) -> Any:
        """Return logits for token ids of shape (batch, length)."""
        x = tf.nn.embedding_lookup(self.weights["tokens/embeddings"], token_ids) + self.weights["positions/table"]
        for number in range(self.depth):
            name = f"block_{number}"
            x += self.attention(f"{name}_attention", self.norm(f"{name}_attention_norm", x))
            hidden = tf.nn.gelu(self.dense(f"{name}_mlp_in", self.norm(f"{name}_mlp_norm", x)), approximate=False)
            x += self.dense(f"{name}_mlp_out", hidden)
        return self.dense("logits", self.norm("final_norm", x))

    def attention(self, name: str, x: Any) -> Any:
        """Attend causally; vectors have the shape (batch, length, width)."""
        query, key, value = (self.project(f"{name}/{part}", x) for part in ("query", "key", "value"))
        scores = tf.matmul(query * self.size**-0.5, key, transpose_b=True) + self.mask
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), (0, 2, 1, 3))
        out = f"{name}/attention_output"
        kernel = tf.reshape(self.weights[f"{out}/kernel"], (self.heads * self.size, -1))
        return apply(tf.reshape(mixed, x.shape), kernel, self.weights[f"{out}/bias"])

    def project(self, name: str, x: Any) -> Any:
        """Return vectors per head: (batch, heads, length, size of a head)."""
        kernel = tf.reshape(self.weights[f"{name}/kernel"], (-1, self.heads * self.size))
        parts = apply(x, kernel, tf.reshape(self.weights[f"{name}/bias"], (-1,)))
        return tf.transpose(tf.reshape(parts, (-1, self.length, self.heads, self.size)), (0, 2, 1, 3))

    def dense(self, name: str, x: Any) -> Any:
        """Return the product with a layer's kernel, plus its bias."""
        return apply(x, self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"])

    def norm(self, name: str, x: Any) -> Any:
        """Normalise over the last axis."""
        mean, variance = tf.nn.moments(x, axes=-1, keepdims=True)
        scale, offset = self.weights[f"{name}/gamma"], self.weights[f"{name}/beta"]
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, EPSILON)


def apply(x: Any, kernel: Any, bias: Any) -> Any:
    """Return x @ kernel + bias over the last axis, as one matrix product."""
    product = tf.matmul(tf.reshape(x, (-1, kernel.shape[0])), kernel)
    return tf.reshape(tf.nn.bias_add(product, bias), (*x.shape[:-1], -1))


def twin(problem: Problem, settings: StepSettings, device: bool) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = tensors_of(weights_of("grammar_gpt", problem))
    module = GrammarGpt(weights, depth_of(weights, r"block_\d+_attention/query/kernel"))
    return make_native(problem, weights, module, _loss, settings, device)


def _loss(logits: Any, y: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))

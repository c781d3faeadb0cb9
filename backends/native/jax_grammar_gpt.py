"""The decoder-only transformer `grammar_gpt` in jax.numpy and optax."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .jax_twin import Forward, Weights, make_native
from .weights import depth_of, weights_of

EPSILON = 1e-5
"""Of the layer normalisations."""


def twin(problem: Problem, settings: StepSettings, device: Any) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = weights_of("grammar_gpt", problem)
    depth = depth_of(weights, r"block_\d+_attention/query/kernel")
    return make_native(problem, weights, _forward(depth), _loss, settings, device)


def _forward(depth: int) -> Forward:
    """Return the pass over token ids of shape (batch, length)."""

    def forward(weights: Weights, tokens: Any) -> Any:
        x = jnp.take(weights["tokens/embeddings"], tokens, axis=0, mode="clip") + weights["positions/table"]
        for number in range(depth):
            x = x + _attention(
                weights, f"block_{number}_attention", _norm(weights, f"block_{number}_attention_norm", x)
            )
            x = x + _mlp(weights, f"block_{number}_mlp", _norm(weights, f"block_{number}_mlp_norm", x))
        return _dense(weights, "logits", _norm(weights, "final_norm", x))

    return forward


def _attention(weights: Weights, name: str, x: Any) -> Any:
    """Attend causally with kernels of shape (width, heads, size of a head)."""

    def project(part: str) -> Any:
        return jnp.einsum("blw,whd->blhd", x, weights[f"{name}/{part}/kernel"]) + weights[f"{name}/{part}/bias"]

    mixed = jax.nn.dot_product_attention(project("query"), project("key"), project("value"), is_causal=True)
    out = f"{name}/attention_output"
    return jnp.einsum("blhd,hdw->blw", mixed, weights[f"{out}/kernel"]) + weights[f"{out}/bias"]


def _mlp(weights: Weights, name: str, x: Any) -> Any:
    return _dense(weights, f"{name}_out", jax.nn.gelu(_dense(weights, f"{name}_in", x), approximate=False))


def _dense(weights: Weights, name: str, x: Any) -> Any:
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def _norm(weights: Weights, name: str, x: Any) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return centred * lax.rsqrt(variance + EPSILON) * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def _loss(logits: Any, y: Any) -> Any:
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, y).mean()

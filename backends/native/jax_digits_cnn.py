"""The convolutional network `digits_cnn` in jax.lax and optax."""

from typing import Any

import jax
import optax
from jax import lax

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .jax_twin import Forward, Weights, make_native
from .weights import depth_of, weights_of


def twin(problem: Problem, settings: StepSettings, device: Any) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = weights_of("digits_cnn", problem)
    forward = _forward(depth_of(weights, r"conv_0_\d+/kernel"))
    return make_native(problem, weights, forward, _loss, settings, device, "images NHWC, filters HWIO")


def _forward(depth: int) -> Forward:
    """Return the pass over images of shape (batch, height, width, 1)."""

    def forward(weights: Weights, x: Any) -> Any:
        for stage in range(2):
            for number in range(depth):
                name = f"conv_{stage}_{number}"
                x = lax.conv_general_dilated(
                    x, weights[f"{name}/kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
                x = jax.nn.relu(x + weights[f"{name}/bias"])
            x = _pool(x)
        return x.reshape(len(x), -1) @ weights["logits/kernel"] + weights["logits/bias"]

    return forward


def _pool(x: Any) -> Any:
    """Return the maximum over squares of 2x2; as a reduction its gradient is faster on a CPU than `reduce_window`'s."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def _loss(logits: Any, y: Any) -> Any:
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, y).mean()

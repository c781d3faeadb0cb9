"""The multilayer perceptron `cancer_mlp` in jax.numpy and optax."""

from typing import Any

import jax
import optax

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .jax_twin import Forward, Weights, make_native
from .weights import depth_of, weights_of


def twin(problem: Problem, settings: StepSettings, device: Any) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = weights_of("cancer_mlp", problem)
    return make_native(problem, weights, _forward(depth_of(weights, r"hidden_\d+/kernel")), _loss, settings, device)


def _forward(depth: int) -> Forward:
    def forward(weights: Weights, x: Any) -> Any:
        for number in range(depth):
            x = jax.nn.relu(x @ weights[f"hidden_{number}/kernel"] + weights[f"hidden_{number}/bias"])
        return x @ weights["logit/kernel"] + weights["logit/bias"]

    return forward


def _loss(logits: Any, y: Any) -> Any:
    return optax.losses.sigmoid_binary_cross_entropy(logits, y).mean()

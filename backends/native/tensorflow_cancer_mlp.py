"""The multilayer perceptron `cancer_mlp` in TensorFlow's own operations."""

from typing import Any

import tensorflow as tf

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .tensorflow_twin import make_native, tensors_of
from .weights import depth_of, weights_of


class CancerMlp(tf.Module):  # type: ignore[misc]
    """Dense layers with ReLU, and a logit."""

    def __init__(self, weights: dict[str, Any], depth: int) -> None:
        super().__init__(name="cancer_mlp")
        self.hidden = [(weights[f"hidden_{n}/kernel"], weights[f"hidden_{n}/bias"]) for n in range(depth)]
        self.logit = (weights["logit/kernel"], weights["logit/bias"])

    def __call__(self, x: Any) -> Any:
        """Return logits for measurements of shape (batch, features)."""
        for kernel, bias in self.hidden:
            x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, kernel), bias))
        kernel, bias = self.logit
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def twin(problem: Problem, settings: StepSettings, device: bool) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = tensors_of(weights_of("cancer_mlp", problem))
    module = CancerMlp(weights, depth_of(weights, r"hidden_\d+/kernel"))
    return make_native(problem, weights, module, _loss, settings, device)


def _loss(logits: Any, y: Any) -> Any:
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))

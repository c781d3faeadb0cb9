"""The convolutional network `digits_cnn` in TensorFlow's own operations."""

from typing import Any

import tensorflow as tf

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .tensorflow_twin import make_native, tensors_of
from .weights import depth_of, weights_of


class DigitsCnn(tf.Module):  # type: ignore[misc]
    """Two stages of convolutions, each ended by pooling, and a linear layer."""

    def __init__(self, weights: dict[str, Any], depth: int) -> None:
        super().__init__(name="digits_cnn")
        self.stages = [
            [(weights[f"conv_{stage}_{n}/kernel"], weights[f"conv_{stage}_{n}/bias"]) for n in range(depth)]
            for stage in range(2)
        ]
        self.logits = (weights["logits/kernel"], weights["logits/bias"])

    def __call__(self, images: Any) -> Any:
        """Return logits for images of shape (batch, height, width, 1)."""
        x = images
        for stage in self.stages:
            for kernel, bias in stage:
                x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), bias))
            x = tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")
        kernel, bias = self.logits
        return tf.nn.bias_add(tf.matmul(tf.reshape(x, (-1, kernel.shape[0])), kernel), bias)


def twin(problem: Problem, settings: StepSettings, device: bool) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = tensors_of(weights_of("digits_cnn", problem))
    module = DigitsCnn(weights, depth_of(weights, r"conv_0_\d+/kernel"))
    return make_native(problem, weights, module, _loss, settings, device, "images NHWC, filters HWIO")


def _loss(logits: Any, y: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))

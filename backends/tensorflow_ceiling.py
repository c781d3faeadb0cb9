"""Large products and sums in TensorFlow, under tf.function."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

TYPES = {"float32": tf.float32, "tf32": tf.float32, "bfloat16": tf.bfloat16, "float16": tf.float16}
"""Type of the matrices, by precision."""


class TensorFlowOperations:
    """Operations of TensorFlow on one device."""

    def __init__(self, device: str) -> None:
        self._gpu = device == "gpu"
        self._place = "GPU:0" if self._gpu else "CPU:0"

    def product(self, side: int, precision: str) -> "TensorFlowOperation":
        """Return the product of two random matrices of shape (side, side)."""
        kind = TYPES[precision]
        with tf.device(self._place):
            left, right = (tf.cast(tf.random.normal((side, side)), kind) for _ in range(2))
        multiply = tf.function(tf.linalg.matmul)
        tf32 = precision == "tf32"

        def run() -> Any:
            if tf.config.experimental.tensor_float_32_execution_enabled() != tf32:
                tf.config.experimental.enable_tensor_float_32_execution(enabled=tf32)
            return multiply(left, right)

        return TensorFlowOperation(run, gpu=self._gpu)

    def addition(self, elements: int) -> "TensorFlowOperation":
        """Return x += y on a variable; its first element is read, since reading all would copy it."""
        with tf.device(self._place):
            x, y = tf.Variable(tf.zeros(elements)), tf.ones(elements)

        def add() -> Any:
            x.assign_add(y)
            return x[:1]

        return TensorFlowOperation(tf.function(add), gpu=self._gpu)


class TensorFlowOperation:
    """A function whose last result is kept to wait for."""

    def __init__(self, function: Callable[[], Any], *, gpu: bool) -> None:
        self._function = function
        self._gpu = gpu
        self._last: Any = None

    def run(self) -> None:
        """Run it once; on a GPU it only queues the kernel."""
        self._last = self._function()

    def wait(self) -> None:
        """Block until the function has ended and the devices are idle."""
        if self._gpu:
            tf.test.experimental.sync_devices()
        elif self._last is not None:
            # On a CPU this is a pointer access, not a copy; it matters only if eager execution is asynchronous.
            self._last.numpy()

    def sample(self) -> np.ndarray:
        """Return the first row of a product, or the first element of a sum."""
        sampled: np.ndarray = tf.cast(tf.reshape(self._last[:1], [-1]), tf.float32).numpy()
        return sampled

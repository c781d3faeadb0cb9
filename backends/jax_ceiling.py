"""Large products and sums in JAX, under jax.jit."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

TYPES = {
    "float32": (jnp.float32, "highest"),
    "tf32": (jnp.float32, "default"),
    "bfloat16": (jnp.bfloat16, "default"),
    "float16": (jnp.float16, "default"),
}
"""Type of the matrices and JAX's precision of their products, by precision."""


class JaxOperations:
    """Operations of JAX on one device."""

    def __init__(self, device: str) -> None:
        # Dispatched ahead, independent products would overlap and each would hold its result: one at a time is the
        # rate of one. On a GPU they queue up anyway.
        jax.config.update("jax_cpu_enable_async_dispatch", val=False)
        self._device = jax.devices(device)[0]

    def product(self, side: int, precision: str) -> "JaxOperation":
        """Return the product of two random matrices of shape (side, side)."""
        kind, asked = TYPES[precision]
        with jax.default_device(self._device):
            left, right = (jax.random.normal(jax.random.key(seed), (side, side), kind) for seed in (0, 1))
        multiply = jax.jit(lambda x, y: jnp.matmul(x, y, precision=asked))
        return JaxOperation(lambda _: multiply(left, right), None)

    def addition(self, elements: int) -> "JaxOperation":
        """Return x += y; the old x gives its memory to the new one."""
        with jax.default_device(self._device):
            x, y = jnp.zeros(elements, jnp.float32), jnp.ones(elements, jnp.float32)
        add = jax.jit(lambda x, y: x + y, donate_argnums=0)
        return JaxOperation(lambda x: add(x, y), x)


class JaxOperation:
    """A function of the last result."""

    def __init__(self, function: Callable[[Any], Any], first: Any) -> None:
        self._function = function
        self._last = first

    def run(self) -> None:
        """Dispatch it once."""
        self._last = self._function(self._last)

    def wait(self) -> None:
        """Block until the last result is computed; those before it are done first."""
        jax.block_until_ready(self._last)

    def sample(self) -> np.ndarray:
        """Return the first row of a product, or the first element of a sum."""
        return np.asarray(self._last[:1].ravel(), dtype=np.float32)

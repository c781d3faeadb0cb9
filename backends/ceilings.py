"""What a framework can do at most: large products and sums written directly in it, for the machine's ceilings.

One file per framework with one class; call `open_operations` in a worker only.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from ..results.errors import unknown

PRECISIONS: Mapping[str, tuple[str, ...]] = {
    "cpu": ("float32", "bfloat16", "float16"),
    "gpu": ("float32", "tf32", "bfloat16", "float16"),
}
"""Precisions of products by kind of device: the type of both factors and of the product. tf32 is float32 whose
products are rounded to 10 bits first, as some frameworks do by default; float32 is without that."""


class Operation(Protocol):
    """Something that can be repeated as it is."""

    def run(self) -> None:
        """Dispatch it once; may return before it is done."""

    def wait(self) -> None:
        """Block until all that was dispatched is done."""

    def sample(self) -> np.ndarray:
        """Return some elements of the last result, shape (n,), float32: they show that it was computed."""


class Operations(Protocol):
    """The operations of one framework on one kind of device."""

    def product(self, side: int, precision: str) -> Operation:
        """Return the product of two square matrices of standard normal numbers: 2 side^3 floating-point operations."""

    def addition(self, elements: int) -> Operation:
        """Return x += y for float32 vectors, in place: two are read and one is written, 12 bytes per element.

        x begins with zeros, y is ones.
        """


def _jax(device: str) -> Operations:
    from .jax_ceiling import JaxOperations

    return JaxOperations(device)


def _torch(device: str) -> Operations:
    from .torch_ceiling import TorchOperations

    return TorchOperations(device)


def _tensorflow(device: str) -> Operations:
    from .tensorflow_ceiling import TensorFlowOperations

    return TensorFlowOperations(device)


OPENERS: Mapping[str, Callable[[str], Operations]] = {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow}
"""By the name of the backend."""


def open_operations(backend: str, device: str) -> Operations:
    """Import a framework and return its operations on a kind of device, cpu or gpu.

    Raises:
        UsageError: there are none for that backend.

    """
    if backend not in OPENERS:
        raise unknown("backend with ceilings", backend, OPENERS)
    return OPENERS[backend](device)

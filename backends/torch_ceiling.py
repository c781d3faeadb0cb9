"""Large products and sums in PyTorch, eager, into memory that is there already."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

TYPES = {
    "float32": (torch.float32, "highest"),
    "tf32": (torch.float32, "high"),
    "bfloat16": (torch.bfloat16, "highest"),
    "float16": (torch.float16, "highest"),
}
"""Type of the matrices and PyTorch's precision of float32 products, by precision."""


class TorchOperations:
    """Operations of PyTorch on one device."""

    def __init__(self, device: str) -> None:
        self._device = "cuda" if device == "gpu" else "cpu"

    def product(self, side: int, precision: str) -> "TorchOperation":
        """Return the product of two random matrices of shape (side, side)."""
        kind, asked = TYPES[precision]
        left, right = (torch.randn(side, side, dtype=kind, device=self._device) for _ in range(2))
        out = torch.empty(side, side, dtype=kind, device=self._device)

        def multiply() -> None:
            torch.set_float32_matmul_precision(asked)
            torch.mm(left, right, out=out)

        return TorchOperation(multiply, out, self._device)

    def addition(self, elements: int) -> "TorchOperation":
        """Return x += y."""
        x = torch.zeros(elements, dtype=torch.float32, device=self._device)
        y = torch.ones(elements, dtype=torch.float32, device=self._device)
        return TorchOperation(lambda: x.add_(y), x, self._device)


class TorchOperation:
    """A call that leaves its result in place."""

    def __init__(self, function: Callable[[], object], result: Any, device: str) -> None:
        self._function = function
        self._result = result
        self._device = device

    def run(self) -> None:
        """Run it once; on a GPU it only queues the kernel."""
        self._function()

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        if self._device == "cuda":
            torch.cuda.synchronize()

    def sample(self) -> np.ndarray:
        """Return the first row of a product, or the first element of a sum."""
        sampled: np.ndarray = self._result[:1].flatten().float().cpu().numpy()
        return sampled

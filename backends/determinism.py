"""What each framework offers to make a computation the same, bit for bit, each time: its deterministic mode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeterministicMode:
    """A framework's switch for deterministic kernels on one kind of device."""

    how: str
    """The framework's own name for it."""
    switch_on: Callable[[], None]
    """Call it in a worker, after the framework is imported and before anything is computed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that must be set before the process starts."""


def _torch() -> None:
    import torch

    torch.use_deterministic_algorithms(mode=True)


def _tensorflow() -> None:
    import tensorflow as tf

    # With this mode on, an operation that draws random numbers without any seed raises.
    tf.random.set_seed(0)
    tf.config.experimental.enable_op_determinism()


def _nothing() -> None:
    """Do nothing: the environment does it."""


MODES: Mapping[tuple[str, str], DeterministicMode | str] = {
    ("jax", "cpu"): "XLA has no such mode on a CPU",
    ("jax", "gpu"): DeterministicMode(
        "--xla_gpu_deterministic_ops", _nothing, {"XLA_FLAGS": "--xla_gpu_deterministic_ops=true"}
    ),
    ("torch", "cpu"): DeterministicMode("torch.use_deterministic_algorithms", _torch),
    ("torch", "gpu"): DeterministicMode(
        "torch.use_deterministic_algorithms", _torch, {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    ),
    ("tensorflow", "cpu"): DeterministicMode("tf.config.experimental.enable_op_determinism", _tensorflow),
    ("tensorflow", "gpu"): DeterministicMode("tf.config.experimental.enable_op_determinism", _tensorflow),
}
"""By backend and kind of device; a text says why there is none."""


def deterministic_mode(backend: str, device: str) -> DeterministicMode | str:
    """Return the mode of a backend on a kind of device, or the reason why there is none."""
    return MODES.get((backend, device), f"dlbench knows no deterministic mode of {backend} on a {device}")

"""Which workloads have a twin on which backend; no framework is imported before a twin is opened."""

from importlib import import_module
from typing import Any

from ...results.errors import UnsupportedError, UsageError
from ...workloads.workload import Problem
from ..backend import Native, StepSettings

TWINS = (
    ("jax", "digits_cnn"),
    ("jax", "cancer_mlp"),
    ("jax", "grammar_gpt"),
    ("torch", "digits_cnn"),
    ("torch", "cancer_mlp"),
    ("torch", "grammar_gpt"),
    ("tensorflow", "digits_cnn"),
    ("tensorflow", "cancer_mlp"),
    ("tensorflow", "grammar_gpt"),
)
"""Pairs of a backend and a workload; the twin is the module `<backend>_<workload>` of this folder."""


def has_twin(backend: str, workload: str) -> bool:
    """Tell whether a workload is also written directly in a backend's framework."""
    return (backend, workload) in TWINS


def open_twin(backend: str, workload: str, problem: Problem, settings: StepSettings, device: Any) -> Native:
    """Return a workload's twin, which starts from the state of the problem's model and optimizer.

    The twin works on the memory of the Keras variables or gives it back to them in `sync`, so that weights and
    moments are never held twice. Until `sync`, the Keras variables may be empty: make no other step of the problem.

    Args:
        backend: its name, the value of KERAS_BACKEND in this process.
        workload: a name of the workload catalog.
        problem: what that workload built, in float32. The learning rate is the one that it has now.
        settings: the compile kind; the gradients of embeddings are dense on every backend, matched or not.
        device: what the backend's runtime holds: a `jax.Device` or None; "cpu" or "cuda" for PyTorch; for
            TensorFlow whether it is a GPU.

    Raises:
        UnsupportedError: the twin needs a package that is not installed.
        UsageError: there is no such twin, or the problem is not built in float32.
        BrokenError: the problem is not what the workload of that name builds.

    """
    if not has_twin(backend, workload):
        known = ", ".join(name for other, name in TWINS if other == backend) or "none"
        raise UsageError(f"{workload} has no native twin on {backend} (it has {known}); use --execution step")
    try:
        module = import_module(f".{backend}_{workload}", __package__)
    except ModuleNotFoundError as error:
        if error.name != "optax":
            raise
        raise UnsupportedError(
            "native twins on JAX need optax, which is not installed; install dlbench[native], or use --execution step"
        ) from error
    native: Native = module.twin(problem, settings, device)
    return native

"""Names of frameworks, of cases and of parts of a row, as people read them."""

from collections.abc import Mapping

from .factors import PARAMETER_PREFIX, Scalar

BACKENDS = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow"}
"""Frameworks as their makers write them; others as they are named here."""

PARTS = {
    "train": "training",
    "infer": "inference",
    "latency": "latency",
    "converge": "training to the target",
    "parts": "parts of a step",
    "memory": "memory",
    "scenario": "scenario",
    "generate": "generation",
}
"""What the trials of a part of a row are called."""


IN = "@"
"""Between a backend and the environment that it runs in."""


def contender(backend: str, environment: str | None) -> str:
    """Return what tells the rows of a comparison apart: `jax`, or `jax@old` in another environment."""
    return backend if environment is None else f"{backend}{IN}{environment}"


def backend_name(name: str) -> str:
    """Return the name of a framework, or of a contender: PyTorch, JAX (old)."""
    backend, _, environment = name.partition(IN)
    known = BACKENDS.get(backend, backend)
    return f"{known} ({environment})" if environment else known


def listed(names: list[str]) -> str:
    """Return names as they stand in a sentence: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def given_words(factors: Mapping[str, Scalar]) -> list[str]:
    """Return the factors of a case beside backend and phase, as they are given: batch_size=1."""
    own = ("backend", "phase")
    return [f"{name.removeprefix(PARAMETER_PREFIX)}={v}" for name, v in sorted(factors.items()) if name not in own]


def case_words(factors: Mapping[str, Scalar]) -> str:
    """Return a case of a workload in a few words: JAX train, batch_size=1."""
    backend = factors.get("backend")
    words = [backend_name(str(backend))] if backend else []
    return ", ".join([" ".join([*words, str(factors.get("phase"))]), *given_words(factors)])

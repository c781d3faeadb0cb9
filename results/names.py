"""Names of frameworks and of parts of a row, as people read them."""

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


def backend_name(backend: str) -> str:
    """Return the name of a framework."""
    return BACKENDS.get(backend, backend)


def listed(names: list[str]) -> str:
    """Return names as they stand in a sentence: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)

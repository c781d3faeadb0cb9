"""The backends that dlbench knows: add one by a line here."""

from ..results.errors import unknown
from . import jax_backend, tensorflow_backend, torch_backend
from .backend import Backend

BACKENDS: tuple[Backend, ...] = (jax_backend.BACKEND, torch_backend.BACKEND, tensorflow_backend.BACKEND)


def get(name: str) -> Backend:
    """Return the backend of that name.

    Raises:
        UsageError: there is none; the message gives the near names and the list.

    """
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    raise unknown("backend", name, [backend.name for backend in BACKENDS])


def foreign_modules(name: str) -> frozenset[str]:
    """Return the top-level modules of every other backend."""
    own = set(get(name).modules)
    return frozenset(module for backend in BACKENDS for module in backend.modules if module not in own)

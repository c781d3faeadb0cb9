"""Workloads that installed packages add, through entry points of the group `dlbench.workloads`."""

import hashlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from ...results.errors import UsageError
from ..workload import Workload
from .offer import Offer, broken
from .python_file import Executed, read_offer

GROUP = "dlbench.workloads"


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point, which is not imported before a child process loads it."""

    name: str
    value: str
    """`package.module` or `package.module:attribute`."""
    package: str
    """Name and version of the distribution."""


@lru_cache(maxsize=1)
def plugins() -> tuple[Plugin, ...]:
    """Return the workloads that packages of this interpreter add, by name; of two of one name the first."""
    found: dict[str, Plugin] = {}
    for item in sorted(entry_points(group=GROUP), key=lambda item: (item.name, item.value)):
        found.setdefault(item.name, Plugin(item.name, item.value, _package(item)))
    return tuple(found.values())


def get(name: str) -> Plugin | None:
    """Return the plugin of that name; None where there is none."""
    return next((item for item in plugins() if item.name == name), None)


def content(value: str) -> str:
    """Return a digest of the package's Python files, found without importing it."""
    top = value.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top)
    origin = Path(spec.origin) if spec and spec.origin else None
    if origin is None:
        return ""
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()


def load(name: str, value: str) -> Workload | Offer:
    """Import what an entry point names: a whole workload, a function that makes a model, or a module with one.

    Raises:
        UsageError: it cannot be imported, or is none of these.

    """
    source = f"{name} ({value})"
    try:
        found = EntryPoint(name, value, GROUP).load()
    except (Exception, SystemExit) as error:
        raise broken(source, error) from error
    if isinstance(found, Workload):
        return found
    if isinstance(found, ModuleType):
        inner = getattr(found, "WORKLOAD", None)
        return inner if isinstance(inner, Workload) else _offer(source, found, None)
    if inspect.isfunction(found):
        return _offer(source, sys.modules[found.__module__], found.__name__)
    raise UsageError(
        f"{source}: the entry point names a {type(found).__name__}; name a workload, a module, or a function that "
        "returns a Keras model"
    )


def _offer(source: str, module: ModuleType, function: str | None) -> Offer:
    ran = Executed(module, None)
    return read_offer(source, ran, function, lambda: ran)


def _package(item: EntryPoint) -> str:
    return f"{item.dist.name} {item.dist.version}" if item.dist else "unknown package"

"""Keep frameworks that are not under test out of a worker."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution
from types import ModuleType
from typing import Any

OPTIONAL_FOR_KERAS = ("pandas", "sklearn")
"""Keras imports these at its start where they are installed, for wrappers that no workload uses: 1 to 2 seconds
and 70 MB in each worker, whatever the framework."""


class HidingFinder:
    """An import finder that finds what Python's own does, except for hidden top-level names.

    It answers "not found" instead of raising, because frameworks probe for one another with `find_spec`.
    """

    def __init__(self, hidden: Iterable[str]) -> None:
        self.hidden = frozenset(hidden)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module unless it is hidden."""
        if name.partition(".")[0] in self.hidden:
            return None
        return PathFinder.find_spec(name, path, target)

    def find_distributions(self, *args: Any, **kwargs: Any) -> Iterable[Distribution]:
        """Find the metadata of installed packages, hidden ones included: versions may be read."""
        return PathFinder.find_distributions(*args, **kwargs)

    def invalidate_caches(self) -> None:
        """Pass on Python's own call."""
        PathFinder.invalidate_caches()


def hide(names: Iterable[str]) -> HidingFinder:
    """Replace Python's path finder by one that does not find `names`; call it before a framework is imported."""
    finder = HidingFinder(names)
    finders: list[object] = sys.meta_path  # type: ignore[assignment]
    finders[finders.index(PathFinder)] = finder
    return finder


@contextmanager
def also_hidden(finder: HidingFinder, names: Iterable[str]) -> Iterator[None]:
    """Hide further names for a while."""
    before = finder.hidden
    finder.hidden = before | frozenset(names)
    try:
        yield
    finally:
        finder.hidden = before


def loaded(names: Iterable[str]) -> tuple[str, ...]:
    """Return those top-level modules that are imported in this process."""
    return tuple(sorted(name for name in names if name in sys.modules))

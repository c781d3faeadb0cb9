"""The interpreter of a side: one that a name or path stands for, or one made for package versions."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ...backends import catalog
from ...results.errors import UsageError
from ..environments.environments import known_environments
from ..environments.installed import fault, installed_here
from ..environments.made import remove
from ..environments.make import CreateArguments, make_environment
from ..environments.recipes import name_of
from ..progress import Observer
from .side import Side

PINNED = ("keras", "numpy")
"""Held at the versions that are installed here, beside the framework, so that nothing else differs."""


def environment_of(side: Side, backends: Sequence[str], observer: Observer) -> dict[str, str | None]:
    """Return the environment of a side as `Selection.environments` takes it; empty where it sets none.

    Raises:
        UsageError: packages are compared on more than one backend, or what must be held is not installed here.
        BrokenError: an environment cannot be made.

    """
    if side.packages:
        return {_made(side.packages, backends, observer): None}
    if side.environment is None:
        return {}
    if "/" in side.environment:
        path = Path(side.environment).expanduser()
        return {_path_name(path): str(path)}
    return {side.environment: None}


def _path_name(path: Path) -> str:
    """Return a name for an interpreter given by its path: the folder of its environment, and a digest."""
    folder = path if path.is_dir() else path.parent.parent
    digest = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:6]
    return f"{folder.name or 'env'}-{digest}"


def pins_beside(packages: Sequence[str], backends: Sequence[str]) -> tuple[str, ...]:
    """Return what an environment for versions of some packages holds at the versions that are installed here.

    Raises:
        UsageError: they are compared on more than one backend, or what must be held is not installed here.

    """
    if len(backends) != 1:
        raise UsageError("package versions are compared on one backend: choose it with --backend")
    backend = catalog.get(backends[0])
    here = installed_here().packages
    given = {name_of(package) for package in packages}
    held = [name for name in (*PINNED, backend.distribution) if name_of(name) not in given]
    missing = [name for name in held if name not in here]
    if missing:
        raise UsageError(f"{', '.join(missing)} is not installed here, so its version cannot be the same on both sides")
    return tuple(f"{name}=={here[name].partition('+')[0]}" for name in held)


def name_for(packages: Sequence[str], pins: Sequence[str], backends: Sequence[str]) -> str:
    """Return the name of an environment: the same for the same packages and pins."""
    digest = hashlib.sha256(" ".join(sorted((*packages, *pins))).encode()).hexdigest()[:8]
    return f"ab-{backends[0]}-{digest}"


def _made(packages: Sequence[str], backends: Sequence[str], observer: Observer) -> str:
    """Return the name of an environment with these packages, all else as it is here.

    It is made unless it is there, and made anew where workers cannot run in it any more.
    """
    pins = pins_beside(packages, backends)
    name, said = name_for(packages, pins, backends), ", ".join(packages)
    there = known_environments().get(name)
    if there is not None:
        wrong = fault(name, there.interpreter.python)
        if wrong is None or there.made is None:
            observer.note(f"{said}: environment {name}, made before")
            return name
        observer.note(f"{said}: made before, and of no use any more: {wrong}")
        remove(there.made)
    observer.note(f"{said}: making environment {name}, all else as here ({', '.join(pins)})")
    arguments = CreateArguments(name, tuple(backends), (*packages, *pins), None, None, None, None, "off")
    make_environment(arguments, observer)
    return name

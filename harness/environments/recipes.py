"""Recipes: which packages make an environment in which a backend works, on CPUs or with CUDA."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...backends import catalog
from ...results.errors import UsageError, unknown

KINDS = ("cpu", "cuda")
BASE = ("keras>=3.10", "numpy>=1.26")
"""What every worker needs; the same as in pyproject.toml."""
DRIVER = "nvidia-ml-py>=12.535"
"""Energy and memory as the driver of a GPU sees them."""
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
PYTORCH = "https://download.pytorch.org/whl"
"""PyTorch's own indexes lie in folders below, one for each kind of build."""
PYTORCH_BUILD = re.compile(r"torch[a-z0-9-]*==[^+]+\+(cpu|xpu|cu\d+|rocm\d+(?:\.\d+)*)")
"""An exact version of one of its packages of which the local part (PEP 440) is the name of such a folder."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Packages, and where they are looked for beside the usual index."""

    packages: tuple[str, ...]
    indexes: tuple[str, ...] = ()


RECIPES = {
    "jax": {"cpu": Recipe(("jax>=0.5",)), "cuda": Recipe(("jax[cuda13]>=0.8", DRIVER))},
    "torch": {
        # PyPI has the builds with CUDA alone; those of this index have a local version, +cpu, and so come first.
        "cpu": Recipe(("torch>=2.6",), (f"{PYTORCH}/cpu",)),
        "cuda": Recipe(("torch>=2.6", DRIVER)),
    },
    "tensorflow": {
        "cpu": Recipe(("tensorflow>=2.18",)),
        "cuda": Recipe(("tensorflow[and-cuda]>=2.18", DRIVER)),
    },
}
"""By backend and kind."""


def requirements(backends: Sequence[str], kind: str, given: Sequence[str]) -> Recipe:
    """Return what to install: the recipes of some backends, with packages of the user's in the place of theirs.

    Raises:
        UsageError: a backend has no recipe, a package reads like an option, or there is nothing to install.

    """
    if kind not in KINDS:
        raise unknown("recipe", kind, KINDS)
    for package in given:
        if not NAME.match(package) and not package.startswith((".", "/")):
            raise UsageError(f"--with takes packages as pip does, such as 'keras==3.15'; received {package!r}")
    chosen = [_recipe(name, kind) for name in backends]
    if not chosen and not given:
        raise UsageError(
            "what should it hold? name frameworks with --backend, packages with --with, or --from-lock FILE"
        )
    own = {name_of(package) for package in given}
    wanted = [package for package in (*(BASE if chosen else ()), *_every(chosen)) if name_of(package) not in own]
    indexes = dict.fromkeys(index for recipe in chosen for index in recipe.indexes)
    return Recipe((*wanted, *given), tuple(indexes))


def further_indexes(backends: Sequence[str]) -> tuple[str, ...]:
    """Return the package indexes that the recipes of some backends for CPUs ask beside the usual one."""
    recipes = [RECIPES[name]["cpu"] for name in backends if name in RECIPES]
    return tuple(dict.fromkeys(index for recipe in recipes for index in recipe.indexes))


def index_of(package: str) -> str | None:
    """Return the further index that has an exact version, such as `torch==2.13.0+cpu`; None: none is known."""
    build = PYTORCH_BUILD.fullmatch(package)
    return f"{PYTORCH}/{build[1]}" if build else None


def name_of(package: str) -> str:
    """Return the normalised name of the package that a requirement asks for: `jax` for `JAX[cuda13]>=0.5`."""
    match = NAME.match(package)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else package


def _recipe(backend: str, kind: str) -> Recipe:
    if backend not in RECIPES:
        name = catalog.get(backend).name
        raise UsageError(f"backend {name} has no recipe; name its packages with --with")
    return RECIPES[backend][kind]


def _every(recipes: Iterable[Recipe]) -> list[str]:
    return list(dict.fromkeys(package for recipe in recipes for package in recipe.packages))

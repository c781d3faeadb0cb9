"""Locks of environments: every package with its exact version, as a requirements file that pip and uv read too."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...results.errors import UsageError
from .installed import Installed
from .recipes import index_of

FIRST_LINE = "# environment locked by dlbench, form 1"
INDEX = "--extra-index-url"
NOWHERE = "# in no index that dlbench knows: "
TOOLS = frozenset({"dlbench", "pip", "uv"})
"""What installs and measures, and is no part of what is measured."""
EXACT = re.compile(r"[A-Za-z0-9._-]+==\S+|[A-Za-z0-9._-]+ @ \S+")
LOCAL = re.compile(r"[A-Za-z0-9._-]+==[^+]+\+\S+")
"""A build with a local version (PEP 440), which the usual index cannot have."""
FACT = re.compile(r"# (python|recipe): (.+)")


@dataclass(frozen=True, slots=True)
class Lock:
    """What a file of exact versions says."""

    python_version: str
    packages: tuple[str, ...]
    """`name==version`, or `name @ address`, sorted."""
    indexes: tuple[str, ...] = ()
    recipe: str | None = None
    nowhere: tuple[str, ...] = ()
    """Those of the packages with a local version of which no index is known: they may not be found again."""


def lock_of(installed: Installed, indexes: Sequence[str] = (), recipe: str | None = None) -> Lock:
    """Return the lock of what an interpreter has.

    Args:
        installed: what it has.
        indexes: asked beside the usual one when it was made. Those that its builds tell of are added.
        recipe: in words.

    Raises:
        UsageError: a package came from a folder of this machine, so that no other machine could get it.

    """
    names = sorted(name for name in installed.packages if name and name not in TOOLS)
    packages = tuple(_line(name, installed) for name in names)
    builds = {package: index_of(package) for package in packages if LOCAL.fullmatch(package)}
    every = dict.fromkeys((*indexes, *(index for index in builds.values() if index)))
    nowhere = tuple(package for package, index in builds.items() if index is None and not indexes)
    return Lock(installed.python_version, packages, tuple(every), recipe, nowhere)


def _line(name: str, installed: Installed) -> str:
    source = installed.sources.get(name)
    if source is None:
        return f"{name}=={installed.packages[name]}"
    address = str(source.get("url", ""))
    vcs = source.get("vcs_info")
    if isinstance(vcs, dict):
        return f"{name} @ {vcs.get('vcs')}+{address}@{vcs.get('commit_id')}"
    if address.startswith("file:"):
        raise UsageError(f"{name} was installed from {address}, which no lock can name; install it from an index")
    return f"{name} @ {address}"


def text_of(lock: Lock) -> str:
    """Return a lock as the text of its file."""
    head = [FIRST_LINE, f"# python: {lock.python_version}", *([f"# recipe: {lock.recipe}"] if lock.recipe else [])]
    lines = [*(f"{NOWHERE}{package}" for package in lock.nowhere), *(f"{INDEX} {index}" for index in lock.indexes)]
    return "\n".join([*head, *lines, *lock.packages]) + "\n"


def parse_lock(text: str, where: str) -> Lock:
    """Return what the text of a lock says.

    Raises:
        UsageError: it is no lock of dlbench's, or a line does not give one exact version.

    """
    first, *lines = text.splitlines() or [""]
    if first.strip() != FIRST_LINE:
        raise UsageError(f"{where} is no lock made with `dlbench env lock`: it does not begin with {FIRST_LINE!r}")
    facts: dict[str, str] = {}
    packages, indexes, nowhere = [], [], []
    for number, line in enumerate(map(str.strip, lines), start=2):
        fact = FACT.fullmatch(line)
        if fact:
            facts[fact[1]] = fact[2]
        elif line.startswith(f"{INDEX} "):
            indexes.append(line.removeprefix(INDEX).strip())
        elif line.startswith(NOWHERE):
            nowhere.append(line.removeprefix(NOWHERE))
        elif EXACT.fullmatch(line):
            packages.append(line)
        elif line and not line.startswith("#"):
            raise UsageError(f"{where}: line {number} does not give one exact version: {line!r}")
    if "python" not in facts or not packages:
        raise UsageError(f"{where} names no {'packages' if 'python' in facts else 'Python version'}")
    return Lock(facts["python"], tuple(packages), tuple(indexes), facts.get("recipe"), tuple(nowhere))


def read_lock(path: Path) -> Lock:
    """Return what a file says.

    Raises:
        UsageError: it cannot be read, or is no lock.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error
    return parse_lock(text, str(path))

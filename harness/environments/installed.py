"""What an interpreter has installed: asked of itself, and held against what every worker needs."""

import json
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from ...results.errors import UsageError
from ..cache import key_of
from ..children.launch import without_own_packages

INSPECT_TIMEOUT_S = 60.0
OLDEST_PYTHON = (3, 11)
OLDEST = {"keras": (3, 10), "numpy": (1, 26)}
"""What a worker needs beside a framework; the same as in pyproject.toml."""
TITLES = {"keras": "Keras", "numpy": "NumPy"}
RELEASE = re.compile(r"\d+(?:\.\d+)*")

INSPECT = """
import json, sys
found = {"version": ".".join(str(part) for part in sys.version_info[:3]), "packages": {}, "sources": {}}
if sys.version_info >= (3, 11):
    from importlib.metadata import distributions
    for item in distributions():
        name = (item.metadata["Name"] or "").lower().replace("_", "-")
        if name not in found["packages"]:
            found["packages"][name] = item.version
            source = item.read_text("direct_url.json")
            if source:
                found["sources"][name] = json.loads(source)
sys.stdout.write("\\n" + json.dumps(found) + "\\n")
"""
"""Run by an interpreter that may be of any version, so in words that all of them know."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What an interpreter is and has."""

    python_version: str
    packages: Mapping[str, str]
    """Versions by name, of every package."""
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of the packages that came from elsewhere than an index: what `direct_url.json` says (PEP 610)."""

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits: the same for the same Python version and packages; dlbench itself does not count."""
        packages = {name: version for name, version in self.packages.items() if name != "dlbench"}
        return key_of([self.python_version, packages])[:12]


def inspect(name: str, python: str) -> Installed:
    """Return what another interpreter has, asked of itself; nothing is imported there but its standard library.

    Raises:
        UsageError: there is no such file, or it does not answer as Python does.

    """
    where = f"environment {name}"
    if not Path(python).is_file():
        if Path(python).is_symlink():
            target = os.path.realpath(python)
            raise UsageError(f"{where}: {python!r} links to {target!r}, which is gone, as after an update of Python")
        raise UsageError(
            f"{where}: there is no interpreter {python!r}; give the path of one, as in NAME=/path/to/python"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
            # -c puts the working directory on the path: an empty one adds nothing.
            done = subprocess.run(
                [python, "-c", INSPECT],
                cwd=folder,
                env=without_own_packages(os.environ),
                capture_output=True,
                text=True,
                timeout=INSPECT_TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        found = json.loads(done.stdout.strip().splitlines()[-1])
        return Installed(found["version"], found["packages"], found["sources"])
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{where}: {python!r} did not answer within {INSPECT_TIMEOUT_S:.0f} s") from error
    except OSError as error:
        raise UsageError(f"{where}: {python!r} cannot be run: {error.strerror or error}") from error
    except (IndexError, KeyError, TypeError, ValueError) as error:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise UsageError(f"{where}: {python!r} does not answer as Python does: {last[:200]}") from error


def fault(name: str, python: str) -> str | None:
    """Return why workers cannot run in an interpreter, as it is found now; None where they can."""
    try:
        check(name, python, inspect(name, python))
    except UsageError as error:
        return str(error)
    return None


def check(name: str, python: str, installed: Installed) -> None:
    """Make sure that an interpreter has what every worker needs.

    Raises:
        UsageError: its Python, Keras or NumPy is absent or too old.

    """
    check_python(name, python, installed)
    for package, oldest in OLDEST.items():
        version, needed = installed.packages.get(package), f"{package}>={_text(oldest)}"
        if version is None:
            raise UsageError(f"environment {name}: {python!r} has no {TITLES[package]}; workers need {needed}")
        if release(version) < oldest:
            raise UsageError(f"environment {name}: its {TITLES[package]} is {version}; workers need {needed}")


def check_python(name: str, python: str, installed: Installed) -> None:
    """Make sure that an interpreter is new enough.

    Raises:
        UsageError: it is not.

    """
    if release(installed.python_version) < OLDEST_PYTHON:
        needed, version = _text(OLDEST_PYTHON), installed.python_version
        raise UsageError(f"environment {name}: {python!r} is Python {version}; workers need {needed} or later")


def release(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (3, 10, 0) for 3.10.0rc1."""
    match = RELEASE.match(version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def installed_here() -> Installed:
    """Return what the controller's own interpreter has, the first on the path winning as in an import."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        found.setdefault(name, distribution.version)
    return Installed(platform.python_version(), found)


def _text(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))

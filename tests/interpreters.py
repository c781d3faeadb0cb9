"""Interpreters for tests: programs that answer as Python does where dlbench asks, and a real one with few packages."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

HAS = {"keras": "3.12.0", "numpy": "2.1.0", "jax": "0.7.0"}

NEED = re.compile(r"[A-Za-z0-9._-]+")
"""The name that a requirement begins with."""

PROGRAM = """#!{python} -S
import json, sys
FOUND = json.loads({found!r})
if sys.argv[1] == "-c":
    print(json.dumps({{"version": FOUND["version"], "packages": FOUND["packages"], "sources": FOUND["sources"]}}))
elif sys.argv[-1] == "probe":
    request = json.loads(sys.stdin.readline())
    name = request["backend"]
    problem = FOUND["problems"].get(name)
    probe = {{"backend": name, "version": None if problem else FOUND["packages"][name], "problem": problem}}
    probe["keras"] = None if problem else FOUND["packages"]["keras"]
    probe["devices"] = [] if problem else [{{"kind": "cpu", "name": "cpu"}}]
    with open(request["reply"], "w") as reply:
        json.dump(probe, reply)
"""


def fake_python(
    folder: Path,
    packages: Mapping[str, str] = HAS,
    *,
    version: str = "3.12.1",
    problems: Mapping[str, str] | None = None,
    sources: Mapping[str, object] | None = None,
) -> Path:
    """Write an interpreter `bin/python` into a folder and return its path.

    Args:
        folder: where; made if need be.
        packages: what it has, with versions.
        version: that of Python.
        problems: what a backend's import ends in, by its name.
        sources: as in `Installed.sources`.

    """
    found = {"version": version, "packages": dict(packages), "problems": problems or {}, "sources": sources or {}}
    path = folder / "bin" / "python"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROGRAM.format(python=sys.executable, found=json.dumps(found)))
    path.chmod(0o755)
    return path


def bare_environment(folder: Path, *packages: str) -> Path:
    """Make a virtual environment with links to some of this one's packages and what they need; return its interpreter.

    Nothing is installed: dlbench and the other packages of this environment are not there.
    """
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "bin" / "python").symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    for name in _with_needs(packages):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(found.locate_file(top))
    return folder / "bin" / "python"


def _with_needs(packages: Iterable[str]) -> set[str]:
    """Return the names of packages and of all that they need, as far as they are installed."""
    found: set[str] = set()
    waiting = list(packages)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue
        found.add(name)
        waiting += [NEED.match(need)[0] for need in needs if "extra ==" not in need]  # type: ignore[index]
    return found

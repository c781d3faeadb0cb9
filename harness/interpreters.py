"""What the interpreters offer: found once by probe processes, then kept in the cache."""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

from ..backends.backend import Backend
from ..results.codec import from_json, to_json
from ..results.environment import BackendProbe, Environment
from ..results.errors import BrokenError, UsageError
from .cache import key_of, load_entry, save_entry
from .child import Child
from .launch import child_environ

PROBE_TIMEOUT_S = 120.0
KEPT_PACKAGES = (
    "keras",
    "numpy",
    "scipy",
    "jax",
    "jaxlib",
    "torch",
    "tensorflow",
    "dlbench",
    "ml-dtypes",
    "h5py",
)


def read_environment(backends: Sequence[Backend], *, refresh: bool = False) -> Environment:
    """Return what this interpreter offers for each backend; probes run at the same time, two by two."""
    packages = _packages()
    with ThreadPoolExecutor(max_workers=2) as pool:
        probes = list(pool.map(lambda backend: probe(backend, packages, refresh=refresh), backends))
    kept = {name: packages[name] for name in KEPT_PACKAGES if name in packages}
    return Environment("default", sys.executable, platform.python_version(), kept, tuple(probes))


def probe(backend: Backend, packages: dict[str, str], *, refresh: bool) -> BackendProbe:
    """Return what a backend offers here: from the cache unless its versions or the devices changed."""
    hint = f"pip install 'dlbench[{backend.name}]'"
    if backend.distribution not in packages:
        return BackendProbe(backend.name, None, problem=f"{backend.title} is not installed here", hint=hint)
    key = key_of([backend.name, sys.executable, sorted(packages.items()), _device_nodes()])
    entry = None if refresh else load_entry("probes", key)
    if entry is not None:
        try:
            return from_json(BackendProbe, entry)
        except BrokenError:
            pass  # Written by another version of dlbench: probed anew.
    found = _run_probe(backend)
    if found.problem is None:
        with suppress(UsageError):  # Without a cache the next command probes again; doctor says so.
            save_entry("probes", key, to_json(found))
    return found


def _run_probe(backend: Backend) -> BackendProbe:
    with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
        reply, log = Path(folder) / "reply.json", Path(folder) / "log.txt"
        ended = Child().run(
            "probe",
            {"backend": backend.name, "reply": str(reply)},
            python=sys.executable,
            environ=child_environ(backend, "any", Path(folder)),
            log=log,
            timeout_s=PROBE_TIMEOUT_S,
        )
        try:
            return from_json(BackendProbe, json.loads(reply.read_text(encoding="utf-8")))
        except (OSError, ValueError, BrokenError):
            how = f"hung for {PROBE_TIMEOUT_S:.0f} s" if ended.timed_out else f"ended with status {ended.status}"
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
            return BackendProbe(backend.name, None, problem=f"importing {backend.title} {how}: {last[0][:200]}")


def _packages() -> dict[str, str]:
    """Return the versions of the installed packages, the first on the path winning as in an import."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        found.setdefault(name, distribution.version)
    return found


def _device_nodes() -> list[str]:
    nodes = [str(path) for path in sorted(Path("/dev").glob("nvidia*"))]
    return [*nodes, os.environ.get("CUDA_VISIBLE_DEVICES", "")]

"""What the interpreters offer: found once by probe processes, then kept in the cache."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...backends.backend import Backend
from ...results.errors import BrokenError, UsageError
from ...results.records.codec import from_json, to_json
from ...results.records.environment import CURRENT, BackendProbe, Environment
from ..cache import key_of, load_entry, save_entry
from ..children.child import Child
from ..children.launch import child_environ
from .installed import Installed, check, inspect, installed_here

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


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter in which workers run."""

    name: str
    """CURRENT for the controller's own."""
    python: str
    """Its path."""
    mend: str = field(default="", compare=False)
    """How it is made anew, in words; of one that dlbench made."""

    @property
    def own(self) -> bool:
        """Whether it is the controller's."""
        return self.name == CURRENT


def own_interpreter() -> Interpreter:
    """Return the controller's own interpreter."""
    return Interpreter(CURRENT, sys.executable)


def read_environment(
    backends: Sequence[Backend], interpreter: Interpreter | None = None, *, refresh: bool = False
) -> Environment:
    """Return what an interpreter offers for each backend; probes run at the same time, two by two.

    Args:
        backends: what is looked for.
        interpreter: the controller's own for None.
        refresh: probe again what the cache has.

    Raises:
        UsageError: another interpreter than the controller's cannot run workers; the message says why.

    """
    interpreter = interpreter or own_interpreter()
    installed = installed_here() if interpreter.own else ask(interpreter, workers=True)
    with ThreadPoolExecutor(max_workers=2) as pool:
        probes = list(pool.map(lambda backend: probe(backend, interpreter, installed, refresh=refresh), backends))
    kept = {name: installed.packages[name] for name in KEPT_PACKAGES if name in installed.packages}
    return Environment(
        interpreter.name,
        interpreter.python,
        installed.python_version,
        kept,
        tuple(probes),
        installed.fingerprint,
    )


def ask(interpreter: Interpreter, *, workers: bool = False) -> Installed:
    """Return what an interpreter has, asked of itself.

    Args:
        interpreter: which one; the controller's own too.
        workers: make sure that workers can run in it.

    Raises:
        UsageError: it does not answer, or workers cannot run in it; with how to mend one that dlbench made.

    """
    try:
        found = inspect(interpreter.name, interpreter.python)
        if workers:
            check(interpreter.name, interpreter.python, found)
    except UsageError as error:
        if not interpreter.mend:
            raise
        raise UsageError(f"{error}; {interpreter.mend}") from error
    return found


def probe(backend: Backend, interpreter: Interpreter, installed: Installed, *, refresh: bool) -> BackendProbe:
    """Return what a backend offers in an interpreter: from the cache unless its versions or the devices changed."""
    packages = installed.packages
    if backend.distribution not in packages:
        place = "here" if interpreter.own else f"in environment {interpreter.name}"
        hint = f"pip install 'dlbench[{backend.name}]'"
        hint = hint if interpreter.own else f"{interpreter.python} -m pip install {backend.distribution}"
        return BackendProbe(backend.name, None, problem=f"{backend.title} is not installed {place}", hint=hint)
    known = [installed.python_version, sorted(packages.items()), _device_nodes()]
    key = key_of([backend.name, interpreter.python, *known])
    entry = None if refresh else load_entry("probes", key)
    if entry is not None:
        try:
            return from_json(BackendProbe, entry)
        except BrokenError:
            pass  # Written by another version of dlbench: probed anew.
    found = _run_probe(backend, interpreter)
    if found.problem is None:
        with suppress(UsageError):  # Without a cache the next command probes again; doctor says so.
            save_entry("probes", key, to_json(found))
    elif not interpreter.own:
        return replace(found, problem=f"{backend.title} in environment {interpreter.name}: {found.problem}")
    return found


def _run_probe(backend: Backend, interpreter: Interpreter) -> BackendProbe:
    with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
        reply, log = Path(folder) / "reply.json", Path(folder) / "log.txt"
        ended = Child().run(
            "probe",
            {"backend": backend.name, "reply": str(reply)},
            python=interpreter.python,
            environ=child_environ(backend, "any", Path(folder), own=interpreter.own),
            log=log,
            timeout_s=PROBE_TIMEOUT_S,
        )
        try:
            return from_json(BackendProbe, json.loads(reply.read_text(encoding="utf-8")))
        except (OSError, ValueError, BrokenError):
            how = f"hung for {PROBE_TIMEOUT_S:.0f} s" if ended.timed_out else f"ended with status {ended.status}"
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
            return BackendProbe(backend.name, None, problem=f"importing {backend.title} {how}: {last[0][:200]}")


def _device_nodes() -> list[str]:
    nodes = [str(path) for path in sorted(Path("/dev").glob("nvidia*"))]
    return [*nodes, os.environ.get("CUDA_VISIBLE_DEVICES", "")]

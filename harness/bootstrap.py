"""Start a child process of dlbench: `python -P harness/bootstrap.py ROLE`, the request as one JSON line on stdin.

The package is registered under the name `dlbench` with its path set to <root>, and nothing is added to `sys.path`:
so any interpreter can be a child, also one in which dlbench is not installed, and its own packages stay first.
Stdin stays open after the request: when it ends, the controller is gone, and the whole process group goes too.
"""

import ctypes
import faulthandler
import importlib
import json
import os
import signal
import sys
import types
from pathlib import Path

ROLES = ("worker", "probe", "prepare", "describe", "ceiling", "parity")
PR_SET_PDEATHSIG = 1
RECURSION_LIMIT = 100_000


def read_request() -> bytes:
    """Read the first line of stdin without reading ahead."""
    parts = []
    while True:
        part = os.read(0, 1 << 16)
        parts.append(part)
        if not part or part.endswith(b"\n"):
            return b"".join(parts)


def start_sentinel() -> None:
    """Fork a process that kills the group when stdin ends: it needs no interpreter lock of the worker's.

    The worker alone also dies by signal when the controller dies (Linux), which covers a stopped sentinel.
    """
    alive_read, alive_write = os.pipe()
    if os.fork():
        os.close(alive_read)
        os.set_inheritable(alive_write, False)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    os.close(alive_write)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import select

    # Readable means ended: the worker never writes, the controller sends nothing after the request.
    ready, _, _ = select.select([0, alive_read], [], [])
    if alive_read in ready:
        os._exit(0)
    os.killpg(0, signal.SIGKILL)


def register_package() -> None:
    """Make `dlbench` importable from this file's own tree."""
    package = types.ModuleType("dlbench")
    package.__path__ = [str(Path(__file__).resolve().parent.parent)]
    sys.modules["dlbench"] = package


def confine(cpus: list[int], memory_bytes: int | None) -> None:
    """Bind this process to cores and limit its data; frameworks read both when they are imported."""
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
    if memory_bytes is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def main() -> int:
    """Run one role and return the exit status."""
    role = sys.argv[1]
    if role not in ROLES:
        sys.stderr.write(f"unknown role {role!r} (known: {', '.join(ROLES)})\n")
        return 2
    request = json.loads(read_request())
    start_sentinel()
    confine(request.get("cpus") or [], request.get("memory_limit_bytes"))
    # A worker that runs out of time gets SIGTERM first, and its log then ends with where it hung.
    faulthandler.enable()
    faulthandler.register(signal.SIGTERM, all_threads=True)
    # Keras builds a model by recursion: a thousand layers are beyond Python's default.
    sys.setrecursionlimit(RECURSION_LIMIT)
    register_package()
    module = importlib.import_module(f"dlbench.harness.roles.{role}")
    status: int = module.main(request)
    return status


if __name__ == "__main__":
    sys.exit(main())

"""Run a job in a local child process and turn whatever comes of it into records."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from ...backends import catalog
from ...backends.backend import Backend
from ...results import units
from ...results.errors import BrokenError
from ...results.records.codec import from_json, to_json
from ...results.records.model import STACK_DUMP, Case, Failure, Trial
from ..failure_signs import OUT_OF_MEMORY
from ..wire import Request
from .child import Child, Exit

TAIL_LINES = 12
LOG_CHARACTERS = 100_000
"""Of the end of a log that is looked through for what went wrong."""
REMOVED = (
    "JAX_COMPILATION_CACHE_DIR",
    "TORCHINDUCTOR_FORCE_DISABLE_CACHES",
    "KERAS_BACKEND",
    "PYTHONSTARTUP",
)
OWN_PACKAGES = ("PYTHONPATH", "PYTHONHOME")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a job. A case without a record was interrupted."""

    trials: tuple[Trial, ...]
    failures: tuple[Failure, ...]
    seconds: float
    """Life of the process."""
    exit_status: int | None


EXACT_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "MALLOC_MMAP_THRESHOLD_": "65536",
}
"""Settings of the C library under which freed memory goes back to the system at once: resident memory is then what
is in use, to a few megabytes. It costs time, so such a process measures memory only."""


class Launcher(Protocol):
    """Runs jobs. In tests a function stands behind it; later a cluster may."""

    def launch(self, request: Request, timeout_s: float | None) -> Reply:
        """Run one job to its end; never raises for what happens in the job."""

    def stop(self) -> None:
        """End the running job at once; callable from a signal handler."""


class LocalLauncher:
    """Runs each job in a child process of this machine."""

    def __init__(self, logs: Path, interpreters: Mapping[str, str] = MappingProxyType({})) -> None:
        """Take the folder of logs, and the paths of further interpreters by the name of their environment."""
        self._logs = logs
        self._interpreters = interpreters
        self._child = Child()
        self._caches: dict[str, Path] = {}
        """Folder of compiled code by the ids of the cases that it belongs to."""

    def launch(self, request: Request, timeout_s: float | None) -> Reply:
        """Run one job; its log stays in the run's folder of logs, its caches go with it."""
        log = self._logs / f"{request.job}.log"
        scratch = Path(tempfile.mkdtemp(prefix="dlbench-"))
        try:
            environ = worker_environ(request, scratch)
            if request.cache == "warm":
                environ |= self._warm(request, scratch, timeout_s)
            ended = self._run(request, environ, log, timeout_s)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        trials, failures = read_reply(Path(request.reply))
        tail = _tail(log)
        failures = [_with_log(failure, tail, log) for failure in failures]
        answered = {trial.case for trial in trials} | {failure.case for failure in failures}
        missing = [case for case in request.cases if case not in answered]
        if not ended.stopped:
            failures += [_lost(case, request, ended, timeout_s, tail, log) for case in missing]
        if not failures and not missing:
            log.unlink(missing_ok=True)
        return Reply(tuple(trials), tuple(failures), ended.seconds, ended.status)

    def stop(self) -> None:
        """End the running job."""
        self._child.stop()

    def close(self) -> None:
        """Remove the compiled code that was kept for warm starts."""
        for folder in self._caches.values():
            shutil.rmtree(folder, ignore_errors=True)
        self._caches.clear()

    def _run(self, request: Request, environ: dict[str, str], log: Path, timeout_s: float | None) -> Exit:
        python = sys.executable if request.environment is None else self._interpreters[request.environment]
        return self._child.run("worker", to_json(request), python=python, environ=environ, log=log, timeout_s=timeout_s)

    def _warm(self, request: Request, scratch: Path, timeout_s: float | None) -> dict[str, str]:
        """Return the variables that point to compiled code of the same cases; a first worker, not kept, makes it."""
        key = "-".join(case.id for case in request.cases)
        known = key in self._caches
        folder = self._caches.setdefault(key, Path(tempfile.mkdtemp(prefix="dlbench-cache-")))
        variables = {name: value.format(folder) for name, value in catalog.get(request.backend).warm_cache.items()}
        if not known:
            priming = replace(request, reply=str(scratch / "priming.jsonl"))
            self._run(priming, worker_environ(request, scratch) | variables, scratch / "priming.log", timeout_s)
        return variables


def worker_environ(request: Request, scratch: Path) -> dict[str, str]:
    """Return the environment of a worker: threads for the cores that it gets, the allocator's settings."""
    backend = catalog.get(request.backend)
    environ = child_environ(backend, request.device, scratch, own=request.environment is None)
    if request.cpus:
        environ |= dict.fromkeys(backend.thread_variables, str(len(request.cpus)))
    return environ | EXACT_ALLOCATOR if request.allocator == "exact" else environ


def child_environ(backend: Backend, device: str, scratch: Path, *, own: bool = True) -> dict[str, str]:
    """Return the environment of a child: this one, the backend's settings, and caches of its own.

    With caches in a folder that is new for each job, every first step is cold.

    Args:
        backend: the framework of the child.
        device: the kind of device, or `any`.
        scratch: folder for its caches.
        own: whether it runs in the controller's own interpreter.

    """
    inherited = os.environ if own else without_own_packages(os.environ)
    environ = {name: value for name, value in inherited.items() if name not in REMOVED}
    # Keras reads defaults such as floatx from KERAS_HOME; a user's own must not change what is measured.
    own_caches = {
        "KERAS_HOME": "keras",
        "TORCHINDUCTOR_CACHE_DIR": "inductor",
        "TRITON_CACHE_DIR": "triton",
        "CUDA_CACHE_PATH": "cuda",
    }
    environ |= {name: str(scratch / folder) for name, folder in own_caches.items()}
    return environ | {"KERAS_BACKEND": backend.name, "PYTHONUNBUFFERED": "1"} | dict(backend.environment[device])


def without_own_packages(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for another interpreter: what adds packages to this one would shadow its own."""
    return {name: value for name, value in environ.items() if name not in OWN_PACKAGES}


def read_reply(path: Path) -> tuple[list[Trial], list[Failure]]:
    """Return the records of a reply file; a last line that the worker did not finish is left out."""
    trials: list[Trial] = []
    failures: list[Failure] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        return trials, failures
    for line in lines:
        if not line.endswith("\n"):
            break
        data = json.loads(line)
        if data["type"] == "trial":
            trials.append(from_json(Trial, data))
        elif data["type"] == "failure":
            failures.append(from_json(Failure, data))
        else:
            raise BrokenError(f"{path}: unknown record {data['type']!r}")
    return trials, failures


def _with_log(failure: Failure, tail: Sequence[str], log: Path) -> Failure:
    own = (
        failure.case,
        failure.job,
        failure.block,
        failure.position,
        failure.seed,
        failure.kind,
        failure.message,
    )
    return Failure(*own, tail=tuple(tail), log=str(log), side=failure.side)


def _lost(
    case: Case, request: Request, ended: Exit, timeout_s: float | None, tail: Sequence[str], log: Path
) -> Failure:
    """Return the failure of a case that the worker never answered."""
    kind, message = _how_it_died(ended, timeout_s, log)
    return Failure(
        case, request.job, request.block, request.position, request.seed, kind, message, tuple(tail), str(log)
    )


def _how_it_died(ended: Exit, timeout_s: float | None, log: Path) -> tuple[str, str]:
    if ended.timed_out:
        return "timeout", f"not done after {timeout_s:g} s; a longer --timeout allows more"
    if ended.out_of_memory:
        return "out of memory", "the system killed the worker for lack of memory"
    if ended.status != 0 and _ran_out_of_memory(log):
        return "out of memory", f"the worker ended when an allocation failed (exit status {ended.status})"
    if ended.status < 0:
        import signal

        name = signal.Signals(-ended.status).name
        kind = "killed" if name in ("SIGKILL", "SIGTERM") else "crashed"
        return kind, f"the worker was ended by {name}"
    return "crashed", f"the worker ended with exit status {ended.status} and no answer"


def _ran_out_of_memory(log: Path) -> bool:
    """Tell whether a log says that an allocation failed; the stack dumped after that may push it out of the tail."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARACTERS:]
    except OSError:
        return False
    return any(sign in text for sign in OUT_OF_MEMORY)


def _tail(log: Path) -> tuple[str, ...]:
    """Return the telling lines of a log: its end, or the top of the stack where a hang or a crash dumped it."""
    try:
        lines = units.without_colour(log.read_text(encoding="utf-8", errors="replace")).rstrip().splitlines()
    except OSError:
        return ()
    dumps = [number for number, line in enumerate(lines) if line.startswith(STACK_DUMP)]
    return tuple(lines[dumps[-1] :][:TAIL_LINES] if dumps else lines[-TAIL_LINES:])

"""A worker: one job in a process of its own. Opens the backend, builds the problem, measures its cases in turn.

Each case's Trial or Failure is a line of the reply file, written when it is done, so that what comes later cannot
undo it.
"""

import hashlib
import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ...backends import catalog as backends
from ...backends.backend import Runtime
from ...results import units
from ...results.errors import BrokenError, DlbenchError, UnsupportedError
from ...results.factors import Scalar
from ...results.records.codec import dump_line, from_json
from ...results.records.model import Case, Failure, Trial
from ...workloads.optimizers import optimizer_text
from ...workloads.reference import resolve
from ..failure_signs import NO_COMPILER, OUT_OF_MEMORY
from ..measuring import memory
from ..measuring.load import foreign_load, read_load
from ..measuring.measure import Clock, DivergedError
from ..wire import Request
from .isolation import OPTIONAL_FOR_KERAS, HidingFinder, also_hidden, hide, loaded


class Reply:
    """The reply file: one line per record."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def trial(self, trial: Trial) -> None:
        """Append a trial."""
        self._append(dump_line("trial", trial))

    def failure(self, case: Case, error: BaseException) -> None:
        """Append what an exception did to a case."""
        request = self._request
        kind, message = classify(error)
        failure = Failure(case, request.job, request.block, request.position, request.seed, kind, message)
        self._append(dump_line("failure", failure))

    def _append(self, line: str) -> None:
        with Path(self._request.reply).open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def classify(error: BaseException) -> tuple[str, str]:
    """Return the failure kind and one line of text for an exception."""
    text = " ".join(units.without_colour(str(error)).split())
    name = type(error).__name__
    if isinstance(error, DivergedError):
        return "diverged", text
    if isinstance(error, MemoryError) or any(sign in f"{name} {text}" for sign in OUT_OF_MEMORY):
        return "out of memory", (f"{name}: {text}" if text else name)[:300]
    if isinstance(error, UnsupportedError) or any(sign in f"{name} {text}" for sign in NO_COMPILER):
        return "unsupported", text[:300]
    if isinstance(error, DlbenchError):
        return "error", text
    return "error", (f"{name}: {text}" if text else name)[:300]


def main(data: Mapping[str, Any]) -> int:
    """Measure every case of a request; 0 when each gave a trial."""
    request = from_json(Request, data)
    reply = Reply(request)
    clock = time.perf_counter
    marks: dict[str, float] = {}
    _mark(marks, "rss_start_bytes")
    backend = backends.get(request.backend)
    foreign = backends.foreign_modules(request.backend) - set(request.allow_import)
    finder = hide(foreign)
    try:
        start = clock()
        with _optional_hidden(finder, request):
            runtime = backend.open_runtime(request.device)
            from ..measuring.session import Session

            if request.lane == "matched":
                runtime.match()
        marks["import_s"] = clock() - start
        _mark(marks, "rss_imported_bytes")
        session = Session(request, resolve(request.workload), runtime, clock)
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is the cases' failure
        traceback.print_exc()
        for case in request.cases:
            reply.failure(case, error)
        return 1
    marks |= session.marks
    facts = {**request.ledger, **_versions(backend.distribution), **_facts(runtime, request)}
    facts["compile_counter"] = backend.compile_counter
    facts["steps_per_execution"] = 1
    facts["initial_weights"] = session.initial_weights[:16]
    facts["optimizer"] = optimizer_text(session.problem.optimizer)
    facts["embedding_gradients"] = _embedding_gradients(request) if session.has_embedding() else None
    failed = 0
    for case in request.cases:
        try:
            reply.trial(_measure(session, case, clock, marks, facts, foreign))
        except Exception as error:  # noqa: BLE001 - see above
            traceback.print_exc()
            reply.failure(case, error)
            failed = 1
    return failed


def _measure(
    session: Any,
    case: Case,
    clock: Clock,
    marks: Mapping[str, float],
    facts: Mapping[str, Scalar],
    foreign: frozenset[str],
) -> Trial:
    from ..measuring.phases import MEASURES

    request = session.request
    started, before, cpu, start = datetime.now(UTC), read_load(), time.process_time(), clock()
    fields = MEASURES[case.text("phase")](session, case, clock)
    end, after = clock(), read_load()
    intruders = loaded(foreign)
    if intruders:
        raise BrokenError(f"{', '.join(intruders)} got imported beside {request.backend}; the figures are not its own")
    own = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": end - start,
        "foreign_load": foreign_load(before, after),
    }
    all_marks = {**marks, **own, **fields.pop("marks")}
    if session.has_own_twin:
        # The Keras model lies beside it: what the process held is not what the twin needs.
        all_marks = {name: value for name, value in all_marks.items() if not name.endswith("_bytes")}
    return Trial(
        case=case,
        job=request.job,
        block=request.block,
        position=request.position,
        seed=request.seed,
        started=started.isoformat(timespec="milliseconds"),
        start=start,
        end=end,
        marks={name: float(value) for name, value in all_marks.items() if value is not None},
        ledger={**facts, **session.runtime.compile_report(request.compile_kind), **fields.pop("ledger")},
        **fields,
    )


def _optional_hidden(finder: HidingFinder, request: Request) -> AbstractContextManager[None]:
    return also_hidden(finder, set(OPTIONAL_FOR_KERAS) - set(request.allow_import))


def _facts(runtime: Runtime, request: Request) -> dict[str, Scalar]:
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return {
        **runtime.facts(),
        "backend": request.backend,
        "device": request.device,
        "device_name": next((d.name for d in runtime.devices() if d.kind == request.device), None),
        "precision": request.precision,
        "execution": request.execution,
        "lane": request.lane,
        "allocator": request.allocator,
        "compile_kind": request.compile_kind,
        "affinity": ",".join(map(str, sorted(affinity(0)))) if affinity else None,
        "data_sha256": request.data.sha256[:16],
        "file_sha256": _file_digest(request.workload.file),
        "imports_allowed": ",".join(request.allow_import) or None,
    }


def _embedding_gradients(request: Request) -> str:
    """Return whether an embedding's gradients reach the optimizer summed per row: Keras on TensorFlow leaves slices."""
    keras_slices = request.backend == "tensorflow" and request.execution != "native" and request.lane != "matched"
    return "slices" if keras_slices else "dense"


def _file_digest(file: str | None) -> str | None:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else None


def _versions(distribution: str) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {"version_python": platform.python_version()}
    for name in (distribution, "keras", "numpy"):
        try:
            found[f"version_{name}"] = version(name)
        except PackageNotFoundError:
            found[f"version_{name}"] = None
    return found


def _mark(marks: dict[str, float], name: str) -> None:
    resident = memory.resident_bytes()
    if resident is not None:
        marks[name] = float(resident)

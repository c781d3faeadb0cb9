"""Parity processes: started one at a time, each answers with what it computed, or with what went wrong."""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ...results.errors import BrokenError, Interrupted
from ...results.parity.computation import Computation, Tensors, read_tensors
from ...results.records.codec import from_json, to_json
from ..children.child import Child, Exit
from ..children.launch import worker_environ
from ..roles.parity_wire import ParityRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """What a parity process computed."""

    computation: Computation
    tensors: Tensors = field(default_factory=Tensors)


class Asker(Protocol):
    """Runs parity processes. In tests a function of the request stands behind it."""

    def ask(self, request: ParityRequest, environment: Mapping[str, str]) -> Answer:
        """Run one to its end; whatever happens in it is the computation's `error`."""


class LocalAsker:
    """Runs each parity process as a child on this machine."""

    def __init__(self, child: Child, timeout_s: float) -> None:
        self._child = child
        self._timeout_s = timeout_s

    def ask(self, request: ParityRequest, environment: Mapping[str, str]) -> Answer:
        """Run one process with caches of its own: what is compiled anew may be compiled otherwise."""
        job = request.job
        log, reply, arrays = Path(job.reply).with_suffix(".log"), Path(job.reply), Path(request.arrays)
        with tempfile.TemporaryDirectory(prefix="dlbench-") as scratch:
            environ = worker_environ(job, Path(scratch))
            for name, value in environment.items():
                # XLA's flags add up; everything else is replaced.
                environ[name] = f"{environ.get(name, '')} {value}".strip() if name == "XLA_FLAGS" else value
            ended = self._child.run(
                "parity",
                {"cpus": list(job.cpus), "parity": to_json(request)},
                python=sys.executable,
                environ=environ,
                log=log,
                timeout_s=self._timeout_s,
            )
        if ended.stopped:
            raise Interrupted("interrupted: the reports of the workloads that were done are kept")
        try:
            computation = from_json(Computation, json.loads(reply.read_text(encoding="utf-8")))
            return Answer(computation, Tensors() if computation.error else read_tensors(arrays))
        except (OSError, ValueError, BrokenError):
            return Answer(Computation(error=self._how_it_died(ended, log)))
        finally:
            arrays.unlink(missing_ok=True)

    def _how_it_died(self, ended: Exit, log: Path) -> str:
        if ended.timed_out:
            return f"not done after {self._timeout_s:g} s; a longer --timeout allows more"
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        return f"ended with exit status {ended.status}: {last[0][:200]}"

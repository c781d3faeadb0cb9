"""A child process: started in a group of its own, watched without polling, ended with everything it started."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOOTSTRAP = Path(__file__).resolve().parent.parent / "bootstrap.py"
LAST_WORDS_S = 0.3
"""Time that a process has, after SIGTERM, to write to its log where it hangs."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended."""

    status: int
    """As subprocess gives it: negative for a signal."""
    seconds: float
    timed_out: bool
    stopped: bool
    """It was ended because the user interrupted."""
    out_of_memory: bool
    """The kernel killed a process for lack of memory while it ran."""


class Child:
    """Runs one role of `bootstrap` at a time; `stop` may be called from a signal handler."""

    def __init__(self) -> None:
        self._group: int | None = None
        self._stopped = False

    def run(
        self,
        role: str,
        request: Any,
        *,
        python: str,
        environ: Mapping[str, str],
        log: Path,
        timeout_s: float | None,
    ) -> Exit:
        """Run a role to its end.

        Args:
            role: one of bootstrap's ROLES.
            request: plain JSON data, handed over on stdin.
            python: path of the interpreter.
            environ: the whole environment of the process.
            log: file that takes stdout and stderr.
            timeout_s: after so many seconds the process and all it started are killed; None waits for ever.

        """
        kills = _kernel_memory_kills()
        start = time.perf_counter()
        with log.open("ab") as output:
            process = subprocess.Popen(
                # -P: a `dataclasses.py` in the user's folder must not be imported by the worker.
                [python, "-P", str(BOOTSTRAP), role],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                start_new_session=True,
            )
        self._group = process.pid
        if self._stopped:
            _kill(process.pid)
        with contextlib.suppress(BrokenPipeError):
            _feed(process, request)
        timed_out = not _wait(process, timeout_s)
        if timed_out:
            _signal(process.pid, signal.SIGTERM)
            _wait(process, LAST_WORDS_S)
        # The group outlives its leader when a worker leaves processes behind.
        _kill(process.pid)
        process.wait()
        self._group = None
        if process.stdin:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        killed = process.returncode == -signal.SIGKILL and _kernel_memory_kills() > kills
        seconds = time.perf_counter() - start
        return Exit(process.returncode, seconds, timed_out, self._stopped, killed and not timed_out)

    def stop(self) -> None:
        """End the running child and all it started; later ones end at once."""
        self._stopped = True
        if self._group is not None:
            _kill(self._group)


def _feed(process: "subprocess.Popen[bytes]", request: Any) -> None:
    if process.stdin is None:
        raise RuntimeError("the child was started without a pipe")
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()


def _wait(process: "subprocess.Popen[bytes]", timeout_s: float | None) -> bool:
    """Wait for a process; False when the time ran out.

    A thread waits in the kernel: `Popen.wait(timeout)` would poll, at the cost of the cores that are measured.
    """
    ended = threading.Event()

    def watch() -> None:
        process.wait()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    return ended.wait(timeout_s)


def _kill(group: int) -> None:
    _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _kernel_memory_kills() -> int:
    """Return how often the kernel has killed a process for lack of memory; 0 where it does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0

"""Make a virtual environment and install packages into it, with uv where it is present, else with pip."""

import contextlib
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ...results.errors import BrokenError
from ..children.launch import without_own_packages

TAIL_LINES = 12
QUIET_S = 15.0
"""After so long without a line, that it is still at work is told."""

Say = Callable[[str], None]
Runner = Callable[[Sequence[str], Say], tuple[int, tuple[str, ...]]]
"""Runs a command, passes on its lines, and returns its status and its last lines. In tests a function."""


def python_in(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / "bin" / "python"


def commands(
    python: str, folder: Path, arguments: Sequence[str], indexes: Sequence[str], uv: str | None
) -> tuple[list[str], list[str]]:
    """Return the command that makes an environment, and the one that installs into it.

    Args:
        python: interpreter that it is made with.
        folder: where it lies.
        arguments: packages, or options that name a file of them.
        indexes: package indexes asked beside the usual one.
        uv: path of uv; None: pip is used.

    """
    own = str(python_in(folder))
    further = [word for index in indexes for word in ("--extra-index-url", index)]
    if uv is None:
        quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        return [python, "-m", "venv", str(folder)], [own, "-m", "pip", "install", *quiet, *further, *arguments]
    # By default uv takes a package from the first index that has it, whatever its version; pip takes the best.
    best = ["--index-strategy", "unsafe-best-match"] if further else []
    return [uv, "venv", "--python", python, str(folder)], [
        uv,
        "pip",
        "install",
        "--python",
        own,
        *best,
        *further,
        *arguments,
    ]


def install(steps: Sequence[Sequence[str]], say: Say, run: Runner) -> None:
    """Run the commands in order.

    Raises:
        BrokenError: one failed; the message ends with the last lines that it printed.

    """
    for step in steps:
        status, tail = run(step, say)
        if status != 0:
            last = "".join(f"\n  {line}" for line in tail)
            raise BrokenError(f"`{' '.join(step[:4])} …` failed with status {status}; its last lines:{last}")


def run_command(command: Sequence[str], say: Say) -> tuple[int, tuple[str, ...]]:
    """Run a command, pass on its lines as they come, and say that it is still at work when it is silent for long."""
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=without_own_packages(os.environ),
            text=True,
            errors="replace",
        )
    except OSError as error:
        return 127, (f"{command[0]}: {error.strerror or error}",)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        while True:
            try:
                line = lines.get(timeout=QUIET_S)
            except queue.Empty:
                say(f"still at work after {time.monotonic() - start:.0f} s")
                continue
            if line is None:
                return process.wait(), tuple(tail)
            if line.strip():
                tail.append(line.rstrip())
                say(line.strip())
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        process.kill()
        raise


def _read(process: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str | None]") -> None:
    if process.stdout is not None:
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
    lines.put(None)

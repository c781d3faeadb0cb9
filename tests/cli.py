"""Run dlbench as a user types it, in a folder of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parent / "models"
TINY = """
[suites.tiny]
summary = "as little as shows that everything works"
workloads = ["cancer_mlp"]
trials = 1
train_s = 0.05
infer_s = 0.02
windows = 4
min_windows = 8
min_queries = 4
attempts = 1

[suites.tiny.parameters]
width = [16]
depth = [1]
"""
LIMIT_S = 300


@dataclass(frozen=True)
class Ended:
    """What a command printed and how it ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `--format json`."""
        rows: list[dict[str, Any]] = json.loads(self.stdout)["rows"]
        return rows


def command(*words: str) -> list[str]:
    """Return the command line of dlbench."""
    return [sys.executable, "-m", "dlbench", *words]


def dlbench(folder: Path, *words: str, **environ: str) -> Ended:
    """Run a command to its end."""
    (folder / "dlbench.toml").write_text(TINY)
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def measure(folder: Path, *words: str, command: str = "run", **environ: str) -> Ended:
    """Run the tiny suite, or compare two sides with its effort, and print JSON."""
    return dlbench(folder, command, "--suite", "tiny", "--format", "json", "--progress", "off", *words, **environ)

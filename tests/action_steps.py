"""The steps of the GitHub action as they stand, and a runner with stand-ins for the programs that they call."""

import os
import re
import subprocess
import textwrap
from pathlib import Path

ACTION = Path(__file__).parent.parent / "action.yml"


def steps() -> dict[str, str]:
    """Return the text of each step by its name."""
    _, *found = re.split(r"\n(?:    #[^\n]*\n)*    - name: ", ACTION.read_text())
    return {text.partition("\n")[0]: text for text in found}


def step(name: str) -> str:
    """Return the script of a step."""
    return textwrap.dedent(re.split(r"\n      run: \|?", steps()[name])[1])


def program(folder: Path, name: str, body: str) -> None:
    """Write a program of the shell into a folder."""
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)


def made_runner(folder: Path) -> Path:
    """Make a folder a runner's, with a dlbench that notes its words, writes a table and ends with a status."""
    (folder / "bin").mkdir()
    program(
        folder / "bin",
        "dlbench",
        'printf "%s\\n" "$@" > words.txt\nprev=""\n'
        'for word in "$@"; do\n'
        '  if [ "$prev" = --output ] && [ -z "$NO_TABLE" ]; then echo "| table |" > "$word"; fi\n'
        '  prev="$word"\ndone\n'
        'exit "${DLBENCH_STATUS:-0}"',
    )
    return folder


def run(runner: Path, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub runs bash, with the variables of the runner and those given."""
    given = {
        "PATH": f"{runner / 'bin'}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary"),
        "GITHUB_ACTION_PATH": "/actions/OWNER/dlbench/v1",
        **environ,
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],  # noqa: S607
        cwd=runner,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )

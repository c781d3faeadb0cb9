"""The GitHub action: its shell steps, run as they stand, with stand-ins for the programs that they call."""

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

ACTION = Path(__file__).parent.parent / "action.yml"
INPUTS = {
    "WORKLOADS": "my model.py\n\ndigits_cnn",
    "SIDE_A": "rev=base",
    "SIDE_B": "rev=HEAD",
    "BACKENDS": "jax",
    "PHASES": "train",
    "INCONCLUSIVE": "fail",
    "BUDGET": "",
    "REPORTS": "junit=my gate.xml\n\nbencher=bencher.json\n",
}


def step(name: str) -> str:
    """Return the script of a step."""
    (found,) = re.findall(rf"- name: {name}\n.*?run: \|?(.*?)(?=\n    - name|\Z)", ACTION.read_text(), re.DOTALL)
    return textwrap.dedent(found)


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """Make a runner's folder with a dlbench that notes its words, writes a table and ends with a status."""
    (tmp_path / "bin").mkdir()
    program(
        tmp_path / "bin",
        "dlbench",
        'printf "%s\\n" "$@" > words.txt\nprev=""\n'
        'for word in "$@"; do if [ "$prev" = --output ]; then echo "| table |" > "$word"; fi; prev="$word"; done\n'
        'exit "${DLBENCH_STATUS:-0}"',
    )
    return tmp_path


def run(runner: Path, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {
        "PATH": f"{runner / 'bin'}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary"),
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


@pytest.mark.parametrize("status", [0, 1, 5])
def test_the_gate_gets_its_words_and_its_status_is_kept(runner: Path, status: int) -> None:
    done = run(runner, step("Gate"), **INPUTS, DLBENCH_STATUS=str(status))
    assert done.returncode == 0, done.stderr
    words = (runner / "words.txt").read_text().splitlines()
    assert words[:3] == ["gate", "my model.py", "digits_cnn"]
    assert {"--a=rev=base", "--b=rev=HEAD", "--phase=train", "--backend=jax", "--inconclusive=fail"} <= set(words)
    assert not [word for word in words if word.startswith("--budget")]
    assert [word for word in words if word.startswith("--report")] == [
        "--report=junit=my gate.xml",
        "--report=bencher=bencher.json",
    ]
    assert (runner / "output").read_text() == f"status={status}\n"
    assert "| table |" in (runner / "summary").read_text()
    assert run(runner, step("Verdict"), STATUS=str(status)).returncode == status


def test_a_gate_that_never_ran_does_not_pass(runner: Path) -> None:
    assert run(runner, step("Verdict"), STATUS="").returncode == 70


def test_without_reports_none_is_asked_for(runner: Path) -> None:
    assert run(runner, step("Gate"), **{**INPUTS, "REPORTS": ""}).returncode == 0
    assert "--report" not in (runner / "words.txt").read_text()


@pytest.mark.parametrize(
    "name", ["WORKLOADS", "SIDE_A", "SIDE_B", "BACKENDS", "PHASES", "BUDGET", "INCONCLUSIVE", "REPORTS"]
)
def test_no_input_is_a_command(runner: Path, name: str) -> None:
    evil = '$(touch hacked) `touch hacked`; touch hacked; "; touch hacked #'
    run(runner, step("Gate"), **{**INPUTS, name: evil})
    assert not (runner / "hacked").exists()
    assert evil in (runner / "words.txt").read_text()


def test_no_input_stands_in_a_script() -> None:
    scripts = re.findall(r"run: \|?(.*?)(?=\n    - name|\Z)", ACTION.read_text(), re.DOTALL)
    assert len(scripts) == 4
    assert not [script for script in scripts if "${{" in script]


@pytest.mark.parametrize("known", ["", "77"])
def test_one_comment_is_kept_up_to_date(runner: Path, known: str) -> None:
    program(runner / "bin", "gh", f'printf "%s " "$@" >> calls.txt; echo >> calls.txt; echo "{known}"')
    (runner / "dlbench-gate.md").write_text("| table |\n")
    done = run(runner, step("Comment"), REPOSITORY="me/mine", NUMBER="5")
    assert done.returncode == 0, done.stderr
    calls = (runner / "calls.txt").read_text().splitlines()
    assert len(calls) == 2
    wanted = "--method PATCH repos/me/mine/issues/comments/77" if known else "api repos/me/mine/issues/5/comments -F"
    assert wanted in calls[1]
    assert (runner / "dlbench-comment.md").read_text() == "<!-- dlbench gate -->\n| table |\n"

"""The GitLab template: its script, run as it stands by a plain shell, with stand-ins for the programs that it calls."""

import os
import re
import subprocess
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

TEMPLATE = (Path(__file__).parent.parent / "docs" / "gitlab-gate.yml").read_text()
VARIABLES = {
    "DLBENCH_WORKLOADS": "my model.py\n\ndigits_cnn",
    "DLBENCH_INSTALL": "dlbench[jax,ci]\nnumpy",
    "DLBENCH_PHASES": "train",
    "DLBENCH_BACKENDS": "jax",
    "DLBENCH_INCONCLUSIVE": "fail",
    "DLBENCH_BUDGET": "",
    "DLBENCH_BASE": "abc123",
}


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """Make a folder with a python and a dlbench that note their words; dlbench ends with a status."""
    (tmp_path / "bin").mkdir()
    for name in ("python", "dlbench"):
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {name}.txt\nexit "${{STATUS:-0}}"\n')
        path.chmod(0o755)
    return tmp_path


def run(runner: Path, status: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    (script,) = re.findall(r"    - \|\n(.*?)\n  artifacts:", TEMPLATE, re.DOTALL)
    gate = f"set -e\n{textwrap.dedent(script)}".replace("dlbench gate", f"STATUS={status} dlbench gate")
    environ = {"PATH": f"{runner / 'bin'}:{os.environ['PATH']}", **VARIABLES, **variables}
    command = ["sh", "-c", gate]
    return subprocess.run(command, cwd=runner, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("status", [0, 1, 5])
def test_the_gate_gets_its_words_and_its_status_ends_the_job(runner: Path, status: int) -> None:
    done = run(runner, status)
    assert done.returncode == status, done.stderr
    words = (runner / "dlbench.txt").read_text().splitlines()
    assert words[:3] == ["gate", "my model.py", "digits_cnn"]
    assert {"--a=rev=abc123", "--b=rev=HEAD", "--phase=train", "--backend=jax", "--inconclusive=fail"} <= set(words)
    assert not [word for word in words if word.startswith("--budget")]
    assert (runner / "dlbench-requirements.txt").read_text() == "dlbench[jax,ci]\nnumpy\n"


def test_what_is_not_given_is_left_to_the_command_and_to_the_image(runner: Path) -> None:
    for name in ("DLBENCH_PHASES", "DLBENCH_INSTALL", "DLBENCH_BACKENDS", "DLBENCH_BUDGET"):
        assert f'\n    {name}: ""' in TEMPLATE
    done = run(runner, DLBENCH_PHASES="", DLBENCH_INSTALL="", DLBENCH_BACKENDS="")
    assert done.returncode == 0, done.stderr
    assert not {"--phase=", "--backend="} & set((runner / "dlbench.txt").read_text().splitlines())
    assert not (runner / "python.txt").exists()


def test_without_dlbench_it_says_where_to_name_it(runner: Path) -> None:
    (runner / "bin" / "dlbench").unlink()
    done = run(runner, PATH=f"{runner / 'bin'}:/usr/bin:/bin")
    assert done.returncode == 2
    assert "name it in DLBENCH_INSTALL" in done.stderr


def test_what_the_gate_writes_is_what_the_job_keeps(runner: Path) -> None:
    run(runner)
    words = (runner / "dlbench.txt").read_text().splitlines()
    reports = dict(word.split("=") for before, word in pairwise(words) if before == "--report")
    assert f"junit: {reports['junit']}" in TEMPLATE
    assert f"metrics: {reports['openmetrics']}" in TEMPLATE
    assert f"paths: [{reports['markdown']}, .dlbench/]" in TEMPLATE


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_no_variable_is_a_command(runner: Path, name: str) -> None:
    evil = '$(touch hacked) `touch hacked`; touch hacked; "; touch hacked #'
    run(runner, **{name: evil})
    assert not (runner / "hacked").exists()
    told = (runner / "dlbench.txt").read_text() + (runner / "dlbench-requirements.txt").read_text()
    assert evil in told


def test_every_variable_of_the_script_is_declared() -> None:
    used = set(re.findall(r"\$(DLBENCH_\w+)", TEMPLATE))
    assert used == {name for name in used if re.search(rf"{name}:", TEMPLATE)}
    assert used <= {*VARIABLES}

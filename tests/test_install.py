"""Installing: which commands are run, and what is heard of them."""

import sys
from pathlib import Path

import pytest
from dlbench.harness.environments import install as subject
from dlbench.harness.environments.install import TAIL_LINES, commands, install, run_command
from dlbench.results.errors import BrokenError

FOLDER = Path("/envs/old")
INDEX = "https://download.pytorch.org/whl/cpu"


def test_pip_makes_and_fills_an_environment_where_there_is_no_uv() -> None:
    make, fill = commands("/usr/bin/python3", FOLDER, ["jax", "keras"], [INDEX], None)
    assert make == ["/usr/bin/python3", "-m", "venv", "/envs/old"]
    assert fill[:4] == ["/envs/old/bin/python", "-m", "pip", "install"]
    assert fill[-4:] == ["--extra-index-url", INDEX, "jax", "keras"]


def test_uv_does_so_where_it_is_and_takes_the_best_version_of_all_indexes_as_pip_does() -> None:
    make, fill = commands("/usr/bin/python3", FOLDER, ["torch"], [INDEX], "/bin/uv")
    assert make == ["/bin/uv", "venv", "--python", "/usr/bin/python3", "/envs/old"]
    assert fill[:5] == ["/bin/uv", "pip", "install", "--python", "/envs/old/bin/python"]
    assert fill[5:] == ["--index-strategy", "unsafe-best-match", "--extra-index-url", INDEX, "torch"]
    assert "--index-strategy" not in commands("python", FOLDER, ["jax"], [], "/bin/uv")[1]


def test_the_lines_of_a_command_are_passed_on_and_the_last_ones_kept() -> None:
    said: list[str] = []
    code = f"for n in range({TAIL_LINES + 5}): print('line', n)\nraise SystemExit(3)"
    status, tail = run_command([sys.executable, "-c", code], said.append)
    assert status == 3
    assert said == [f"line {number}" for number in range(TAIL_LINES + 5)]
    assert tail == tuple(said[-TAIL_LINES:])


def test_a_command_that_is_silent_for_long_is_said_to_be_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "QUIET_S", 0.02)
    said: list[str] = []
    status, tail = run_command([sys.executable, "-c", "import time; time.sleep(0.3); print('done')"], said.append)
    assert (status, tail) == (0, ("done",))
    assert said[0].startswith("still at work after ")


def test_a_command_that_is_not_there_fails_and_says_so() -> None:
    status, tail = run_command(["/no/such/uv", "venv"], lambda line: None)
    assert status == 127
    assert tail == ("/no/such/uv: No such file or directory",)


def test_packages_on_the_controllers_own_path_do_not_reach_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    said: list[str] = []
    run_command([sys.executable, "-c", "import os; print(os.environ.get('PYTHONPATH'))"], said.append)
    assert said == ["None"]


def test_the_first_command_that_fails_ends_it_with_its_last_lines() -> None:
    ran: list[str] = []

    def run(command: object, say: object) -> tuple[int, tuple[str, ...]]:
        ran.append(command[0])  # type: ignore[index]
        return (1, ("ERROR: no matching distribution found for jax==99",)) if len(ran) == 2 else (0, ())

    with pytest.raises(BrokenError, match=r"(?s)`b x …` failed with status 1; its last lines:\n  ERROR: no matching"):
        install([["a"], ["b", "x"], ["c"]], lambda line: None, run)
    assert ran == ["a", "b"]

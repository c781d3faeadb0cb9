"""The command line as a user types it, without measuring: help, listings, wrong use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import MODELS, command, dlbench

HEAVY = ("jax", "torch", "tensorflow", "keras", "pandas", "scipy", "sklearn")


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["list", "workloads"],
        ["list", "suites"],
        ["data", "list"],
        ["data", "fetch", "--help"],
        ["env", "--help"],
        ["env", "list"],
        ["--version"],
    ],
)
def test_light_commands_import_no_framework_keras_pandas_or_scipy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from dlbench.harness.cli.entry import run_cli\n"
        f"status = run_cli({words!r})\n"
        f"print('HEAVY', status, [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.endswith("HEAVY 0 []\n"), done.stdout[-300:] + done.stderr


def test_help_teaches_with_examples(tmp_path: Path) -> None:
    text = dlbench(tmp_path, "run", "--help").stdout
    assert "dlbench run digits_cnn -b jax,torch -n 7" in text
    assert "Exit status" in text


def test_version_and_module_entry_point(tmp_path: Path) -> None:
    assert dlbench(tmp_path, "--version").stdout.startswith("dlbench ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rum"], "Did you mean 'run'"),
        (["run", "digit_cnn"], "did you mean 'digits_cnn'"),
        (["run", "-b", "torhc"], "did you mean 'torch'?"),
        (["run", "--env", "nope"], "unknown environment 'nope' (known: current)"),
        (["run", "--env", "old="], "--env takes NAME, NAME=/path/to/python or current"),
        (["run", "--env", "old=no/such/python"], "environment old: there is no interpreter"),
        (["env", "create", "x"], "what should it hold?"),
        (["env", "create", "x", "-b", "jxa"], "did you mean 'jax'?"),
        (["env", "remove", "x", "--yes"], "unknown environment made by dlbench 'x'"),
        (["env", "shwo"], "Did you mean 'show'"),
        (["run", "--phase", "trian"], "did you mean 'train'?"),
        (["run", "--suite", "quik"], "did you mean 'quick'?"),
        (["run", "--precision", "float8"], "unknown precision 'float8'"),
        (["run", "--compile", "turbo"], "unknown compile mode 'turbo'"),
        (["run", "--execution", "magic"], "unknown execution 'magic'"),
        (["run", "--device", "tpu"], "unknown device 'tpu'"),
        (["run", "--batch-size", "0"], "from 1 to"),
        (["run", "--batch-size", "many"], "'many'"),
        (["run", "--trials", "0"], "--trials takes 1 to"),
        (["run", "--trials", "few"], "--trials"),
        (["run", "--epochs", "0"], "--epochs takes 1 to"),
        (["run", "--epochs", "3", "--phase", "train"], "--epochs belongs to phase converge"),
        (["run", "--accuracy-margin", "0"], "--accuracy-margin takes a number above 0"),
        (["run", "--timeout", "soon"], "takes a duration such as 90s"),
        (["run", "--budget", "0"], "more than zero"),
        (["run", "-p", "depth"], "-p takes NAME=VALUE"),
        (["run", "digits_cnn", "-p", "depht=3"], "did you mean 'depth'?"),
        (["run", "digits_cnn", "-p", "width=0"], "received 0"),
        (["run", "--output", "no/such/folder/x.md"], "cannot write"),
        (["run", "no_such_file.py"], "no file 'no_such_file.py'"),
        (["run", "--format", "xml"], "not one of"),
        (["run", "--report", "metrics.txt"], "--report takes FORMAT=FILE"),
        (["run", "--report", "xml=x"], "unknown report format 'xml'"),
        (["run", "--report", "junit=x.xml"], "tells the verdicts of a gate"),
        (["ab", "--report", "junit=x.xml"], "tells the verdicts of a gate"),
        (["compare", "--format", "openmetrics"], "not one of"),
        (["run", "--bogus"], "No such option"),
        (["list", "everything"], "not one of"),
        (["list"], "Missing argument"),
        (["data", "fetch", "minst"], "did you mean 'mnist'?"),
        (["data", "verify", "mnist,imbd"], "did you mean 'imdb'?"),
        (["data", "list", "-f", "xml"], "unknown format 'xml'"),
        (["data", "fetsh"], "Did you mean 'fetch'"),
    ],
)
def test_wrong_use_is_one_clear_line_and_status_2(words: list[str], said: str, tmp_path: Path) -> None:
    ended = dlbench(tmp_path, *words)
    assert ended.status == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_store_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ended = dlbench(tmp_path, "run", "--store", "file/store", "cancer_mlp", "-b", "torch", "--progress", "plain")
    assert ended.status == 2
    assert "cannot write to the store 'file/store'" in ended.stderr
    assert "[1/" not in ended.stderr


def test_show_without_runs_says_how_to_make_one(tmp_path: Path) -> None:
    ended = dlbench(tmp_path, "show")
    assert ended.status == 3
    assert "make one with `dlbench run`" in ended.stderr


def test_a_configuration_with_a_mistake_names_it(tmp_path: Path) -> None:
    (tmp_path / "dlbench.toml").write_text("[suites.mine]\ntrails = 3\n")
    done = subprocess.run(
        [sys.executable, "-m", "dlbench", "list", "suites"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "did you mean 'trials'" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["list", "workloads"], ["show", "nothing"], ["list", "suites"]])
@pytest.mark.parametrize("closed", ["stdout", "stdout and stderr"])
def test_a_reader_who_went_away_is_no_finding_and_no_pass(words: list[str], closed: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        stderr = pipe if closed != "stdout" else subprocess.PIPE
        ended = subprocess.run(command(*words), cwd=tmp_path, stdout=pipe, stderr=stderr, check=False)
    if words[0] == "show":  # An error, which goes to stderr: its own status stands.
        assert ended.returncode == 3
    else:
        assert ended.returncode == 141
        assert not ended.stderr


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    ended = dlbench(tmp_path, "--debug", "run", "digit_cnn")
    assert ended.status == 2
    assert "Traceback" in ended.stderr


def test_own_suites_are_listed(tmp_path: Path) -> None:
    assert "as little as shows" in " ".join(dlbench(tmp_path, "list", "suites").stdout.split())


def test_a_suites_parameter_that_fits_nothing_is_noted(tmp_path: Path) -> None:
    plan = dlbench(tmp_path, "run", "--suite", "tiny", "intent_transformer", "-b", "torch", "--dry-run").stdout
    assert "width=16" in plan
    (tmp_path / "dlbench.toml").write_text("[suites.mine.parameters]\nnosuch = [3]\n")
    words = [sys.executable, "-m", "dlbench", "run", "cancer_mlp", "--suite", "mine", "-b", "torch", "--dry-run"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "the suite's parameter 'nosuch' fits no chosen workload" in done.stdout


def test_completion_offers_workloads(tmp_path: Path) -> None:
    ended = dlbench(
        tmp_path,
        _DLBENCH_COMPLETE="complete_bash",
        COMP_WORDS="dlbench run digits",
        COMP_CWORD="2",
    )
    assert "digits_cnn" in ended.stdout


def test_completion_offers_data_sets(tmp_path: Path) -> None:
    words = {"_DLBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "dlbench data verify ci", "COMP_CWORD": "3"}
    assert dlbench(tmp_path, **words).stdout.split() == ["cifar10"]


def test_broken_model_files_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "syntax.py").write_text("def model(:\n")
    for name, said in (("empty.py", "empty.py:FUNCTION"), ("syntax.py", "syntax.py")):
        ended = dlbench(tmp_path, "run", name, "-b", "torch")
        assert ended.status == 2
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr
    assert MODELS.is_dir()

"""Listings: what they say reaches the reader whole."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from dlbench.backends.backend import Backend
from dlbench.harness.commands import list as list_command
from dlbench.harness.experiments import experiment
from dlbench.results.records.environment import BackendProbe, Environment
from rich.console import Console

from tests.factories import probe

HINT = "pip install 'dlbench[torch]'"


def test_the_command_that_adds_a_backend_keeps_its_brackets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = BackendProbe("torch", None, problem="PyTorch is not installed here", hint=HINT)
    found = Environment("default", "python", "3.11", {}, (probe("jax"), lacking, probe("tensorflow")))
    monkeypatch.setattr(list_command, "read_environment", lambda backends, *, refresh: found)
    monkeypatch.setenv("COLUMNS", "200")
    list_command.list_command("backends", refresh=False, store=None)
    assert HINT in capsys.readouterr().out


def test_each_suite_is_listed_with_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = '[suites.own]\nworkloads = ["mine.py"]\n[suites.one]\nworkloads = ["cancer_mlp"]\nbackends = ["torch"]\n'
    (tmp_path / "dlbench.toml").write_text(own)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    lacking = BackendProbe("torch", None, problem="PyTorch is not installed here", hint=HINT)
    found = {"jax": probe("jax"), "torch": lacking, "tensorflow": probe("tensorflow")}

    def read(interpreters: object, backends: Sequence[Backend]) -> tuple[tuple[Environment, ...], tuple[str, ...]]:
        probes = tuple(found[backend.name] for backend in backends)
        return (Environment("current", "python", "3.11", {}, probes),), ()

    monkeypatch.setattr(experiment, "read_environments", read)
    list_command.list_command("suites", refresh=False, store=str(tmp_path / "store"))
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if " · " in line}
    assert re.search(r"quick · about \d+ min \d\d s, guessed · 3 trials of train", lines["quick"])
    assert "n/a (with your own models: see run --dry-run)" in lines["own"]
    assert "n/a (" in lines["one"]
    assert "PyTorch is not installed here" in lines["one"]


def test_every_workload_is_listed_with_its_parameters() -> None:
    out = io.StringIO()
    Console(file=out, width=200).print(list_command.workloads_text())
    for line in ("digits_cnn · vision · real data", "-p depth=", "grammar_gpt · generative · generated data"):
        assert line in out.getvalue()
    generating = [line.partition(" ")[0] for line in out.getvalue().splitlines() if line.rstrip().endswith("generates")]
    assert generating == ["grammar_gpt", "gpt2_small"]


def test_a_workload_on_downloaded_data_says_how_much_that_is() -> None:
    out = io.StringIO()
    Console(file=out, width=200).print(list_command.workloads_text())
    assert "mnist_cnn · vision · real data" in out.getvalue()
    assert "downloaded as keras.datasets.mnist (11.5 MB, once; see dlbench data list)" in out.getvalue()
    assert out.getvalue().count("see dlbench data list") == 3

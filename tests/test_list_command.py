"""Listings: what they say reaches the reader whole."""

import io

import pytest
from dlbench.harness import list_command
from dlbench.results.environment import BackendProbe, Environment
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

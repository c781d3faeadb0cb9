"""Exports: each format can be read back, and says the same as the frame."""

import io
import json

import pandas as pd
import pytest
from dlbench.results.errors import UsageError
from dlbench.results.records.model import Run
from dlbench.results.tables.background import Background
from dlbench.results.tables.export import FORMATS, SECTIONS, export
from dlbench.results.tables.frame import tidy
from dlbench.results.tables.terminal import render

from .rich_runs import CEILINGS, duel, rich_run
from .synthetic_runs import full_run, header


def test_csv_is_the_tidy_frame() -> None:
    run = full_run()
    back, frame = pd.read_csv(io.StringIO(export(run, "csv"))), tidy(run)
    assert list(back.columns) == list(frame.columns)
    expected = frame["train_throughput_samples_per_s"].tolist()
    assert back["train_throughput_samples_per_s"].tolist() == pytest.approx(
        [float("nan") if value is pd.NA else value for value in expected], nan_ok=True
    )


def test_json_has_the_facts_and_null_for_what_is_missing() -> None:
    run = full_run()
    found = json.loads(export(run, "json"))
    assert (found["run"], found["state"], found["machine"]["cores"]) == (run.header.run, "complete", 2)
    assert len(found["rows"]) == len(tidy(run))
    lost = next(row for row in found["rows"] if row["failure_kind"] == "out of memory")
    assert lost["train_throughput_samples_per_s"] is None
    assert found["rows"][0]["leads"] is True
    assert "NaN" not in export(run, "json")


def test_markdown_has_a_table_per_comparison() -> None:
    text = export(full_run(), "markdown")
    assert text.count("\n| --- |") == 7
    assert text.count("#### ") == text.count(": accuracy\n") == 3
    for block in text.split("### ")[1:]:
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) == 1
    assert "### digits_cnn" in text
    assert "PyTorch 2.13.0: out of memory: the worker needed more than 7.9 GB" in text
    assert "± &lt;0.001" in text


def test_table_is_what_the_terminal_shows() -> None:
    assert export(full_run(), "table") == render(full_run())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_an_empty_run(name: str) -> None:
    assert export(Run(header(()), (), (), (), None), name)


def test_an_unknown_format_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="did you mean 'markdown'"):
        export(full_run(), "markdwn")


def test_json_has_further_lists_and_flags() -> None:
    found = json.loads(export(rich_run(3), "json", Background(CEILINGS)))
    assert {name: len(found[name]) for name in SECTIONS} == {
        "gate": 0,
        "sides": 0,
        "accuracy": 0,
        "keras_tax": 3,
        "break_even": 3,
        "parts": 3,
        "scenarios": 9,
        "generation": 0,
        "batches": 0,
    }
    assert found["rows"][0]["utilisation"] == pytest.approx(0.188, rel=0.05)
    assert found["flags"] == []
    plain = json.loads(export(full_run(), "json"))
    empty = [name for name in SECTIONS if name != "accuracy"]
    assert {name: plain[name] for name in empty} == {name: [] for name in empty}
    assert len(plain["accuracy"]) == 9
    (flag,) = json.loads(export(duel(flags={"leaking": "2 MB a step"}), "json"))["flags"]
    assert (flag["backend"], flag["kind"], flag["trials"], flag["sentence"]) == ("torch", "leaking", 5, "2 MB a step")


def test_markdown_has_the_further_tables_and_the_doubts() -> None:
    text = export(rich_run(3), "markdown")
    assert text.count("\n#### digits_cnn: ") == 4
    for block in text.split("### ")[1:]:
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) == 1
    assert "! leaking, in trials of: PyTorch 2.13.0 5 of 5 in training (2 MB)." in export(
        duel(flags={"leaking": "2 MB"}), "markdown"
    )

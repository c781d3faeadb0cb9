"""`dlbench history` as typed."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.results.history.index import FILE

from tests.cli import dlbench
from tests.nightly_runs import MACHINE, TRAIN, night, nights, trials, write
from tests.synthetic_runs import failure


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose store has forty nights, slower by a sixth from the thirtieth on."""
    made = tmp_path_factory.mktemp("nightly")
    nights(made / ".dlbench", 40, 30)
    return made


def test_a_slower_framework_is_an_alert_that_names_the_version(folder: Path) -> None:
    ended = dlbench(folder, "history", "digits_cnn", "--metric", "throughput", COLUMNS="200")
    assert ended.status == 0
    assert "alert: JAX train, throughput: -17 %" in ended.stdout
    assert "changed there: jax 0.10.1 → 0.10.2" in ended.stdout
    assert "█" in ended.stdout
    assert "first step" not in ended.stdout


def test_a_pipeline_can_fail_on_an_alert(folder: Path) -> None:
    assert dlbench(folder, "history", "--fail-on-alert").status == 1
    assert dlbench(folder, "history", "--fail-on-alert", "-m", "memory").status == 0


def test_json_has_points_changes_and_surroundings(folder: Path) -> None:
    ended = dlbench(
        folder, "history", "-b", "jax", "--phase", "train", "-m", "throughput", "-f", "json", "--last", "12"
    )
    (series,) = json.loads(ended.stdout)["series"]
    assert (len(series["points"]), series["points_known"], series["alert"]) == (12, 40, True)
    (change,) = series["changes"]
    assert change["environment"] == {"jax": ["0.10.1", "0.10.2"]}
    assert change["worse"] is True
    assert series["machine"] == MACHINE.fingerprint


def test_csv_has_a_row_per_point_and_markdown_a_table(folder: Path) -> None:
    ended = dlbench(folder, "history", "-m", "throughput,first_step", "-f", "csv", "--since", "20261003")
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert {(row["metric"], row["level"]) for row in rows} == {("throughput", "1"), ("first_step", "0")}
    assert len(rows) == 16
    text = dlbench(folder, "history", "-m", "throughput", "-f", "markdown").stdout
    assert "| JAX train | throughput | 40 |" in text
    assert "- alert: JAX train" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digit_cnn"], "did you mean 'digits_cnn'"),
        (["-b", "torhc"], "unknown backend of the stored runs 'torhc'"),
        (["-m", "througput"], "did you mean 'throughput'"),
        (["--label", "night"], "unknown label"),
        (["--since", "soon"], "--since takes a date"),
        (["--since", "2026-13-01"], "--since takes a date"),
        (["--last", "0"], "--last takes 1 or more"),
    ],
)
def test_wrong_use_is_one_clear_line(folder: Path, words: list[str], said: str) -> None:
    ended = dlbench(folder, "history", *words)
    assert (ended.status, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_empty_store_and_an_empty_choice_are_said(folder: Path, tmp_path: Path) -> None:
    ended = dlbench(tmp_path, "history")
    assert ended.status == 3
    assert "make one with `dlbench run`" in ended.stderr
    ended = dlbench(folder, "history", "-m", "decode")
    assert (ended.status, ended.stdout) == (3, "")
    assert "no run has a figure of that kind" in ended.stderr


def test_damaged_files_are_named_with_their_line_and_the_rest_is_shown(tmp_path: Path) -> None:
    paths = nights(tmp_path / ".dlbench", 3)
    lines = paths[1].read_text().splitlines(keepends=True)
    paths[1].write_text("".join([*lines[:2], '{"type": "trial", "case": 3}\n', *lines[3:]]))
    paths[2].write_text("nonsense\n")
    ended = dlbench(tmp_path, "history", "-m", "throughput", "-f", "csv")
    assert ended.status == 4
    assert f"{paths[1].name}: line 3 is broken" in ended.stderr
    assert f"{paths[2].name}: line 1 is not the header" in ended.stderr
    assert len(ended.stdout.splitlines()) == 1 + 2


def test_another_machine_is_another_series_and_failed_runs_are_said(tmp_path: Path) -> None:
    store = tmp_path / ".dlbench"
    nights(store, 3)
    write(store, night(3, machine=replace(MACHINE, fingerprint="ba9876543210", cpu="Xeon")), trials(0.01))
    write(store, night(4), [failure(TRAIN, "timeout", "no reply", block) for block in range(3)])
    ended = dlbench(tmp_path, "history", "--phase", "train", "-m", "throughput", COLUMNS="200")
    assert "EPYC 7763, 2 cores, 8 GiB (0123456789ab)" in ended.stdout
    assert "Xeon, 2 cores, 8 GiB (ba9876543210)" in ended.stdout
    assert "JAX train: every trial failed in 1 run, last in 20260905" in ended.stdout
    assert "changes can be told from 13 points on" in ended.stdout


def test_the_index_is_made_beside_the_runs_and_may_go(tmp_path: Path) -> None:
    nights(tmp_path / ".dlbench", 2)
    first = dlbench(tmp_path, "history", "-f", "csv").stdout
    (tmp_path / ".dlbench" / FILE).unlink()
    assert dlbench(tmp_path, "history", "-f", "csv").stdout == first


def test_help_teaches_with_examples(tmp_path: Path) -> None:
    assert "--fail-on-alert" in dlbench(tmp_path, "history", "--help").stdout

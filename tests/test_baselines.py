"""Stored baselines: what they belong to, and that nothing is rewritten."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dlbench.results.errors import NothingMeasured, UsageError
from dlbench.results.history.baselines import (
    SCHEMA,
    Baseline,
    Shelf,
    Use,
    baseline_of,
    fitting,
    keep,
    named,
    read_shelf,
    surroundings,
)
from dlbench.results.records.model import Run
from dlbench.results.records.store import read_run

from tests.nightly_runs import MACHINE, TRAIN, night, trials, write
from tests.synthetic_runs import failure

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(write(tmp_path / "runs-of-others", night(0), trials(0.005)))


def on(run: Run, **machine: str) -> Run:
    return replace(run, header=replace(run.header, machine=replace(MACHINE, **machine)))


def test_a_baseline_is_kept_and_read_back_whole(tmp_path: Path, run: Run) -> None:
    made = baseline_of(run, "main", NOW)
    assert {entry.metric for entry in made.entries} >= {"throughput", "first_step", "memory", "accuracy"}
    keep(tmp_path, made)
    assert read_shelf(tmp_path) == Shelf((made,), None, ())


def test_saving_again_adds_a_file_and_the_latest_speaks(tmp_path: Path, run: Run) -> None:
    first = keep(tmp_path, baseline_of(run, "main", NOW))
    before = first.read_bytes()
    later = baseline_of(run, "main", NOW.replace(hour=12))
    keep(tmp_path, later)
    assert first.read_bytes() == before
    assert fitting(named(read_shelf(tmp_path), "main"), run) == later


def test_the_name_in_use_is_the_last_one_chosen(tmp_path: Path, run: Run) -> None:
    for hour, name in ((1, "a"), (2, "b")):
        keep(tmp_path, baseline_of(run, name, NOW.replace(hour=hour)))
        keep(tmp_path, Use(SCHEMA, name, NOW.replace(hour=hour).isoformat()))
    assert named(read_shelf(tmp_path), None)[0].name == "b"


def test_other_hardware_is_noticed_and_never_compared(run: Run) -> None:
    made = baseline_of(run, "main", NOW)
    with pytest.raises(NothingMeasured, match=r"other hardware \(AMD EPYC 7763.*\) than run .* \(Xeon"):
        fitting([made], on(run, fingerprint="ffff", cpu="Xeon"))


def test_among_baselines_of_the_hardware_the_most_alike_is_taken(run: Run) -> None:
    old, new = (baseline_of(on(run, driver=driver), "main", NOW) for driver in ("550.54", "560.1"))
    assert fitting([new, old], on(run, driver="550.54")) == old
    assert fitting([new, old], on(run, driver="570.0")) == new
    assert surroundings(old, on(run, driver="570.0", image="x@1")) == {
        "driver": ("550.54", "570.0"),
        "image": (None, "x@1"),
    }


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: replace(run, trials=(), failures=(failure(TRAIN, "timeout", "no reply"),)), "every case failed"),
        (lambda run: replace(run, trials=()), "nothing was measured"),
    ],
)
def test_a_run_without_figures_cannot_be_a_baseline(run: Run, spoil: Callable[[Run], Run], said: str) -> None:
    with pytest.raises(NothingMeasured, match=said):
        baseline_of(spoil(run), "main", NOW)


@pytest.mark.parametrize("name", ["", "--store", "a/b"])
def test_a_name_that_is_no_word_is_refused(run: Run, name: str) -> None:
    with pytest.raises(UsageError, match="a word without"):
        baseline_of(run, name, NOW)


def test_missing_baselines_are_said(tmp_path: Path, run: Run) -> None:
    with pytest.raises(NothingMeasured, match="baseline save NAME"):
        named(read_shelf(tmp_path), "main")
    keep(tmp_path, baseline_of(run, "main", NOW))
    with pytest.raises(NothingMeasured, match="no baseline is in use"):
        named(read_shelf(tmp_path), None)
    with pytest.raises(UsageError, match="did you mean 'main'"):
        named(read_shelf(tmp_path), "mian")


def spoilt(text: str) -> str:
    return json.dumps({**json.loads(text), "schema": SCHEMA + 1})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[: len(text) // 2], "line"),
        (lambda text: "[]", "cannot read the baseline"),
        (lambda text: '{"type": "else"}', "cannot read the baseline"),
        (spoilt, "upgrade dlbench"),
        (lambda text: json.dumps({"type": "baseline", "schema": 1}), "name is missing"),
    ],
)
def test_a_damaged_file_is_named_and_left_out(
    tmp_path: Path, run: Run, change: Callable[[str], str], said: str
) -> None:
    good: Baseline = baseline_of(run, "good", NOW)
    keep(tmp_path, good)
    path = keep(tmp_path, baseline_of(run, "bad", NOW.replace(hour=11)))
    path.write_text(change(path.read_text()))
    shelf = read_shelf(tmp_path)
    assert shelf.baselines == (good,)
    (problem,) = shelf.problems
    assert str(path) in problem
    assert said in problem

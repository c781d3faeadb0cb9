"""The index: derived from the runs, brought up to date, and never trusted beyond them."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.results.errors import BrokenError
from dlbench.results.history import contribution, index
from dlbench.results.history.index import FILE, Index, Series
from dlbench.results.records.model import Case, Trial
from dlbench.results.records.store import RunWriter

from tests.factories import end, failure, header, trial

TRAIN = Case.of("toy", backend="jax", phase="train")
TORCH = Case.of("toy", backend="torch", phase="train")


def put(store: Path, number: int, *records: object, **fields: object) -> Path:
    """Store a run; the number is its day."""
    run = f"202611{number:02d}-100000-ab12"
    started = f"2026-11-{number:02d}T10:00:00+00:00"
    cases = tuple(dict.fromkeys(record.case for record in records))  # type: ignore[attr-defined]
    with RunWriter(store, header(run, started=started, cases=cases, **fields)) as writer:
        for record in records:
            writer.append(record)  # type: ignore[arg-type]
        writer.end(end())
        return writer.path


def read(store: Path, **wanted: tuple[str, ...]) -> list[Series]:
    """Bring the index up to date and read series from it."""
    with Index(store) as opened:
        opened.refresh()
        return list(opened.series(wanted))


def values(series: Series, metric: str = "throughput") -> Mapping[str, float]:
    return {point.run[:8]: point.value for point in series.points[metric]}


def faster(factor: float, case: Case = TRAIN, block: int = 0) -> Trial:
    """Return a trial whose windows are shorter."""
    plain = trial(case, block)
    windows = tuple(replace(w, start=w.start / factor, end=w.end / factor) for w in plain.windows)
    return replace(plain, windows=windows)


def test_a_point_is_the_median_over_a_runs_trials(tmp_path: Path) -> None:
    put(tmp_path, 1, faster(1.0), faster(2.0, block=1), faster(8.0, block=2))
    (series,) = read(tmp_path)
    (point,) = series.points["throughput"]
    assert point.value == pytest.approx(2 * point.low)
    assert point.high == pytest.approx(8 * point.low)
    assert point.trials == 3


def test_only_new_changed_and_lost_files_are_looked_at(tmp_path: Path) -> None:
    paths = [put(tmp_path, day, faster(day)) for day in (1, 2, 3)]
    with Index(tmp_path) as opened:
        assert opened.refresh() == 3
        assert opened.refresh() == 0
        put(tmp_path, 4, faster(4))
        assert opened.refresh() == 1
        paths[0].unlink()
        assert opened.refresh() == 0
        os.utime(paths[1], ns=(1, 1))
        assert opened.refresh() == 1
        (series,) = opened.series({})
    assert list(values(series)) == ["20261102", "20261103", "20261104"]


def test_a_run_that_is_still_written_is_read_again(tmp_path: Path) -> None:
    with RunWriter(tmp_path, header()) as writer:
        writer.append(faster(1.0))
        first = read(tmp_path)[0].points["throughput"][0]
        writer.append(faster(4.0, block=1))
        second = read(tmp_path)[0].points["throughput"][0]
    assert (first.trials, second.trials) == (1, 2)


def test_the_index_can_be_deleted_at_any_time(tmp_path: Path) -> None:
    put(tmp_path, 1, faster(1.0))
    before = read(tmp_path)
    (tmp_path / FILE).unlink()
    assert read(tmp_path) == before


@pytest.mark.parametrize("spoilt", [b"no database at all, but long enough to be taken for a page" * 9, b""])
def test_a_damaged_index_is_made_anew(tmp_path: Path, spoilt: bytes) -> None:
    put(tmp_path, 1, faster(1.0))
    before = read(tmp_path)
    (tmp_path / FILE).write_bytes(spoilt)
    assert read(tmp_path) == before


def test_an_index_of_another_version_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, 1, faster(1.0))
    before = read(tmp_path)
    monkeypatch.setattr(index, "VERSION", index.VERSION + 1)
    with Index(tmp_path) as opened:
        assert opened.runs() == 0
        assert opened.refresh() == 1
        assert list(opened.series({})) == before


def test_a_refresh_that_is_cut_short_leaves_what_was_there(tmp_path: Path) -> None:
    put(tmp_path, 1, faster(1.0))
    before = read(tmp_path)
    put(tmp_path, 2, faster(2.0))
    put(tmp_path, 3, faster(3.0))

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with Index(tmp_path) as opened:
        with pytest.raises(KeyboardInterrupt):
            opened.refresh(interrupt)
        assert list(opened.series({})) == before
    assert len(values(read(tmp_path)[0])) == 3


def test_many_bytes_are_read_by_several_processes_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 6):
        put(tmp_path, day, faster(day))
    one = read(tmp_path)
    (tmp_path / FILE).unlink()
    monkeypatch.setattr(contribution, "MANY_BYTES", 1)
    assert read(tmp_path) == one


def test_a_broken_line_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    path = put(tmp_path, 1, faster(1.0), faster(1.0, block=1))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], "{broken\n", *lines[3:]]))
    nothing = tmp_path / "runs" / "20261102-100000-ab12.jsonl"
    nothing.write_text("no header\n")
    with Index(tmp_path) as opened:
        opened.refresh()
        first, second = opened.problems()
        (series,) = opened.series({})
    assert first.startswith(f"{path.name}: line 3 is broken")
    assert f"{nothing}: line 1 is not the header" in second
    assert series.points["throughput"][0].trials == 1


def test_what_cannot_be_compared_stands_in_series_of_its_own(tmp_path: Path) -> None:
    machine = header().machine
    put(tmp_path, 1, faster(1.0), faster(1.0, TORCH))
    put(tmp_path, 2, faster(1.0), machine=replace(machine, fingerprint="another"))
    put(tmp_path, 3, replace(faster(1.0), ledger={"device_name": "H100"}))
    put(tmp_path, 4, replace(faster(1.0), ledger={"data_sha256": "12"}))
    put(tmp_path, 5, replace(faster(1.0), side="a"))
    put(tmp_path, 6, faster(1.0, TRAIN.with_({"precision": "mixed_bfloat16"})))
    put(tmp_path, 7, faster(1.0), machine=replace(machine, hostname="twin", governor="powersave", driver="550"))
    found = read(tmp_path)
    assert [sorted(values(series)) for series in found if len(values(series)) > 1] == [["20261101", "20261107"]]
    assert len(found) == 7


def test_series_are_chosen_by_column(tmp_path: Path) -> None:
    put(tmp_path, 1, faster(1.0), faster(1.0, TORCH))
    assert [s.key.case.text("backend") for s in read(tmp_path, backend=("torch",))] == ["torch"]
    assert read(tmp_path, backend=("torch",), phase=("infer",)) == []
    with Index(tmp_path) as opened:
        assert opened.known("backend") == {"jax", "torch"}
        with pytest.raises(ValueError, match="no such column"):
            opened.known("1; DROP TABLE files")


def test_a_run_in_which_everything_failed_is_told_and_has_no_point(tmp_path: Path) -> None:
    put(tmp_path, 1, replace(faster(1.0), ledger={"device_name": "H100"}))
    put(tmp_path, 2, failure(TRAIN), failure(TRAIN, 1))
    (series,) = read(tmp_path)
    assert list(values(series)) == ["20261101"]
    assert [run[:8] for run in series.failed] == ["20261102"]


def test_a_figure_that_is_no_number_is_no_point(tmp_path: Path) -> None:
    spoilt = replace(faster(1.0), marks={"first_step_s": float("nan")})
    put(tmp_path, 1, spoilt)
    put(tmp_path, 2, spoilt, replace(faster(1.0, block=1), marks={"first_step_s": 0.5}))
    (series,) = read(tmp_path)
    (point,) = series.points["first_step"]
    assert (point.run[:8], point.value, point.trials) == ("20261102", 0.5, 1)


def test_the_environment_of_a_point_is_kept_without_other_frameworks(tmp_path: Path) -> None:
    environment = replace(header().environments[0], packages={"jax": "0.10", "torch": "2.13", "keras": "3.15"})
    put(tmp_path, 1, replace(faster(1.0), ledger={"version_jax": "0.11", "feed": "numpy"}), environments=(environment,))
    with Index(tmp_path) as opened:
        opened.refresh()
        (series,) = opened.series({})
        facts = opened.environment(series.points["throughput"][0].environment)
    assert facts["jax"] == "0.11"
    assert (facts["keras"], facts["feed"], facts["host"]) == ("3.15", "numpy", "bench1")
    assert "torch" not in facts


def test_an_empty_store_has_no_series(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_an_index_that_another_process_holds_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, 1, faster(1.0))
    before = read(tmp_path)
    put(tmp_path, 2, faster(2.0))
    monkeypatch.setattr(index, "WAIT_S", 0.01)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BrokenError, match="locked"):
            read(tmp_path)
    monkeypatch.undo()
    assert len(values(read(tmp_path)[0])) == len(values(before[0])) + 1

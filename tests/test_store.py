"""The store: what was appended can be read, whatever happened to the file afterwards."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from dlbench.results.errors import BrokenError, NothingMeasured, UsageError
from dlbench.results.records.codec import dump_line
from dlbench.results.records.model import SCHEMA, Failure, JobRecord, Trial
from dlbench.results.records.store import (
    RunWriter,
    find_run,
    labelled_runs,
    new_run_id,
    read_header,
    read_jobs,
    read_named,
    read_run,
    run_paths,
    store_path,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from .factories import CASE, end, failure, header, job_record, trial

RECORDS: tuple[Trial | Failure | JobRecord, ...] = (
    trial(block=0),
    job_record("a"),
    failure(block=1, message="it broke: é \n\r\u2028 \U0001f642"),
    trial(CASE.with_({"p.depth": 4}), block=1),
    job_record("b"),
)


def write(folder: Path, run: str = "20261120-100000-ab12", **fields: Any) -> Path:
    """Write a whole run and return its file."""
    with RunWriter(folder, header(run, **fields)) as writer:
        for record in RECORDS:
            writer.append(record)
        writer.end(end())
    return writer.path


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    run = read_run(write(tmp_path))
    assert run.header == header()
    assert run.trials == (RECORDS[0], RECORDS[3])
    assert run.failures == (RECORDS[2],)
    assert run.jobs == (RECORDS[1], RECORDS[4])
    assert run.end == end()
    assert run.problems == ()
    assert run.path == tmp_path / "runs" / "20261120-100000-ab12.jsonl"


def test_each_record_can_be_read_as_soon_as_append_returns(tmp_path: Path) -> None:
    with RunWriter(tmp_path, header()) as writer:
        assert read_run(writer.path).header == header()
        for count in range(1, len(RECORDS) + 1):
            writer.append(RECORDS[count - 1])
            run = read_run(writer.path)
            assert len(run.trials) + len(run.failures) + len(run.jobs) == count
            assert run.problems == ()
            assert run.end is None


def test_each_record_is_on_the_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    with RunWriter(tmp_path, header()) as writer:
        monkeypatch.setattr(
            "dlbench.results.records.store.os.fsync", lambda number: sizes.append(writer.path.stat().st_size)
        )
        for record in RECORDS:
            writer.append(record)
            assert sizes[-1] == writer.path.stat().st_size
    assert len(sizes) == len(RECORDS)


def test_a_run_that_raises_keeps_what_was_appended(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path, header())

    def measure() -> None:
        with writer:
            writer.append(trial())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        measure()
    assert read_run(writer.path).trials == (trial(),)


def test_a_disk_that_is_full_is_told_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with RunWriter(tmp_path, header()) as writer:
        monkeypatch.setattr("dlbench.results.records.store.os.fsync", full)
        with pytest.raises(BrokenError, match=r"cannot write .*ab12.jsonl: No space left on device"):
            writer.append(trial())


def test_a_file_cut_at_any_byte_is_a_run_with_fewer_records_or_no_run(tmp_path: Path) -> None:
    whole = write(tmp_path).read_bytes()
    cut = tmp_path / "cut.jsonl"
    first_line = whole.index(b"\n")
    before = 0
    for length in range(len(whole) + 1):
        cut.write_bytes(whole[:length])
        if length < first_line:
            for read in (read_run, read_header, read_jobs):
                with pytest.raises(BrokenError):
                    read(cut)
            continue
        run = read_run(cut)
        found = (*run.trials, *run.failures, *run.jobs)
        assert all(record in RECORDS for record in found)
        assert len(found) >= before
        before = len(found)
        assert run.header == read_header(cut) == header()
        head, jobs = read_jobs(cut)
        assert head == header()
        assert jobs == run.jobs or jobs == run.jobs[:-1]
        assert run.end in (None, end())
    assert before == len(RECORDS)


def test_a_torn_last_line_loses_one_trial_and_says_so(tmp_path: Path) -> None:
    with RunWriter(tmp_path, header()) as writer:
        writer.append(RECORDS[0])
        writer.append(RECORDS[3])
    content = writer.path.read_bytes()
    writer.path.write_bytes(content[:-20])
    run = read_run(writer.path)
    assert run.trials == (RECORDS[0],)
    assert run.problems == ("20261120-100000-ab12.jsonl: line 3 is torn; the run was cut short there",)


@pytest.mark.parametrize(
    "broken",
    [
        "nonsense",
        "",
        "{}",
        "[1, 2]",
        "null",
        '"trial"',
        "5",
        '{"type":"trial"}',
        '{"type":["trial"]}',
        '{"type":"trial","case":5}',
        dump_line("trial", trial())[:-40],
        dump_line("trial", trial()).replace('"block":0', '"block":"x"').strip(),
        dump_line("trial", trial()).replace("[1,32,0.5,0.75]", "[1,32,0.5]").strip(),
        dump_line("trial", trial()).replace('"start":0.0', '"start":1' + "0" * 400).strip(),
        "\x00" * 50,
        '{"type":"end","finished":5}',
        '{"type":"job"}',
    ],
    ids=lambda text: repr(text[:30]),
)
def test_a_broken_line_in_the_middle_loses_that_line_only(tmp_path: Path, broken: str) -> None:
    path = write(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], f"{broken}\n", *lines[2:]]))
    run = read_run(path)
    assert (*run.trials, *run.failures, *run.jobs) == (
        RECORDS[0], RECORDS[3], RECORDS[2], RECORDS[1], RECORDS[4]
    )  # fmt: skip
    assert run.end == end()
    assert len(run.problems) == 1
    assert "line 3 is broken" in run.problems[0]


def test_bytes_that_are_no_text_lose_their_line_only(tmp_path: Path) -> None:
    path = write(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\xff\xfe\x00\n", *lines[2:]]))
    run = read_run(path)
    assert len(run.trials) == 2
    assert len(run.problems) == 1


def test_records_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], '{"type":"from_the_future","a":[1]}\n', *lines[2:]]))
    run = read_run(path)
    assert len(run.trials) == 2
    assert run.problems == ()


@pytest.mark.parametrize("read", [read_run, read_header, read_jobs])
def test_a_file_of_a_later_schema_asks_for_an_upgrade(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "later.jsonl"
    later = {"type": "header", "schema": SCHEMA + 1, "all": "different"}
    path.write_text(json.dumps(later) + "\n")
    with pytest.raises(BrokenError, match=f"has schema {SCHEMA + 1}.*upgrade dlbench") as caught:
        read(path)
    assert "is not the header" not in str(caught.value)


@pytest.mark.parametrize("read", [read_run, read_header, read_jobs])
def test_an_empty_file_is_not_a_run(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    with pytest.raises(BrokenError, match=r"is empty; it is not a dlbench run"):
        read(path)


@pytest.mark.parametrize("read", [read_run, read_header, read_jobs])
@pytest.mark.parametrize(
    "content",
    [
        b"import this\n",
        b"[]\n",
        b"[1, 2]\n",
        b"{}\n",
        b"null\n",
        b'"header"\n',
        b"5\n",
        b'{"a": 1}\n',
        b'{"type": {}}\n',
        b'{"type": "header"}\n',
        b'{"type": "header", "schema": "x"}\n',
        b"\x89PNG\r\n\x1a\n\x00\xff",
        b"\n\n",
    ],
    ids=repr,
)
def test_a_file_that_is_no_run_is_told_so(tmp_path: Path, read: Any, content: bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(BrokenError, match=r"other.jsonl.*not the header of a dlbench run|not a valid Header"):
        read(path)


def test_a_file_that_begins_without_its_header_is_not_called_empty(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(BrokenError, match=r"header") as caught:
        read_run(path)
    assert "empty" not in str(caught.value)


@pytest.mark.parametrize("read", [read_run, read_header, read_jobs])
def test_a_file_that_cannot_be_read_is_told_with_the_reason(tmp_path: Path, read: Any) -> None:
    with pytest.raises(BrokenError, match=r"cannot read .*absent.jsonl: No such file"):
        read(tmp_path / "absent.jsonl")
    with pytest.raises(BrokenError, match=r"Is a directory"):
        read(tmp_path)


@settings(deadline=None)
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_content_of_a_file_raises_anything_but_broken_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content)
    for read in (read_run, read_header, read_jobs):
        with pytest.raises(BrokenError):
            read(path)


def test_jobs_are_read_without_the_trials(tmp_path: Path) -> None:
    head, jobs = read_jobs(write(tmp_path))
    assert head == header()
    assert jobs == (RECORDS[1], RECORDS[4])


@pytest.mark.parametrize("broken", ['{"type":"job",\n', '{"type":"job"}\n', '{"type":"job","job":5}\n'])
def test_a_broken_job_is_left_out_of_the_jobs_and_the_others_kept(tmp_path: Path, broken: str) -> None:
    path = write(tmp_path)
    with path.open("a") as file:
        file.write(broken)
    assert read_jobs(path)[1] == (RECORDS[1], RECORDS[4])


def test_a_folder_that_cannot_be_written_names_the_ways_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write to the store .*--store or DLBENCH_STORE"):
        RunWriter(tmp_path / "file" / "store", header())


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"File exists"):
        RunWriter(tmp_path, header())
    assert path.read_bytes() == before


def test_each_run_has_a_folder_for_its_logs(tmp_path: Path) -> None:
    with RunWriter(tmp_path, header()) as writer:
        assert writer.logs == tmp_path / "logs" / "20261120-100000-ab12"
        assert writer.logs.is_dir()


def test_run_ids_sort_by_time_and_differ_within_a_second() -> None:
    noon = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
    assert new_run_id(noon) < new_run_id(noon + timedelta(seconds=1)) < new_run_id(noon + timedelta(days=60))
    assert len({new_run_id(noon) for _ in range(20)}) > 1


def test_run_ids_are_in_utc_wherever_the_clock_stands() -> None:
    local = datetime(2026, 11, 20, 1, 30, 0, tzinfo=timezone(timedelta(hours=2)))
    assert new_run_id(local).startswith("20261119-233000-")


def test_the_store_is_the_one_given_else_the_environments_else_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLBENCH_STORE", raising=False)
    assert store_path(None) == Path(".dlbench")
    monkeypatch.setenv("DLBENCH_STORE", "/there")
    assert store_path(None) == Path("/there")
    assert store_path("here") == Path("here")


RUNS = ("20261120-100000-ab12", "20261120-110000-cd34", "20261121-100000-ef56")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for run, label in zip(RUNS, (None, "before", "after"), strict=True):
        write(tmp_path, run, label=label)
    return tmp_path


def test_runs_are_listed_oldest_first(store: Path) -> None:
    (store / "runs" / "notes.txt").touch()
    assert [path.stem for path in run_paths(store)] == list(RUNS)


@pytest.mark.parametrize(
    ("reference", "run"),
    [
        (RUNS[1], RUNS[1]),
        ("20261121", RUNS[2]),
        ("20261120-11", RUNS[1]),
        ("latest", RUNS[2]),
        ("latest~0", RUNS[2]),
        ("latest~1", RUNS[1]),
        ("latest~2", RUNS[0]),
        ("before", RUNS[1]),
        ("after", RUNS[2]),
    ],
)
def test_a_run_is_found_by_its_reference(store: Path, reference: str, run: str) -> None:
    assert find_run(store, reference).path == store / "runs" / f"{run}.jsonl"


def test_a_run_is_found_by_its_path_from_any_store(store: Path, tmp_path: Path) -> None:
    path = store / "runs" / f"{RUNS[0]}.jsonl"
    assert find_run(tmp_path / "no_store", str(path)).path == path


def test_a_label_given_twice_means_the_later_run(store: Path) -> None:
    write(store, "20261122-100000-0000", label="before")
    assert find_run(store, "before").path.stem == "20261122-100000-0000"


@pytest.fixture
def damaged(store: Path) -> Path:
    """Return a file of the store, newer than all others, whose header cannot be read."""
    path = store / "runs" / "20261123-100000-0000.jsonl"
    path.write_text("nonsense")
    return path


@pytest.mark.parametrize(("reference", "run"), [("before", RUNS[1]), ("latest", RUNS[2]), ("latest~1", RUNS[1])])
def test_a_damaged_file_that_may_be_meant_is_passed_over_and_named(
    store: Path, damaged: Path, reference: str, run: str
) -> None:
    found = find_run(store, reference)
    assert found.path.stem == run
    (problem,) = found.passed
    assert problem.startswith(f"{damaged}: line 1 is not the header")
    assert read_named(store, reference).problems == (problem,)


def test_a_damaged_file_that_cannot_be_meant_is_not_looked_at(store: Path, damaged: Path) -> None:
    write(store, "20261124-100000-0000", label="before")
    for reference in ("before", "latest", RUNS[0], str(store / "runs" / f"{RUNS[0]}.jsonl")):
        assert find_run(store, reference).passed == ()


def test_a_run_that_may_be_a_damaged_one_is_no_typing_error(store: Path, damaged: Path) -> None:
    with pytest.raises(BrokenError, match=rf"no run 'nightly'.*cannot be read: .*{damaged.name}: line 1"):
        find_run(store, "nightly")
    with pytest.raises(BrokenError, match=rf"only 3 runs that can be read; damaged: .*{damaged.name}: line 1"):
        find_run(store, "latest~3")


def test_runs_are_sorted_by_label_in_the_order_of_their_first_ones(store: Path, damaged: Path) -> None:
    later = write(store, "20261124-100000-0000", label="before")
    by_label, passed = labelled_runs(store)
    assert list(by_label) == ["before", "after"]
    assert by_label["before"] == [store / "runs" / f"{RUNS[1]}.jsonl", later]
    assert [damaged.name in problem for problem in passed] == [True]


def test_a_prefix_of_several_runs_names_them(store: Path) -> None:
    with pytest.raises(UsageError, match=r"run '20261120' is not unique") as caught:
        find_run(store, "20261120")
    assert RUNS[0] in str(caught.value)
    assert RUNS[1] in str(caught.value)
    assert RUNS[2] not in str(caught.value)


def test_an_unknown_run_is_answered_with_the_last_ones(store: Path) -> None:
    with pytest.raises(UsageError, match=r"no run 'nightly' in the store") as caught:
        find_run(store, "nightly")
    assert RUNS[2] in str(caught.value)


@pytest.mark.parametrize("reference", ["latest~3", "latest~99"])
def test_a_run_before_the_first_does_not_exist(store: Path, reference: str) -> None:
    with pytest.raises(NothingMeasured, match=r"only 3 runs"):
        find_run(store, reference)


@pytest.mark.parametrize("reference", ["latest~x", "latest~-1", "latest~1.5", "latest~\N{SUPERSCRIPT TWO}"])
def test_a_distance_that_is_no_number_is_wrong_use(store: Path, reference: str) -> None:
    with pytest.raises(UsageError, match=r"latest~1"):
        find_run(store, reference)


@pytest.mark.parametrize("reference", ["latest", "20261120", "label"])
def test_a_store_without_runs_says_how_to_make_one(tmp_path: Path, reference: str) -> None:
    with pytest.raises(NothingMeasured, match=r"make one with `dlbench run`"):
        find_run(tmp_path, reference)

"""A damaged file that may be the run that is meant: it is named, the rest is shown, and the status is 4."""

from pathlib import Path

import pytest
from dlbench.harness.commands.baseline import save_command
from dlbench.harness.commands.compare import compare_command
from dlbench.harness.commands.show import show_command
from dlbench.results.errors import BrokenError

from tests.nightly_runs import night, trials, write


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store with two labelled runs; of the first label there is a newer one, whose header is damaged."""
    for number, label in enumerate(("before", "after", "before")):
        path = write(tmp_path, night(number, label=label), trials(0.005 * (1 + 0.1 * number)))
    path.write_text("nonsense\n" + path.read_text().partition("\n")[2])
    return tmp_path


def compared(store: Path, *names: str, by: str | None = None) -> int:
    return compare_command(names, by=by, margin=None, output_format="table", store=str(store))


@pytest.mark.parametrize("names", [("before", "after"), ("after", "latest~1")])
def test_an_older_run_is_not_compared_in_silence(
    store: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, str]
) -> None:
    assert compared(store, *names) == 4
    said = capsys.readouterr()
    assert "digits_cnn" in said.out
    assert said.err.count("20260903-020000-ab12.jsonl: line 1 is not the header") == 1


def test_labels_are_compared_without_it_and_it_is_named(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(store, by="label") == 4
    said = capsys.readouterr()
    assert "after" in said.out
    assert "20260903-020000-ab12.jsonl: line 1 is not the header" in said.err
    with pytest.raises(BrokenError, match=r"unknown label 'nightly'.*20260903-020000-ab12.jsonl: line 1"):
        compared(store, "after", "nightly", by="label")


def test_the_latest_that_can_be_read_is_shown_and_kept(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_command("latest", (), (), (), "table", str(store)) == 4
    said = capsys.readouterr()
    assert "20260902-020000-ab12" in said.out
    assert "20260903-020000-ab12.jsonl: line 1 is not the header" in said.err
    assert save_command("main", "latest", str(store)) == 4
    said = capsys.readouterr()
    assert "of run 20260902-020000-ab12" in said.out
    assert "20260903-020000-ab12.jsonl: line 1 is not the header" in said.err


def test_an_older_damaged_file_stands_in_nobodys_way(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, label in enumerate(("before", "after"), start=3):
        write(store, night(number, label=label), trials(0.005))
    assert compared(store, "before", "after") == 0
    assert show_command("latest", (), (), (), "table", str(store)) == 0
    assert capsys.readouterr().err == ""

"""Resident memory, from made-up files of /proc."""

from pathlib import Path

import pytest
from dlbench.harness.memory import peak_bytes, reset_peak, resident_bytes

STATUS = "Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t4\n"


@pytest.fixture
def status(tmp_path: Path) -> Path:
    path = tmp_path / "status"
    path.write_text(STATUS)
    return path


def test_memory_is_told_in_bytes(status: Path) -> None:
    assert resident_bytes(status) == 1024 * 1024
    assert peak_bytes(status) == 2048 * 1024


def test_a_figure_that_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tkthreadd\n")
    for path in (tmp_path / "status", tmp_path / "absent"):
        assert resident_bytes(path) is None
        assert peak_bytes(path) is None


def test_a_name_that_only_ends_alike_is_another_figure(tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_text("xVmRSS:\t 1 kB\nVmRSSx:\t 2 kB\n")
    assert resident_bytes(path) is None


def test_the_peak_is_reset_by_writing_a_5(tmp_path: Path) -> None:
    clear_refs = tmp_path / "clear_refs"
    assert reset_peak(clear_refs) is True
    assert clear_refs.read_text() == "5"


def test_a_peak_that_cannot_be_reset_is_said(tmp_path: Path) -> None:
    assert reset_peak(tmp_path / "absent" / "clear_refs") is False

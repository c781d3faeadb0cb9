"""Resident memory, from made-up files of /proc."""

from pathlib import Path

import pytest
from dlbench.harness.measuring.memory import give_back_freed, peak_bytes, reset_peak, resident_bytes

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


def test_freed_memory_is_given_back() -> None:
    kept = [bytearray(1000) for _ in range(100_000)]
    held = resident_bytes()
    # Every second block goes: the heap cannot shrink from its end, so what was freed stays resident.
    del kept[::2]
    kept_last = kept.pop()
    kept.clear()
    give_back_freed()
    left = resident_bytes()
    assert len(kept_last) == 1000
    if held is not None and left is not None:
        assert left < held - 40_000_000


def test_the_peak_is_reset_by_writing_a_5(tmp_path: Path) -> None:
    clear_refs = tmp_path / "clear_refs"
    assert reset_peak(clear_refs) is True
    assert clear_refs.read_text() == "5"


def test_a_peak_that_cannot_be_reset_is_said(tmp_path: Path) -> None:
    assert reset_peak(tmp_path / "absent" / "clear_refs") is False

"""The share of other programs, from made-up counters of the kernel."""

import os
from pathlib import Path

import pytest
from dlbench.harness.measuring.load import LoadReading, foreign_load, read_load
from hypothesis import given, settings
from hypothesis import strategies as st

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SECOND = os.sysconf("SC_CLK_TCK")


def stat_file(folder: Path, **cores: tuple[int, ...]) -> Path:
    """Write a /proc/stat: for each core user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice."""
    total = [sum(counts) for counts in zip(*cores.values(), strict=True)]
    lines = [f"cpu  {' '.join(map(str, total))}"]
    lines += [f"{core} {' '.join(map(str, counts))}" for core, counts in cores.items()]
    lines += ["intr 1 2 3", "ctxt 5", "btime 1700000000", "softirq 1 2"]
    path = folder / "stat"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_busy_and_idle_time_are_told_apart(tmp_path: Path) -> None:
    counts = (100, 20, 30, 1000, 500, 4, 5, 6, 100, 20)
    reading = read_load(stat_file(tmp_path, cpu0=counts), frozenset({0}), own=1.0)
    assert reading is not None
    assert reading.busy == pytest.approx(165 * TICK_S)
    assert reading.total == pytest.approx(1665 * TICK_S)
    assert reading.own == 1.0


def test_only_the_cores_that_may_be_used_count(tmp_path: Path) -> None:
    busy, idle = (SECOND, 0, 0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, SECOND, 0, 0, 0, 0, 0, 0)
    stat = stat_file(tmp_path, cpu0=busy, cpu1=idle, cpu10=busy)
    assert read_load(stat, frozenset({0}), own=0.0) == LoadReading(1.0, 0.0, 1.0)
    assert read_load(stat, frozenset({1}), own=0.0) == LoadReading(0.0, 0.0, 1.0)
    assert read_load(stat, frozenset({0, 1, 10}), own=0.0) == LoadReading(2.0, 0.0, 3.0)


def test_own_time_is_this_process_when_not_given(tmp_path: Path) -> None:
    reading = read_load(stat_file(tmp_path, cpu0=(0,) * 10), frozenset({0}))
    assert reading is not None
    assert reading.own > 0


def test_a_system_without_proc_gives_no_reading(tmp_path: Path) -> None:
    assert read_load(tmp_path / "absent", frozenset({0})) is None


@pytest.mark.parametrize(
    ("busy", "own", "share"),
    [(2.0, 2.0, 0.0), (2.0, 1.0, 0.25), (4.0, 0.0, 1.0), (1.0, 2.0, 0.0), (0.0, 0.0, 0.0)],
)
def test_what_others_took_is_what_was_busy_without_ones_own(busy: float, own: float, share: float) -> None:
    before = LoadReading(10.0, 5.0, 100.0)
    after = LoadReading(10.0 + busy, 5.0 + own, 104.0)
    assert foreign_load(before, after) == pytest.approx(share)


def test_no_share_is_told_where_it_cannot_be_known() -> None:
    reading = LoadReading(1.0, 1.0, 1.0)
    assert foreign_load(None, reading) is None
    assert foreign_load(reading, None) is None
    assert foreign_load(reading, reading) is None
    assert foreign_load(reading, LoadReading(1.05, 1.0, 1.09)) is None


READINGS = st.builds(LoadReading, *[st.floats(0, 1e6)] * 3)


@settings(deadline=None)
@given(READINGS, READINGS)
def test_a_share_is_between_0_and_1(before: LoadReading, after: LoadReading) -> None:
    share = foreign_load(before, after)
    assert share is None or 0.0 <= share <= 1.0

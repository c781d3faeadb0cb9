"""What is watched around a series of windows."""

from collections.abc import Callable, Iterator

import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.measuring.load import LoadReading
from dlbench.harness.measuring.watch import LEAK_BYTES, Watched, leak, watched
from dlbench.results.records.model import Window
from hypothesis import given
from hypothesis import strategies as st

from .factories import FakeClock

WINDOWS = (Window(10, 320, 0.0, 1.0),)
SECONDS = 1.0


class Machine:
    """Two cores, some of whose time other programs take while windows are measured."""

    def __init__(self, foreign: list[float], cores_used: float = 1.0, compiled: list[int] | None = None) -> None:
        self.clock, self.cpu = FakeClock(), FakeClock()
        self.foreign = iter(foreign)
        self.cores_used = cores_used
        self.compiled = iter(compiled or [0] * 10)
        self.measured = 0
        self.busy = self.own = 0.0

    def measure(self) -> tuple[Window, ...]:
        self.measured += 1
        self.clock.spend(SECONDS)
        self.cpu.spend(self.cores_used * SECONDS)
        self.own += self.cores_used * SECONDS
        self.busy += self.cores_used * SECONDS + next(self.foreign) * 2 * SECONDS
        return WINDOWS

    def load(self) -> LoadReading:
        return LoadReading(self.busy, self.own, 2 * self.clock())

    def watch(self, effort: Effort | None = None) -> Watched:
        return watched(
            self.measure,
            effort or Effort(attempts=3, most_foreign_load=0.05),
            self.clock,
            cores=2,
            compilations=self._count(),
            load=self.load,
            cpu_clock=self.cpu,
        )

    def _count(self) -> Callable[[], int]:
        counts: Iterator[int] = self.compiled
        return lambda: next(counts)


def test_windows_of_a_quiet_machine_are_measured_once() -> None:
    machine = Machine([0.01])
    seen = machine.watch()
    assert (machine.measured, seen.windows, seen.flags) == (1, WINDOWS, {})
    assert seen.marks["attempts"] == 1
    assert seen.marks["foreign_load"] == pytest.approx(0.01)
    assert seen.marks["windows_cpu_s"] == seen.marks["windows_wall_s"] == SECONDS


def test_disturbed_windows_are_measured_again_until_they_are_not() -> None:
    machine = Machine([0.3, 0.2, 0.01])
    seen = machine.watch()
    assert (machine.measured, seen.flags) == (3, {})
    assert seen.marks["foreign_load"] == pytest.approx(0.01)


def test_what_stays_disturbed_is_kept_and_marked() -> None:
    machine = Machine([0.3, 0.2, 0.1, 0.0])
    seen = machine.watch()
    assert machine.measured == 3
    assert seen.flags == {"disturbed": "other programs took 10% of the cores; measured 3 times"}
    assert seen.marks["foreign_load"] == pytest.approx(0.1)


def test_compilations_within_the_windows_are_flagged() -> None:
    seen = Machine([0.0], compiled=[7, 9]).watch()
    assert seen.marks["compilations"] == 2
    assert seen.flags == {"recompiled": "2 compilations in 10 measured steps"}


def test_more_cores_than_were_given_are_flagged() -> None:
    assert set(Machine([0.0], cores_used=2.5).watch().flags) == {"threads"}
    assert not Machine([0.0], cores_used=2.0).watch().flags


def test_a_precision_that_was_not_reached_is_flagged() -> None:
    seen = Machine([0.0]).watch(Effort(rel_precision=0.01))
    assert seen.flags == {"imprecise": "1.00% wanted on either side, no interval: the step time did not settle"}


def test_memory_that_grows_throughout_is_a_leak() -> None:
    assert leak([1_000_000 * n for n in range(40)])
    assert leak([10**9] * 40) is None


@given(st.integers(0, 10**10), st.integers(8, 200))
def test_memory_that_settles_in_the_first_quarter_is_no_leak(jump: int, readings: int) -> None:
    assert leak([10**8] * (readings // 4) + [10**8 + jump] * (readings - readings // 4)) is None


@given(st.integers(8, 200), st.integers(LEAK_BYTES, 10**9))
def test_steady_growth_is_found_whatever_its_size(readings: int, growth: int) -> None:
    steps = [round(growth * n * 4 / (3 * (readings - 1)) * 1.5) for n in range(readings)]
    assert leak(steps)


def test_too_few_readings_tell_nothing() -> None:
    assert leak([0, 10**9, 2 * 10**9]) is None

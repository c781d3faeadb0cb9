"""The clock and the loop that measure, measured: their resolution, and what they add to each step."""

import time
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from ...results.calibration.records import Instrument
from ...results.records.model import Window
from ..effort import Effort
from .measure import Clock, check_loss, cycle_batches
from .windows import measure_windows

READINGS = 20_000
ROUNDS = 5
ROUND_S = 0.1
PLACED_BATCHES = 8
"""As many as a session keeps on the device."""


class EmptyStep:
    """A training step that does nothing."""

    def run(self, x: Any, y: Any) -> None:
        """Do nothing."""

    def wait(self) -> None:
        """Have nothing to wait for."""

    def loss(self) -> float:
        """Return a loss that is a number."""
        return 1.0


def measure_instrument(clock: Clock = time.perf_counter) -> Instrument:
    """Measure the clock, and the loop of `measure_windows` against a bare one; takes about two seconds.

    Both loops run an empty step, in turns, several times; the fastest of each are compared, since other programs only
    ever add time. The difference is what the harness adds to each step that it times, whatever the step does.
    """
    resolution_s, reading_s = measure_clock(clock)
    steps, gaps, bare = [], [], []
    for _ in range(ROUNDS):
        windows = _empty_windows(clock)
        settled = windows[len(windows) // 2 :]
        steps.append(median(window.step_seconds for window in settled))
        gaps.append(_gap(settled))
        bare.append(_bare_step(settled, clock))
    return Instrument(resolution_s, reading_s, min(steps) - min(bare), min(bare), min(gaps))


def measure_clock(clock: Clock, readings: int = READINGS) -> tuple[float, float]:
    """Return the smallest difference of two readings in a row that differ, and the mean time of a reading, seconds."""
    start = last = clock()
    smallest: float | None = None
    count = 0
    while count < readings or smallest is None:
        now = clock()
        count += 1
        if now > last and (smallest is None or now - last < smallest):
            smallest = now - last
        last = now
    return smallest, (last - start) / count


def _empty_windows(clock: Clock) -> tuple[Window, ...]:
    step: Any = EmptyStep()
    dispatch = cycle_batches(step, [(None, None)] * PLACED_BATCHES)
    return measure_windows(
        dispatch, step.wait, items_per_step=1, seconds=ROUND_S, effort=Effort(), clock=clock, check=check_loss(step)
    )


def _bare_step(windows: Sequence[Window], clock: Clock) -> float:
    """Return the time of an empty step in a loop of nothing else; as many loops, as long, as there are windows."""
    step, found = EmptyStep(), []
    for window in windows:
        start = clock()
        for _ in range(window.steps):
            step.run(None, None)
        found.append((clock() - start) / window.steps)
    return median(found)


def _gap(windows: Sequence[Window]) -> float:
    """Return the median time between windows: their record, the check of the loss, the choice of the next length."""
    return median(after.start - before.end for before, after in pairwise(windows))

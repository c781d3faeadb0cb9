"""What is watched around a series of windows: other programs, compilations, processor time, energy."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from ...results.records.model import Window
from ...results.summaries.figures import relative_halfwidth
from ..effort import Effort
from .energy import Meter, between
from .load import LoadReading, foreign_load, read_load
from .measure import Clock

SLACK = 1.05
"""Processor time over wall time may exceed the cores by so much: both are read one after the other."""

Windows = tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A series of windows with what was seen meanwhile."""

    windows: Windows
    marks: dict[str, float] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)


def watched(
    measure: Callable[[], Windows],
    effort: Effort,
    clock: Clock,
    *,
    cores: int,
    compilations: Callable[[], int | None],
    meter: Meter | None = None,
    load: Callable[[], LoadReading | None] = read_load,
    cpu_clock: Clock = time.process_time,
) -> Watched:
    """Measure a series of windows, again while other programs take too much of the cores.

    Args:
        measure: measures one whole series.
        effort: how much foreign load is allowed, and how often to try.
        clock: seconds, monotonic.
        cores: cores that this process may use.
        compilations: counts what was compiled so far; None where nothing counts.
        meter: reads energy counters.
        load: reads the counters of the cores.
        cpu_clock: processor time of this process, seconds.

    """
    attempt = 0
    while True:
        attempt += 1
        compiled, energy, before = compilations(), meter.read() if meter else None, load()
        cpu, start = cpu_clock(), clock()
        windows = measure()
        wall_s, cpu_s = clock() - start, cpu_clock() - cpu
        foreign = foreign_load(before, load())
        now = compilations()
        if foreign is None or foreign <= effort.most_foreign_load or attempt >= effort.attempts:
            break
    marks = {"attempts": float(attempt), "windows_cpu_s": cpu_s, "windows_wall_s": wall_s}
    flags = {}
    if foreign is not None:
        marks["foreign_load"] = foreign
        if foreign > effort.most_foreign_load:
            times = "once" if attempt == 1 else f"{attempt} times"
            flags["disturbed"] = f"other programs took {foreign:.0%} of the cores; measured {times}"
    if compiled is not None and now is not None:
        marks["compilations"] = float(now - compiled)
    if wall_s > 0 and cpu_s / wall_s > cores * SLACK:
        flags["threads"] = f"{cpu_s / wall_s:.2f} cores were busy of the {cores} that were given"
    flags |= told(
        recompiled=_recompiled(windows, marks.get("compilations", 0)),
        imprecise=imprecise(windows, effort.rel_precision),
    )
    if meter and energy:
        used = between(energy, meter.read())
        marks |= used
        if used:
            marks["energy_items"] = float(sum(window.items for window in windows))
    return Watched(windows, marks, flags)


def told(**found: str | None) -> dict[str, str]:
    """Return the flags of which there is something to tell."""
    return {name: what for name, what in found.items() if what}


def leak(resident: list[int]) -> str | None:
    """Return what is wrong when resident memory grew steadily over the windows; None when it did not.

    Memory that grows in each quarter of the second half and of the first is a leak; allocators that settle, settle in
    the first quarter.

    Args:
        resident: bytes after each window, in order.

    """
    if len(resident) < FEWEST_READINGS:
        return None
    quarter = len(resident) // 4
    points = [resident[quarter], resident[2 * quarter], resident[3 * quarter], resident[-1]]
    growth = [later - earlier for earlier, later in pairwise(points)]
    if sum(growth) >= LEAK_BYTES and all(part >= LEAK_BYTES / 8 for part in growth):
        return f"resident memory grew by {sum(growth) / 1e6:.0f} MB over the last three quarters of the windows"
    return None


FEWEST_READINGS = 8
LEAK_BYTES = 8_000_000
"""Growth over the last three quarters of the windows that is called a leak, when each quarter has a share in it."""


def _recompiled(windows: Windows, compilations: float) -> str | None:
    steps = sum(window.steps for window in windows)
    return f"{compilations:.0f} compilations in {steps} measured steps" if compilations else None


def imprecise(windows: Windows, wanted: float) -> str | None:
    """Return what was asked for and what was reached, where the interval is wider; None where it is not."""
    if not wanted:
        return None
    width = relative_halfwidth(windows)
    if width is not None and width <= wanted:
        return None
    reached = "no interval: the step time did not settle" if width is None else f"{width:.2%} reached"
    return f"{wanted:.2%} wanted on either side, {reached}"

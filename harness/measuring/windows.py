"""Windows: several steps between two device barriers, as many as it takes for the barriers not to show.

Each loop takes the clock as an argument and knows no framework, so that tests drive it with a fake of both.
"""

import math
from collections.abc import Callable
from statistics import median

from ...results.records.model import Window
from ...results.summaries.figures import relative_halfwidth
from ..effort import Effort
from .measure import Clock, Dispatch

BLOCKED_STEPS = 10
"""Single steps with a barrier each, before the windows: what a step costs when nothing is pipelined."""
FEWEST_BLOCKED, BLOCKED_S = 3, 0.5
"""Of long steps fewer: at least three, and no further one after half a second."""
MOST_DRAIN = 0.002
"""Share of a window that may go into emptying the queue at its barrier, where the seconds suffice for such windows."""


class Pace:
    """The windows of one series so far, how many steps the next one holds, and whether they are enough.

    The first windows hold one step each and find how many steps a window needs; they are kept too, since settling is
    found afterwards from all of them.
    """

    def __init__(
        self,
        seconds: float,
        effort: Effort,
        items_per_step: int,
        *,
        blocked_s: float = 0.0,
        most_steps: float = math.inf,
    ) -> None:
        """Begin.

        Args:
            seconds: how long to measure, windows alone.
            effort: number and length of windows.
            items_per_step: samples in one step.
            blocked_s: seconds of a step with a barrier of its own, where known. What it takes more than a step within
                a window is lost at each barrier, as the queue runs empty: windows are lengthened until that is little.
            most_steps: steps that a window holds at most.

        """
        self.windows: list[Window] = []
        self.steps = 1
        """Steps of the next window."""
        self.done = 0
        """Steps of all windows."""
        self.spent_s = 0.0
        """Seconds of all windows, without what was done between them."""
        self._seconds, self._effort, self._items, self._most = seconds, effort, items_per_step, most_steps
        self._blocked_s = blocked_s
        self._wanted_s = max(seconds / effort.windows, effort.min_window_s)
        self._looked = 0

    def note(self, start: float, end: float) -> None:
        """Add a window of `steps` steps, and choose the length of the next one."""
        window = Window(self.steps, self.steps * self._items, start, end)
        self.windows.append(window)
        self.done += window.steps
        self.spent_s += window.seconds
        if window.steps > 1:
            drain_s = max(0.0, self._blocked_s - window.step_seconds)
            longest_s = self._seconds / self._effort.min_windows
            self._wanted_s = max(self._wanted_s, min(drain_s / MOST_DRAIN, longest_s))
        if window.seconds < self._wanted_s / 2:
            # Grow by at most eight times: one step alone says little about the next thousand.
            enough = math.ceil(self._wanted_s / max(window.step_seconds, 1e-9))
            self.steps = int(min(window.steps * 8, max(window.steps, enough), self._most))

    def over(self) -> bool:
        """Tell whether the windows are enough; asked once after each."""
        effort, windows = self._effort, self.windows
        if self.done < effort.min_steps:
            return False
        if self.spent_s >= self._seconds * effort.patience:
            return True
        if self.spent_s < self._seconds or len(windows) < effort.min_windows:
            return False
        # Looking costs time that grows with the windows: look each time there are a tenth more.
        if not effort.rel_precision or len(windows) < 1.1 * self._looked:
            return not effort.rel_precision
        self._looked = len(windows)
        width = relative_halfwidth(windows)
        return width is not None and width <= effort.rel_precision


def measure_windows(
    dispatch: Dispatch,
    wait: Callable[[], None],
    *,
    items_per_step: int,
    seconds: float,
    effort: Effort,
    clock: Clock,
    blocked_s: float = 0.0,
    between: Callable[[float], None] | None = None,
    check: Callable[[int], None] | None = None,
) -> tuple[Window, ...]:
    """Measure windows of several steps, each between two barriers (see Pace for what is not told here).

    Args:
        dispatch: starts one step and may return before it is done.
        wait: blocks until all that was started is done.
        items_per_step: samples in one step.
        seconds: how long to measure, windows alone.
        effort: number and length of windows.
        clock: seconds, monotonic.
        blocked_s: seconds of a step with a barrier of its own, where known.
        between: called after each window with the seconds of all so far; what it does is in no window, and must be
            done when it returns.
        check: called after that with the steps of all windows so far; may raise to end the trial.

    """
    pace = Pace(seconds, effort, items_per_step, blocked_s=blocked_s)
    wait()
    while True:
        steps = pace.steps
        start = clock()
        for _ in range(steps):
            dispatch()
        wait()
        pace.note(start, clock())
        if between is not None:
            between(pace.spent_s)
        if check is not None:
            check(pace.done)
        if pace.over():
            return tuple(pace.windows)


def blocked_steps(dispatch: Dispatch, wait: Callable[[], None], clock: Clock) -> tuple[float, float, int]:
    """Return the median seconds of single steps with a barrier each, of their dispatch alone, and how many."""
    whole: list[float] = []
    ahead: list[float] = []
    wait()
    begin = clock()
    while len(whole) < BLOCKED_STEPS and (len(whole) < FEWEST_BLOCKED or clock() - begin < BLOCKED_S):
        start = clock()
        dispatch()
        back = clock()
        wait()
        whole.append(clock() - start)
        ahead.append(back - start)
    return median(whole), median(ahead), len(whole)

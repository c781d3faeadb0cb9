"""Windows within Keras' own loops, timed from around the function that Keras calls for each batch."""

from collections.abc import Callable
from statistics import median
from typing import Any

from .measure import Clock
from .windows import BLOCKED_S, BLOCKED_STEPS, FEWEST_BLOCKED, Pace


class FitWindows:
    """Lets Keras' loop run undisturbed for a window's steps, then waits for the last one and notes the time.

    A callback would be called at each step, with its logs: with `cancer_mlp` that made `fit` 4 to 5 % slower (95 %
    intervals 1 to 6) on JAX and PyTorch, and is a thread's work where the framework dispatches ahead. This costs a
    subtraction a step and one barrier a window. First come single steps with a barrier each, in no window, which tell
    how long windows must be (see Pace). No window spans two epochs or calls, whose own cost is a figure apart: `begin`
    tells where one starts, and its first step is in no window.
    """

    def __init__(
        self,
        clock: Clock,
        wait: Callable[[Any], None],
        pace: Callable[[float], Pace],
        compilations: Callable[[], int | None],
        *,
        end: Callable[[], None],
        after: Callable[[Any], bool] | None = None,
    ) -> None:
        """Begin.

        Args:
            clock: seconds, monotonic.
            wait: blocks until what a batch gave is computed.
            pace: makes the pace of the windows from the seconds of a step with a barrier.
            compilations: counts what was compiled so far; None where nothing counts.
            end: makes Keras' loop stop after this batch.
            after: called after each window with what its last batch gave; True ends the series.

        """
        self._clock, self._wait, self._make_pace, self._count = clock, wait, pace, compilations
        self._after, self._end = after, end
        self._blocked: list[float] = []
        self._start: float | None = None
        self._counted: int | None = None
        self._left = self._planned = 1
        self._closed = 0
        self.pace: Pace | None = None
        """None until it is known what a step with a barrier takes."""
        self.compiled = 0
        """What was compiled within windows: a call of Keras' loop may itself trace its pipeline anew."""
        self.over = False

    def begin(self) -> None:
        """Note that an epoch or a call begins."""
        self._closed = self.steps()
        self._start, self._left, self._planned = None, 1, 1

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same, and is timed."""

        def timed_function(*arguments: Any) -> Any:
            result = function(*arguments)
            self._left -= 1
            if not self._left:
                self._close(result)
            return result

        return timed_function

    def steps(self) -> int:
        """Return how many batches the function was called for."""
        return self._closed + self._planned - self._left

    def blocked_s(self) -> float | None:
        """Return the median seconds of a step with a barrier; None before the first."""
        return median(self._blocked) if self._blocked else None

    def _close(self, result: Any) -> None:
        self._wait(result)
        now, count = self._clock(), self._count()
        if self._start is not None:
            if count is not None and self._counted is not None:
                self.compiled += count - self._counted
            self._note(self._start, now, result)
        self._counted = count
        self._closed = self.steps()
        self._left = self._planned = self.pace.steps if self.pace else 1
        self._start = self._clock()

    def _note(self, start: float, now: float, result: Any) -> None:
        if self.pace is None:
            self._blocked.append(now - start)
            few = len(self._blocked) < FEWEST_BLOCKED or sum(self._blocked) < BLOCKED_S
            if len(self._blocked) == BLOCKED_STEPS or not few:
                self.pace = self._make_pace(median(self._blocked))
            return
        self.pace.note(start, now)
        ended = self._after is not None and self._after(result)
        if ended or self.pace.over():
            self.over = True
            self._end()

"""Single training steps between the windows: what two sides are compared by beside the windows."""

from collections.abc import Callable

from ...results.summaries.figures import FEWEST_FOR_DECILE
from ..effort import Effort
from .measure import Clock, Dispatch, timed


class SingleSteps:
    """Steps with a barrier each, alike for whatever is compared: the length of a window follows the step's time.

    They are taken in turn with the windows, so that both are spread over the same seconds: what else runs on a machine
    comes and goes within seconds, and measured one after the other the two would see different times.
    """

    def __init__(self, dispatch: Dispatch, wait: Callable[[], None], effort: Effort, clock: Clock) -> None:
        """Begin.

        Args:
            dispatch: starts one step and may return before it is done.
            wait: blocks until all that was started is done.
            effort: how much time they get, as a share of that of the windows.
            clock: seconds, monotonic.

        """
        self._dispatch, self._wait, self._effort, self._clock = dispatch, wait, effort, clock
        self.seconds: list[float] = []
        """Of each step so far."""
        self._spent_s = 0.0

    def restart(self) -> None:
        """Forget all steps so far: the windows are measured anew."""
        self.seconds.clear()
        self._spent_s = 0.0

    def keep_up(self, windows_s: float) -> None:
        """Measure steps until they took their share of what the windows took so far."""
        while self._spent_s < self._effort.single_share * windows_s:
            self._one()

    def complete(self) -> None:
        """Measure as many more as a decile needs, after the windows, while patience lasts."""
        effort = self._effort
        longest_s = effort.single_share * effort.train_s * effort.patience
        while len(self.seconds) < FEWEST_FOR_DECILE and self._spent_s < longest_s:
            self._one()

    def _one(self) -> None:
        seconds = timed(self._dispatch, self._wait, self._clock)
        self.seconds.append(seconds)
        self._spent_s += seconds

"""How long and how closely to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure, for one case of one trial."""

    train_s: float = 0.8
    """Seconds of training windows."""
    infer_s: float = 0.3
    """Seconds of inference windows, and as many of single queries."""
    windows: int = 40
    """Windows aimed at; a window holds as many steps as that takes, at least one."""
    min_windows: int = 8
    """Windows measured even when the seconds are over."""
    min_queries: int = 66
    """Queries measured even when the seconds are over: 64 are needed for a p90 with 99 % confidence."""
    min_window_s: float = 0.005
    """Shortest window: below it the clock and the barrier would show."""
    min_steps: int = 0
    """Training or inference steps measured however long they take."""
    rel_precision: float = 0.0
    """Windows are measured until the 95 % interval of the step time is at most so wide on either side, as a share of
    it; 0: the seconds alone decide."""
    patience: float = 4.0
    """Measuring ends at this multiple of the seconds, whatever the fewest windows and the precision say; `min_steps`
    are done in any case."""
    most_foreign_load: float = 0.05
    """Share of the cores that other programs may take; windows with more are measured again."""
    attempts: int = 3
    """Times that a series of windows is measured at most for that reason; the last one is kept, and marked."""
    single_share: float = 0.0
    """Seconds of training steps with a barrier after each, in turn with the windows, as a share of theirs: what two
    sides are compared by beside the windows."""
    memory_steps: int = 20
    """Steady steps of phase memory."""

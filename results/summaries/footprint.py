"""Footprint: what a row's trials held in memory. What each figure contains stands in docs/memory.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..records.model import Trial
from ..statistics import stats
from ..statistics.stats import Spread
from . import figures
from .rows import Row


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes, over trials; None for what was not measured."""

    steady: Spread | None
    """Peak over steady training steps above the import floor, from timed trials: repeats within 50 MB."""
    exact: Spread | None
    """Peak over steady training steps above what was resident before the first, from trials of phase memory."""
    first_step: Spread | None
    """The same for the first step, which compiles."""
    import_floor: Spread | None
    """Resident after the imports."""
    framework: Spread | None
    """One step by the framework's own account."""
    device_peak: Spread | None
    """Peak of the framework's device allocator."""
    driver: Spread | None
    """Device memory of the process as the driver sees it."""


def footprint(row: Row) -> Footprint:
    """Return the memory figures of a row; trials of phase memory tell what they can, timed ones the rest."""
    exact = [trial for trial in row.memory if _exact(trial)]
    best = (row.memory, row.train)
    return Footprint(
        steady=_spread(row.train, lambda t: figures.above(t, "peak_steady_bytes", "rss_imported_bytes")),
        exact=_spread(exact, lambda t: figures.above(t, "peak_steady_bytes", "rss_ready_bytes")),
        first_step=_first(best, lambda t: figures.above(t, "peak_first_step_bytes", "rss_ready_bytes")),
        import_floor=_first((row.memory, row.train, row.trials), lambda t: t.marks.get("rss_imported_bytes")),
        framework=_first(best, lambda t: t.marks.get("framework_memory_bytes")),
        device_peak=_first(best, lambda t: t.marks.get("device_peak_bytes")),
        driver=_first(best, lambda t: t.marks.get("driver_bytes")),
    )


def _exact(trial: Trial) -> bool:
    """Tell whether a trial kept the allocator policy that makes its figure exact; where it does not say, it did."""
    return trial.ledger.get("allocator", "exact") == "exact"


def _first(groups: Sequence[Sequence[Trial]], figure: Callable[[Trial], float | None]) -> Spread | None:
    return next((found for trials in groups if (found := _spread(trials, figure))), None)


def _spread(trials: Sequence[Trial], figure: Callable[[Trial], float | None]) -> Spread | None:
    return stats.spread([value for trial in trials if (value := figure(trial)) is not None])

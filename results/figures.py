"""Figures of one trial: what its raw windows, queries, epochs and marks come to."""

import math
from dataclasses import dataclass

from . import stats
from .model import Epoch, Trial, WorkloadInfo
from .steady import steady_start


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a trial ran once it had settled."""

    items_per_s: float
    """Items over seconds of the same windows; work in flight overlaps, as it does in use."""
    step_seconds: float
    """Median over the windows."""
    settled: bool
    """False: no steady state was found, and the figures come from the last half of the windows."""


def speed(trial: Trial) -> Speed | None:
    """Return the speed of a trial over its steady windows; None for a trial without windows."""
    windows = [window for window in trial.windows if window.seconds > 0 and window.steps > 0]
    if not windows:
        return None
    start = steady_start([window.step_seconds for window in windows], [window.steps for window in windows])
    used = windows[len(windows) // 2 if start is None else start :]
    items, seconds = sum(window.items for window in used), math.fsum(window.seconds for window in used)
    if items <= 0:
        return None
    typical = stats.median([window.step_seconds for window in used])
    return Speed(items / seconds, typical.estimate, start is not None) if typical else None


def latency(trial: Trial, q: float) -> float | None:
    """Return quantile q of a trial's single forward passes, seconds; None with fewer than may tell it."""
    found = stats.quantile(trial.queries, q)
    return found.estimate if found else None


def memory_bytes(trial: Trial) -> float | None:
    """Return the peak over the steady steps less what was resident after the imports, in bytes."""
    peak, floor = trial.marks.get("peak_steady_bytes"), trial.marks.get("rss_imported_bytes")
    return None if peak is None or floor is None else peak - floor


def final_metric(trial: Trial) -> float | None:
    """Return the test metric after the last epoch."""
    metric = trial.epochs[-1].metric if trial.epochs else None
    return metric if metric is not None and math.isfinite(metric) else None


def target(trial: Trial, info: WorkloadInfo | None) -> float | None:
    """Return the target of a trial: as its data resolved it (ledger `target`), or the workload's."""
    resolved = trial.ledger.get("target")
    if isinstance(resolved, int | float):
        return float(resolved)
    return info.target if info else None


def target_epoch(trial: Trial, info: WorkloadInfo | None) -> Epoch | None:
    """Return the first epoch whose metric meets the target; None for a miss, or without a target."""
    goal = target(trial, info)
    if goal is None:
        return trial.epochs[-1] if trial.reached and trial.epochs else None
    sign = -1 if info and info.direction == "min" else 1
    reached = (e for e in trial.epochs if e.metric is not None and sign * e.metric >= sign * goal)
    return next(reached, None)

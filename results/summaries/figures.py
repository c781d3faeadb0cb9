"""Figures of one trial: what its raw windows, queries, epochs and marks come to.

Needs numpy alone: a worker asks here whether its windows are precise enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ..records.model import TRAINING_STEP, Epoch, Trial, Window, WorkloadInfo
from ..statistics import stats
from ..statistics.stats import Interval
from ..statistics.steady import steady_start

BATCHES = 8
"""Batch means that the interval within a trial is made from."""

FEWEST_WINDOWS = 2 * BATCHES
"""Fewer steady windows than this have no interval: two in each batch."""

FEWEST_FOR_DECILE = 10
"""Single steps without which there is no decile."""

MOST_ALIKE = 0.8
"""Highest lag-1 autocorrelation of batch means that is corrected for."""


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
    return speed_of(trial.windows)


@lru_cache(maxsize=4096)
def speed_of(windows: tuple[Window, ...]) -> Speed | None:
    """Return the speed over the steady ones of some windows; None for no windows."""
    used, settled = _steady(windows)
    items, seconds = sum(window.items for window in used), math.fsum(window.seconds for window in used)
    typical = stats.median([window.step_seconds for window in used])
    return Speed(items / seconds, typical.estimate, settled) if typical and items > 0 else None


def quiet_speed(trial: Trial) -> float | None:
    """Return the ninth decile of the throughput of single steps, items/s; None for fewer than ten of them.

    What else runs on a machine, or beside a virtual one, only ever takes time, in bursts and in episodes of many
    steps, so that neither mean nor median gets rid of it; the quickest steps hardly see it (Chen & Revels,
    arXiv:1608.04295). What the program itself does now and then they do not see either: that is what the throughput
    of all steps is for. The steps are single ones with a barrier each, of training or, in phase infer, the queries:
    windows would not do, since a decile over longer windows is a lower one.
    """
    steps = trial.queries if trial.case.get("phase") == "infer" else trial.latencies.get(TRAINING_STEP, ())
    if len(steps) < FEWEST_FOR_DECILE or not trial.windows:
        return None
    window, step_s = trial.windows[0], float(np.percentile(steps, 10))
    return window.items / window.steps / step_s if step_s > 0 else None


def settling_seconds(trial: Trial) -> float | None:
    """Return the seconds from the end of the first steps to the steady state; None where there is none."""
    used, settled = _steady(trial.windows)
    return used[0].start - trial.windows[0].start if used and settled else None


def interval_of_windows(windows: Sequence[Window]) -> Interval | None:
    """Return the mean step time over the steady windows of one trial, seconds, with its 95 % interval.

    Neighbouring windows resemble each other, so the interval comes from the means of BATCHES runs of windows
    (Law & Carson, Operations Research 27(5), 1979), widened by what these still have in common: with r their lag-1
    autocorrelation, by sqrt((1 + r) / (1 - r)). It tells how well this process was measured; between processes
    there is more. None where the windows have not settled, or fewer than FEWEST_WINDOWS have.
    """
    used, settled = _steady(tuple(windows))
    if not settled or len(used) < FEWEST_WINDOWS:
        return None
    batches = [_step_seconds(used[a:b]) for a, b in _cuts(len(used))]
    means = np.asarray(batches)
    around = means - means.mean()
    square = float((around**2).sum())
    alike = float((around[1:] * around[:-1]).sum()) / square + 1 / BATCHES if square > 0 else 0.0
    alike = min(max(alike, 0.0), MOST_ALIKE)
    error = float(means.std(ddof=1)) / math.sqrt(BATCHES) * math.sqrt((1 + alike) / (1 - alike))
    half = stats.t_quantile((1 + stats.CONFIDENCE) / 2, BATCHES - 1) * error
    mean = _step_seconds(used)
    return Interval(mean, mean - half, mean + half, len(used))


def relative_halfwidth(windows: Sequence[Window]) -> float | None:
    """Return half the 95 % interval of the steady step time over the step time; None where there is no interval."""
    found = interval_of_windows(windows)
    return None if found is None or found.high is None else found.high / found.estimate - 1


def _steady(windows: tuple[Window, ...]) -> tuple[tuple[Window, ...], bool]:
    """Return the steady windows, or the last half and False where the series never settles."""
    timed = tuple(window for window in windows if window.seconds > 0 and window.steps > 0)
    start = steady_start([window.step_seconds for window in timed], [window.steps for window in timed])
    return timed[len(timed) // 2 if start is None else start :], start is not None


def _step_seconds(windows: Sequence[Window]) -> float:
    return math.fsum(window.seconds for window in windows) / sum(window.steps for window in windows)


def _cuts(n: int) -> list[tuple[int, int]]:
    """Return where each batch of n windows begins and ends."""
    places = [round(n * k / BATCHES) for k in range(BATCHES + 1)]
    return list(pairwise(places))


def above(trial: Trial, peak: str, floor: str) -> float | None:
    """Return one mark less another, by their names; None where either is absent."""
    high, low = trial.marks.get(peak), trial.marks.get(floor)
    return None if high is None or low is None else high - low


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

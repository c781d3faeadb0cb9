"""Noise of step times, from processes that all measured the same case; and equals that were called different.

Processes of neighbouring blocks make pairs. A pair stands for one block of a comparison of a case with itself: what
such a comparison claims is false, and how often it claims something is the rate of false alarms.
"""

import math
import random
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ..records.model import Trial
from ..statistics import stats
from ..statistics.steady import steady_start
from ..summaries import figures
from .records import FalseAlarms

FEWEST_FOR_LAG = 8
"""Fewer processes in a row say nothing about their correlation: its standard error is about 1 / sqrt(n)."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How the step times of one case vary; the fields are those of `calibration.Noise`."""

    step_s: float | None
    within: float | None
    between: float | None
    lag1: float | None
    paired: float | None
    detectable_ratio: float | None


def variation(trials: Sequence[Trial], comparison_trials: int) -> Variation:
    """Return how the step times of one case's trials vary.

    Args:
        trials: one per process, of phase train, in the order of measuring.
        comparison_trials: default trials of a comparison, for the smallest detectable ratio.

    """
    speeds = [speed.step_seconds for trial in trials if (speed := figures.speed(trial))]
    logs = np.log(np.asarray(speeds, dtype=np.float64))
    spread = stats.spread(logs)
    variances = [value**2 for trial in trials if (value := _within(trial)) is not None]
    paired = _paired(pairs(trials).values())
    return Variation(
        step_s=math.exp(spread.mean) if spread else None,
        within=math.sqrt(math.fsum(variances) / len(variances)) if variances else None,
        between=spread.sd if spread else None,
        lag1=lag1(list(logs)),
        paired=paired,
        detectable_ratio=None if paired is None else detectable_ratio(paired, comparison_trials),
    )


def lag1(values: Sequence[float]) -> float | None:
    """Return the correlation of values with the one that follows each, both about the common mean.

    None for fewer than FEWEST_FOR_LAG values, and where all are the same (Box, Jenkins, Reinsel & Ljung, Time Series
    Analysis, 5th ed., 2.1).
    """
    if len(values) < FEWEST_FOR_LAG:
        return None
    centred = np.asarray(values, dtype=np.float64) - np.mean(values)
    total = float(np.sum(centred**2))
    return float(np.sum(centred[1:] * centred[:-1])) / total if total > 0 else None


def detectable_ratio(paired: float, n: int) -> float | None:
    """Return the smallest ratio above 1 that n pairs show with a power of 80 % at a confidence of 95 %.

    exp((t(.975) + t(.8)) s_d / sqrt(n)), both t with n - 1 degrees of freedom (Bloom, Evaluation Review 19(5), 1995).
    s_d comes from all pairs that were measured, so it is known better than a comparison of n pairs knows its own. None
    for fewer than two pairs, and where the ratio is beyond any number.

    Args:
        paired: standard deviation of the log ratios of pairs.
        n: pairs of a comparison.

    """
    if n <= 1:
        return None
    factor = stats.t_quantile((1 + stats.CONFIDENCE) / 2, n - 1) + stats.t_quantile(stats.POWER, n - 1)
    effect = factor * paired / math.sqrt(n)
    return math.exp(effect) if effect < math.log(sys.float_info.max) else None


def pairs(trials: Sequence[Trial]) -> dict[int, tuple[Trial, Trial]]:
    """Return the trials of blocks 2i and 2i + 1 by i; where one of them is missing, or not timed, there is no pair."""
    by_block = {trial.block: trial for trial in trials if figures.speed(trial)}
    numbers = sorted({block // 2 for block in by_block})
    return {i: (by_block[2 * i], by_block[2 * i + 1]) for i in numbers if {2 * i, 2 * i + 1} <= by_block.keys()}


def count_false_alarms(trials: Sequence[Trial], comparison_trials: int, seed: str) -> tuple[FalseAlarms, ...]:
    """Compare a case with itself, as often as its trials allow, and count what was claimed.

    Each comparison has `comparison_trials` pairs of its own in a row; which process of a pair is the candidate is
    drawn, as it is in a randomised block. One whose pairs are not complete is not made. A claim is a 95 % interval of
    the paired ratio of step times (`stats.paired_ratio`) that does not hold 1.

    Args:
        trials: of one case, one per block, of phase train.
        comparison_trials: pairs of a comparison, two or more.
        seed: draws the sides; the same seed gives the same sides.

    """
    if not trials or comparison_trials <= 1:
        return ()
    found = pairs(trials)
    case = trials[0].case
    counts = {doubtful: [0, 0, 0] for doubtful in (False, True)}
    for first in range(0, max(found, default=-1) + 1, comparison_trials):
        numbers = range(first, first + comparison_trials)
        if not all(number in found for number in numbers):
            continue
        sides = [_sides(found[number], random.Random(f"{seed}-{number}")) for number in numbers]  # noqa: S311
        ratio = stats.paired_ratio([_step_s(one) for one, _ in sides], [_step_s(other) for _, other in sides])
        if ratio is None or ratio.low is None or ratio.high is None:
            continue
        count = counts[any(trial.flags for side in sides for trial in side)]
        count[0] += 1
        count[1] += ratio.low > 1
        count[2] += ratio.high < 1
    backend, device = case.text("backend"), case.text("device")
    return tuple(
        FalseAlarms(backend, device, comparison_trials, doubtful, *count)
        for doubtful, count in counts.items()
        if count[0]
    )


def clopper_pearson(hits: int, n: int, confidence: float = stats.CONFIDENCE) -> stats.Interval:
    """Return a proportion with its exact interval (Clopper & Pearson, Biometrika 26(4), 1934).

    Raises ValueError where there are more hits than trials, or no trials.
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"expected 0 to n hits of n > 0; received {hits} of {n}")
    from scipy.special import betaincinv  # slow to import, so only when needed

    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return stats.Interval(hits / n, low, high, n)


def _sides(pair: tuple[Trial, Trial], draw: random.Random) -> tuple[Trial, Trial]:
    return pair if draw.random() < 0.5 else (pair[1], pair[0])


def _step_s(trial: Trial) -> float:
    speed = figures.speed(trial)
    if speed is None:
        raise ValueError(f"the trial of job {trial.job} has no windows")
    return speed.step_seconds


def _paired(found: Collection[tuple[Trial, Trial]]) -> float | None:
    """Return the standard deviation of the log ratios of pairs, about 0: which one is above is a matter of chance."""
    squares = [math.log(_step_s(later) / _step_s(earlier)) ** 2 for earlier, later in found]
    return math.sqrt(math.fsum(squares) / len(squares)) if len(squares) > 1 else None


def _within(trial: Trial) -> float | None:
    """Return the standard deviation of the log step times of a trial's steady windows; None for fewer than two."""
    windows = [window for window in trial.windows if window.seconds > 0 and window.steps > 0]
    start = steady_start([window.step_seconds for window in windows], [window.steps for window in windows])
    used = windows[len(windows) // 2 if start is None else start :]
    spread = stats.spread([math.log(window.step_seconds) for window in used])
    return spread.sd if spread else None

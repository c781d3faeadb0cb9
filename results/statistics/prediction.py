"""Prediction: where one more session of a case is expected, from the last ones; refused where these are too few."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import stats
from .change_points import INFLATION, level_and_noise
from .numbers import row

FEWEST_SESSIONS = 8
"""Sessions that a prediction needs: from fewer the noise is known too badly for an interval worth its name."""

MOST_SESSIONS = 20
"""The last sessions that are used; older ones tell less than they drift."""

LEVEL = 0.99
"""Nominal share of further sessions that lie inside the interval."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where one more session is expected, in the unit of the sessions."""

    middle: float
    low: float
    high: float
    sessions: int


def prediction(values: Sequence[float]) -> Prediction | None:
    """Return where the next value is expected, given one positive value per session, oldest first; None for too few.

    With level m and noise s of the logarithms of the last n sessions (Winsorised mean and standard deviation, Tukey &
    McLaughlin, Sankhya A 25, 1963), the interval is m +- t(n-1) s sqrt(1 + f / n): that of one further normal
    observation (Hahn & Meeker, Statistical Intervals, 1991, 4.6), with f for neighbouring sessions' resemblance
    (`change_points.INFLATION`). Outliers among the sessions do not widen it. Raises ValueError for a value among the
    last that is not positive and finite.
    """
    last = row(values)[-MOST_SESSIONS:]
    if not (np.isfinite(last).all() and (last > 0).all()):
        raise ValueError("expected positive, finite values")
    if last.size < FEWEST_SESSIONS:
        return None
    levels, noises = level_and_noise(np.log(last)[:, None])
    level, noise = float(levels[0]), float(noises[0])
    half = stats.t_quantile((1 + LEVEL) / 2, last.size - 1) * noise * math.sqrt(1 + INFLATION / last.size)
    high = min(level + half, math.log(sys.float_info.max))
    return Prediction(math.exp(level), math.exp(level - half), math.exp(high), last.size)

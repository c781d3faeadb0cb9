"""Prediction: where one more session of a case is expected, from the last ones; refused where these are too few."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import stats
from .change_points import CLIP_BEFORE, CONSISTENT_MEDIAN, INFLATION, level_and_noise
from .numbers import row

FEWEST_SESSIONS = 8
"""Sessions that a prediction needs: from fewer the noise is known too badly for an interval worth its name."""

MOST_SESSIONS = 20
"""The last sessions that are used; older ones tell less than they drift."""

LEVEL = 0.99
"""Nominal share of further sessions that lie inside the interval, where nothing else is asked."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where one more session is expected, in the unit of the sessions."""

    middle: float
    low: float
    high: float
    sessions: int
    """From which the noise is known."""


def prediction(values: Sequence[float], level: float = LEVEL) -> Prediction | None:
    """Return where the next value is expected, given one positive value per session, oldest first; None for too few.

    With level m and noise s of the logarithms of the last n sessions (Winsorised mean and standard deviation, Tukey &
    McLaughlin, Sankhya A 25, 1963), the interval is m +- t s sqrt(1 + f / n): that of one further normal observation
    (Hahn & Meeker, Statistical Intervals, 1991, 4.6), with f for neighbouring sessions' resemblance
    (`change_points.INFLATION`). Where h of the sessions were not drawn in, t is Student's with h - 1 degrees of
    freedom, times (n - 1) / (h - 1) (Dixon & Tukey, Technometrics 10(1), 1968): from few sessions the noise is often
    drawn in too far, and with t(n - 1) up to six times as many sessions as stated lay outside, where a hundred figures
    were judged together. Outliers among the sessions hardly widen it.

    Args:
        values: one per session.
        level: nominal share of further sessions inside.

    Raises:
        ValueError: a value is not positive and finite.

    """
    known = _known(values)
    return None if known is None else known.around(known.level, 1 + INFLATION / known.sessions, level)


def near(saved: float, values: Sequence[float], level: float = LEVEL) -> Prediction | None:
    """Return where one session is expected that is like another one, saved at any time; None for too few sessions.

    Two sessions of one level differ by a normal figure of variance 2 s^2, so the interval is saved +- t s sqrt(2) in
    logarithms, with t and s as in `prediction` (the critical difference of two single results, ISO 5725-6:1994, 4.1,
    with s estimated and thus t in place of the normal 1.96).

    Args:
        saved: the figure of the other session, positive.
        values: one per session, from which the noise is known; oldest first.
        level: nominal share of like sessions inside.

    Raises:
        ValueError: a value is not positive and finite.

    """
    if not (saved > 0 and math.isfinite(saved)):
        raise ValueError("expected positive, finite values")
    known = _known(values)
    return None if known is None else known.around(math.log(saved), 2.0, level)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last sessions tell, in logarithms."""

    level: float
    noise: float
    sessions: int
    kept: int
    """Sessions that were not drawn in."""

    def around(self, middle: float, variance: float, level: float) -> Prediction:
        """Return an interval around a middle; variance: of what is expected, in units of the noise's square."""
        t = stats.t_quantile((1 + level) / 2, self.kept - 1) * (self.sessions - 1) / (self.kept - 1)
        half = t * self.noise * math.sqrt(variance)
        high = min(middle + half, math.log(sys.float_info.max))
        return Prediction(math.exp(middle), math.exp(middle - half), math.exp(high), self.sessions)


def _known(values: Sequence[float]) -> _Known | None:
    last = row(values)[-MOST_SESSIONS:]
    if not (np.isfinite(last).all() and (last > 0).all()):
        raise ValueError("expected positive, finite values")
    if last.size < FEWEST_SESSIONS:
        return None
    logs = np.log(last)
    levels, noises = level_and_noise(logs[:, None])
    away = np.abs(logs - np.median(logs))
    kept = int((away <= CLIP_BEFORE * CONSISTENT_MEDIAN * np.median(away)).sum())
    return _Known(float(levels[0]), float(noises[0]), last.size, kept)

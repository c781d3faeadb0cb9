"""Session: the figures of one session held against the last sessions and against saved ones; on plain arrays.

Two questions are asked of each figure, for neither answers the other. Is it where the last sessions say that the next
one should be? That finds a change at the session where it comes, and is blind once the sessions have moved along. Is it
as near to the saved figure as two sessions of one level are? That finds what has come since the figure was saved, fast
or slowly, and is less sharp, for the saved figure is one session's, noise and all.

A figure is beyond if one of the answers is no, and a session is told apart if one of its figures is. So that a session
without a change is told apart with a chance of at most FAMILY, however many figures it has, each of the 2 m questions
of m figures gets the same part of it (Bonferroni's inequality; it holds whatever the figures have to do with each
other). The intervals that are shown are those that decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .change_points import changes_of
from .prediction import FEWEST_SESSIONS, Prediction, near, prediction

FAMILY = 0.015
"""Nominal chance that any figure of a session without a change is beyond its intervals. With the bursts and outliers of
real machines it is 5 % (tests/bench/histories.py)."""

QUESTIONS = 2
"""Asked of each figure."""


@dataclass(frozen=True, slots=True)
class JudgedFigure:
    """How one figure of a session stands."""

    sessions: int
    """Since the last change of level."""
    expected: Prediction | None
    """From these; None where they are too few, so that the figure cannot be judged."""
    near: Prediction | None
    """Around the saved figure; None where there is none, or too few sessions."""
    below: bool
    """Whether it lies below either interval."""
    above: bool


def judge_session(
    now: Sequence[float],
    sessions: Sequence[Sequence[float]],
    saved: Sequence[float | None],
    family: float = FAMILY,
) -> list[JudgedFigure]:
    """Return how the figures of one session stand, in the order given.

    Figures with fewer than FEWEST_SESSIONS sessions since their last change of level are not judged, and do not count
    among the figures that share the level.

    Args:
        now: the session's figures.
        sessions: for each figure that of earlier sessions, oldest first, all of one machine and environment; what lies
            before the last change of level (`change_points`) is not used.
        saved: for each figure the saved one; None: only the sessions are asked.
        family: chance that any figure of a session without a change is beyond, for normal noise.

    Raises:
        ValueError: a figure is not positive and finite, or the lengths differ.

    """
    if not len(now) == len(sessions) == len(saved):
        raise ValueError(f"{len(now)} figures, sessions of {len(sessions)} and {len(saved)} saved ones do not fit")
    told = changes_of(sessions)
    levels = [values[found[-1].place if found else 0 :] for values, found in zip(sessions, told, strict=True)]
    judged = sum(len(values) >= FEWEST_SESSIONS for values in levels)
    level = level_of_each(judged, family)
    return [_judged(*figure, level) for figure in zip(now, levels, saved, strict=True)]


def level_of_each(figures: int, family: float = FAMILY) -> float:
    """Return the level of each interval, where so many figures are judged together."""
    return 1 - family / (QUESTIONS * max(figures, 1))


def _judged(now: float, sessions: Sequence[float], saved: float | None, level: float) -> JudgedFigure:
    expected = prediction(sessions, level)
    around = None if saved is None else near(saved, sessions, level)
    bounds = [one for one in (expected, around) if one is not None]
    below, above = any(now < one.low for one in bounds), any(now > one.high for one in bounds)
    return JudgedFigure(len(sessions), expected, around, below, above)

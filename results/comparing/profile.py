"""Several workloads at once: geometric means of ratios, and performance profiles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..history.points import METRICS
from ..statistics import stats
from ..statistics.stats import Interval
from .contest import Contest, Round

TAUS = (1.0, 1.1, 1.25, 1.5, 2.0, 4.0)
"""Factors at which a profile is told."""
LAST = TAUS[-1]
FEWEST = 3
"""Workloads from which on a profile is told."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How close a side comes to the best side of each workload."""

    shares: tuple[float, ...]
    """At each of TAUS: share of the workloads on which the side is within that factor of the best."""
    score: float
    """Area under the profile from 1 to LAST, 0 to 1."""
    workloads: int


def profiles(times: Sequence[Mapping[str, float]], sides: Sequence[str]) -> dict[str, Profile]:
    """Return the profile of each side.

    Share of workloads with time at most tau times the best side's (Dolan & Moré, Mathematical Programming 91, 2002);
    the score is its integral from 1 to 4, as AlgoPerf scores submissions (Dahl et al. 2023). A side that lacks a
    workload is never within any factor of it.

    Args:
        times: for each workload seconds, or what is better the smaller, by side.
        sides: all of them.

    """
    found = {}
    for side in sides:
        ratios = [one[side] / min(one.values()) if side in one else math.inf for one in times]
        shares = tuple(sum(ratio <= tau * (1 + 1e-12) for ratio in ratios) / len(ratios) for tau in TAUS)
        area = sum(max(0.0, LAST - max(1.0, ratio)) for ratio in ratios) / (LAST - 1) / len(ratios)
        found[side] = Profile(shares, area, len(ratios))
    return found


def profiles_of(contest: Contest, metric: str, phase: str) -> dict[str, Profile]:
    """Return the profiles of a contest in a figure; none for fewer than FEWEST cases that can be compared."""
    larger = METRICS[metric].better == "max"
    times = []
    for one in contest.rounds:
        if one.metric != metric or one.case.get("phase") != phase or not _shared(one, contest.sides):
            continue
        means = {name: stats.geometric_mean(values) for name, values in one.values.items() if values}
        times.append({n: 1 / m.estimate if larger else m.estimate for n, m in means.items() if m is not None})
    return profiles(times, contest.sides) if len(times) >= FEWEST else {}


def _shared(one: Round, sides: Sequence[str]) -> bool:
    """Tell whether a case may count: the first side has it and another one, and none that has it is refused."""
    others = [side for side in sides[1:] if one.values[side]]
    return bool(one.values[sides[0]] and others) and not any(one.bouts[side].refused for side in others)


def mean_ratios(contest: Contest, metric: str, phase: str) -> dict[str, Interval]:
    """Return for each side but the first the geometric mean of its ratios over cases, with its t interval over them."""
    found = {}
    for side in contest.sides[1:]:
        ratios = [
            bout.effect.estimate
            for one in contest.rounds
            if one.metric == metric and one.case.get("phase") == phase
            if (bout := one.bouts.get(side)) is not None and bout.effect is not None
        ]
        interval = stats.geometric_mean(ratios) if len(ratios) > 1 else None
        if interval is not None:
            found[side] = interval
    return found

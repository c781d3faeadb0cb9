"""A contest: several sides, each held against the first, over the cases that they share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, geometric_mean

import numpy as np

from ..errors import NothingMeasured
from ..history.points import METRICS, differences
from ..records.model import Case, WorkloadInfo
from ..statistics import stats
from ..statistics.equivalence import BETTER, WORSE
from ..statistics.holm import holm
from ..statistics.sequential import SAME, UNSURE
from ..statistics.stats import Interval
from ..statistics.welch import INNER, unpaired
from ..statistics.worsening import worsening
from ..summaries.ledger import REFUSED
from .contender import Contender

ALPHA = 0.05
COMPARED_METRICS = (
    "throughput",
    "latency_p50",
    "first_step",
    "memory_exact",
    "accuracy",
    "time_to_target",
    "decode",
    "scenario",
)
"""In the order of the tables."""
DIFFERENCES = ("accuracy",)
"""Figures that are subtracted and not divided."""
FRAMEWORKS = ("jax", "jaxlib", "torch", "tensorflow", "keras", "numpy")
LIKELY = (*FRAMEWORKS, "driver", "CPU governor", "threads", "image", "Python")
"""What most likely makes a difference, the likeliest first; the rest follows by name."""


@dataclass(frozen=True, slots=True)
class Bout:
    """One side against the first in one figure of one case."""

    effect: Interval | None
    """Side / first side; of accuracy, side less first side in its unit."""
    p: float | None
    """Two-sided, corrected by Holm over all bouts of the contest."""
    verdict: str | None
    """BETTER, WORSE, SAME or UNSURE; None where nothing can be said."""
    smallest: float | None
    """Ratio above 1, or difference above 0, that would have been shown with a power of 80 %."""
    refused: str | None = None
    """Why the two are not compared."""
    inner: Interval | None = None
    raw_p: float | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One figure of one case on every side."""

    case: Case
    metric: str
    info: WorkloadInfo | None
    values: Mapping[str, tuple[float, ...]]
    """By side."""
    bouts: Mapping[str, Bout]
    """By side, but for the first."""

    @property
    def differences(self) -> bool:
        """Whether sides are subtracted and not divided."""
        return self.metric in DIFFERENCES


@dataclass(frozen=True, slots=True)
class Contest:
    """Every round, and what the sides differ in."""

    sides: tuple[str, ...]
    """The first is the reference."""
    paired: bool
    """Whether values of one block are pairs: sides of one run. Else the runs were made one after the other."""
    rounds: tuple[Round, ...]
    differs: Mapping[str, Mapping[str, tuple[str | None, str | None]]]
    """By side, but for the first: what differs from the first, the likeliest cause first."""
    alone: tuple[str, ...]
    """Cases that not every side has, in words."""
    unit: str
    """What a value stands for: a trial, or the mean of a run."""


def contest(sides: Sequence[Contender], *, paired: bool, margin: float | None, ignored: frozenset[str]) -> Contest:
    """Hold every side against the first.

    Args:
        sides: two or more.
        paired: whether blocks are pairs.
        margin: share by which sides may differ and are still the same; None: sameness is not asked.
        ignored: settings that are under comparison, and so no reason to refuse.

    Raises:
        NothingMeasured: no case is shared by two sides.

    """
    first, *others = sides
    cases = list(dict.fromkeys(case for side in sides for case in side.trials))
    shared = [case for case in cases if case in first.trials and any(case in side.trials for side in others)]
    if not shared:
        raise NothingMeasured("the sides share no case: nothing to compare")
    rounds = [found for case in shared for found in _rounds(case, first, others, paired, ignored)]
    raw = {
        (place, name): bout.raw_p
        for place, found in enumerate(rounds)
        for name, bout in found.bouts.items()
        if bout.raw_p is not None
    }
    adjusted = dict(zip(raw, holm(list(raw.values())).tolist(), strict=True)) if raw else {}
    decided = []
    for place, found in enumerate(rounds):
        bouts = {n: _decided(found, bout, adjusted.get((place, n)), margin) for n, bout in found.bouts.items()}
        decided.append(replace(found, bouts=bouts))
    differs = {side.name: ranked(differences(first.facts, side.facts)) for side in others}
    alone = tuple(_words(case) for case in cases if case not in shared)
    return Contest(tuple(side.name for side in sides), paired, tuple(decided), differs, alone, first.unit)


def ranked(found: Mapping[str, tuple[str | None, str | None]]) -> dict[str, tuple[str | None, str | None]]:
    """Return differences with the likeliest cause of another figure first."""

    def rank(name: str) -> tuple[int, str]:
        return LIKELY.index(name) if name in LIKELY else len(LIKELY), name

    return {name: found[name] for name in sorted(found, key=rank)}


def _words(case: Case) -> str:
    return " ".join([case.workload, *(f"{name}={value}" for name, value in sorted(case.factors.items()))])


def _rounds(
    case: Case, first: Contender, others: Sequence[Contender], paired: bool, ignored: frozenset[str]
) -> list[Round]:
    info = first.infos.get(case.workload)
    found = []
    for metric in COMPARED_METRICS:
        if case.get("phase") not in METRICS[metric].phases:
            continue
        if case.get("phase") == "infer" and (metric == "latency_p50") != (case.get("batch_size") == 1):
            continue
        values = {side.name: _by_block(side, case, metric, info) for side in (first, *others)}
        if not values[first.name] or not any(values[side.name] for side in others):
            continue
        bouts = {
            side.name: _bout(case, first, side, values[first.name], values[side.name], metric, info, paired, ignored)
            for side in others
            if values[side.name]
        }
        found.append(Round(case, metric, info, {name: tuple(v.values()) for name, v in values.items()}, bouts))
    return found


def _by_block(side: Contender, case: Case, metric: str, info: WorkloadInfo | None) -> dict[int, float]:
    """Return the values of a side by their blocks: the mean of those that share one, geometric for ratios."""
    figure, subtracted = METRICS[metric].figure, metric in DIFFERENCES
    least = -math.inf if subtracted else 0.0
    told: dict[int, list[float]] = {}
    for trial in side.trials.get(case, ()):
        value = figure(trial, info)
        if value is not None and least < value < math.inf:
            told.setdefault(trial.block, []).append(value)
    mean = fmean if subtracted else geometric_mean
    return {block: mean(values) for block, values in told.items()}


def _bout(
    case: Case,
    first: Contender,
    side: Contender,
    theirs: Mapping[int, float],
    ours: Mapping[int, float],
    metric: str,
    info: WorkloadInfo | None,
    paired: bool,
    ignored: frozenset[str],
) -> Bout:
    if first.machine != side.machine:
        return Bout(None, None, None, None, f"another machine ({side.machine_text} and not {first.machine_text})")
    a, b = first.trials[case][0].ledger, side.trials[case][0].ledger
    refused = [words for name, words in REFUSED.items() if name not in ignored and a.get(name) != b.get(name)]
    if refused:
        return Bout(None, None, None, None, "; ".join(refused))
    subtracted = metric in DIFFERENCES
    if not paired:
        found = unpaired(list(ours.values()), list(theirs.values()), differences=subtracted)
        return Bout(found.effect, None, None, found.smallest, inner=found.inner, raw_p=found.p)
    blocks = sorted(ours.keys() & theirs.keys())
    if not blocks:
        return Bout(None, None, None, None, "no block has both")
    candidate, baseline = (np.array([side[block] for block in blocks]) for side in (ours, theirs))
    outer, inner = (
        worsening(candidate, baseline, differences=subtracted, confidence=level) for level in (stats.CONFIDENCE, INNER)
    )
    p = None if outer.p is None or outer.p_better is None else min(1.0, 2 * min(outer.p, outer.p_better))
    effects = [one.effect if subtracted or one.effect is None else _ratio(one.effect) for one in (outer, inner)]
    smallest = outer.smallest if subtracted or outer.smallest is None else 1 + outer.smallest
    return Bout(effects[0], None, None, smallest, inner=effects[1], raw_p=p)


def _ratio(share: Interval) -> Interval:
    """Return a worsening, a share, as a ratio."""
    low, high = (None if bound is None else 1 + bound for bound in (share.low, share.high))
    return Interval(1 + share.estimate, low, high, share.n)


def _decided(found: Round, bout: Bout, p: float | None, margin: float | None) -> Bout:
    """Return a bout with its verdict: a difference after Holm's correction, sameness by two one-sided tests.

    Accuracy is the same within the workload's own margin.
    """
    if bout.refused or bout.effect is None:
        return bout
    better = METRICS[found.metric].better or (found.info.direction if found.info else None) or "max"
    allowed: tuple[float, float] | None = None if margin is None else (1 / (1 + margin), 1 + margin)
    if found.differences:
        own = found.info.margin if found.info else None
        allowed = None if own is None else (-own, own)
    inner = bout.inner
    within = inner is not None and inner.low is not None and inner.high is not None
    if within and allowed and inner and allowed[0] < (inner.low or 0.0) and (inner.high or 0.0) < allowed[1]:
        return replace(bout, p=p, verdict=SAME)
    if p is not None and p <= ALPHA:
        above = bout.effect.estimate > (0 if found.differences else 1)
        return replace(bout, p=p, verdict=BETTER if above == (better == "max") else WORSE)
    return replace(bout, p=p, verdict=UNSURE if p is not None else None)

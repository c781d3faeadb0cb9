"""A bout: one side against the first in one figure of one case, or the reason why there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean, geometric_mean

import numpy as np

from .. import units
from ..history.points import METRICS
from ..records.model import Case, WorkloadInfo
from ..statistics import stats
from ..statistics.equivalence import BETTER, WORSE
from ..statistics.power import smallest_effect
from ..statistics.sequential import SAME, UNSURE
from ..statistics.stats import Interval
from ..statistics.welch import INNER, Apart, unpaired
from ..statistics.worsening import Worsening, worsening
from ..summaries.ledger import REFUSED
from .contender import Contender

ALPHA = 0.05
DIFFERENCES = ("accuracy",)
"""Figures that are subtracted and not divided."""
LARGEST_LOG = 700.0

Blocks = Mapping[int, float]
"""The values of a side by their blocks."""


@dataclass(frozen=True, slots=True)
class Bout:
    """One side against the first in one figure of one case."""

    effect: Interval | None
    """Side / first side; of accuracy, side less first side in its unit."""
    p: float | None = None
    """Two-sided, corrected by Holm over all bouts of the contest."""
    verdict: str | None = None
    """BETTER, WORSE, SAME or UNSURE; None where nothing can be said."""
    smallest: float | None = None
    """Ratio above 1, or difference above 0, that would have been shown with a power of 80 % whatever the other bouts
    show: each of m that are tested has the level ALPHA / m for sure (Holm gives more only to those after the first
    finding)."""
    refused: str | None = None
    """Why the two are not compared."""
    reason: str | None = None
    """Why there is no test, or why it is another one than t, or that pairs are missing."""
    inner: Interval | None = None
    raw_p: float | None = None
    error: float | None = None
    """Standard error of the effect, of its logarithm for a ratio; None without a t test."""
    freedom: int | None = None


def values_by_block(side: Contender, case: Case, metric: str, info: WorkloadInfo | None) -> dict[int, float]:
    """Return the values of a side by their blocks: the mean of those that share one, geometric for ratios."""
    least = -math.inf if metric in DIFFERENCES else 0.0
    told: dict[int, list[float]] = {}
    for trial in side.trials.get(case, ()):
        value = METRICS[metric].figure(trial, info)
        if value is not None and least < value < math.inf:
            told.setdefault(trial.block, []).append(value)
    mean = fmean if metric in DIFFERENCES else geometric_mean
    return {block: mean(values) for block, values in told.items()}


def lacking(side: Contender, case: Case, metric: str, info: WorkloadInfo | None) -> str:
    """Return why a side has no value of a figure, in words."""
    trials = side.trials.get(case, ())
    if not trials:
        return f"{side.name}: {side.absent.get(case, 'not measured')}"
    count, title = units.plural(len(trials), "trial"), METRICS[metric].title
    if all(METRICS[metric].figure(trial, info) is None for trial in trials):
        return f"{side.name}: no {title} in {count}"
    what = "a finite number" if metric in DIFFERENCES else "a finite number above 0"
    return f"{side.name}: {title} is not {what} in any of {count}"


def bout_of(
    sides: tuple[Contender, Contender],
    case: Case,
    metric: str,
    info: WorkloadInfo | None,
    values: tuple[Blocks, Blocks],
    *,
    paired: bool,
    ignored: frozenset[str],
) -> Bout:
    """Hold a side against the first, without a verdict: that takes the other bouts.

    Args:
        sides: the first of the contest, and the one that is held against it.
        case: what was measured.
        metric: the figure.
        info: of the workload.
        values: of the two sides, from `values_by_block`.
        paired: whether blocks are pairs.
        ignored: settings that are under comparison, and so no reason to refuse.

    """
    first, side = sides
    theirs, ours = values
    refused = _refused(first, side, case, ignored)
    if not refused and not (theirs and ours):
        absent = [lacking(one, case, metric, info) for one, found in zip(sides, values, strict=True) if not found]
        refused = "; ".join(absent)
    if refused:
        return Bout(None, refused=refused)
    subtracted = metric in DIFFERENCES
    if not paired:
        return _bounded(_of_groups(unpaired(list(ours.values()), list(theirs.values()), differences=subtracted)))
    blocks = sorted(ours.keys() & theirs.keys())
    if not blocks:
        return Bout(None, refused="no block has both")
    candidate, baseline = (np.array([one[block] for block in blocks]) for one in (ours, theirs))
    outer, inner = (
        worsening(candidate, baseline, differences=subtracted, confidence=level) for level in (stats.CONFIDENCE, INNER)
    )
    every = len(ours.keys() | theirs.keys())
    short = f"{len(blocks)} of {units.plural(every, 'block')} have both" if len(blocks) < every else None
    return _bounded(_of_pairs(outer, inner, short, subtracted=subtracted))


def _refused(first: Contender, side: Contender, case: Case, ignored: frozenset[str]) -> str | None:
    """Return why values of two sides are not held against each other."""
    if first.machine != side.machine:
        return f"another machine ({side.machine_text} and not {first.machine_text})"
    ledgers = [one.trials[case][0].ledger for one in (first, side) if one.trials.get(case)]
    differing = [
        words
        for name, words in REFUSED.items()
        if name not in ignored and len({told.get(name) for told in ledgers}) > 1
    ]
    return "; ".join(differing) or None


def _bounded(bout: Bout) -> Bout:
    """Return a bout, refused where its ratio is beyond any number."""
    return bout if bout.effect is not None else Bout(None, refused="the ratio is beyond any number")


def _of_groups(found: Apart) -> Bout:
    return Bout(
        found.effect,
        reason=found.reason,
        inner=found.inner,
        raw_p=found.p,
        error=found.error,
        freedom=found.freedom,
    )


def _of_pairs(outer: Worsening, inner: Worsening, short: str | None, *, subtracted: bool) -> Bout:
    p = None if outer.p is None or outer.p_better is None else min(1.0, 2 * min(outer.p, outer.p_better))
    effects = [one.effect if subtracted or one.effect is None else _ratio(one.effect) for one in (outer, inner)]
    return Bout(
        effects[0],
        reason="; ".join(filter(None, (short, outer.reason))) or None,
        inner=effects[1],
        raw_p=p,
        error=outer.error,
        freedom=outer.pairs - 1,
    )


def _ratio(share: Interval) -> Interval:
    """Return a worsening, a share, as a ratio."""
    low, high = (None if bound is None else 1 + bound for bound in (share.low, share.high))
    return Interval(1 + share.estimate, low, high, share.n)


def decided(
    bout: Bout, metric: str, info: WorkloadInfo | None, *, p: float | None, tested: int, margin: float | None
) -> Bout:
    """Return a bout with its verdict: a difference after Holm's correction, sameness by two one-sided tests.

    Accuracy is the same within the workload's own margin. What does not vary at all is the same inside a margin.

    Args:
        bout: from `bout_of`.
        metric: the figure.
        info: of the workload.
        p: corrected; None where nothing was tested.
        tested: bouts of the contest that have a p-value.
        margin: share by which sides may differ and are still the same; None: sameness is not asked.

    """
    if bout.effect is None:
        return bout
    found = replace(bout, p=p, smallest=_smallest(bout, tested, subtracted=metric in DIFFERENCES))
    if p is None:
        return found
    if _same(bout, metric, info, margin):
        return replace(found, verdict=SAME)
    if p <= ALPHA:
        better = METRICS[metric].better or (info.direction if info else None) or "max"
        above = bout.effect.estimate > (0 if metric in DIFFERENCES else 1)
        return replace(found, verdict=BETTER if above == (better == "max") else WORSE)
    return replace(found, verdict=UNSURE)


def _same(bout: Bout, metric: str, info: WorkloadInfo | None, margin: float | None) -> bool:
    """Tell whether the 90 % interval lies inside the margin; the estimate itself where nothing varies."""
    allowed = None if margin is None else (1 / (1 + margin), 1 + margin)
    if metric in DIFFERENCES:
        own = info.margin if info else None
        allowed = None if own is None else (-own, own)
    if allowed is None or bout.inner is None:
        return False
    low, high = bout.inner.low, bout.inner.high
    if bout.error is None:
        low = high = bout.inner.estimate
    return low is not None and high is not None and allowed[0] < low and high < allowed[1]


def _smallest(bout: Bout, tested: int, *, subtracted: bool) -> float | None:
    if bout.error is None or bout.freedom is None:
        return None
    effect = smallest_effect(bout.error, bout.freedom, ALPHA / tested / 2)
    return effect if subtracted else math.exp(min(effect, LARGEST_LOG))

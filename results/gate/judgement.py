"""Judging the metrics of a gate in two stages: screen all of them, then confirm the suspects with fresh pairs.

Of hundreds of metrics some look worse by chance. To fail only what fresh pairs show as well, corrected for the few
suspects and not for all metrics, keeps false alarms rare and finds more than a correction for all would.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from .. import units
from ..statistics import stats
from ..statistics.equivalence import ROUNDING
from ..statistics.holm import holm
from ..statistics.numbers import numbers, row
from ..statistics.stats import Interval
from ..statistics.worsening import Worsening, worsening
from .policy import EXACT, GATE, MUST_NOT_WORSEN, REPORT, GatePlan, MetricPolicy, MetricSamples
from .verdict import (
    INCONCLUSIVE,
    NOTHING_COMPARABLE,
    PASSED,
    REGRESSION,
    REPORTED,
    SUSPECT,
    GateVerdict,
    MetricVerdict,
    gate_verdict,
)

BETTER_ALPHA = 0.025
"""One-sided level at which a metric is called better."""
ONE_SIDE = (1 + stats.CONFIDENCE) / 2
BEYOND = "the ratio is beyond any number"


def suspected(
    p: NDArray[np.float64] | float, worse: NDArray[np.float64] | float, plan: GatePlan, margin: float = 0.0
) -> NDArray[np.bool_]:
    """Tell which metrics of kind GATE the first stage suspects, elementwise.

    Args:
        p: one-sided p-values against being worse by no more than the margin.
        worse: mean worsenings, as shares.
        plan: for the level and the smallest share.
        margin: share that does not matter.

    Raises:
        ValueError: a p-value or a worsening is no number: what cannot be told is not cleared.

    """
    chances, sizes = numbers(p), numbers(worse)
    if np.isnan(chances).any() or np.isnan(sizes).any():
        raise ValueError("expected a p-value and a worsening of every metric; leave out those that have none")
    return np.asarray((chances < plan.screen_alpha) & (sizes >= max(plan.screen_effect, margin)))


def screen(samples: Sequence[MetricSamples], plan: GatePlan | None = None) -> tuple[MetricVerdict, ...]:
    """Judge every metric once; those with the verdict SUSPECT are to be measured again, in fresh processes.

    A metric of kind EXACT is judged for good here. Raises ValueError for two metrics of one case and name, and for
    sides of unequal length.
    """
    keys = [one.key for one in samples]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"expected each metric of a case once; received {' '.join(twice[0]).strip()!r} several times")
    return tuple(_screened(one, plan or GatePlan()) for one in samples)


def judge(
    first: Sequence[MetricVerdict],
    fresh: Sequence[MetricSamples],
    plan: GatePlan | None = None,
    broken: Sequence[str] = (),
) -> GateVerdict:
    """Return the verdict on a change from the first stage and the fresh samples of its suspects.

    Each suspect is tested on the fresh pairs alone, and Holm's correction goes over all suspects, those without fresh
    pairs included; these are inconclusive. Raises ValueError for fresh samples of what is no suspect, or twice of one.
    """
    plan = plan or GatePlan()
    suspects = [one.key for one in first if one.verdict == SUSPECT]
    again = {one.key: one for one in fresh}
    if len(again) < len(fresh):
        raise ValueError("expected fresh samples of each suspect once; received some twice")
    if stray := [key for key in again if key not in suspects]:
        raise ValueError(f"expected fresh samples of suspects only; received {' '.join(stray[0]).strip()!r}")
    tested = {key: _tested(again[key]) for key in suspects if key in again}
    raw = [1.0 if key not in tested or (p := tested[key].p) is None else p for key in suspects]
    adjusted = dict(zip(suspects, holm(raw).tolist(), strict=True))
    decided = []
    for one in first:
        if one.key in tested:
            decided.append(_confirmed(again[one.key], tested[one.key], adjusted[one.key], plan))
        elif one.verdict == SUSPECT:
            decided.append(replace(one, verdict=INCONCLUSIVE, words=f"{one.words}; not measured again"))
        else:
            decided.append(one)
    return gate_verdict(decided, broken)


def _screened(samples: MetricSamples, plan: GatePlan) -> MetricVerdict:
    policy = samples.policy
    if policy.kind == EXACT:
        return _exact(samples)
    found = _tested(samples)
    if found.p is None or found.effect is None:
        return _untested(samples, found)
    if policy.kind == REPORT:
        return _verdict(samples, found, REPORTED, _size(found, policy))
    if policy.kind == GATE:
        suspect = bool(suspected(found.p, found.effect.estimate, plan, policy.margin))
    else:
        suspect = found.p < plan.screen_alpha and not _within(found, policy)
    if suspect:
        return _verdict(samples, found, SUSPECT, f"{_size(found, policy)}, p {found.p:.2g}")
    return _passed_or_not(samples, found, plan, None)


def _confirmed(samples: MetricSamples, found: Worsening, adjusted: float, plan: GatePlan) -> MetricVerdict:
    policy = samples.policy
    if found.p is None or found.effect is None:
        return _untested(samples, found)
    within = policy.kind == MUST_NOT_WORSEN and _within(found, policy)
    if adjusted <= plan.alpha and not within:
        if policy.kind == MUST_NOT_WORSEN and found.baseline_lost:
            words = "not called worse: seeds that the baseline lost are not in the difference"
            return _verdict(samples, found, INCONCLUSIVE, words, adjusted)
        fresh = units.plural(found.pairs, "fresh pair")
        words = f"{_size(found, policy)}, shown by {fresh}, p {adjusted:.2g} among the suspects"
        return _verdict(samples, found, REGRESSION, words, adjusted)
    return _passed_or_not(samples, found, plan, adjusted)


def _passed_or_not(samples: MetricSamples, found: Worsening, plan: GatePlan, adjusted: float | None) -> MetricVerdict:
    """Return the verdict on what is not shown to be worse: fit to pass, or not."""
    policy = samples.policy
    doubt = _doubt(samples, found, plan)
    if doubt:
        return _verdict(samples, found, INCONCLUSIVE, doubt, adjusted, lacking=True)
    if policy.kind == MUST_NOT_WORSEN:
        if _within(found, policy):
            words = f"{_size(found, policy)}: within the margin of {units.number(policy.margin)}"
            return _verdict(samples, found, PASSED, words, adjusted)
        words = f"{_size(found, policy)}: shown neither to be worse nor to be within {units.number(policy.margin)}"
        return _verdict(samples, found, INCONCLUSIVE, f"{words}; it takes more seeds", adjusted)
    least = max(plan.screen_effect, policy.margin)
    words = "no worsening shown"
    if adjusted is not None:
        words = "suspected at first, not shown by fresh pairs"
    elif found.p is not None and found.p < plan.screen_alpha:
        words = f"{_size(found, policy)}: less than the {units.percent(least)} from which it is suspected"
    smallest = _smallest(found, least)
    if smallest is not None:
        words = f"{words}; {units.percent(smallest)} would be found four times in five"
    return replace(_verdict(samples, found, PASSED, words, adjusted), smallest=smallest)


def _smallest(found: Worsening, least: float) -> float | None:
    """Return the smallest true worsening that is suspected four times in five: shown, and seen to be `least` or more.

    The second asks for least + z(.8) s / sqrt(n), with the standard error from the interval.
    """
    if found.smallest is None or found.effect is None or found.effect.low is None or found.effect.high is None:
        return found.smallest
    error = (found.effect.high - found.effect.low) / 2 / stats.t_quantile(ONE_SIDE, found.pairs - 1)
    return max(found.smallest, least + NormalDist().inv_cdf(stats.POWER) * error)


def _doubt(samples: MetricSamples, found: Worsening, plan: GatePlan) -> str | None:
    """Return why a metric is not passed though nothing was shown against it."""
    if found.candidate_lost:
        return f"the candidate has no value in {units.plural(found.candidate_lost, 'pair')} that the baseline has"
    bounded = found.effect is not None and found.effect.high is not None
    if found.pairs < plan.fewest_pairs and not (samples.policy.kind == MUST_NOT_WORSEN and bounded):
        return f"{units.plural(found.pairs, 'pair')} of {len(samples.candidate)} left; {plan.fewest_pairs} are needed"
    return None


def _within(found: Worsening, policy: MetricPolicy) -> bool:
    """Tell whether a worsening is shown to be less than the margin: at 2.5 %, one-sided (ICH E9, 1998).

    Each of two stages has that level, so that together they have 5 %. Without spread the mean is all there is.
    """
    if found.effect is None:
        return False
    bound = found.effect.estimate if found.effect.high is None else found.effect.high
    return bound < policy.margin * (1 - ROUNDING)


def _tested(samples: MetricSamples) -> Worsening:
    """Test a metric; one that must not worsen is suspected for any worsening, and cleared by its margin."""
    policy = samples.policy
    return worsening(
        samples.candidate,
        samples.baseline,
        larger_is_better=policy.larger_is_better,
        margin=policy.margin if policy.kind == GATE else 0.0,
        differences=policy.differences,
    )


def _untested(samples: MetricSamples, found: Worsening) -> MetricVerdict:
    """Return the verdict on what could not be tested."""
    verdict = INCONCLUSIVE if found.pairs else NOTHING_COMPARABLE
    if samples.policy.kind == REPORT:
        return _verdict(samples, found, REPORTED, found.reason or BEYOND)
    return _verdict(samples, found, verdict, found.reason or BEYOND, lacking=True)


def _exact(samples: MetricSamples) -> MetricVerdict:
    """Compare values that do not vary: every increase beyond the margin is a finding."""
    policy = samples.policy
    sides = [row(side) for side in (samples.candidate, samples.baseline)]
    usable = [side[np.isfinite(side)] for side in sides]
    missing = [name for name, side in zip(("candidate", "baseline"), usable, strict=True) if not side.size]
    if missing:
        words = f"no value of the {' and the '.join(missing)}"
        return MetricVerdict(samples.case, samples.name, EXACT, NOTHING_COMPARABLE, words, lacking=True)
    own, other = usable
    sign = -1 if policy.larger_is_better else 1
    # The best of the candidate against the worst of the baseline: the same where neither varies.
    best, worst = float((sign * own).min()), float((sign * other).max())
    effect = Interval((best - worst) / abs(worst), None, None, min(own.size, other.size)) if worst else None
    text = f"{sign * worst:,.15g} to {sign * best:,.15g}"
    if best - worst > policy.margin * abs(worst) * (1 + ROUNDING):
        return MetricVerdict(samples.case, samples.name, EXACT, REGRESSION, f"exactly: {text}", effect=effect)
    if lost := sides[0].size - own.size:
        words = f"the candidate has no value in {units.plural(lost, 'trial')}"
        return MetricVerdict(samples.case, samples.name, EXACT, INCONCLUSIVE, words, effect=effect, lacking=True)
    if np.ptp(own) > 0 or np.ptp(other) > 0:
        words = "varies between trials, so it cannot be compared exactly: choose kind gate"
        return MetricVerdict(samples.case, samples.name, EXACT, INCONCLUSIVE, words, effect=effect)
    better = best < worst
    words = f"exactly: {text}" if best != worst else f"exactly {sign * best:,.15g} on both sides"
    return MetricVerdict(samples.case, samples.name, EXACT, PASSED, words, effect=effect, better=better)


def _verdict(
    samples: MetricSamples,
    found: Worsening,
    verdict: str,
    words: str,
    adjusted: float | None = None,
    *,
    lacking: bool = False,
) -> MetricVerdict:
    better = found.p_better is not None and found.p_better <= BETTER_ALPHA
    kind, smallest = samples.policy.kind, found.smallest
    return MetricVerdict(
        samples.case, samples.name, kind, verdict, words, found.p, adjusted, found.effect, smallest, better, lacking
    )


def _size(found: Worsening, policy: MetricPolicy) -> str:
    """Return how much worse or better, in words, with the interval."""
    effect = found.effect
    if effect is None:
        return "no size known"

    def text(value: float) -> str:
        return units.number(value) if policy.differences else units.percent(value)

    size = f"{'worse' if effect.estimate > 0 else 'better'} by {text(abs(effect.estimate))}"
    if effect.low is None or effect.high is None:
        return size
    return f"{size} (worsening {text(effect.low)} to {text(effect.high)})"

"""Sequential decisions: whether the pairs so far show a difference, or sameness, or more of them are needed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import units
from . import stats
from .equivalence import BETTER, WORSE
from .numbers import row
from .sequential_design import SequentialDesign
from .stats import Interval
from .worsening import ROUNDING, Measured

SAME = "same"
"""Both one-sided tests reject at the look: the ratio is inside the margin."""
UNSURE = "unsure"
"""Neither a difference nor sameness is shown."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the pairs so far show, and whether to go on."""

    verdict: str
    """BETTER, WORSE, SAME or UNSURE, of the candidate."""
    stop: bool
    """True: measure no more; the verdict stands, and further pairs do not change it."""
    reason: str
    """In words, for the user."""
    interval: Interval | None
    """Candidate / baseline, repeated confidence interval of the last look (Jennison & Turnbull, Journal of the Royal
    Statistical Society B 51(3), 1989): looking several times is allowed for. Without bounds where the ratio is the same
    in all pairs; None before the first look, for copies and for a ratio beyond any number."""
    pairs: int
    """That have a value; those after the one that stopped are not in the interval."""
    lost: int
    """Pairs without a log ratio; they count for no look."""
    most_pairs: int


@dataclass(frozen=True, slots=True)
class _Look:
    """Mean and standard error at a look, with the bounds that hold there."""

    mean: float
    error: float
    claim: float
    futile: float
    same: float
    pairs: int
    flat: bool
    """Whether all pairs are the same, so that there is no t: the sign test has its say."""

    def claimed(self) -> bool:
        if self.flat:
            return abs(self.mean) > ROUNDING and _signs_reach(self.pairs, self.claim)
        return abs(self.mean) >= self.claim * self.error

    def hopeless(self) -> bool:
        if self.flat:
            return abs(self.mean) <= ROUNDING and self.futile > 0
        return abs(self.mean) < self.futile * self.error

    def inside(self, margin: float) -> bool:
        if self.flat:
            return abs(self.mean) + ROUNDING < margin and _signs_reach(self.pairs, self.same)
        return abs(self.mean) + self.same * self.error <= margin


def decide(
    design: SequentialDesign,
    log_ratios: Measured,
    *,
    larger_is_better: bool = False,
    margin: float | None = None,
    varying: bool = False,
    candidate_lost: bool = False,
    baseline_lost: bool = False,
    ended: bool = False,
) -> Decision:
    """Return what pairs show that were measured one after the other, and whether more are needed.

    A pure function of all pairs so far, so call it after each pair. At every look of the design, in this order: the
    sides are the same (two one-sided t tests: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15(6),
    1987, at the design's levels); one is better; a difference is not worth waiting for any more (binding: from then
    on only sameness can be shown, while the margin can still be met).

    Ratios that are all the same, as of what does not vary (bytes), have no t. There the sign test stands in for it: n
    pairs have p = 2^-n, and claim what a t at the look's bound would if that is no larger than the p-value of the
    bound. So it takes some pairs more than t may. Ratios that are all 1 are t = 0: they are never a difference. The
    error rates stay those of the design: normal noise gives no such pairs, and of equals whose noise comes in steps at
    most 2^-n have n of one sign, n being the fewest that claim.

    Args:
        design: from `sequential_design`.
        log_ratios: log(candidate / baseline) in the order of measuring; None, NaN and infinities are lost pairs.
        larger_is_better: direction of the metric; False for times.
        margin: share by which sides may differ and are still the same, such as 0.02; None: sameness is not asked.
        varying: the values themselves are known to vary from pair to pair, as times do. A ratio that is the same in
            all pairs is then no measurement but a copy, as in `worsening`, and nothing is told.
        candidate_lost: pairs were lost because the candidate failed: nothing in its favour is claimed.
        baseline_lost: the same of the baseline.
        ended: no more pairs will come, whatever is decided.

    Raises:
        ValueError: the margin is not above 0, or the log ratios are not one row of numbers.

    """
    if margin is not None and not 0 < margin < math.inf:
        raise ValueError(f"expected a margin above 0; received {margin}")
    every = row(log_ratios)
    values = every[np.isfinite(every)]
    allowed = None if margin is None else math.log1p(margin)
    given_up, look = None, None
    for place, pairs in enumerate(design.looks):
        if pairs > values.size:
            break
        look = _look(design, place, values[:pairs], varying=varying)
        if look is None:
            continue
        if allowed is not None and look.inside(allowed):
            return _found(design, look, SAME, _same(look, allowed), every, candidate_lost or baseline_lost)
        if given_up is None and look.claimed():
            verdict = BETTER if (look.mean > 0) == larger_is_better else WORSE
            withheld = candidate_lost if verdict == BETTER else baseline_lost
            return _found(design, look, verdict, f"the candidate is {verdict}", every, withheld)
        if given_up is None and look.hopeless():
            given_up = pairs
        reachable = allowed is not None and _reachable(design, look, allowed)
        if given_up is not None and not reachable and pairs < design.most_pairs:
            more = units.plural(design.most_pairs - pairs, "more pair")
            hardly = f"{more} would hardly show {'one' if margin is None else 'sameness'}"
            reason = f"no difference shown by {units.plural(given_up, 'pair')}; {hardly}"
            return _decision(design, look, UNSURE, reason, every, stop=True)
    return _unfinished(design, look, every, values, given_up, asked=margin is not None, ended=ended)


def _look(design: SequentialDesign, place: int, values: NDArray[np.float64], *, varying: bool) -> _Look | None:
    """Return what is seen at a look; None for copies."""
    flat = float(np.ptp(values)) <= ROUNDING
    if flat and varying:
        return None
    error = 0.0 if flat else float(values.std(ddof=1)) / math.sqrt(values.size)
    bounds = design.claims[place], design.futility[place], design.equivalence[place]
    return _Look(float(values.mean()), error, *bounds, values.size, flat)


def _signs_reach(pairs: int, bound: float) -> bool:
    """Tell whether the sign test of so many pairs of one sign is as sure as a t at a bound."""
    return 0.5**pairs <= float(stats.t_tail(bound, pairs - 1))


def _reachable(design: SequentialDesign, look: _Look, allowed: float) -> bool:
    """Tell whether sameness would be shown by all pairs, if mean and noise stayed as they are."""
    most, bound = design.most_pairs, design.equivalence[-1]
    if look.flat:
        return abs(look.mean) + ROUNDING < allowed and _signs_reach(most, bound)
    return abs(look.mean) + bound * look.error * math.sqrt(look.pairs / most) <= allowed


def _same(look: _Look, allowed: float) -> str:
    inside = f"inside \N{PLUS-MINUS SIGN}{units.percent(math.expm1(allowed))}"
    if look.flat:
        return f"the sides are the same: {units.percent(math.expm1(look.mean))} in all pairs, {inside}"
    half = look.same * look.error
    low, high = (units.percent(math.expm1(bound)) for bound in (look.mean - half, look.mean + half))
    return f"the sides are the same: {low} to {high}, {inside}"


def _found(
    design: SequentialDesign, look: _Look, verdict: str, reason: str, every: NDArray[np.float64], withheld: object
) -> Decision:
    """Return a verdict, or that it is withheld: it would favour a side whose failed processes are not in it."""
    if withheld:
        reason = f"not called {verdict}: the processes that failed are not in the difference"
        return _decision(design, look, UNSURE, reason, every, stop=True)
    return _decision(design, look, verdict, f"{reason}, after {units.plural(look.pairs, 'pair')}", every, stop=True)


def _unfinished(
    design: SequentialDesign,
    look: _Look | None,
    every: NDArray[np.float64],
    values: NDArray[np.float64],
    given_up: int | None,
    *,
    asked: bool,
    ended: bool,
) -> Decision:
    """Return that nothing is decided: at the last look, before it, or because no more pairs come.

    Sameness is told of only where it was asked.
    """
    stop = ended or values.size >= design.most_pairs
    if not values.size and stop:
        reason = "no pair has a value on both sides"
    elif look is None and values.size >= design.looks[0]:
        reason = "the ratio is the same in every pair: these are no measurements, or copies of one"
    elif stop and look is not None and look.flat and given_up is None:
        reason = f"the ratio is the same in {look.pairs} pairs: {_signs_needed(design)}"
    elif values.size >= design.most_pairs:
        shown = f"no difference shown by {units.plural(given_up or design.most_pairs, 'pair')}"
        reason = f"{shown}, nor sameness by {design.most_pairs}" if asked else shown
    elif stop:
        reason = f"ended after {units.plural(values.size, 'pair')}; the design goes on to {design.most_pairs}"
    else:
        following = next(pairs for pairs in design.looks if pairs > values.size)
        reason = f"next look after {following} of at most {design.most_pairs} pairs"
    return _decision(design, look, UNSURE, reason, every, stop=stop)


def _signs_needed(design: SequentialDesign) -> str:
    """Return how many pairs without spread show a difference, in words."""
    looks = zip(design.looks, design.claims, strict=True)
    needed = next((pairs for pairs, claim in looks if _signs_reach(pairs, claim)), None)
    if needed is None:
        return f"without spread a sign test of {design.most_pairs} pairs is not sure enough"
    return f"without spread it takes {needed} to show a difference"


def _decision(
    design: SequentialDesign, look: _Look | None, verdict: str, reason: str, every: NDArray[np.float64], *, stop: bool
) -> Decision:
    pairs = int(np.isfinite(every).sum())
    return Decision(verdict, stop, reason, _interval(look), pairs, every.size - pairs, design.most_pairs)


def _interval(look: _Look | None) -> Interval | None:
    """Return the ratio with the interval that belongs to the look's bound."""
    if look is None:
        return None
    half = math.inf if look.flat else look.claim * look.error
    with np.errstate(over="ignore"):
        estimate, low, high = (float(np.exp(bound)) for bound in (look.mean, look.mean - half, look.mean + half))
    if not math.isfinite(estimate):
        return None
    bounded = math.isfinite(high)
    return Interval(estimate, low if bounded else None, high if bounded else None, look.pairs)

"""Print false alarms, power and cost of the designs of comparisons, by simulation with fixed seeds.

Usage: designs.py. About half a minute on one core; nothing is timed. The noise is that of noise_profiles.py.
"""

import math
import sys
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from dlbench.results.gate.judgement import suspected
from dlbench.results.gate.policy import GatePlan
from dlbench.results.statistics import stats
from dlbench.results.statistics.equivalence import BETTER, WORSE
from dlbench.results.statistics.holm import holm
from dlbench.results.statistics.sequential import SAME, Decision, decide
from dlbench.results.statistics.sequential_design import SequentialDesign, sequential_design
from dlbench.results.statistics.worsening import p_worse
from noise_profiles import PROFILES, interleaved, one_after_the_other
from numpy.typing import NDArray

CASES = 20_000
"""Simulated comparisons of one metric."""
CHANGES = 5_000
"""Simulated changes of many metrics, and comparisons looked at several times."""
METRICS, SLOW = 300, 10
AT_ONCE = 250
"""Changes in memory at a time."""
LEVEL = 0.025
FIXED = 12
"""Pairs of the comparison that looks once."""
POWER = {"L": (0.88, 0.94), "M": (0.72, 0.93), "H": (0.34, 0.82)}
"""Wanted at 5 and 10 %, with seven pairs."""
SAME_MARGIN = 0.02
ALIKE = 0.5
"""Correlation of the log ratios of two figures of one case. Throughput and its ninth decile had 0.7; less takes more
pairs."""

missed = 0


def say(name: str, value: str, wanted: str, *, met: bool) -> None:
    """Print one figure and count what was missed."""
    global missed  # noqa: PLW0603 - a script of one run
    missed += not met
    sys.stdout.write(f"{'met   ' if met else 'MISSED'}  {name}: {value} (wanted: {wanted})\n")
    sys.stdout.flush()


def tell(name: str, value: str) -> None:
    """Print a figure of which nothing is wanted."""
    sys.stdout.write(f"        {name}: {value}\n")


def chance(share: float, cases: int) -> float:
    """Return how far a simulated share is from the true one, but for one time in a thousand."""
    return NormalDist().inv_cdf(0.999) * math.sqrt(share * (1 - share) / cases)


def found(worse: NDArray[np.float64]) -> float:
    """Return the share of comparisons found worse."""
    return float(np.mean(p_worse(worse) <= LEVEL))


def one_metric() -> None:
    """Say it of one metric and seven pairs."""
    for number, (name, profile) in enumerate(PROFILES.items()):
        noise = interleaved(profile, np.random.default_rng(1000 + number), CASES, 7)
        false = found(noise)
        say(f"false alarms, 7 pairs, noise {name}", f"{false:.2%}", "2.5 % ± 0.7", met=0.018 <= false <= 0.032)
        tell(f"power at 3 %, 7 pairs, noise {name}", f"{found(noise + math.log1p(0.03)):.1%}")
        for slowdown, least in zip((0.05, 0.1), POWER[name], strict=True):
            power = found(noise + math.log1p(slowdown))
            say(
                f"power at {slowdown:.0%}, 7 pairs, noise {name}",
                f"{power:.1%}",
                f"at least {least:.0%}",
                met=power >= least,
            )
        rng = np.random.default_rng(1100 + number)
        after, before = one_after_the_other(profile, rng, CASES, 10)
        error = np.sqrt((after.var(ddof=1, axis=1) + before.var(ddof=1, axis=1)) / 10)
        t = (after.mean(axis=1) - before.mean(axis=1)) / error
        false = np.mean(stats.t_tail(t, 18) <= LEVEL)
        tell(f"false alarms of ten processes a side, one side after the other, noise {name}", f"{false:.1%}")


def looked_at_often() -> None:
    """Say it of comparisons that end as soon as they can, against twelve pairs looked at once."""
    design = sequential_design()
    used, power, fixed = [], [], []
    for number, (name, profile) in enumerate(PROFILES.items()):
        noise = interleaved(profile, np.random.default_rng(2000 + number), CHANGES, design.most_pairs)
        shares = {}
        for slowdown in (0.0, 0.05, 0.1):
            rows = noise + math.log1p(slowdown)
            decisions = [decide(design, row) for row in rows]
            shares[slowdown] = verdicts(decisions, WORSE)
            once, pairs = found(rows[:, :FIXED]), mean_pairs(decisions)
            if slowdown:
                value = f"{shares[slowdown]:.1%} with {pairs:.1f} pairs; 12 pairs at once: {once:.1%}"
                wanted = "at most a point less"
                met = shares[slowdown] >= once - 0.01
                say(f"found at {slowdown:.0%}, several looks, noise {name}", value, wanted, met=met)
            else:
                value = f"{shares[slowdown]:.2%} worse, {verdicts(decisions, BETTER):.2%} better, {pairs:.1f} pairs"
                met = max(shares[slowdown], verdicts(decisions, BETTER)) <= LEVEL + chance(LEVEL, CHANGES)
                say(f"equals, several looks, noise {name}", value, "2.5 % each but for chance", met=met)
            if slowdown != 0.05:
                used.append(pairs)
            if slowdown == 0.1:
                power.append(shares[slowdown])
                fixed.append(once)
            held = np.mean([holds(one, 1 + slowdown) for one in decisions])
            about = f"interval of several looks holds a slowdown of {slowdown:.0%}, noise {name}"
            say(about, f"{held:.1%}", "at least 95 %", met=bool(held >= 0.95))
    share = float(np.mean(used)) / FIXED
    say("processes, half equal and half 10 % slower", f"{share:.1%} of 12 pairs", "70 %", met=share <= 0.7)
    value = f"{np.mean(power):.1%}; 12 pairs at once: {np.mean(fixed):.1%}"
    say("power at 10 %, all noises", value, "at most a point less", met=np.mean(power) >= np.mean(fixed) - 0.01)


def two_figures() -> None:
    """Say it of cases that are decided by two figures that resemble each other, as `ab` does it of training."""
    design = sequential_design(alpha=LEVEL / 2)
    used = []
    for number, (name, profile) in enumerate(PROFILES.items()):
        rng = np.random.default_rng(5000 + number)
        first = interleaved(profile, rng, CHANGES, design.most_pairs)
        own = interleaved(profile, rng, CHANGES, design.most_pairs)
        second = ALIKE * first + math.sqrt(1 - ALIKE**2) * own
        for slowdown in (0.0, 0.1):
            effect = math.log1p(slowdown)
            cases = [both_looked_at(design, rows) for rows in zip(first + effect, second + effect, strict=True)]
            share, pairs = float(np.mean([worse for worse, _ in cases])), float(np.mean([pairs for _, pairs in cases]))
            once = found(first[:, :FIXED] + effect)
            used.append(pairs)
            if slowdown:
                value = f"{share:.1%} with {pairs:.1f} pairs; one figure, 12 pairs at once: {once:.1%}"
                met = share >= once - 0.01
                say(f"found at {slowdown:.0%}, two figures, noise {name}", value, "at most a point less", met=met)
            else:
                met = share <= LEVEL + chance(LEVEL, CHANGES)
                value = f"{share:.2%} worse, {pairs:.1f} pairs"
                say(f"equals, two figures, noise {name}", value, "2.5 % but for chance", met=met)
    share = float(np.mean(used)) / FIXED
    say("processes, two figures, half equal and half 10 % slower", f"{share:.1%} of 12 pairs", "70 %", met=share <= 0.7)


def both_looked_at(design: SequentialDesign, rows: Sequence[NDArray[np.float64]]) -> tuple[bool, int]:
    """Return whether either figure of a case was called worse, and after how many pairs the case was decided."""
    decisions = [decide(design, row) for row in rows]
    pairs = [one.interval.n for one in decisions if one.interval is not None]
    worse = [n for one, n in zip(decisions, pairs, strict=True) if one.verdict == WORSE]
    return bool(worse), min(worse, default=max(pairs))


def called_the_same() -> None:
    """Say how often sides are called the same that differ by the margin, and what asking for it costs."""
    design = sequential_design()
    for number, (name, profile) in enumerate(PROFILES.items()):
        noise = interleaved(profile, np.random.default_rng(3000 + number), CHANGES, design.most_pairs)
        apart = [decide(design, row + math.log1p(SAME_MARGIN), margin=SAME_MARGIN) for row in noise]
        false, wanted = verdicts(apart, SAME), "at most 5 % but for chance"
        met = false <= 0.05 + chance(0.05, CHANGES)
        say(f"sides {SAME_MARGIN:.0%} apart called the same within that, noise {name}", f"{false:.2%}", wanted, met=met)
        equal = [decide(design, row, margin=SAME_MARGIN) for row in noise]
        value = f"{verdicts(equal, SAME):.1%} with {mean_pairs(equal):.1f} pairs"
        tell(f"equals called the same within {SAME_MARGIN:.0%}, noise {name}", value)


def verdicts(decisions: Sequence[Decision], verdict: str) -> float:
    """Return the share of decisions with a verdict."""
    return sum(one.verdict == verdict for one in decisions) / len(decisions)


def mean_pairs(decisions: Sequence[Decision]) -> float:
    """Return the pairs after which decisions stopped, on average."""
    return float(np.mean([one.interval.n for one in decisions if one.interval is not None]))


def holds(one: Decision, truth: float) -> bool:
    """Tell whether the interval at the end holds the truth."""
    ratio = one.interval
    return ratio is not None and ratio.low is not None and ratio.high is not None and ratio.low <= truth <= ratio.high


def many_metrics() -> None:
    """Say it of changes with 300 metrics, ten of them truly slower or none: two stages, noise M."""
    plan = GatePlan()
    for number, slowdown in enumerate((0.0, 0.05, 0.1)):
        rng = np.random.default_rng(4000 + number)
        alarms, hits, suspects = [], [], []
        for _ in range(CHANGES // AT_ONCE):
            parts = two_stages(rng, slowdown, plan)
            alarms += parts[0]
            hits += parts[1]
            suspects += parts[2]
        about = f"{METRICS} metrics, noise M"
        value = f"{np.mean(alarms):.2%}"
        if slowdown:
            tell(f"changes with a false alarm beside {SLOW} that are {slowdown:.0%} slower, {about}", value)
            least = {0.05: 0.58, 0.1: 0.91}[slowdown]
            power = float(np.mean(hits)) / SLOW
            say(f"power at {slowdown:.0%}, {about}", f"{power:.1%}", f"at least {least:.0%}", met=power >= least)
        else:
            say(f"clean changes alarmed, {about}", value, "at most 6 %", met=float(np.mean(alarms)) <= 0.06)
            tell(f"suspects of a clean change, {about}", f"{np.mean(suspects):.1f}")


def two_stages(rng: np.random.Generator, slowdown: float, plan: GatePlan) -> tuple[list[bool], list[int], list[int]]:
    """Return, for some changes, whether a clean metric failed, how many slow ones did, and how many were suspected."""
    profile = PROFILES["M"]
    slow = np.arange(METRICS) < (SLOW if slowdown else 0)
    effect = np.where(slow, math.log1p(slowdown), 0)
    first = interleaved(profile, rng, AT_ONCE * METRICS, plan.screen_pairs).reshape(AT_ONCE, METRICS, -1)
    first += effect[:, None]
    suspects = suspected(p_worse(first), np.expm1(first.mean(axis=-1)), plan)
    fresh = interleaved(profile, rng, int(suspects.sum()), plan.confirm_pairs)
    raw = p_worse(fresh + np.broadcast_to(effect, suspects.shape)[suspects][:, None])
    failed = np.zeros_like(suspects)
    place = 0
    for change, chosen in enumerate(suspects):
        count = int(chosen.sum())
        failed[change, chosen] = holm(raw[place : place + count]) <= plan.alpha
        place += count
    return list((failed & ~slow).any(axis=1)), list((failed & slow).sum(axis=1)), list(suspects.sum(axis=1))


PARTS: Sequence[Callable[[], None]] = (one_metric, looked_at_often, two_figures, called_the_same, many_metrics)


def main() -> int:
    """Print every figure; return how many were missed."""
    for part in PARTS:
        part()
    return missed


if __name__ == "__main__":
    raise SystemExit(main() > 0)

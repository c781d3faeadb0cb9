"""Print how often intervals hold the truth, and how the steady state is found, by simulation with fixed seeds.

Usage: coverage.py. About four minutes on one core; nothing is timed.
"""

import math
import sys
from collections.abc import Callable, Sequence
from statistics import NormalDist
from unittest.mock import patch

import numpy as np
from dlbench.results.records.model import Window
from dlbench.results.statistics import equivalence, stats, steady
from dlbench.results.statistics.stats import Interval
from dlbench.results.summaries import figures

CASES = 10_000
"""Simulated for each interval."""
SERIES = 1_000
"""Simulated for each row about the steady state."""
NOISE = 0.03
"""Of logarithms, between trials."""
ALIKE = (0.0, 0.3, 0.5, 0.7)
"""Lag-1 autocorrelations of windows."""
STEPS = 8
"""In a simulated window."""

missed = 0


def say(name: str, value: str, wanted: str, *, met: bool) -> None:
    """Print one figure and count what was missed."""
    global missed  # noqa: PLW0603 - a script of one run
    missed += not met
    sys.stdout.write(f"{'met   ' if met else 'MISSED'}  {name}: {value} (wanted: {wanted})\n")
    sys.stdout.flush()


def share(count: int, of: int) -> str:
    """Return a share in percent with two decimals."""
    return f"{100 * count / of:.2f} %"


def holds(found: Interval | None, truth: float) -> bool:
    """Tell whether an interval holds the truth; one without bounds does not."""
    return found is not None and found.low is not None and found.high is not None and found.low <= truth <= found.high


def covered(name: str, intervals: Sequence[Interval | None], truth: float, least: float, most: float) -> None:
    """Say how many intervals hold the truth."""
    hits = sum(holds(found, truth) for found in intervals)
    wanted = f"{100 * least:.0f} to {100 * most:.0f} %" if most < 1 else f"at least {100 * least:.0f} %"
    say(name, share(hits, len(intervals)), wanted, met=least <= hits / len(intervals) <= most)


def intervals_over_trials() -> None:
    """Say it of the geometric mean, the paired ratio and the median, on lognormal noise."""
    for n in (3, 5, 7, 10):
        values = np.random.default_rng(n).lognormal(0, NOISE, (CASES, n))
        found = [stats.geometric_mean(row) for row in values]
        covered(f"95 % interval of the geometric mean of {n} trials", found, 1, 0.94, 0.96)
    for n in (3, 5, 7, 10):
        rng = np.random.default_rng(100 + n)
        drift = rng.normal(0, 0.2, (CASES, n))
        one = np.exp(drift + rng.normal(0, NOISE, drift.shape))
        other = 1.1 * np.exp(drift + rng.normal(0, NOISE, drift.shape))
        pairs = [stats.paired_ratio(a, b) for a, b in zip(other, one, strict=True)]
        covered(f"95 % interval of the ratio over {n} blocks that drift", pairs, 1.1, 0.94, 0.96)
    for n in (6, 7, 10, 20):
        values = np.random.default_rng(200 + n).lognormal(0, 0.3, (CASES, n))
        covered(f"95 % interval of the median of {n} trials", [stats.median(row) for row in values], 1, 0.94, 0.96)


def verdict_share(differences: np.ndarray, margin: float, *verdicts: str) -> float:
    """Return how often pairs with these differences, of shape (cases, seeds), get one of some verdicts."""
    found = [equivalence.compare(row, np.zeros(row.size), margin) for row in differences]
    return sum(one is not None and one.verdict in verdicts for one in found) / len(found)


def chance(share: float, cases: int) -> float:
    """Return how far a simulated share is from the true one, but for one time in a thousand."""
    return NormalDist().inv_cdf(0.999) * math.sqrt(share * (1 - share) / cases)


def accuracy_verdicts() -> None:
    """Say how often accuracy verdicts are wrong, and how often the seeds asked for suffice, on normal differences."""
    margin = 0.01
    for n in (3, 5, 10):
        for sd in (0.002, 0.01, 0.03):
            rng = np.random.default_rng(800 + n)
            false = verdict_share(rng.normal(margin, sd, (CASES, n)), margin, equivalence.EQUIVALENT)
            name = f"backends that differ by the margin called equivalent, {n} seeds, sd {sd}"
            say(name, f"{false:.2%}", "at most 5 % but for chance", met=false <= 0.05 + chance(0.05, CASES))
            false = verdict_share(rng.normal(0, sd, (CASES, n)), margin, equivalence.WORSE)
            name = f"backends that do not differ called worse, {n} seeds, sd {sd}"
            say(name, f"{false:.2%}", "at most 2.5 % but for chance", met=false <= 0.025 + chance(0.025, CASES))
    for sd in (0.006, 0.01, 0.02):
        n = equivalence.seeds_for(sd, margin)
        assert n is not None
        rng = np.random.default_rng(900)
        power, fewer = (
            verdict_share(rng.normal(0, sd, (CASES // 2, count)), margin, equivalence.EQUIVALENT)
            for count in (n, n - 1)
        )
        name = f"backends that do not differ shown equivalent by the {n} seeds asked for, sd {sd}"
        slack = chance(0.8, CASES // 2)
        met = power >= 0.8 - slack and fewer <= 0.8 + slack
        say(name, f"{power:.1%}, by one less {fewer:.1%}", "at least 80 %, by one less below, but for chance", met=met)


def verdicts_at_the_common_epoch() -> None:
    """Say how often backends that learn alike are called worse where the stop at the target chooses the epoch."""
    target, margin, epochs = 0.97, 0.001, np.arange(1, 61)
    for n in (3, 5, 10):
        rng = np.random.default_rng(850 + n)
        worse, cases = 0, 3 * SERIES
        for _ in range(cases):
            # Three backends; what a seed does to the curve is the same on all, and each has noise of its own.
            pace = rng.normal(0, 0.15, (1, n, 1)) + rng.normal(0, 0.1, (3, n, 1))
            metric = 1 - 0.5 * np.exp(-0.25 * epochs * np.exp(pace)) - np.abs(rng.normal(0, 0.004, (3, n, epochs.size)))
            met = metric >= target
            stop = np.where(met.any(axis=-1), met.argmax(axis=-1), epochs.size - 1)
            at_common = metric[:, :, stop.min()]
            found = equivalence.compare(at_common[1], at_common[0], margin)
            worse += found is not None and found.verdict == equivalence.WORSE
        name = f"backends that learn alike called worse at the common epoch, {n} seeds"
        met_it = worse / cases <= 0.025 + chance(0.025, cases)
        say(name, f"{worse / cases:.2%}", "at most 2.5 % but for chance", met=met_it)


def bounds_of_quantiles() -> None:
    """Say it of the bounds of latency quantiles, on lognormal queries."""
    for name, q, n in (("p50", 0.5, 200), ("p90", 0.9, 64), ("p90", 0.9, 500), ("p95", 0.95, 500), ("p99", 0.99, 662)):
        rng = np.random.default_rng(300 + n)
        found = [stats.quantile(rng.lognormal(0, 0.2, n), q) for _ in range(CASES)]
        truth = math.exp(0.2 * NormalDist().inv_cdf(q))
        covered(f"99 % bounds of {name} from {n} queries", found, truth, 0.99, 1)


def alike_noise(rng: np.random.Generator, n: int, alike: float) -> np.ndarray:
    """Return a stationary first-order process of variance 1 and lag-1 autocorrelation `alike`."""
    fresh = rng.normal(0, 1, n)
    series = np.empty(n)
    series[0] = fresh[0]
    for place in range(1, n):
        series[place] = alike * series[place - 1] + math.sqrt(1 - alike**2) * fresh[place]
    return series


def windows(step_seconds: np.ndarray) -> tuple[Window, ...]:
    """Return windows with these step times, one after the other."""
    ends = np.cumsum(step_seconds * STEPS).tolist()
    starts = [0.0, *ends[:-1]]
    return tuple(Window(STEPS, STEPS, a, b) for a, b in zip(starts, ends, strict=True))


def intervals_within_trials() -> None:
    """Say how often the interval that decides when a trial is precise enough holds the truth."""
    for alike in ALIKE:
        rng = np.random.default_rng(400)
        found = [
            figures.interval_of_windows(windows(np.exp(0.02 * alike_noise(rng, 40, alike) - 0.0002)))
            for _ in range(2 * SERIES)
        ]
        told = [one for one in found if one is not None]
        hits = sum(holds(one, 1) for one in told)
        least = 0.9 if alike <= 0.5 else 0.8
        name = f"95 % interval within a trial of 40 windows alike by {alike}"
        value = f"{share(hits, len(told))} of {len(told):,} that settled"
        say(name, value, f"at least {100 * least:.0f} %", met=hits / len(told) >= least)


def start_of(series: np.ndarray) -> int | None:
    """Return where a series is steady."""
    return steady.steady_start(series, [STEPS] * len(series))


def flat_series() -> None:
    """Say how many flat series are called unsettled, with the correction for autocorrelation and without."""
    for n in (40, 120):
        for alike in ALIKE:
            rng = np.random.default_rng(500)
            every = [np.exp(0.02 * alike_noise(rng, n, alike)) for _ in range(SERIES)]
            after = sum(start_of(series) is None for series in every)
            with patch.object(steady, "_inflation", lambda *_: 1.0):
                before = sum(start_of(series) is None for series in every)
            name = f"flat series of {n} windows alike by {alike} called unsettled"
            value = f"{share(after, SERIES)}, without the correction {share(before, SERIES)}"
            say(name, value, "at most 7 %", met=after / SERIES <= 0.07)


def settling_series() -> None:
    """Say how far off the steady step time is on curves that settle."""
    n = 60
    for height in (0.2, 1.0):
        for tau in (0.05, 0.1):
            for noise in (0.01, 0.05):
                rng = np.random.default_rng(600)
                curve = 1 + height * np.exp(-np.arange(n) / (tau * n))
                every = [curve * np.exp(rng.normal(0, noise, n)) for _ in range(SERIES // 2)]
                starts = [start_of(series) for series in every]
                bias = [
                    float(np.median(series[start:])) - 1
                    for series, start in zip(every, starts, strict=True)
                    if start is not None
                ]
                mean, lost = float(np.mean(bias)), starts.count(None)
                name = f"bias where {height:.0%} settle with a time constant of {tau:.0%}, noise {noise:.0%}"
                value = f"{mean:+.2%}, {lost} of {len(every)} unsettled"
                say(name, value, "within 1.4 %, at most 2 % unsettled", met=abs(mean) <= 0.014 and lost <= 10)


def slowing_series() -> None:
    """Say how often slow-downs by 20 % are seen, after 50 steps and after 80 % of the steps."""
    n = 80
    for place, when in ((math.ceil(50 / STEPS), "after 50 of 640 steps"), (n * 4 // 5, "after 80 % of the steps")):
        for noise in (0.01, 0.02, 0.05):
            for alike in (0.0, 0.5):
                rng = np.random.default_rng(700)
                level = np.where(np.arange(n) < place, 1.0, 1.2)
                starts = [start_of(level * np.exp(noise * alike_noise(rng, n, alike))) for _ in range(SERIES // 2)]
                seen = sum(start is None or start >= place - 1 for start in starts)
                name = f"slow-down by 20 % {when} seen, noise {noise:.0%}, windows alike by {alike}"
                least = 0.9 if noise > 0.02 else 0.99
                say(name, share(seen, len(starts)), f"at least {least:.0%}", met=seen / len(starts) >= least)


PARTS: Sequence[Callable[[], None]] = (
    intervals_over_trials,
    accuracy_verdicts,
    verdicts_at_the_common_epoch,
    bounds_of_quantiles,
    intervals_within_trials,
    flat_series,
    settling_series,
    slowing_series,
)


def main() -> int:
    """Print every figure; return how many were missed."""
    for part in PARTS:
        part()
    return missed


if __name__ == "__main__":
    raise SystemExit(main() > 0)

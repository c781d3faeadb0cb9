"""A simulator of step times of processes that run one after the other, for judging designs of comparisons.

The log of a process' step time is the sum of these, each with a meaning of its own:

- environment: clock, heat, neighbours on the machine. A first-order autoregression over the processes in time, so that
  neighbours share most of it. It has 60 % of the variance between processes and a correlation of 0.9 with the next one,
  so processes alike have a lag-1 correlation of 0.54; on a shared two-core machine 0.67 was seen
- process: what is drawn anew in each one, such as memory layout and address randomisation: the other 40 %
- drift: a straight line through the whole comparison, such as a machine that warms up. Over 24 processes it changes by
  one standard deviation between processes, times a normal number
- bursts: another program runs beside some processes in a row. One begins at 2 % of the processes, lasts 3 on average,
  and makes them 3 to 15 % slower
- outliers: 1 process of 250 is 10 to 50 % slower for a reason of its own, such as a cold file cache
- windows: the noise within a process, autoregressive by 0.5; what counts is the median of 40 windows

Sides measured in pairs next to each other share environment, drift and most of a burst; sides measured one after the
other do not. The values were chosen for what they mean, but for the environment's share: of 50, 60 and 67 % it is the
one with which the paired t test comes nearest to an earlier simulation of these profiles (7 pairs, power at 3, 5, 10
%: 75, 91, 96 for L, 40, 75, 96 for M, 17, 37, 85 for H). With 50 % it is up to 4 points below that. What was not
looked at then: Welch's t on ten processes a side, one side after the other, had 16, 12 and 11 % false alarms there.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SHARED, NEXT = 0.6, 0.9
"""Share of the variance between processes that is environment, and its correlation with the next process."""
DRIFT_OVER = 24
"""Processes over which drift changes by the standard deviation between processes."""
BURST_RATE, BURST_LENGTH, BURST_SIZE = 0.02, 3, (0.03, 0.15)
OUTLIER_RATE, OUTLIER_SIZE = 0.004, (0.1, 0.5)
WINDOWS, WINDOWS_ALIKE = 40, 0.5
MEDIANS = 50_000
"""Simulated processes whose medians are drawn from."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Standard deviations of log step times."""

    between: float
    """Processes: environment and process together; drift, bursts and outliers come on top."""
    within: float
    """Windows of one process."""


PROFILES = {"L": Profile(0.02, 0.01), "M": Profile(0.03, 0.05), "H": Profile(0.05, 0.10)}
"""Low, middle, high: a quiet machine of one's own, a shared one, a busy one."""


@lru_cache(maxsize=1)
def medians() -> NDArray[np.float64]:
    """Return medians over the windows of processes whose windows have a standard deviation of 1."""
    rng = np.random.default_rng(40)
    fresh = rng.standard_normal((WINDOWS, MEDIANS))
    windows = np.empty_like(fresh)
    windows[0] = fresh[0]
    for place in range(1, WINDOWS):
        windows[place] = WINDOWS_ALIKE * windows[place - 1] + np.sqrt(1 - WINDOWS_ALIKE**2) * fresh[place]
    return np.median(windows, axis=0)


def log_times(profile: Profile, rng: np.random.Generator, comparisons: int, processes: int) -> NDArray[np.float64]:
    """Return log step times of shape (comparisons, processes), processes in the order of time."""
    environment = rng.standard_normal(comparisons)
    slope = rng.normal(0, profile.between / DRIFT_OVER, comparisons)
    left, size = np.zeros(comparisons), np.zeros(comparisons)
    times = np.empty((processes, comparisons))
    for place in range(processes):
        if place:
            environment = NEXT * environment + np.sqrt(1 - NEXT**2) * rng.standard_normal(comparisons)
        # At the first process a burst may be on that began before.
        begins = np.flatnonzero(rng.random(comparisons) < BURST_RATE * (1 if place else BURST_LENGTH))
        left[begins], size[begins] = rng.geometric(1 / BURST_LENGTH, begins.size), rng.uniform(*BURST_SIZE, begins.size)
        own = rng.standard_normal(comparisons)
        times[place] = profile.between * (np.sqrt(SHARED) * environment + np.sqrt(1 - SHARED) * own)
        times[place] += slope * place + np.where(left > 0, size, 0)
        times[place] += profile.within * medians()[rng.integers(MEDIANS, size=comparisons)]
        outliers = np.flatnonzero(rng.random(comparisons) < OUTLIER_RATE)
        times[place, outliers] += rng.uniform(*OUTLIER_SIZE, outliers.size)
        left -= 1
    return times.T


def interleaved(
    profile: Profile, rng: np.random.Generator, comparisons: int, pairs: int, slowdown: float = 0.0
) -> NDArray[np.float64]:
    """Return log(candidate / baseline) of shape (comparisons, pairs), in the order of time, measured A B B A."""
    times = log_times(profile, rng, comparisons, 2 * pairs)
    candidate_second = np.where(np.arange(pairs) % 2 == 0, 1, -1)
    return np.log1p(slowdown) + candidate_second * (times[:, 1::2] - times[:, ::2])


def one_after_the_other(
    profile: Profile, rng: np.random.Generator, comparisons: int, each: int, slowdown: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log times of the candidate and of the baseline, each (comparisons, each): first all of one side."""
    times = log_times(profile, rng, comparisons, 2 * each)
    return np.log1p(slowdown) + times[:, each:], times[:, :each]

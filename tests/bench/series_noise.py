"""Simulated histories: the logarithm of one figure over runs, noisy as those of real machines are.

A point is the median over a run's processes, and a process's figure the median of its steps, as in dlbench. All is
added in natural logarithms, so that 0.03 is 3 %:

- process: normal, independent, `between`: what a fresh process has of its own (memory layout, placement of threads);
- steps: normal, `within`, with lag-1 autocorrelation STEP_ALIKE inside a process, STEPS of them;
- environment: normal, ENVIRONMENT, of first order with ENVIRONMENT_ALIKE from run to run: neighbours, heat, page
  cache. All processes of a run share it, so that more processes do not average it out;
- drift: linear over the series, its total normal, DRIFT: a nuisance, and an alarm that it causes counts as false;
- bursts: with chance BURST a run, and all its processes, is slower by an exponential with mean BURST_HEIGHT; each
  further run stays in the burst with chance BURST_STAYS: a neighbour's job that meets one run, at times
  two or three;
- outliers: with chance OUTLIER a process is slower by an exponential with mean OUTLIER_HEIGHT.

The two noises of the profiles L, M and H are those that other gates were judged by. The sizes of the rest were
set before any method was tried on them, and stay as they are whatever a method makes of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 30
STEP_ALIKE = 0.3
ENVIRONMENT = 0.01
ENVIRONMENT_ALIKE = 0.6
DRIFT = 0.01
BURST, BURST_STAYS, BURST_HEIGHT = 0.02, 0.3, 0.1
OUTLIER, OUTLIER_HEIGHT = 0.02, 0.2


@dataclass(frozen=True, slots=True)
class Profile:
    """How noisy a machine is; standard deviations of logarithms."""

    between: float
    within: float


LOW, MIDDLE, HIGH = Profile(0.02, 0.01), Profile(0.03, 0.05), Profile(0.05, 0.10)


def histories(
    rng: np.random.Generator, count: int, points: int, profile: Profile = MIDDLE, processes: int = 3
) -> NDArray[np.float64]:
    """Return logarithms of step times that do not change, shape (count, points)."""
    own = _medians_of_processes(rng, count, points, profile, processes)
    return np.asarray(own + _shared(rng, count, points))


def sessions(
    rng: np.random.Generator, count: int, figures: int, points: int, profile: Profile = MIDDLE, processes: int = 3
) -> NDArray[np.float64]:
    """Return several figures of the same runs, shape (count, figures, points), as `histories` has one.

    Each figure is of processes of its own; surroundings, bursts and drift are the run's, and all of its figures share
    them.
    """
    own = _medians_of_processes(rng, count * figures, points, profile, processes)
    return np.asarray(own.reshape(count, figures, points) + _shared(rng, count, points)[:, None, :])


def _medians_of_processes(
    rng: np.random.Generator, count: int, points: int, profile: Profile, processes: int
) -> NDArray[np.float64]:
    """Return the median over the processes of each run, shape (count, points)."""
    shape = (count, points, processes)
    figures = profile.between * rng.standard_normal(shape) + _medians_of_steps(rng, shape, profile.within)
    figures += np.where(rng.random(shape) < OUTLIER, rng.exponential(OUTLIER_HEIGHT, shape), 0.0)
    return np.asarray(np.median(figures, axis=2))


def _shared(rng: np.random.Generator, count: int, points: int) -> NDArray[np.float64]:
    """Return what all processes of a run share, shape (count, points)."""
    found = _environment(rng, count, points) + _bursts(rng, count, points)
    found += rng.normal(0, DRIFT, (count, 1)) * np.linspace(0, 1, points)
    return np.asarray(found)


def _medians_of_steps(rng: np.random.Generator, shape: tuple[int, ...], within: float) -> NDArray[np.float64]:
    """Return the median of each process's steps."""
    found = np.empty(shape)
    for place in np.ndindex(shape[1:]):
        steps = _first_order(rng, shape[0], STEPS, STEP_ALIKE)
        found[(slice(None), *place)] = np.median(steps, axis=1)
    return within * found


def _environment(rng: np.random.Generator, count: int, points: int) -> NDArray[np.float64]:
    return ENVIRONMENT * _first_order(rng, count, points, ENVIRONMENT_ALIKE)


def _first_order(rng: np.random.Generator, count: int, length: int, alike: float) -> NDArray[np.float64]:
    """Return stationary first-order processes of variance 1."""
    series = rng.standard_normal((count, length))
    for place in range(1, length):
        series[:, place] = alike * series[:, place - 1] + np.sqrt(1 - alike**2) * series[:, place]
    return series


def _bursts(rng: np.random.Generator, count: int, points: int) -> NDArray[np.float64]:
    found, height = np.zeros((count, points)), np.zeros(count)
    for place in range(points):
        fresh = rng.random(count) < BURST
        stays = (height > 0) & (rng.random(count) < BURST_STAYS)
        height = np.where(fresh, rng.exponential(BURST_HEIGHT, count), np.where(stays, height, 0.0))
        found[:, place] = height
    return found

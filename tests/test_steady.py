"""Steady state on synthetic curves with a known truth."""

from collections.abc import Callable

import numpy as np
import pytest
from dlbench.results.statistics.steady import FEWEST, LONGEST, steady_start

Series = np.ndarray


def _many(make: Callable[[np.random.Generator], Series], times: int = 60) -> list[tuple[Series, int | None]]:
    rng = np.random.default_rng(7)
    series = [make(rng) for _ in range(times)]
    return [(one, steady_start(one, [10] * len(one))) for one in series]


def _unlabelled(found: list[tuple[Series, int | None]]) -> float:
    return sum(start is None for _, start in found) / len(found)


def _bias(found: list[tuple[Series, int | None]]) -> float:
    return float(np.mean([np.median(one[start:]) - 1 for one, start in found if start is not None]))


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("n", [20, 40, 120])
def test_flat_noise_is_steady_from_the_start(noise: float, n: int) -> None:
    found = _many(lambda rng: np.exp(rng.normal(0, noise, n)))
    assert _unlabelled(found) <= 0.05
    starts = [start for _, start in found if start is not None]
    assert np.quantile(starts, 0.9) <= n / 10


@pytest.mark.parametrize("noise", [0.01, 0.05])
@pytest.mark.parametrize("height", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("settling", [0.05, 0.1])
def test_settling_leaves_little_bias(noise: float, height: float, settling: float) -> None:
    n = 60
    curve = 1 + height * np.exp(-np.arange(n) / (settling * n))
    found = _many(lambda rng: curve * np.exp(rng.normal(0, noise, n)))
    assert _unlabelled(found) <= 0.05
    assert abs(_bias(found)) <= 0.015


def test_a_step_after_half_starts_there() -> None:
    found = _many(lambda rng: np.where(np.arange(60) < 36, 1.3, 1.0) * np.exp(rng.normal(0, 0.02, 60)))
    starts = [start for _, start in found if start is not None]
    assert len(starts) >= 57
    assert np.median(starts) == 36
    assert abs(_bias(found)) < 0.01


def test_a_step_too_late_is_not_steady() -> None:
    found = _many(lambda rng: np.where(np.arange(60) < 48, 1.3, 1.0) * np.exp(rng.normal(0, 0.02, 60)))
    assert _unlabelled(found) == 1


@pytest.mark.parametrize("drift", [0.2, 0.5])
def test_drift_is_never_steady(drift: float) -> None:
    found = _many(lambda rng: (1 + drift * np.arange(100) / 100) * np.exp(rng.normal(0, 0.01, 100)))
    assert _unlabelled(found) >= 0.95


def _alike(rng: np.random.Generator, n: int, alike: float) -> Series:
    fresh = rng.normal(0, 1, n)
    series = np.empty(n)
    series[0] = fresh[0]
    for place in range(1, n):
        series[place] = alike * series[place - 1] + np.sqrt(1 - alike**2) * fresh[place]
    return series


@pytest.mark.parametrize("n", [40, 120])
@pytest.mark.parametrize("alike", [0.3, 0.5, 0.7])
def test_windows_that_resemble_their_neighbours_are_steady(n: int, alike: float) -> None:
    found = _many(lambda rng: np.exp(0.02 * _alike(rng, n, alike)), times=150)
    assert _unlabelled(found) <= 0.08


@pytest.mark.parametrize("alike", [0.0, 0.5])
@pytest.mark.parametrize("place", [10, 20, 30])
def test_a_slow_down_is_seen_though_windows_resemble_each_other(place: int, alike: float) -> None:
    def slowing(rng: np.random.Generator) -> Series:
        return np.where(np.arange(40) < place, 1.0, 1.2) * np.exp(0.02 * _alike(rng, 40, alike))

    found = _many(slowing)
    assert all(start is None or start >= place - 1 for _, start in found)
    assert _unlabelled(found) >= 0.95 if place > 28 else _unlabelled(found) <= 0.05


def test_lone_outliers_do_not_matter() -> None:
    def spiked(rng: np.random.Generator) -> Series:
        series = np.exp(rng.normal(0, 0.02, 60))
        series[rng.choice(np.arange(10, 60), 2, replace=False)] *= 3
        return series

    found = _many(spiked)
    assert _unlabelled(found) <= 0.05
    assert np.median([start for _, start in found if start is not None]) == 0


def test_a_slow_first_window_is_dropped() -> None:
    assert steady_start([1.5, *[1.0, 1.001] * 15], [10] * 31) == 1


def test_too_few_windows_are_never_called_steady() -> None:
    assert steady_start([], []) is None
    assert steady_start([1.0] * (FEWEST - 1), [1] * (FEWEST - 1)) is None
    assert steady_start([1.0] * FEWEST, [1] * FEWEST) == 0


def test_coverage_counts_steps_not_windows() -> None:
    series = [2.0, 2.001] * 10 + [1.0, 1.001] * 10
    assert steady_start(series, [10] * 40) == 20
    assert steady_start(series, [100] * 20 + [10] * 20) is None


def test_long_series_are_merged() -> None:
    rng = np.random.default_rng(5)
    n = 5 * LONGEST
    series = np.where(np.arange(n) < n // 4, 1.5, 1.0) * np.exp(rng.normal(0, 0.02, n))
    start = steady_start(series, [1] * n)
    assert start is not None
    assert n // 4 <= start <= n // 4 + 10


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e3])
def test_the_unit_of_time_does_not_matter(unit: float) -> None:
    series = (1 + np.exp(-np.arange(50) / 4)) * np.exp(np.random.default_rng(0).normal(0, 0.02, 50))
    assert steady_start(series * unit, [10] * 50) == steady_start(series, [10] * 50)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_times_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        steady_start([1.0] * 9 + [bad], [1] * 10)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one step count per window"):
        steady_start([1.0] * 9, [1] * 10)

"""The noise that designs are judged by: that each component does what it is said to do."""

import math
from unittest.mock import patch

import numpy as np
import pytest
from dlbench.results.statistics.worsening import p_worse

from .bench import noise_profiles
from .bench.noise_profiles import PROFILES, Profile, interleaved, log_times, one_after_the_other

QUIET = {"BURST_RATE": 0.0, "OUTLIER_RATE": 0.0, "DRIFT_OVER": math.inf}


def _times(profile: Profile, processes: int = 14, **changed: float) -> np.ndarray:
    with patch.multiple(noise_profiles, **changed):
        return log_times(profile, np.random.default_rng(1), 20_000, processes)


def test_processes_vary_as_the_profile_says_and_resemble_their_neighbours() -> None:
    times = _times(Profile(0.03, 0), **QUIET)
    assert times.std(axis=0) == pytest.approx([0.03] * 14, rel=0.03)
    assert np.corrcoef(times[:, 4], times[:, 5])[0, 1] == pytest.approx(0.6 * 0.9, abs=0.03)


def test_windows_add_the_noise_of_a_median() -> None:
    # The mean of 40 windows alike by 0.5 has 3 times the variance of independent ones; a median has somewhat more.
    times = _times(Profile(0, 0.05), **QUIET)
    mean = 0.05 * math.sqrt(3 / 40)
    assert mean < times.std() < 1.3 * mean


def test_drift_is_a_straight_line_that_interleaving_cancels() -> None:
    still = Profile(0.03, 0)
    with patch.multiple(noise_profiles, SHARED=0, **QUIET | {"DRIFT_OVER": 0.1}):
        drifting = interleaved(still, np.random.default_rng(1), 20_000, 4).mean(axis=1)
        after, before = one_after_the_other(still, np.random.default_rng(1), 20_000, 4)
    assert drifting.std() == pytest.approx(0.03 * math.sqrt(2 / 4), rel=0.03)
    assert (after.mean(axis=1) - before.mean(axis=1)).std() > 1


def test_bursts_and_outliers_come_as_often_as_they_are_said_to() -> None:
    nothing = Profile(0, 0)
    outliers = _times(nothing, BURST_RATE=0.0) > 0
    assert outliers.mean() == pytest.approx(0.004, rel=0.1)
    bursts = _times(nothing, OUTLIER_RATE=0.0) > 0
    assert bursts.mean() == pytest.approx(0.06, rel=0.1)
    assert (bursts[:, 4] & bursts[:, 5]).mean() > 0.6 * bursts[:, 4].mean()


@pytest.mark.parametrize("name", list(PROFILES))
def test_measuring_one_side_after_the_other_is_wrong_and_pairs_are_right(name: str) -> None:
    rng = np.random.default_rng(2)
    pairs = interleaved(PROFILES[name], rng, 4000, 7)
    assert (p_worse(pairs) <= 0.025).mean() < 0.033
    after, before = one_after_the_other(PROFILES[name], rng, 4000, 7)
    assert (p_worse(after - before) <= 0.025).mean() > 0.06


def test_a_slowdown_is_added_to_every_pair() -> None:
    plain, slower = (interleaved(PROFILES["L"], np.random.default_rng(3), 10, 7, slowdown) for slowdown in (0, 0.1))
    assert slower - plain == pytest.approx(np.full((10, 7), math.log(1.1)))

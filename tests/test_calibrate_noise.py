"""Noise and false alarms from made-up trials whose step times are known."""

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from dlbench.results.calibration.noise import (
    clopper_pearson,
    count_false_alarms,
    detectable_ratio,
    lag1,
    pairs,
    variation,
)
from dlbench.results.records.model import Trial, Window
from dlbench.results.statistics import stats
from dlbench.results.summaries import figures
from hypothesis import given, settings
from hypothesis import strategies as st

from .factories import trial

STEPS = 10
WINDOWS = 20


def process(block: int, step_s: float, within: Sequence[float] = (0.0,), **fields: Any) -> Trial:
    """Make the trial of one process; the logarithms of its windows' step times lie about that of `step_s`."""
    times = [step_s * math.exp(within[number % len(within)]) for number in range(WINDOWS)]
    ends = np.cumsum(np.array(times) * STEPS).tolist()
    starts = [0.0, *ends[:-1]]
    windows = tuple(Window(STEPS, 32 * STEPS, start, end) for start, end in zip(starts, ends, strict=True))
    return trial(block=block, windows=windows, **fields)


def processes(logs: Sequence[float]) -> list[Trial]:
    """Make one process per block, with the given logarithms of step times."""
    return [process(block, math.exp(log)) for block, log in enumerate(logs)]


def test_noise_between_processes_is_the_spread_of_their_logarithms() -> None:
    found = variation(processes([-7.0, -7.2, -6.8, -7.0]), 3)
    assert found.step_s == pytest.approx(math.exp(-7.0))
    assert found.between == pytest.approx(np.std([-7.0, -7.2, -6.8, -7.0], ddof=1))
    assert found.within == pytest.approx(0.0, abs=1e-9)


def test_noise_within_processes_is_the_mean_of_their_variances() -> None:
    rng = np.random.default_rng(3)
    swings = [rng.normal(0, spread, WINDOWS) for spread in (0.01, 0.03)]
    trials = [process(block, 0.001, swing.tolist()) for block, swing in enumerate(swings)]
    assert all((speed := figures.speed(item)) and speed.settled for item in trials)
    variances = [float(np.var(swing, ddof=1)) for swing in swings]
    assert variation(trials, 3).within == pytest.approx(math.sqrt(sum(variances) / 2))


def test_the_noise_of_a_pair_is_about_no_change() -> None:
    found = variation(processes([0.0, 0.1, 0.0, 0.3]), 3)
    assert found.paired == pytest.approx(math.sqrt((0.1**2 + 0.3**2) / 2))
    assert found.detectable_ratio == detectable_ratio(found.paired or 0.0, 3)


def test_without_trials_or_with_one_nothing_is_claimed() -> None:
    nothing = variation([], 3)
    assert nothing.step_s is nothing.within is nothing.between is nothing.paired is nothing.detectable_ratio is None
    one = variation(processes([-7.0]), 3)
    assert one.step_s == pytest.approx(math.exp(-7.0))
    assert one.between is one.lag1 is one.paired is one.detectable_ratio is None


def test_pairs_are_neighbouring_blocks_that_were_both_timed() -> None:
    trials = processes([0.0] * 8)
    lacking = [trials[0], trials[1], trials[3], trials[4], process(5, 1.0), *trials[6:]]
    lacking[4] = trial(block=5, windows=())
    assert {number: [t.block for t in pair] for number, pair in pairs(lacking).items()} == {0: [0, 1], 3: [6, 7]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 1.0] * 4, -7 / 8), ([0.0] * 4 + [1.0] * 4, 5 / 8), ([1.0, 2.0] * 3, None), ([3.0] * 20, None)],
)
def test_lag_1_is_the_correlation_with_the_next(values: list[float], expected: float | None) -> None:
    assert lag1(values) == (None if expected is None else pytest.approx(expected))


def test_the_smallest_change_is_that_of_the_formula() -> None:
    # Tables of Student's t: 12.706 and 1.376 for one degree of freedom, 2.447 and 0.906 for six.
    assert detectable_ratio(0.01, 2) == pytest.approx(math.exp((12.706 + 1.376) * 0.01 / math.sqrt(2)), rel=1e-4)
    assert detectable_ratio(0.05, 7) == pytest.approx(math.exp((2.447 + 0.906) * 0.05 / math.sqrt(7)), rel=1e-4)
    assert detectable_ratio(0.05, 1) is None
    assert detectable_ratio(1e9, 3) is None


def test_a_comparison_has_pairs_of_its_own_and_only_complete_ones_count() -> None:
    rng = np.random.default_rng(1)
    trials = processes(rng.normal(-7, 0.02, 26).tolist())
    (clean,) = count_false_alarms(trials, 3, "a")
    assert (clean.backend, clean.device, clean.trials, clean.doubtful, clean.comparisons) == ("jax", "cpu", 3, False, 4)
    without_block_7 = [item for item in trials if item.block != 7]
    assert sum(found.comparisons for found in count_false_alarms(without_block_7, 3, "a")) == 3


def test_a_comparison_with_a_flagged_trial_is_counted_apart() -> None:
    trials = processes([0.0, 0.01] * 9)
    trials[8] = process(8, 1.0, flags={"disturbed": "others took 20 %"})
    found = count_false_alarms(trials, 3, "a")
    assert [(item.doubtful, item.comparisons) for item in found] == [(False, 2), (True, 1)]


def test_nothing_is_compared_with_fewer_than_two_pairs() -> None:
    assert count_false_alarms([], 3, "a") == ()
    assert count_false_alarms(processes([0.0] * 8), 1, "a") == ()
    assert count_false_alarms(processes([0.0] * 5), 3, "a") == ()


def test_a_lasting_difference_within_pairs_is_claimed_on_the_side_drawn() -> None:
    """Every second process is 10 % slower: with three pairs a claim needs that all fall on one side."""
    trials = processes([(block % 2) * 0.1 + 0.0001 * (block % 5) for block in range(600)])
    (found,) = count_false_alarms(trials, 3, "seed")
    assert found.comparisons == 100
    # Each happens with a chance of 1/8; five standard deviations around 12.5.
    assert 0 < found.slower < 30
    assert 0 < found.faster < 30


def test_slower_is_said_of_the_candidate() -> None:
    """The later process of each pair is slower; the seeds are those that draw the same side three times."""
    trials = processes([0.0, 0.1, 0.0, 0.101, 0.0, 0.099])
    for wanted in (True, False):
        later = [[random.Random(f"{seed}-{pair}").random() >= 0.5 for pair in range(3)] for seed in range(100)]  # noqa: S311
        (found,) = count_false_alarms(trials, 3, str(later.index([wanted] * 3)))
        assert (found.slower, found.faster) == (int(wanted), int(not wanted))


def test_equals_are_called_slower_about_as_often_as_is_nominal() -> None:
    rng = np.random.default_rng(20)
    (found,) = count_false_alarms(processes(rng.normal(0, 0.05, 4000).tolist()), 5, "seed")
    assert found.comparisons == 400
    for claims in (found.slower, found.faster):
        bounds = clopper_pearson(claims, found.comparisons, 0.999)
        assert bounds.low is not None
        assert bounds.high is not None
        assert bounds.low < 0.025 < bounds.high


def test_exact_intervals_are_those_of_the_literature() -> None:
    # Clopper & Pearson's own limits: 0 of 10 and 2 of 10 at 95 %.
    none = clopper_pearson(0, 10)
    assert [none.low, none.high] == pytest.approx([0.0, 0.3085], abs=1e-4)
    some = clopper_pearson(2, 10)
    assert [some.low, some.high] == pytest.approx([0.0252, 0.5561], abs=1e-4)
    every = clopper_pearson(10, 10)
    assert [every.low, every.high] == pytest.approx([0.6915, 1.0], abs=1e-4)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_exact_interval_holds_its_estimate_and_leaves_half_the_doubt_outside(hits: tuple[int, int]) -> None:
    found = clopper_pearson(*hits)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    k, n = hits
    tail = (1 - stats.CONFIDENCE) / 2
    at_most = (
        sum(math.comb(n, i) * found.high**i * (1 - found.high) ** (n - i) for i in range(k + 1)) if k < n else tail
    )
    assert at_most == pytest.approx(tail, rel=1e-6)


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to n hits"):
        clopper_pearson(hits, n)

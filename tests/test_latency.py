"""Latency: quantiles over trials, bounds within them, and what is refused."""

import numpy as np
import pytest
from dlbench.results.records.model import Case
from dlbench.results.statistics import stats
from dlbench.results.summaries import latency

from .synthetic_runs import trial

CASE = Case.of("digits_cnn", backend="jax", phase="infer", batch_size=1)


def _trials(count: int, trials: int = 3) -> list:
    rng = np.random.default_rng(0)
    return [trial(CASE, block, queries=tuple(rng.lognormal(-7, 0.2, count))) for block in range(trials)]


@pytest.mark.parametrize(
    ("count", "told"), [(10, []), (63, ["p50"]), (64, ["p50", "p90"]), (661, ["p50", "p90", "p95"]), (662, None)]
)
def test_each_quantile_has_its_fewest_queries(count: int, told: list[str] | None) -> None:
    assert list(latency.latencies(_trials(count))) == (list(latency.QUANTILES) if told is None else told)


def test_one_trial_has_bounds_within_it_and_none_over_trials() -> None:
    (only,) = _trials(700, 1)
    found = latency.quantile_of([only], 0.99)
    assert found is not None
    assert (found.over_trials.low, found.over_trials.high) == (None, None)
    alone = stats.quantile(only.queries, 0.99)
    assert alone is not None
    assert (found.trial_low, found.trial_high) == pytest.approx((alone.low, alone.high))


def test_trials_are_means_on_the_log_scale_never_pooled() -> None:
    trials = [trial(CASE, block, queries=(seconds,) * 70) for block, seconds in enumerate((0.001, 0.004))]
    found = latency.quantile_of(trials, 0.9)
    assert found is not None
    assert found.over_trials.estimate == pytest.approx(0.002)
    assert found.trial_low == pytest.approx(0.002)


def test_a_quantile_is_of_all_trials_or_of_none() -> None:
    trials = [*_trials(700, 2), *_trials(100, 1)]
    assert list(latency.latencies(trials)) == ["p50", "p90"]
    assert latency.note(trials) == "100 queries, p95 needs 130, p99 needs 662"
    assert list(latency.latencies([*trials, trial(CASE)])) == ["p50", "p90"]


def test_the_note_names_what_is_lacking() -> None:
    assert latency.note([]) is None
    assert latency.note(_trials(200)) == "200 queries, p99 needs 662"
    assert latency.note(_trials(700)) is None

"""Summaries: figures per trial, per row, and who is called fastest."""

import numpy as np
import pytest
from dlbench.results.records.model import Case, Trial
from dlbench.results.summaries import figures
from dlbench.results.summaries.summary import RowSummary
from dlbench.results.tables.comparison import GroupSummary, summarise

from .synthetic_runs import (
    DIGITS,
    FORECAST,
    converge_trial,
    failure,
    full_run,
    run_of,
    steady_windows,
    train_trial,
    trial,
    windows,
)

JAX = Case.of("digits_cnn", backend="jax", phase="train")
TORCH = JAX.with_({"backend": "torch"})
CONVERGE = JAX.with_({"phase": "converge"})
SINGLE = JAX.with_({"phase": "infer", "batch_size": 1})


def _only(trials: list[Trial]) -> RowSummary:
    ((row,),) = [group.rows for group in summarise(run_of(trials))]
    return row


def _duel(jax: list[float], torch: list[float], skip: tuple[int, ...] = ()) -> GroupSummary:
    trials = [trial(JAX, block, windows=windows([step] * 10)) for block, step in enumerate(jax)]
    trials += [
        trial(TORCH, block, windows=windows([step] * 10)) for block, step in enumerate(torch) if block not in skip
    ]
    (group,) = summarise(run_of(trials))
    return group


def test_throughput_counts_only_steady_windows() -> None:
    found = figures.speed(trial(JAX, windows=windows([3.0] * 10 + [1.0, 1.001] * 10)))
    assert found is not None
    assert found.settled
    assert found.items_per_s == pytest.approx(64, rel=1e-3)
    assert found.step_seconds == pytest.approx(1, rel=1e-3)


def test_a_trial_that_does_not_settle_is_labelled_and_its_last_half_used() -> None:
    steps = list(np.linspace(1, 2, 40))
    found = figures.speed(trial(JAX, windows=windows(steps)))
    assert found is not None
    assert not found.settled
    assert found.items_per_s == pytest.approx(64 / np.mean(steps[20:]))
    assert _only([trial(JAX, windows=windows(steps))]).train_unsettled == 1


def test_a_trial_without_windows_has_no_speed() -> None:
    assert figures.speed(trial(JAX)) is None


def test_latency_needs_enough_queries() -> None:
    short = _only([trial(SINGLE, queries=tuple([0.001] * 63))])
    assert list(short.latencies) == ["p50"]
    assert short.latency_note == "63 queries, p90 needs 64, p95 needs 130, p99 needs 662"
    full = _only([trial(SINGLE, queries=tuple([0.001] * 662))])
    assert list(full.latencies) == ["p50", "p90", "p95", "p99"]
    assert full.latencies["p99"].over_trials.estimate == pytest.approx(0.001)
    assert full.latency_note is None


def test_memory_is_above_the_import_floor() -> None:
    marks = {"peak_steady_bytes": 900.0, "rss_imported_bytes": 400.0}
    memory = _only([trial(JAX, marks=marks)]).memory.steady
    assert memory is not None
    assert memory.mean == 500
    assert _only([trial(JAX, marks={"peak_steady_bytes": 900.0})]).memory.steady is None


def test_accuracy_is_of_the_last_epoch_and_time_of_the_one_that_reached_the_target() -> None:
    trials = [converge_trial(CONVERGE, seed, [0.5, 0.98, 0.97 + seed / 100]) for seed in range(3)]
    found = _only(trials).accuracy
    assert found is not None
    assert found.metric is not None
    assert [found.metric.mean, found.metric.sd] == pytest.approx([0.98, 0.01])
    assert (found.reached, found.seeds) == (3, 3)
    assert (found.seconds_to_target, found.epochs_to_target) == (4.0, 2.0)


def test_misses_are_censored() -> None:
    hit, miss = [0.5, 0.98], [0.5, 0.6]
    most = _only(
        [
            converge_trial(CONVERGE, 0, hit),
            converge_trial(CONVERGE, 1, hit),
            converge_trial(CONVERGE, 2, miss),
        ]
    )
    assert most.accuracy is not None
    assert (most.accuracy.reached, most.accuracy.seconds_to_target) == (2, 4.0)
    half = _only([converge_trial(CONVERGE, 0, hit), converge_trial(CONVERGE, 1, miss)])
    assert half.accuracy is not None
    assert (half.accuracy.reached, half.accuracy.seconds_to_target) == (1, None)


def test_a_seed_that_diverged_is_a_miss() -> None:
    run = run_of([converge_trial(CONVERGE, 0, [0.98])], [failure(CONVERGE, "diverged", "loss is nan", 1)])
    found = summarise(run)[0].rows[0].accuracy
    assert found is not None
    assert (found.reached, found.seeds, found.seconds_to_target) == (1, 2, None)


def test_a_smaller_metric_may_be_better_and_the_data_may_set_the_target() -> None:
    case = Case.of(FORECAST.name, backend="jax", phase="converge")
    found = figures.target_epoch(converge_trial(case, 0, [0.3, 0.11, 0.1]), FORECAST)
    assert found is not None
    assert found.number == 2
    resolved = trial(case, epochs=converge_trial(case, 0, [0.3, 0.11, 0.1]).epochs, ledger={"target": 0.105})
    found = figures.target_epoch(resolved, FORECAST)
    assert found is not None
    assert found.number == 3
    assert figures.target_epoch(converge_trial(CONVERGE, 0, [0.9]), DIGITS) is None


def test_a_clear_difference_is_called() -> None:
    group = _duel([1.0, 1.01, 0.99], [2.0, 2.05, 1.98])
    jax, torch = group.rows
    assert (jax.leader, jax.fastest, jax.ratio) == (True, True, None)
    assert torch.ratio is not None
    assert torch.ratio.estimate == pytest.approx(0.5, rel=0.02)
    assert torch.ratio.high is not None
    assert torch.ratio.high < 1
    assert group.detectable == torch.detectable


def test_a_difference_within_the_noise_is_not_called() -> None:
    jax, torch = _duel([1.0, 1.2, 0.9], [1.05, 1.1, 1.02]).rows
    assert not jax.fastest
    assert not torch.fastest
    assert jax.leader != torch.leader


def test_an_interval_below_one_is_not_enough_under_the_detectable_difference() -> None:
    ratios = np.exp([0.002, 0.016, 0.019, 0.022, 0.045])
    group = _duel([1.0] * 5, list(ratios))
    torch = group.rows[1]
    assert torch.ratio is not None
    assert torch.ratio.high is not None
    assert torch.detectable is not None
    assert torch.ratio.high < 1 < 1 / torch.ratio.estimate < torch.detectable
    assert not any(row.fastest for row in group.rows)


def test_one_block_calls_nothing_fastest() -> None:
    group = _duel([1.0], [3.0])
    assert group.rows[0].leader
    assert not group.rows[0].fastest
    assert group.detectable is None


def test_pairs_are_made_only_where_both_sides_have_a_trial() -> None:
    pair = _duel([1.0, 1.0, 1.5, 1.0], [2.0, 2.0, 2.0, 2.0], skip=(2,)).rows[1].ratio
    assert pair is not None
    assert pair.n == 3
    assert pair.estimate == pytest.approx(0.5)


def test_equal_backends_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(11)
    called = 0
    for _ in range(60):
        trials = [train_trial(case, block, 0.001, rng) for case in (JAX, TORCH) for block in range(3)]
        called += any(row.fastest for row in summarise(run_of(trials))[0].rows)
    assert called <= 6


def test_a_row_alone_is_not_fastest() -> None:
    rng = np.random.default_rng(0)
    row = _only([trial(JAX, block, windows=steady_windows(0.01, rng)) for block in range(3)])
    assert row.leader
    assert not row.fastest


def test_the_full_run_has_a_group_per_workload() -> None:
    groups = summarise(full_run())
    assert [group.key.workload for group in groups] == [
        "digits_cnn",
        "mixture_mlp",
        "forecast_lstm",
        "language_model",
    ]
    problems = {row.row.backend: row.problems for row in groups[3].rows if row.problems}
    assert problems["torch"][0].kind == "out of memory"
    assert len(problems["torch"]) == 1
    assert problems["openvino"][0].kind == "left out"

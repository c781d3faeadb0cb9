"""Readings: the same figures as the tables, one record per case, side and measure."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dlbench.results.gate.metrics import EXACT_METRICS
from dlbench.results.history.points import METRICS
from dlbench.results.records.environment import CURRENT
from dlbench.results.records.model import Case, Run
from dlbench.results.tables.frame import records, tidy
from dlbench.results.tables.measures import MEASURES, measures_of
from dlbench.results.tables.readings import Reading, Subject, candidates, subjects
from hypothesis import given
from hypothesis import strategies as st

from .rich_runs import duel, rich_run
from .sided import CASE, sided_run
from .synthetic_runs import DIGITS, FORECAST, failure, full_run, run_of, trial, windows

OF_POINTS = {
    "throughput": "throughput_samples_per_second",
    "throughput_p90": "throughput_p90_samples_per_second",
    "latency_p50": "latency_p50_seconds",
    "first_step": "first_step_seconds",
    "memory": "memory_peak_bytes",
    "memory_exact": "memory_exact_bytes",
    "accuracy": "test_accuracy",
    "time_to_target": "time_to_target_seconds",
    "first_token_p50": "first_token_p50_seconds",
    "inter_token_p50": "inter_token_p50_seconds",
    "decode": "decode_throughput_tokens_per_second",
    "scenario": "scenario_throughput_samples_per_second",
}
"""The measure of each figure that has a history."""
OF_EXACT = {"training_flops", "forward_flops", "parameters", "recompilations", "graph_breaks", "memory_planned_bytes"}


def told(subject: Subject) -> dict[str, Reading]:
    return {reading.measure.name: reading for reading in subject.readings}


def found(run: Run, **labels: str) -> dict[str, Reading]:
    (subject,) = [one for one in subjects(run) if labels.items() <= one.labels.items()]
    return told(subject)


@pytest.mark.parametrize("run", [full_run(), rich_run()])
def test_the_figures_are_those_of_the_tables(run: Run) -> None:
    rows = [row for row in records(tidy(run)) if row["execution"] == "step" and row["compile"] == "auto"]
    batch = {info.name: str(info.batch_size) for info in run.header.workloads}
    assert rows
    for row in rows:
        every = {
            (one.labels["phase"], one.labels.get("batch_size"), one.labels.get("scenario")): told(one)
            for one in subjects(run)
            if (one.labels["workload"], one.labels["backend"]) == (row["workload"], row["backend"])
            and {"execution", "compile"}.isdisjoint(one.labels)
        }

        def value(phase: str, name: str, size: str, every: dict[Any, Any] = every) -> float | None:
            reading = every.get((phase, size, None), {}).get(name)
            return reading.value if reading else None

        own = batch[row["workload"]]
        assert value("train", "throughput_samples_per_second", own) == row["train_throughput_samples_per_s"]
        assert value("infer", "throughput_samples_per_second", own) == row["infer_throughput_samples_per_s"]
        assert value("infer", "latency_p50_seconds", "1") == row["latency_p50_s"]
        assert value("infer", "latency_p99_seconds", "1") == row["latency_p99_s"]
        assert value("train", "first_step_seconds", own) == row["first_step_s"]
        assert value("train", "memory_peak_bytes", own) == row["memory_steady_peak_bytes"]
        assert value("memory", "memory_exact_bytes", own) == row["memory_exact_bytes"]
        assert value("train", "training_flops", own) == row["training_flops"]
        assert value("train", "energy_per_million_samples_joules", own) == row["joules_per_million_samples"]
        assert value("converge", f"test_{row['metric']}", own) == row["metric_mean"]
        assert value("converge", "time_to_target_seconds", own) == row["time_to_accuracy_s"]


def test_an_interval_stands_where_the_table_has_one() -> None:
    run = full_run()
    row = next(row for row in records(tidy(run)) if (row["workload"], row["backend"]) == ("digits_cnn", "jax"))
    train = found(run, workload="digits_cnn", backend="jax", phase="train")
    rate = train["throughput_samples_per_second"]
    assert (rate.low, rate.high) == (
        row["train_throughput_low_samples_per_s"],
        row["train_throughput_high_samples_per_s"],
    )
    assert rate.n == row["train_trials"] == 3
    assert (train["memory_peak_bytes"].low, train["memory_peak_bytes"].high) == (None, None)


def test_every_figure_with_a_history_or_compared_exactly_has_a_measure_with_the_same_direction() -> None:
    assert OF_POINTS.keys() == METRICS.keys()
    for name, metric in METRICS.items():
        for phase in metric.phases:
            (measure,) = [one for one in measures_of(phase, DIGITS) if one.name == OF_POINTS[name]]
            assert measure.better == (metric.better or DIGITS.direction)
    exact = {measure.name for measure in MEASURES if measure.exact}
    assert exact == OF_EXACT
    assert len(exact) == len(EXACT_METRICS)


def test_a_test_metric_is_named_and_directed_by_its_workload() -> None:
    test = {one.name: one.better for one in measures_of("converge", FORECAST)}
    assert test == {"time_to_target_seconds": "min", "test_rmse": "min"}
    assert [one.name for one in measures_of("converge", None)] == ["time_to_target_seconds"]


def test_names_are_not_used_twice() -> None:
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)


def test_what_could_not_be_had_is_absent() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train")
    (subject,) = subjects(run_of([trial(case)]))
    assert (subject.trials, subject.readings) == (1, ())
    lone = found(run_of([trial(case, windows=windows([0.001] * 30))]), phase="train")
    assert set(lone) == {"throughput_samples_per_second"}
    assert (lone["throughput_samples_per_second"].low, lone["throughput_samples_per_second"].n) == (None, 1)


def test_what_should_not_vary_is_told_where_all_trials_agree() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train")
    alike = run_of([trial(case, block, marks={"parameters": 7.0, "compilations": 0.0}) for block in range(2)])
    assert {name: one.value for name, one in found(alike).items()} == {"parameters": 7.0, "recompilations": 0.0}
    apart = run_of([trial(case, block, marks={"parameters": 7.0 + block}) for block in range(2)])
    assert found(apart) == {}


def test_operations_with_unknown_layers_are_no_count() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train")
    run = run_of([trial(case, marks={"training_flops": 3e7}, ledger={"flops_unknown": "Odd"})])
    assert found(run) == {}


def test_failed_trials_give_no_figures_and_are_counted() -> None:
    run = full_run()
    lost = next(one for one in subjects(run) if one.failed and not one.trials)
    assert (lost.labels["workload"], lost.labels["backend"], lost.failed) == ("language_model", "torch", 3)
    assert lost.readings == ()
    assert lost.failures == ("3 processes failed (out of memory: the worker needed more than 7.9 GB)",)


def test_a_seed_that_diverged_is_no_hit() -> None:
    whole = full_run()
    case = Case.of("digits_cnn", backend="jax", phase="converge")
    lost = tuple(replace(failure(case, "diverged", "the loss is no number"), seed=seed) for seed in range(3, 9))
    labels = {"workload": "digits_cnn", "backend": "jax", "phase": "converge"}
    assert "time_to_target_seconds" in found(whole, **labels)
    run = replace(whole, failures=(*whole.failures, *lost))
    assert "time_to_target_seconds" not in found(run, **labels)
    assert found(run, **labels)["test_accuracy"].n == 3


def test_flags_and_unsettled_trials_are_told() -> None:
    (jax, torch) = subjects(duel(flags={"leaking": "2 MB a step"}))
    assert (jax.flagged, jax.unsettled, torch.flagged, torch.unsettled) == (0, 0, 5, 0)
    assert torch.flags == ("leaking: 5 of 5 in training (2 MB a step)",)
    case = Case.of("digits_cnn", backend="jax", phase="train")
    (drifting,) = subjects(run_of([trial(case, windows=windows(0.002 * 1.1 ** np.arange(40)))]))
    assert drifting.unsettled == 1
    (memory,) = subjects(run_of([trial(case.with_({"phase": "memory"}))]))
    assert memory.unsettled is None


def test_generation_and_scenarios_have_figures_of_their_own() -> None:
    calls = {"first_token": (0.1,) * 700, "inter_token": (0.01,) * 700}
    series = {"prefill": windows([0.001] * 30, batch=8), "decode": windows([0.002] * 30, batch=1)}
    case = Case.of("grammar_gpt", backend="jax", phase="generate", batch_size=1)
    (made,) = subjects(run_of([trial(case, block, series=series, latencies=calls) for block in range(2)]))
    values = {name: one.value for name, one in told(made).items()}
    assert values["prefill_throughput_tokens_per_second"] == pytest.approx(8000)
    assert values["decode_throughput_tokens_per_second"] == pytest.approx(500)
    assert (values["first_token_p50_seconds"], values["inter_token_p99_seconds"]) == (
        pytest.approx(0.1),
        pytest.approx(0.01),
    )
    assert made.unsettled == 0
    server = found(rich_run(), backend="jax", phase="scenario", scenario="server")
    assert set(server) == {
        "scenario_throughput_samples_per_second",
        *(f"query_latency_{q}_seconds" for q in ("p50", "p90", "p99")),
    }
    assert set(found(rich_run(), backend="jax", scenario="offline")) == {"scenario_throughput_samples_per_second"}


def test_labels_tell_what_differs_from_the_defaults() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train", precision="float32", device="gpu")
    (subject,) = subjects(run_of([trial(case.with_({"p.depth": 4, "feed": None, "environment": "old"}))]))
    assert dict(subject.labels) == {
        "workload": "digits_cnn",
        "phase": "train",
        "backend": "jax",
        "environment": "old",
        "batch_size": "64",
        "device": "gpu",
        "p.depth": "4",
    }
    assert subject.name == "digits_cnn train jax environment=old batch_size=64 device=gpu p.depth=4"


def test_a_name_quotes_what_could_be_mistaken() -> None:
    case = Case.of("my model", backend="jax", phase="train", optimizer="a b=c")
    (subject,) = subjects(run_of([trial(case)]))
    assert subject.labels["environment"] == CURRENT
    assert subject.name == "'my model' train jax 'optimizer=a b=c'"


def test_a_tracker_follows_the_candidate_alone() -> None:
    run = sided_run({"a": [1e-3] * 4, "b": [2e-3] * 4})
    assert [(one.side, told(one)["throughput_samples_per_second"].value) for one in subjects(run)] == [
        ("a", pytest.approx(32e3)),
        ("b", pytest.approx(16e3)),
    ]
    assert [one.side for one in candidates(run)] == ["b"]
    assert [one.side for one in candidates(full_run())] == [None] * len(subjects(full_run()))
    assert candidates(run)[0].name == f"toy train {CASE.get('backend')} batch_size=32"


factors = st.dictionaries(
    st.sampled_from(["precision", "optimizer", "feed", "environment", "p.depth", "p.kind", "lane"]),
    st.text(min_size=1, max_size=3),
    max_size=4,
)
some_cases = st.lists(
    st.builds(
        lambda name, given: Case.of(name, backend="jax", phase="train").with_(given), st.text(max_size=2), factors
    ),
    max_size=6,
    unique_by=lambda case: case.id,
)


@given(some_cases)
def test_no_two_cases_share_labels_or_a_name(cases: list[Case]) -> None:
    every = subjects(run_of([trial(case, block) for case in cases for block in range(2)]))
    assert [one.trials for one in every] == [2] * len(cases)
    assert len({one.name for one in every}) == len({frozenset(one.labels.items()) for one in every}) == len(cases)

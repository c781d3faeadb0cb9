"""The tidy frame: one row per table row, typed columns, NA for what is missing."""

from dataclasses import replace

import pandas as pd
import pytest
from dlbench.results.records.model import Case, Run
from dlbench.results.tables.frame import records, tidy
from dlbench.results.tables.schema import COLUMNS

from .rich_runs import CEILINGS, duel, rich_run
from .synthetic_runs import full_run, header, run_of, trial


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return tidy(full_run())


def test_there_is_one_row_per_backend_and_group(frame: pd.DataFrame) -> None:
    assert len(frame) == 13
    assert not frame.duplicated(["group", "backend"]).any()
    assert list(frame.columns) == list(COLUMNS)


def test_columns_have_their_types_even_when_empty(frame: pd.DataFrame) -> None:
    for some in (frame, tidy(Run(header(()), (), (), (), None))):
        kinds = {name: str(kind) for name, kind in some.dtypes.items()}
        assert {kinds[name] for name, kind in COLUMNS.items() if kind == "Float64"} == {"Float64"}
        assert {kinds[name] for name, kind in COLUMNS.items() if kind == "Int64"} == {"Int64"}


def test_nothing_is_nan_or_zero_for_want_of_a_value(frame: pd.DataFrame) -> None:
    lost = frame[frame["failure_kind"] == "out of memory"].iloc[0]
    assert lost["train_throughput_samples_per_s"] is pd.NA
    assert lost["failures"] == 3
    assert lost["failure_log"] == "logs/lm-torch.log"
    assert all(value is None or value == value for row in records(frame) for value in row.values())  # noqa: PLR0124


def test_left_out_cases_are_rows(frame: pd.DataFrame) -> None:
    row = frame[frame["failure_kind"] == "left out"].iloc[0]
    assert (row["backend"], row["failure_message"], row["trials"]) == ("openvino", "openvino only infers", 0)


def test_a_partial_failure_keeps_the_other_figures(frame: pd.DataFrame) -> None:
    row = frame[(frame["workload"] == "forecast_lstm") & (frame["backend"] == "torch")].iloc[0]
    assert (row["failure_kind"], row["failure_phase"], row["failures"]) == ("timeout", "infer", 1)
    assert row["train_throughput_samples_per_s"] > 0


def test_figures_are_in_base_units(frame: pd.DataFrame) -> None:
    row = frame.iloc[0]
    assert row["train_throughput_samples_per_s"] == pytest.approx(32000, rel=0.05)
    assert row["latency_p50_s"] == pytest.approx(250e-6, rel=0.05)
    assert row["memory_steady_peak_bytes"] == pytest.approx(412e6, rel=0.05)
    assert row["train_throughput_low_samples_per_s"] < row["train_throughput_samples_per_s"]


def test_parameters_get_their_own_columns() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train")
    deep = case.with_({"p.depth": 3, "p.kind": "wide", "p.rate": 0.5, "p.skip": True})
    found = tidy(run_of([trial(case), trial(deep)]))
    assert [str(found[name].dtype) for name in ("p.depth", "p.rate", "p.skip")] == [
        "Int64",
        "Float64",
        "boolean",
    ]
    assert found["p.kind"].isna().tolist() == [True, False]
    assert found["group"].tolist() == [0, 1]


def test_what_the_trials_resolved_is_shown() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train")
    ledger = {"compile_resolved": "jit", "execution": "step", "framework_version": "0.11"}
    other = {**ledger, "compile_cache": "warm", "compile_resolved": "eager"}
    found = tidy(run_of([trial(case, 0, ledger=ledger), trial(case, 1, ledger=other)])).iloc[0]
    assert found["compile_resolved"] == "jit/eager"
    assert found["framework_version"] == "0.11"
    assert found["compile_cache"] == "warm"


def test_several_problems_are_told_with_their_phase() -> None:
    run = run_of([])
    cases = tuple(Case.of("digits_cnn", backend="jax", phase=phase) for phase in ("train", "infer"))
    found = tidy(replace(run, header=replace(run.header, cases=cases))).iloc[0]
    assert found["failure_kind"] == "not measured"
    assert found["failure_phase"] == "train; infer"
    assert found["failure_message"] == "the run ended before this case"


@pytest.fixture(scope="module")
def rich() -> pd.DataFrame:
    return tidy(rich_run(3), CEILINGS)


def test_latency_memory_work_and_cost_have_their_columns(rich: pd.DataFrame) -> None:
    row = rich[(rich["execution"] == "step") & (rich["compile"] == "auto") & (rich["backend"] == "jax")].iloc[0]
    assert row["latency_p50_s"] < row["latency_p90_s"] < row["latency_p95_s"] < row["latency_p99_s"]
    assert row["latency_p99_trial_low_s"] < row["latency_p99_s"] < row["latency_p99_trial_high_s"]
    assert row["latency_note"] is pd.NA
    assert row["memory_exact_bytes"] == pytest.approx(50e6, rel=0.1)
    assert row["memory_first_step_bytes"] == pytest.approx(300e6)
    assert row["memory_import_floor_bytes"] == pytest.approx(351e6)
    assert row["framework_memory_bytes"] == pytest.approx(48e6)
    assert (row["training_flops"], row["forward_flops"], row["framework_flops"]) == (3e7, 1e7, pd.NA)
    assert row["achieved_flops_per_s"] == pytest.approx(3e7 / row["train_step_s"])
    assert row["utilisation"] == pytest.approx(row["achieved_flops_per_s"] / 1e11)
    assert row["joules_per_million_samples"] == pytest.approx(1e4)
    assert row["joules_from"] == "processor packages"
    assert row["cost_per_million_samples"] == pytest.approx(1e3 / row["train_throughput_samples_per_s"])
    assert row["currency"] == "EUR"
    assert row["trials"] == 3


def test_without_ceilings_there_is_no_utilisation() -> None:
    found = tidy(duel())
    assert found["utilisation"].isna().all()
    assert found["achieved_flops_per_s"].notna().all()


def test_settings_and_doubts_stand_in_the_rows() -> None:
    found = records(tidy(duel(torch={"threads": 1}, flags={"recompiled": "4 compilations"}, lane="matched", threads=2)))
    jax, torch = found
    assert (torch["lane"], torch["threads"], torch["threads_resolved"]) == ("matched", 2, "1")
    assert (torch["flags"], torch["train_flagged_trials"], jax["train_flagged_trials"]) == ("recompiled", 5, 0)
    assert torch["flag_notes"] == "recompiled: 5 of 5 in training (4 compilations)"
    assert torch["differs_in"] == "threads; compile mode"
    assert torch["group_differences"] == "threads (JAX 2, PyTorch 1); compile mode (JAX jit, PyTorch eager)"
    assert "flagged recompiled" in jax["group_fastest_withheld"]
    other = records(tidy(duel(torch={"data_sha256": "x"})))[1]
    assert (other["not_comparable"], other["ratio_to_fastest"], other["group_differences"]) == (
        "other data",
        None,
        "data",
    )

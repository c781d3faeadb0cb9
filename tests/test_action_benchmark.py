"""The custom tools of github-action-benchmark: one direction in a file, and what makes a figure doubtful beside it."""

import json
from typing import Any

import numpy as np
import pytest
from dlbench.results.records.model import Case, Run
from dlbench.results.tables.action_benchmark import UNITS, as_action_benchmark
from dlbench.results.tables.measures import MEASURES
from dlbench.results.tables.readings import candidates

from .rich_runs import duel, rich_run
from .sided import sided_run
from .synthetic_runs import FORECAST, converge_trial, failure, full_run, header, run_of, trial, windows

CASE = Case.of("digits_cnn", backend="jax", phase="train")


def read(run: Run, better: str) -> dict[str, dict[str, Any]]:
    """Read a file as the action does: an array of objects of which it takes five fields."""
    entries = json.loads(as_action_benchmark(run, better))
    for entry in entries:
        assert {"name", "unit", "value", "extra"} <= entry.keys() <= {"name", "unit", "value", "range", "extra"}
        assert isinstance(entry["value"], float)
        assert all(isinstance(text, str) for name, text in entry.items() if name != "value")
    assert len({entry["name"] for entry in entries}) == len(entries)
    return {entry["name"]: entry for entry in entries}


@pytest.mark.parametrize("run", [full_run(), rich_run()])
def test_each_reading_is_in_the_file_of_its_direction(run: Run) -> None:
    for better in ("max", "min"):
        wanted = [one.value for case in candidates(run) for one in case.readings if one.measure.better == better]
        assert [entry["value"] for entry in read(run, better).values()] == wanted
        assert wanted


def test_a_test_metric_goes_where_its_workload_says() -> None:
    learns = Case.of("forecast_lstm", backend="jax", phase="converge")
    run = run_of([converge_trial(learns, 0, [0.3, 0.1])], workloads=(FORECAST,))
    assert set(read(run, "max")) == set()
    assert "forecast_lstm converge jax batch_size=32: test_rmse" in read(run, "min")


def test_an_entry_tells_unit_interval_and_number_of_trials() -> None:
    entry = read(full_run(), "max")["digits_cnn train jax batch_size=64: throughput_samples_per_second"]
    assert entry["unit"] == "samples/s"
    assert entry["range"].startswith("95 % interval 3")
    assert entry["extra"] == "steady throughput of full training steps or of forward passes\nn = 3"
    memory = read(full_run(), "min")["digits_cnn train jax batch_size=64: memory_peak_bytes"]
    assert memory["unit"] == "bytes"
    assert "range" not in memory
    assert {measure.unit for measure in MEASURES} == UNITS.keys()


def test_what_is_doubtful_is_said() -> None:
    drifting = trial(CASE, windows=windows(0.002 * 1.1 ** np.arange(40)), marks={"first_step_s": 1.0})
    found = read(run_of([drifting]), "max")["digits_cnn train jax batch_size=64: throughput_samples_per_second"]
    assert found["extra"].endswith("\nn = 1\n1 of 1 trial did not settle")
    first = read(run_of([drifting]), "min")["digits_cnn train jax batch_size=64: first_step_seconds"]
    assert "settle" not in first["extra"]


def test_flags_stand_beside_what_may_vary() -> None:
    found = read(duel(flags={"leaking": "2 MB a step"}), "min")
    said = "leaking: 5 of 5 in training (2 MB a step)"
    assert said in found["digits_cnn train torch batch_size=64: first_step_seconds"]["extra"]
    assert said not in found["digits_cnn train torch batch_size=64: training_flops"]["extra"]
    assert said not in found["digits_cnn train jax batch_size=64: first_step_seconds"]["extra"]


def test_processes_that_failed_are_said_beside_the_figures_of_the_others() -> None:
    run = run_of([trial(CASE, windows=windows([0.002] * 30))], [failure(CASE, "timeout", "no reply", 1)])
    (entry,) = read(run, "max").values()
    assert entry["extra"].endswith("n = 1\n1 process failed (timeout: no reply)")


def test_of_two_sides_the_candidate_is_followed() -> None:
    entries = read(sided_run({"a": [1e-3] * 4, "b": [2e-3] * 4}), "max").values()
    case = "toy train jax batch_size=32"
    assert [(entry["name"], entry["value"]) for entry in entries] == [
        (f"{case}: throughput_samples_per_second", pytest.approx(16e3)),
        (f"{case}: throughput_p90_samples_per_second", pytest.approx(16e3)),
    ]


def test_an_empty_run_is_an_empty_array() -> None:
    assert read(Run(header(()), (), (), (), None), "max") == {}

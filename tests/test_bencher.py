"""Bencher Metric Format: what its published schema asks, and the same figures as the readings."""

import json
from typing import Any

import pytest
from dlbench.results.records.model import Run
from dlbench.results.tables.bencher import as_bencher
from dlbench.results.tables.readings import candidates

from .rich_runs import rich_run
from .sided import sided_run
from .synthetic_runs import full_run, header


def read(run: Run) -> dict[str, dict[str, dict[str, float]]]:
    """Read the format as its schema has it: numbers under names, a value always, and bounds where there are any."""
    found: dict[str, Any] = json.loads(as_bencher(run))
    for name, measures in found.items():
        assert name
        assert measures
        for measure, told in measures.items():
            assert measure == measure.lower()
            assert "_" not in measure
            assert {"value"} <= told.keys() <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(value, float) for value in told.values())
    return found


@pytest.mark.parametrize("run", [full_run(), rich_run()])
def test_every_reading_is_there_with_its_bounds(run: Run) -> None:
    found, count = read(run), 0
    for subject in candidates(run):
        for reading in subject.readings:
            told = found[subject.name][reading.measure.name.replace("_", "-")]
            assert told["value"] == reading.value
            assert (told.get("lower_value"), told.get("upper_value")) == (reading.low, reading.high)
            count += 1
    assert sum(map(len, found.values())) == count > 0


def test_figures_without_an_interval_have_no_bounds() -> None:
    found = read(full_run())["digits_cnn train jax batch_size=64"]
    assert found["memory-peak-bytes"].keys() == {"value"}
    assert found["throughput-samples-per-second"].keys() == {"value", "lower_value", "upper_value"}
    single = read(full_run(blocks=1))["digits_cnn train jax batch_size=64"]
    assert single["throughput-samples-per-second"].keys() == {"value"}


def test_a_case_that_failed_is_not_there() -> None:
    assert not [name for name in read(full_run()) if name.startswith("language_model train torch")]


def test_of_two_sides_the_candidate_is_followed() -> None:
    found = read(sided_run({"a": [1e-3] * 4, "b": [2e-3] * 4}))
    names = ("throughput-samples-per-second", "throughput-p90-samples-per-second")
    assert found == {"toy train jax batch_size=32": {name: found_value(16e3) for name in names}}


def found_value(value: float) -> Any:
    return {name: pytest.approx(value) for name in ("value", "lower_value", "upper_value")}


def test_an_empty_run_is_an_empty_object() -> None:
    assert read(Run(header(()), (), (), (), None)) == {}

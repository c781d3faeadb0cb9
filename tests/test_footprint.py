"""Footprint: which marks make which figure."""

from dlbench.results.records.model import Case
from dlbench.results.summaries.footprint import footprint
from dlbench.results.summaries.rows import Row, rows_of

from .synthetic_runs import run_of, trial

TRAIN = Case.of("digits_cnn", backend="jax", phase="train")
MEMORY = TRAIN.with_({"phase": "memory"})
MARKS = {
    "rss_imported_bytes": 300.0,
    "rss_ready_bytes": 400.0,
    "peak_first_step_bytes": 900.0,
    "peak_steady_bytes": 450.0,
    "framework_memory_bytes": 48.0,
    "device_peak_bytes": 7.0,
    "driver_bytes": 9.0,
}


def _row(*trials: object) -> Row:
    (row,) = rows_of(run_of(list(trials)))  # type: ignore[arg-type]
    return row


def test_exact_memory_is_above_what_was_there_before_the_first_step() -> None:
    found = footprint(_row(trial(MEMORY, marks=MARKS), trial(TRAIN, marks=MARKS | {"peak_steady_bytes": 600.0})))
    assert found.exact is not None
    assert found.exact.mean == 50
    assert found.steady is not None
    assert found.steady.mean == 300
    assert found.first_step is not None
    assert found.first_step.mean == 500


def test_timed_trials_are_never_exact() -> None:
    found = footprint(_row(trial(TRAIN, marks=MARKS)))
    assert found.exact is None
    assert found.first_step is not None


def test_a_memory_trial_with_the_usual_allocator_is_not_exact() -> None:
    assert footprint(_row(trial(MEMORY, marks=MARKS, ledger={"allocator": "default"}))).exact is None
    assert footprint(_row(trial(MEMORY, marks=MARKS, ledger={"allocator": "exact"}))).exact is not None


def test_counters_come_from_phase_memory_where_it_has_them() -> None:
    timed = trial(TRAIN, marks={"device_peak_bytes": 70.0, "driver_bytes": 90.0})
    found = footprint(_row(trial(MEMORY, marks={"device_peak_bytes": 7.0}), timed))
    assert found.device_peak is not None
    assert found.driver is not None
    assert (found.device_peak.mean, found.driver.mean) == (7, 90)


def test_what_was_not_marked_is_not_known() -> None:
    found = footprint(_row(trial(TRAIN)))
    assert (found.steady, found.exact, found.first_step, found.import_floor) == (None,) * 4
    assert (found.framework, found.device_peak, found.driver) == (None,) * 3

"""Work: rates, ceilings, and counts that are refused."""

import pytest
from dlbench.results.factors import Scalar
from dlbench.results.records.model import Case
from dlbench.results.statistics.stats import Interval
from dlbench.results.summaries.rows import rows_of
from dlbench.results.summaries.work import Work, utilisation, work

from .synthetic_runs import run_of, trial

CASE = Case.of("digits_cnn", backend="jax", phase="train")
STEP = Interval(0.01, 0.008, 0.02, 3)
MARKS = {"training_flops": 3e7, "forward_flops": 1e7, "framework_flops": 2.9e7}


def _work(step: Interval | None = STEP, case: Case = CASE, **ledger: Scalar) -> Work:
    (row,) = rows_of(run_of([trial(case, block, marks=MARKS, ledger=ledger) for block in range(3)]))
    return work(row, step)


def test_the_rate_is_the_count_over_the_step() -> None:
    found = _work()
    assert found.achieved is not None
    assert found.achieved.estimate == pytest.approx(3e9)
    assert (found.achieved.low, found.achieved.high) == pytest.approx((1.5e9, 3.75e9))
    assert (found.training, found.forward, found.framework) == (3e7, 1e7, 2.9e7)


def test_a_layer_that_is_not_counted_makes_the_total_unknown_and_is_named() -> None:
    found = _work(flops_unknown="Wavelet, Fold,Wavelet")
    assert (found.training, found.forward, found.achieved) == (None, None, None)
    assert found.note == "not counted: Wavelet, Fold"
    assert found.framework == 2.9e7


def test_counts_that_contradict_each_other_are_none() -> None:
    trials = [trial(CASE, block, marks={"training_flops": 1e7 * block}) for block in (1, 2)]
    (row,) = rows_of(run_of(trials))
    assert work(row, STEP).training is None


def test_no_step_no_rate() -> None:
    assert _work(None).achieved is None


@pytest.mark.parametrize(
    ("precision", "ledger", "ceilings", "share"),
    [
        ("float32", {}, {("cpu", "float32"): 3e10}, 0.1),
        ("mixed_bfloat16", {}, {("cpu", "bfloat16"): 6e10, ("cpu", "float32"): 3e10}, 0.05),
        ("mixed_bfloat16", {}, {("cpu", "mixed_bfloat16"): 6e10}, 0.05),
        ("float32", {"tf32": True}, {("cpu", "tf32"): 3e11, ("cpu", "float32"): 3e10}, 0.01),
        ("float32", {"tf32": False}, {("cpu", "tf32"): 3e11, ("cpu", "float32"): 3e10}, 0.1),
        ("float32", {}, {("gpu", "float32"): 3e10}, None),
        ("float32", {}, {}, None),
        ("float32", {}, None, None),
    ],
)
def test_the_ceiling_is_that_of_the_device_and_precision(
    precision: str, ledger: dict[str, Scalar], ceilings: dict[tuple[str, str], float] | None, share: float | None
) -> None:
    found = utilisation(_work(case=CASE.with_({"precision": precision}), **ledger), ceilings)
    assert found == (share if share is None else pytest.approx(share))

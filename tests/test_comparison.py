"""Comparison: when the leader may be called fastest, and when there is no ratio."""

from dataclasses import replace

import numpy as np
import pytest
from dlbench.results.factors import Scalar
from dlbench.results.records.marks import FLAGS
from dlbench.results.records.model import Case, Run
from dlbench.results.summaries.flags import BLOCKING
from dlbench.results.tables.comparison import GroupSummary, summarise

from .rich_runs import STEP, duel, train
from .synthetic_runs import DIGITS, run_of


def _group(run: Run) -> GroupSummary:
    (group,) = summarise(run)
    return group


def test_a_clear_difference_between_equal_settings_is_shown() -> None:
    group = _group(duel())
    assert group.rows[0].fastest
    assert (group.withheld, group.differences) == (None, ())
    assert group.rows[1].ratio is not None


@pytest.mark.parametrize("kind", sorted(FLAGS))
def test_a_flag_that_spoils_a_speed_withholds_the_title(kind: str) -> None:
    group = _group(duel(flags={kind: "so it was"}))
    assert group.rows[0].leader
    assert group.rows[0].fastest is (kind not in BLOCKING)
    assert group.withheld == (f"trials of PyTorch are flagged {kind}" if kind in BLOCKING else None)


def test_the_leaders_own_flags_count() -> None:
    run = duel()
    flagged = [
        replace(t, flags={"leaking": "2 MB a step"}) if t.case.get("backend") == "jax" else t for t in run.trials
    ]
    assert _group(replace(run, trials=tuple(flagged))).withheld == "trials of JAX are flagged leaking"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("data_sha256", "other", "other data"),
        ("precision", "mixed_bfloat16", "other precision"),
        ("batch_size", 32, "other batch size"),
    ],
)
def test_rows_of_other_data_have_no_ratio(name: str, value: Scalar, reason: str) -> None:
    group = _group(duel(torch={name: value}))
    jax, torch = group.rows
    assert (torch.ratio, torch.incomparable) == (None, reason)
    assert (jax.leader, jax.fastest, jax.incomparable) == (True, False, None)
    assert torch.train is not None


def test_the_odd_row_out_does_not_lead() -> None:
    case = Case.of("digits_cnn", backend="jax", phase="train")
    run = duel(jax={"data_sha256": "other"})
    rng = np.random.default_rng(0)
    third = [train(case.with_({"backend": "tensorflow"}), n, STEP["tensorflow"], rng) for n in range(5)]
    group = _group(run_of([*run.trials, *third], workloads=(DIGITS,)))
    found = {row.row.backend: row for row in group.rows}
    assert found["jax"].incomparable == "other data"
    assert found["tensorflow"].leader
    assert found["torch"].ratio is not None
    assert not any(row.fastest for row in group.rows)
    assert group.withheld == "JAX is not comparable (other data)"


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"threads": 1}, False),
        ({"affinity": "0"}, False),
        ({"feed": "numpy"}, False),
        ({"matmul_precision": "medium"}, False),
        ({"initial_weights": "x"}, True),
        ({"version_numpy": "2.3.0"}, True),
        ({"imports_allowed": "pandas"}, True),
    ],
)
def test_other_settings_are_marked_and_those_of_speed_withhold_the_title(
    settings: dict[str, Scalar], shown: bool
) -> None:
    group = _group(duel(torch=settings))
    assert group.rows[1].differs == tuple(settings)
    assert group.rows[1].ratio is not None
    assert group.rows[0].fastest is shown
    assert [found.name for found in group.differences] == list(settings)
    assert (group.withheld is None) is shown


def test_nothing_is_withheld_where_nothing_would_be_shown() -> None:
    assert _group(duel(blocks=1, flags={"leaking": "2 MB a step"})).withheld is None

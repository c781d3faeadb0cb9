"""Sides as typed, and what two sides of a stored run show."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dlbench.harness.comparing.side import parse_side, selection_of
from dlbench.harness.options import Selection
from dlbench.results.comparing.sides import METRICS_OF_PHASE, Terms, metrics_of, options_of, sided_cases, terms_of
from dlbench.results.errors import UsageError
from dlbench.results.history.points import METRICS
from dlbench.results.records.model import TRAINING_STEP, Case, Trial
from dlbench.results.tables.export import export
from dlbench.results.tables.terminal import render
from hypothesis import given
from hypothesis import strategies as st

from .factories import failure
from .sided import sided_run

TERMS = Terms("env=old", "env=new", ("environment",))
FAST = 1e-3 * np.exp(np.random.default_rng(1).normal(0, 0.01, 8))
SLOW = 1.3e-3 * np.exp(np.random.default_rng(2).normal(0, 0.01, 8))


def test_a_side_sets_factors_parameters_environments_packages_and_revisions() -> None:
    side = parse_side("--a", ("precision=mixed_bfloat16,width=8", "rev=main"))
    assert dict(side.factors) == {"precision": "mixed_bfloat16", "p.width": "8"}
    assert side.revision == "main"
    assert side.compared == {"precision", "p.width"}
    assert parse_side("--a", ("keras==3.14, jax[cuda13]>=0.5",)).packages == ("keras==3.14", "jax[cuda13]>=0.5")
    assert parse_side("--a", ("env=/opt/py",)).environment == "/opt/py"
    assert parse_side("--a", ("env=old",)).compared == {"environment"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "--a takes what to compare, such as env=NAME"),
        ("fast", "--a fast: write NAME=VALUE"),
        ("precision=float23", "did you mean 'float32'"),
        ("width=1,width=2", "--a sets width twice"),
        ("env=x,keras==3.14", "packages make an environment of their own"),
        ("optimizer=sdg", "did you mean 'sgd'"),
    ],
)
def test_what_is_no_side_is_told(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_side("--a", (text,))


def test_a_side_replaces_what_both_have_in_common() -> None:
    base = Selection(workloads=("toy",), parameters={"depth": ("2",), "width": ("4",)}, batch_sizes=(32,))
    found = selection_of(parse_side("--b", ("width=8,batch_size=64,threads=1,compile=jit",)), base, {"new": None})
    assert found.parameters == {"depth": ("2",), "width": ("8",)}
    assert (found.batch_sizes, found.threads, found.compiles) == ((64,), (1,), ("jit",))
    assert found.environments == {"new": None}
    assert selection_of(parse_side("--b", ("rev=main",)), base, {}) == base


@given(st.integers(4, 16), st.none() | st.floats(0.001, 0.5), st.integers(1, 50), st.booleans())
def test_terms_survive_the_header(most: int, margin: float | None, verdicts: int, every: bool) -> None:
    terms = Terms("a b", "c", ("p.x", "precision"), most, margin, verdicts, every)
    run = sided_run({"a": [1e-3], "b": [1e-3]}, terms=terms)
    assert terms_of(run) == terms
    assert options_of(terms)["side_a"] == "a b"


def test_each_phase_has_its_figures() -> None:
    assert metrics_of(Case.of("toy", phase="train")) == ("throughput", "throughput_p90")
    assert metrics_of(Case.of("toy", phase="infer", batch_size=1)) == ("latency_p50",)
    assert metrics_of(Case.of("toy", phase="parts")) == ()
    assert all(name in METRICS for names in METRICS_OF_PHASE.values() for name in names)


def test_runs_of_earlier_versions_are_decided_by_their_one_figure() -> None:
    run = sided_run({"a": list(FAST), "b": list(SLOW)})
    options = {name: value for name, value in run.header.options.items() if name != "sided_figures"}
    old = replace(run, header=replace(run.header, options=options))
    terms = terms_of(old)
    assert terms is not None
    assert [one.metric for one in sided_cases(old, terms)] == ["throughput"]


def test_what_happens_now_and_then_shows_in_the_throughput_alone() -> None:
    every = sided_run({"a": list(FAST), "b": list(FAST)})
    trials = tuple(stalling(trial) if trial.side == "b" else trial for trial in every.trials)
    total, quick = sided_cases(replace(every, trials=trials), TERMS)
    assert (total.metric, total.decision.verdict) == ("throughput", "worse")
    assert quick.decision.verdict == "unsure"


def test_what_other_programs_take_leaves_the_ninth_decile_alone() -> None:
    random = np.random.default_rng(3)
    slow = [step_s * 1.1 * math.exp(random.normal(0, 0.005)) for step_s in FAST]
    run = sided_run({"a": list(FAST), "b": slow})
    trials = tuple(stalling(trial, float(random.uniform(0, 1e-2))) for trial in run.trials)
    total, quick = sided_cases(replace(run, trials=trials), TERMS)
    assert total.decision.verdict == "unsure"
    assert quick.decision.verdict == "worse"
    assert quick.decision.interval is not None
    assert quick.decision.interval.estimate == pytest.approx(1 / 1.1, rel=0.02)


def stalling(trial: Trial, stall_s: float = 5e-3) -> Trial:
    """Return a trial of which every fourth window, and every fourth single step, takes longer."""
    windows, later_s = [], 0.0
    for place, window in enumerate(trial.windows):
        begun_s, later_s = later_s, later_s + (stall_s if place % 4 == 3 else 0.0)
        windows.append(replace(window, start=window.start + begun_s, end=window.end + later_s))
    single = trial.latencies[TRAINING_STEP]
    steps = tuple(step_s + (stall_s if place % 4 == 3 else 0.0) for place, step_s in enumerate(single))
    return replace(trial, windows=tuple(windows), latencies={TRAINING_STEP: steps})


@pytest.mark.parametrize("without", ["ab", "a", "b"])
def test_a_side_without_single_steps_is_not_compared_by_them(without: str) -> None:
    run = sided_run({"a": list(FAST), "b": list(SLOW)})
    trials = tuple(replace(trial, latencies={}) if trial.side in without else trial for trial in run.trials)
    assert [one.metric for one in sided_cases(replace(run, trials=trials), TERMS)] == ["throughput"]


def test_a_slower_candidate_is_worse() -> None:
    for found in sided_cases(sided_run({"a": list(FAST), "b": list(SLOW)}), TERMS):
        assert found.decision.verdict == "worse"
        assert found.decision.interval is not None
        assert found.decision.interval.estimate == pytest.approx(1 / 1.3, rel=0.02)
    verdicts = [one.decision.verdict for one in sided_cases(sided_run({"a": list(SLOW), "b": list(FAST)}), TERMS)]
    assert verdicts == ["better", "better"]


def test_sides_with_other_data_are_not_compared() -> None:
    run = sided_run(
        {"a": list(FAST), "b": list(SLOW)}, a={"ledger": {"data_sha256": "x"}}, b={"ledger": {"data_sha256": "y"}}
    )
    (found,) = sided_cases(run, TERMS)
    assert found.refused == "other data"
    assert "not comparable" in render(run)
    assert json.loads(export(run, "json"))["sides"][0]["verdict"] is None


def test_the_table_tells_values_ratio_verdict_and_what_differs() -> None:
    versions = [{"ledger": {"version_keras": version}} for version in ("3.14.0", "3.15.1")]
    run = sided_run({"a": list(FAST), "b": list(SLOW)}, a=versions[0], b=versions[1])
    text = render(run)
    assert "toy: b against a, a: env=old, b: env=new" in text
    assert "worse" in text
    assert "the candidate is worse, after 4 pairs" in text
    assert "keras 3.14.0 → 3.15.1" in text
    fact = json.loads(export(run, "json"))["sides"][0]
    assert (fact["verdict"], fact["metric"], fact["pairs"]) == ("worse", "throughput", 8)
    assert "worse" in export(run, "markdown")
    assert "train_throughput" in export(run, "csv")


def test_a_candidate_that_lost_processes_is_not_called_better(tmp_path: Path) -> None:
    run = sided_run({"a": list(SLOW), "b": list(FAST[:6])})
    broken = replace(failure(run.header.cases[0], block=6), side="b")
    assert {one.decision.verdict for one in sided_cases(replace(run, failures=(broken,)), TERMS)} == {"unsure"}
    assert "b: 1 process failed (error: it broke)" in render(replace(run, failures=(broken,)))

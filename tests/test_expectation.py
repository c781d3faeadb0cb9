"""A run held against a baseline and the last sessions: every case is said, and doubt is never a pass."""

from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.results.history.baselines import Baseline, baseline_of, now_utc
from dlbench.results.history.expectation import BETTER, EXPECTED, NOT_JUDGED, SUSPECT, Judged, judge, judged_text
from dlbench.results.history.index import Index
from dlbench.results.records.model import Run, Trial
from dlbench.results.records.store import read_run

from tests.nightly_runs import TRAIN, night, nights, trials, write
from tests.synthetic_runs import failure, windows


def judged(store: Path, baseline: Baseline, run: Run, canary: str | None = None) -> dict[str, Judged]:
    with Index(store) as index:
        index.refresh()
        return {one.metric: one for one in judge(baseline, run, list(index.series({})), canary)}


def tonight(store: Path, records: list[Trial], number: int = 20) -> Run:
    return read_run(write(store, night(number), records))


@pytest.fixture
def baseline(tmp_path: Path) -> Baseline:
    """Return a baseline of the fifth of twenty nights."""
    return baseline_of(read_run(nights(tmp_path, 20)[5]), "main", now_utc())


def test_a_night_like_the_others_is_as_expected(tmp_path: Path, baseline: Baseline) -> None:
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.005)))
    assert {one.verdict for one in found.values()} == {EXPECTED}
    expected = found["throughput"].expected
    assert expected is not None
    assert (expected.sessions, expected.low < 12_800 < expected.high) == (20, True)


def test_a_slow_night_is_a_suspect_with_the_command_that_confirms_it(tmp_path: Path, baseline: Baseline) -> None:
    run = tonight(tmp_path, trials(0.006))
    found = judged(tmp_path, baseline, run)["throughput"]
    assert found.verdict == SUSPECT
    assert found.confirm == "dlbench run digits_cnn --backend jax --phase train --trials 7"
    assert judged_text(found).startswith("suspect: digits_cnn JAX train, throughput: confirm with `dlbench run")


def test_versions_that_differ_are_the_sides_of_the_confirmation(tmp_path: Path, baseline: Baseline) -> None:
    of = night(20)
    old, new = (replace(of.environments[0], packages={"jax": version}) for version in ("0.10.1", "0.10.2"))
    run = read_run(write(tmp_path, replace(of, environments=(new,)), trials(0.006)))
    made = replace(baseline, versions={"Python": old.python_version, **old.packages})
    assert "dlbench ab digits_cnn --backend jax --phase train --a jax==0.10.1 --b jax==0.10.2" in str(
        judged(tmp_path, made, run)["throughput"].confirm
    )


def test_a_fast_night_is_better(tmp_path: Path, baseline: Baseline) -> None:
    assert judged(tmp_path, baseline, tonight(tmp_path, trials(0.004)))["throughput"].verdict == BETTER


def test_too_few_sessions_are_said_with_how_many_are_needed(tmp_path: Path) -> None:
    baseline = baseline_of(read_run(nights(tmp_path, 5)[2]), "main", now_utc())
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.05)))
    assert {one.verdict for one in found.values()} == {NOT_JUDGED}
    assert found["throughput"].reason == "5 sessions at this level; 8 are needed"


def test_sessions_before_a_change_of_level_do_not_count(tmp_path: Path) -> None:
    baseline = baseline_of(read_run(nights(tmp_path, 36, 30, by=1.4)[2]), "main", now_utc())
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.005), 36))
    assert str(found["throughput"].reason).startswith("6 sessions at this level")


def test_a_case_that_failed_or_is_not_there_is_said(tmp_path: Path, baseline: Baseline) -> None:
    failed = [failure(TRAIN, "timeout", "no reply", block) for block in range(3)]
    converge = [one for one in trials(0.005) if one.case.text("phase") == "converge"]
    found = judged(tmp_path, baseline, tonight(tmp_path, [*failed, *converge]))  # type: ignore[list-item]
    assert found["throughput"].verdict == NOT_JUDGED
    assert "every trial failed" in str(found["throughput"].reason)
    assert "timeout: no reply" in str(found["throughput"].reason)
    only = judged(tmp_path, baseline, tonight(tmp_path, converge, 21))
    assert "not in run" in str(only["memory"].reason)


def test_a_figure_that_the_baseline_lacks_is_no_pass(tmp_path: Path, baseline: Baseline) -> None:
    made = replace(baseline, entries=tuple(e for e in baseline.entries if e.metric != "memory"))
    found = judged(tmp_path, made, tonight(tmp_path, trials(0.005)))["memory"]
    assert (found.verdict, found.reason) == (NOT_JUDGED, "not in the baseline")


def test_one_trial_alone_is_not_judged_by_medians_of_three(tmp_path: Path, baseline: Baseline) -> None:
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.006, count=1)))["throughput"]
    assert found.verdict == NOT_JUDGED
    assert "one trial only" in str(found.reason)


def test_a_figure_that_is_no_number_is_not_judged(tmp_path: Path, baseline: Baseline) -> None:
    spoilt = [replace(one, marks={**one.marks, "first_step_s": float("nan")}) for one in trials(0.005)]
    found = judged(tmp_path, baseline, tonight(tmp_path, spoilt))
    assert found["first_step"].verdict == NOT_JUDGED
    spoilt[2:] = trials(0.005)[2:]
    some = judged(tmp_path, baseline, tonight(tmp_path, spoilt, 21))["first_step"]
    assert "2 trials of 3 have this figure" in str(some.reason)


def test_a_canary_divides_the_machine_out(tmp_path: Path) -> None:
    canary = replace(TRAIN, workload="cancer_mlp")

    def both(step: float) -> list[Trial]:
        made = [one for one in trials(step) if one.case == TRAIN]
        others = [replace(one, case=canary, windows=windows([step / 3] * 6)) for one in made]
        return [*made, *others]

    paths = [write(tmp_path, night(n), both(0.005 * (1 + 0.01 * (n % 3)))) for n in range(12)]
    baseline = baseline_of(read_run(paths[0]), "main", now_utc())
    run = tonight(tmp_path, both(0.0065), 12)
    with Index(tmp_path) as index:
        index.refresh()
        known = list(index.series({}))
    plain = [o for o in judge(baseline, run, known) if o.metric == "throughput" and o.key.workload == "digits_cnn"]
    divided = [o for o in judge(baseline, run, known, "cancer_mlp") if o.metric == "throughput"]
    assert [one.verdict for one in plain] == [SUSPECT]
    assert [(one.verdict, one.reason) for one in divided] == [(EXPECTED, "divided by the canary")]
    slower = tonight(tmp_path, [*both(0.0085)[:3], *both(0.0065)[3:]], 13)
    (found,) = (o for o in judge(baseline, slower, known, "cancer_mlp") if o.metric == "throughput")
    assert found.verdict == SUSPECT

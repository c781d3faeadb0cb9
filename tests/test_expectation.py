"""A run held against a baseline and the last sessions: every case is said, and doubt is never a pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.results.history.baselines import Baseline, baseline_of, now_utc
from dlbench.results.history.expectation import (
    BETTER,
    EXPECTED,
    NOT_JUDGED,
    SUSPECT,
    Judged,
    judge,
    judged_text,
    judged_together,
)
from dlbench.results.history.index import Index
from dlbench.results.records.model import Header, Run, Trial
from dlbench.results.records.store import read_run

from tests.nightly_runs import TRAIN, night, nights, trials, write
from tests.synthetic_runs import failure, windows


def judged(store: Path, baseline: Baseline, run: Run, canary: str | None = None) -> dict[str, Judged]:
    with Index(store) as index:
        index.refresh()
        return {one.metric: one for one in judge(baseline, run, list(index.series({})), index.environment, canary)}


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


def test_a_slow_night_is_a_suspect_and_says_what_it_is_beyond(tmp_path: Path, baseline: Baseline) -> None:
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.006)))["throughput"]
    assert found.verdict == SUSPECT
    assert found.reason == "further from the baseline than two sessions differ; not where the last 20 sessions are"
    told = judged_text(replace(found, confirm="dlbench ab x", fill_in="NAME is y"))
    assert told.startswith("suspect: digits_cnn JAX train, throughput: confirm with `dlbench ab x`, where NAME is y (")


def test_a_night_as_slow_as_those_before_is_a_suspect_beside_a_faster_baseline_alone(tmp_path: Path) -> None:
    paths = nights(tmp_path, 40, 20, by=1.25, then="0.10.1")
    run = tonight(tmp_path, trials(0.00625), 40)
    old, new = (baseline_of(read_run(paths[number]), "main", now_utc()) for number in (5, 30))
    found = judged(tmp_path, old, run)["throughput"]
    assert (found.verdict, found.reason) == (SUSPECT, "further from the baseline than two sessions differ")
    assert judged(tmp_path, new, run)["throughput"].verdict == EXPECTED


def test_a_new_version_is_held_against_sessions_of_the_old_one(tmp_path: Path) -> None:
    paths = nights(tmp_path, 40, 20, by=1.25)
    baseline = baseline_of(read_run(paths[5]), "main", now_utc())
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.00625, "0.10.2"), 40))["throughput"]
    assert found.verdict == SUSPECT
    assert found.expected is not None
    assert found.expected.low < 12_800 < found.expected.high
    assert "20 sessions with another environment left out" in str(found.reason)


def with_fingerprint(of: Header, fingerprint: str) -> Header:
    return replace(of, environments=(replace(of.environments[0], fingerprint=fingerprint),))


OTHERS: dict[str, Callable[[Header], Header]] = {
    "driver": lambda of: replace(of, machine=replace(of.machine, driver="560.1")),
    "image": lambda of: replace(of, machine=replace(of.machine, image="x")),
    "environment": lambda of: with_fingerprint(of, "ffff"),
}


@pytest.mark.parametrize("differs", OTHERS)
def test_sessions_of_another_surrounding_stand_in_no_interval_and_are_counted(tmp_path: Path, differs: str) -> None:
    paths = []
    for number in range(24):
        here = with_fingerprint(night(number), "abab")
        other = number % 2 == 1
        step = 0.005 * (1 + 0.01 * (number % 3)) * (1.3 if other else 1.0)
        paths.append(write(tmp_path, OTHERS[differs](here) if other else here, trials(step)))
    run = read_run(write(tmp_path, with_fingerprint(night(24), "abab"), trials(0.005)))
    found = judged(tmp_path, baseline_of(read_run(paths[0]), "main", now_utc()), run)["throughput"]
    assert (found.verdict, found.reason) == (EXPECTED, f"12 sessions with another {differs} left out")
    assert found.expected is not None
    assert found.expected.sessions == 12
    assert found.expected.high < 1.1 * found.expected.middle
    few = judged(tmp_path, baseline_of(read_run(paths[0]), "main", now_utc()), read_run(paths[14]))["throughput"]
    assert (few.verdict, few.reason) == (
        NOT_JUDGED,
        f"7 sessions at this level; 8 are needed; 7 sessions with another {differs} left out",
    )


def test_a_baseline_kept_without_its_environment_takes_it_from_its_run(tmp_path: Path) -> None:
    paths = nights(tmp_path, 40, 20)
    made = baseline_of(read_run(paths[5]), "main", now_utc())
    made = replace(made, entries=tuple(replace(entry, environment=None) for entry in made.entries))
    run = tonight(tmp_path, trials(0.005), 40)
    assert "20 sessions with another environment" in str(judged(tmp_path, made, run)["throughput"].reason)
    lost = judged(tmp_path, replace(made, run="gone"), run)["throughput"]
    assert "the baseline does not tell its environment" in str(lost.reason)


def test_many_figures_share_the_level(tmp_path: Path, baseline: Baseline) -> None:
    run = tonight(tmp_path, trials(0.005))
    every = judged(tmp_path, baseline, run)
    only = replace(baseline, entries=tuple(entry for entry in baseline.entries if entry.metric == "throughput"))
    one, among = judged(tmp_path, only, run)["throughput"].expected, every["throughput"].expected
    assert one is not None
    assert among is not None
    assert among.low < one.low < one.high < among.high
    assert judged_together(list(every.values())) == 5


def test_a_baseline_of_one_trial_is_not_held_against_medians_of_three(tmp_path: Path) -> None:
    nights(tmp_path, 20)
    single = baseline_of(read_run(write(tmp_path, night(20), trials(0.005, count=1))), "main", now_utc())
    found = judged(tmp_path, single, tonight(tmp_path, trials(0.005), 21))["throughput"]
    assert found.verdict == NOT_JUDGED
    assert "the baseline's is of one trial only" in str(found.reason)


def test_a_fast_night_is_better(tmp_path: Path, baseline: Baseline) -> None:
    assert judged(tmp_path, baseline, tonight(tmp_path, trials(0.004)))["throughput"].verdict == BETTER


def test_too_few_sessions_are_said_with_how_many_are_needed(tmp_path: Path) -> None:
    baseline = baseline_of(read_run(nights(tmp_path, 5)[2]), "main", now_utc())
    found = judged(tmp_path, baseline, tonight(tmp_path, trials(0.05)))
    assert {one.verdict for one in found.values()} == {NOT_JUDGED}
    assert found["throughput"].reason == "5 sessions at this level; 8 are needed"


def test_sessions_before_a_change_of_level_do_not_count(tmp_path: Path) -> None:
    baseline = baseline_of(read_run(nights(tmp_path, 36, 30, by=1.4, then="0.10.1")[2]), "main", now_utc())
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
        known, env = list(index.series({})), index.environment
        every = judge(baseline, run, known, env)
        plain = [o for o in every if o.metric == "throughput" and o.key.workload == "digits_cnn"]
        divided = [o for o in judge(baseline, run, known, env, "cancer_mlp") if o.metric == "throughput"]
        slower = tonight(tmp_path, [*both(0.0085)[:3], *both(0.0065)[3:]], 13)
        (found,) = (o for o in judge(baseline, slower, known, env, "cancer_mlp") if o.metric == "throughput")
    assert [one.verdict for one in plain] == [SUSPECT]
    assert [(one.verdict, one.reason) for one in divided] == [(EXPECTED, "divided by the canary")]
    assert found.verdict == SUSPECT

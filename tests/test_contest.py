"""Contests of runs and of sides within one: verdicts, refusals, all workloads together; `dlbench compare` as typed."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlbench.results.comparing.contender import sides_by, sides_by_label, sides_of_runs
from dlbench.results.comparing.contest import Contest, contest, ranked
from dlbench.results.comparing.contest_table import contest_sections
from dlbench.results.comparing.profile import TAUS, mean_ratios, profiles
from dlbench.results.errors import NothingMeasured, UsageError
from dlbench.results.records.model import Case, Run
from dlbench.results.statistics.power import smallest_effect
from hypothesis import given
from hypothesis import strategies as st

from .cli import dlbench
from .contests import noise, run_of, stored, train
from .factories import MACHINE

NO = frozenset[str]()


def by_backend(ratio: float, count: int = 8, margin: float | None = None) -> Contest:
    shared = noise(count, 1) ** 5
    steps = {train(): 1e-3 * shared * noise(count, 2), train(backend="torch"): 1e-3 * ratio * shared * noise(count, 3)}
    sides = sides_by(run_of({case: list(values) for case, values in steps.items()}), "backend")
    return contest(sides, paired=True, margin=margin, ignored=frozenset({"backend"}))


def test_sides_of_one_run_are_paired_within_blocks() -> None:
    found = by_backend(1.1)
    assert found.sides == ("jax", "torch")
    bout = found.rounds[0].bouts["torch"]
    assert bout.verdict == "worse"
    assert bout.effect is not None
    assert bout.effect.estimate == pytest.approx(1 / 1.1, rel=0.02)
    assert by_backend(0.9).rounds[0].bouts["torch"].verdict == "better"


def test_sameness_is_shown_and_only_when_asked() -> None:
    assert by_backend(1.0, margin=0.05).rounds[0].bouts["torch"].verdict == "same"
    assert by_backend(1.0).rounds[0].bouts["torch"].verdict == "unsure"
    assert by_backend(1.0, count=1).rounds[0].bouts["torch"].verdict is None


def test_runs_are_compared_as_groups() -> None:
    before = run_of({train(): list(1e-3 * noise(7, 1))})
    after = run_of({train(): list(1.2e-3 * noise(7, 2))}, "20261121-100000-ab12")
    found = contest(sides_of_runs({"before": before, "after": after}), paired=False, margin=None, ignored=NO)
    assert found.rounds[0].bouts["after"].verdict == "worse"
    notes = [note for section in contest_sections(found) for note in section.notes]
    assert any("measure alternately: dlbench ab" in note for note in notes)


@pytest.mark.parametrize("paired", [False, True])
def test_the_smallest_ratio_is_that_of_the_corrected_level(paired: bool) -> None:
    def smallest(rows: int) -> float:
        cases = [train("toy", **{"p.n": n}) for n in range(rows)]
        steps = {case: list(1e-3 * noise(7, n)) for n, case in enumerate(cases)}
        after = {case: list(1e-3 * noise(7, 1000 + n)) for n, case in enumerate(cases)}
        sides = sides_of_runs({"before": run_of(steps), "after": run_of(after)})
        found = contest(sides, paired=paired, margin=None, ignored=NO)
        assert found.tested == rows
        bout = found.rounds[0].bouts["after"]
        assert bout.smallest is not None
        assert bout.error is not None
        assert bout.freedom is not None
        assert math.log(bout.smallest) == pytest.approx(smallest_effect(bout.error, bout.freedom, 0.05 / rows / 2))
        return math.log(bout.smallest)

    assert smallest(60) > 1.7 * smallest(1)


def test_what_is_promised_is_found_after_the_correction() -> None:
    rows, pairs, sd = 20, 8, 0.01
    cases = [train("toy", **{"p.n": n}) for n in range(rows)]
    rng = np.random.default_rng(6)
    slower = math.exp(smallest_effect(sd * math.sqrt(2 / pairs), 2 * pairs - 2, 0.05 / rows / 2))
    found = 0
    for _ in range(10):
        before, after = (
            {case: list(1e-3 * ratio * np.exp(rng.normal(0, sd, pairs))) for case in cases} for ratio in (1.0, slower)
        )
        sides = sides_of_runs({"a": run_of(before), "b": run_of(after)})
        told = contest(sides, paired=False, margin=None, ignored=NO)
        found += sum(one.bouts["b"].verdict == "worse" for one in told.rounds)
    assert found >= 0.75 * 10 * rows  # 80 %, and Holm gives those after the first finding more.


def test_many_rows_are_corrected() -> None:
    cases = [train("toy", **{"p.n": n}) for n in range(60)]
    steps = {case: list(1e-3 * noise(7, n)) for n, case in enumerate(cases)}
    after = {case: list(1e-3 * noise(7, 1000 + n)) for n, case in enumerate(cases)}
    sides = sides_of_runs({"before": run_of(steps), "after": run_of(after)})
    found = contest(sides, paired=False, margin=None, ignored=NO)
    bouts = [one.bouts["after"] for one in found.rounds]
    assert sum((bout.raw_p or 1) <= 0.05 for bout in bouts) > 2
    assert {bout.verdict for bout in bouts} == {"unsure"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"header": {"machine": replace(MACHINE, fingerprint="x", cpu="Xeon")}}, "another machine (Xeon"),
        ({"trial": {"ledger": {"data_sha256": "x"}}}, "other data"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(fields: dict[str, Any], told: str) -> None:
    sides = {"one": run_of({train(): [1e-3] * 3}), "two": run_of({train(): [2e-3] * 3}, **fields)}
    found = contest(sides_of_runs(sides), paired=False, margin=None, ignored=NO)
    bout = found.rounds[0].bouts["two"]
    assert bout.verdict is None
    assert told in (bout.refused or "")
    assert told in str(contest_sections(found)[0].entries[0].remarks)


def test_accuracy_is_subtracted_and_the_same_within_its_margin() -> None:
    from .factories import epochs

    case = Case.of("toy", backend="jax", phase="converge")

    def learnt(metric: float, seed: int) -> Run:
        every = metric + np.random.default_rng(seed).normal(0, 0.001, 8)
        plain = run_of({case: [1e-3] * 8})
        trials = [replace(t, epochs=epochs(0.5, value)) for t, value in zip(plain.trials, every, strict=True)]
        return replace(plain, trials=tuple(trials))

    sides = sides_of_runs({"one": learnt(0.95, 1), "same": learnt(0.951, 2), "less": learnt(0.90, 3)})
    rounds = contest(sides, paired=False, margin=None, ignored=NO).rounds
    accuracy = next(one for one in rounds if one.metric == "accuracy")
    assert accuracy.bouts["same"].verdict == "same"
    assert accuracy.bouts["less"].verdict == "worse"
    assert accuracy.bouts["less"].effect is not None
    assert accuracy.bouts["less"].effect.estimate == pytest.approx(-0.05, abs=0.002)


def test_a_run_with_one_value_has_nothing_to_compare() -> None:
    run = run_of({train(): [1e-3]})
    with pytest.raises(NothingMeasured, match="only jax of backend"):
        sides_by(run, "backend")
    with pytest.raises(UsageError, match="there is no such factor"):
        sides_by(run, "colour")
    other = run_of({train("another"): [1e-3]})
    found = contest(sides_of_runs({"one": run, "two": other}), paired=False, margin=None, ignored=NO)
    assert found.compared == 0
    assert [one.bouts["two"].refused for one in found.rounds] == ["two: not measured", "one: not measured"]


def labelled(label: str, step_s: float, seed: int, **trial: Any) -> Run:
    """Return a run of seven trials that are all off by the same: what runs differ by."""
    off = math.exp(np.random.default_rng(seed).normal(0, 0.05))
    steps = {train(): list(off * step_s * noise(7, seed))}
    return run_of(steps, f"20261120-1000{seed:02d}-ab12", header={"label": label}, trial=trial)


def test_runs_of_a_label_count_one_by_one() -> None:
    runs = [labelled(name, step_s, n) for name, step_s in (("before", 1e-3), ("after", 1.02e-3)) for n in range(5)]
    sides = sides_by_label(runs)
    assert [side.name for side in sides] == ["before", "after"]
    found = contest(sides, paired=False, margin=None, ignored=NO)
    assert found.unit == "run"
    assert len(found.rounds[0].values["before"]) == 5
    together = contest(sides_by_label([runs[0], *runs[5:6]]), paired=False, margin=None, ignored=NO)
    assert together.unit == "trial"
    assert len(together.rounds[0].values["before"]) == 7
    notes = [note for section in contest_sections(found) for note in section.notes]
    assert any("Each run is one value" in note for note in notes)


def test_equal_labels_whose_runs_differ_are_not_told_apart() -> None:
    wrong = 0
    for n in range(60):
        runs = [labelled(name, 1e-3, 10 * n + k + 5 * (name == "b")) for name in ("a", "b") for k in range(5)]
        verdict = contest(sides_by_label(runs), paired=False, margin=None, ignored=NO).rounds[0].bouts["b"].verdict
        wrong += verdict != "unsure"
    assert wrong <= 9  # 5 % of 60 are 3; more than 9 come by chance in one of a thousand.


def test_labels_that_cannot_be_sides_are_refused() -> None:
    with pytest.raises(NothingMeasured, match="only before"):
        sides_by_label([labelled("before", 1e-3, 1)])
    with pytest.raises(NothingMeasured, match="by label there is nothing"):
        sides_by_label([])
    sided = run_of({train(): [1e-3]}, header={"label": "x"})
    sided = replace(sided, trials=(replace(sided.trials[0], side="a"),))
    with pytest.raises(UsageError, match="two sides of its own"):
        sides_by_label([sided])
    other = labelled("before", 1e-3, 2)
    other = replace(other, header=replace(other.header, machine=replace(MACHINE, cpu="Another", fingerprint="other")))
    with pytest.raises(UsageError, match="different machines"):
        sides_by_label([labelled("before", 1e-3, 1), other, labelled("after", 1e-3, 1)])


def test_a_run_that_has_two_sides_is_two() -> None:
    run = run_of({train(): [1e-3, 1e-3]})
    first, second = run.trials
    run = replace(run, trials=(replace(first, side="a"), replace(second, side="b", block=0)))
    names = [side.name for side in sides_of_runs({"one": run, "two": run_of({train(): [1e-3]})})]
    assert names == ["one a", "one b", "two"]


def test_the_likeliest_cause_stands_first() -> None:
    assert list(ranked({"Python": ("a", "b"), "zlib": ("1", "2"), "jax": ("1", "2")})) == ["jax", "Python", "zlib"]


def test_workloads_are_told_together() -> None:
    names = ("one", "two", "three", "four")
    steps = {train(name): list(1e-3 * noise(5, n)) for n, name in enumerate(names)}
    slower = {train(name): list((1 + n) * 1e-3 * noise(5, 10 + n)) for n, name in enumerate(names)}
    found = contest(sides_of_runs({"a": run_of(steps), "b": run_of(slower)}), paired=False, margin=None, ignored=NO)
    ratio = mean_ratios(found, "throughput", "train")["b"]
    assert ratio.estimate == pytest.approx(24 ** (-1 / 4), rel=0.02)
    section = next(one for one in contest_sections(found) if one.name == "together")
    assert section.facts[0]["score"] == pytest.approx(1.0, abs=0.02)
    assert section.facts[1]["score"] < 0.7


times = st.lists(st.fixed_dictionaries({"a": st.floats(0.1, 10), "b": st.floats(0.1, 10)}), min_size=1, max_size=8)


@given(times)
def test_profiles_rise_and_someone_is_best(given_times: list[dict[str, float]]) -> None:
    found = profiles(given_times, ("a", "b"))
    for one in found.values():
        assert list(one.shares) == sorted(one.shares)
        assert 0 <= one.score <= 1
    assert sum(one.shares[0] for one in found.values()) >= 1
    assert len(TAUS) == len(found["a"].shares)


def test_a_side_that_lacks_a_workload_is_within_no_factor_of_it() -> None:
    found = profiles([{"a": 1.0, "b": 1.0}, {"a": 1.0}], ("a", "b"))
    assert found["b"].shares[-1] == 0.5
    assert found["b"].score == pytest.approx(0.5)


def test_a_run_that_measured_nothing_is_said_to_have(tmp_path: Path) -> None:
    stored(tmp_path / ".dlbench", run_of({}))
    for words, why in (((), "measured nothing"), (("-b", "jax"), "unknown backend of run")):
        ended = dlbench(tmp_path, "show", *words)
        assert ended.status == (2 if words else 3)
        assert why in ended.stderr


def test_runs_are_compared_as_typed(tmp_path: Path) -> None:
    store = tmp_path / ".dlbench"
    for run, label, ratio in (("20261120-100000-ab12", "before", 1.0), ("20261121-100000-ab12", "after", 1.3)):
        steps = {train(): list(1e-3 * ratio * noise(7, 1)), train(backend="torch"): list(2e-3 * noise(7, 2))}
        stored(store, run_of(steps, run, header={"label": label}))
    ended = dlbench(tmp_path, "compare", "before", "after", "-f", "json")
    assert ended.status == 0, ended.stderr
    told = json.loads(ended.stdout)
    verdicts = {fact["backend"]: fact["verdict"] for fact in told["contest"]}
    assert verdicts == {"jax": "worse", "torch": "unsure"}
    assert "worse" in dlbench(tmp_path, "compare", "before", "after").stdout
    assert "| " in dlbench(tmp_path, "compare", "latest", "--by", "backend", "-f", "markdown").stdout
    assert "verdict" in dlbench(tmp_path, "compare", "latest", "--by", "backend", "-f", "csv").stdout
    ended = dlbench(tmp_path, "compare", "--by", "label", "-f", "json")
    assert json.loads(ended.stdout)["sides"] == ["before", "after"]
    assert dlbench(tmp_path, "compare", "after", "before", "--by", "label").status == 0
    for words, why in (
        (("compare", "befor", "after", "--by", "label"), "unknown label 'befor'; did you mean 'before'?"),
        (("compare", "before"), "compare takes two runs or more"),
        (("compare", "before", "after", "--by", "backend"), "--by backend compares sides within one run"),
        (("compare", "before", "before"), "the same run is given twice"),
        (("compare", "before", "after", "--margin", "7"), "--margin takes a share"),
    ):
        ended = dlbench(tmp_path, *words)
        assert (ended.status, why in ended.stderr) == (2, True), ended.stderr

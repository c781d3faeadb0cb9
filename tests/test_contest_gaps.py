"""Contests with gaps: what a side lacks, what failed, what cannot be tested; said on every side and in every format."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.harness.commands.compare import compare_command
from dlbench.results.comparing.contender import sides_by, sides_by_label, sides_of_runs
from dlbench.results.comparing.contest import Contest, contest
from dlbench.results.comparing.contest_table import contest_sections
from dlbench.results.comparing.profile import profiles_of
from dlbench.results.errors import NothingMeasured
from dlbench.results.records.model import Case, LeftOut, Run
from dlbench.results.tables.export import section_markdown

from .contests import failing, noise, run_of, stored, train
from .factories import MACHINE, end

FORMATS = ("table", "markdown", "csv", "json")
TORCH = train(backend="torch")
LOST = "3 trials failed (crashed: it broke)"


def held(**runs: Run) -> Contest:
    return contest(sides_of_runs(runs), paired=False, margin=None, ignored=frozenset())


def refused(found: Contest, side: str = "two") -> dict[str, str | None]:
    return {one.metric: one.bouts[side].refused for one in found.rounds}


def first_steps(seconds: float) -> Run:
    return run_of({train(): [1e-3] * 3}, trial={"marks": {"first_step_s": seconds}})


def test_a_figure_that_a_side_lacks_is_refused_with_the_side() -> None:
    has, lacks = first_steps(1.0), run_of({train(): [1e-3] * 3})
    assert refused(held(one=has, two=lacks)) == {"throughput": None, "first_step": "two: no first step in 3 trials"}
    found = held(one=lacks, two=has)
    assert refused(found)["first_step"] == "one: no first step in 3 trials"
    assert "one: no first step" in str(contest_sections(found)[0].entries[1].remarks)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_values_that_are_no_numbers_are_said_to_be_none(value: float) -> None:
    found = held(one=first_steps(1.0), two=first_steps(value))
    assert refused(found)["first_step"] == "two: first step is not a finite number above 0 in any of 3 trials"
    assert "first_step" not in refused(held(one=first_steps(value), two=first_steps(value)))


def test_failed_cases_are_told_with_their_side() -> None:
    one = run_of({train(): list(1e-3 * noise(5, 1)), TORCH: list(1e-3 * noise(5, 2))})
    two = replace(run_of({train(): list(1e-3 * noise(3, 3))}), failures=(*failing(train(), 2), *failing(TORCH, 3)))
    found = held(one=one, two=two)
    assert [row.bouts["two"].refused for row in found.rounds] == [None, f"two: {LOST}"]
    sections = contest_sections(found)
    assert [(fact["failed"], fact["reference_failed"]) for fact in sections[0].facts] == [(2, 0), (3, 0)]
    failures = next(section for section in sections if section.name == "failures")
    assert [(fact["side"], fact["failed"], fact["backend"]) for fact in failures.facts] == [
        ("two", 2, "jax"),
        ("two", 3, "torch"),
    ]
    assert "two: 2 trials failed (crashed: it broke)" in section_markdown(failures)


def test_a_case_that_only_the_third_side_lacks_has_its_reason() -> None:
    whole = run_of({train(): [1e-3] * 3})
    found = held(a=whole, b=whole, c=replace(run_of({}), failures=failing(train(), 3)))
    assert refused(found, "b") == {"throughput": None}
    assert refused(found, "c") == {"throughput": f"c: {LOST}"}
    assert f"c: {LOST}" in section_markdown(contest_sections(found)[0])


def test_a_case_without_a_value_anywhere_has_its_reason() -> None:
    lost = replace(run_of({}), failures=failing(train(), 3))
    found = held(a=lost, b=lost)
    assert refused(found, "b") == {"throughput": f"a: {LOST}; b: {LOST}"}
    assert found.compared == 0
    left = replace(run_of({}).header, left_out=(LeftOut(train(), "no XLA"),))
    found = held(a=run_of({train(): [1e-3] * 3}), b=Run(left, (), (), (), end()))
    assert refused(found, "b") == {"throughput": "b: left out: no XLA"}


def test_a_side_of_one_run_that_failed_is_a_side() -> None:
    run = replace(run_of({train(): [1e-3] * 3}), failures=failing(TORCH, 3))
    found = contest(sides_by(run, "backend"), paired=True, margin=None, ignored=frozenset({"backend"}))
    assert found.sides == ("jax", "torch")
    assert refused(found, "torch") == {"throughput": f"torch: {LOST}"}
    assert found.differs == {"torch": {}}


def test_a_case_that_one_side_lacks_counts_in_no_profile_of_two() -> None:
    cases = [train(name) for name in ("one", "two", "three", "four")]
    steps = {case: list(1e-3 * noise(4, n)) for n, case in enumerate(cases)}
    less = {case: values for case, values in steps.items() if case != cases[3]}
    found = held(a=run_of(steps), b=run_of(less))
    assert len(found.rounds) == 4
    assert profiles_of(found, "throughput", "train")["a"].workloads == 3
    found = held(a=run_of(steps), b=run_of(steps), c=run_of(less))
    assert profiles_of(found, "throughput", "train")["c"].shares[-1] == 0.75


def test_why_there_is_no_test_is_said() -> None:
    for count, told in ((1, "one value on a side tells nothing about noise"), (3, "no value varies within its side")):
        found = held(a=run_of({train(): [1e-3] * count}), b=run_of({train(): [2e-3] * count}))
        assert found.compared == 1
        section = contest_sections(found)[0]
        assert told in str(section.entries[0].remarks)
        assert told in section.facts[0]["remark"]
        assert any("No row could be tested" in note for note in section.notes) == (count == 1)


def test_blocks_that_one_side_lacks_are_said() -> None:
    run = run_of({train(): [1e-3, 1.1e-3, 1.2e-3], TORCH: [1e-3, 1.2e-3]})
    found = contest(sides_by(run, "backend"), paired=True, margin=None, ignored=frozenset({"backend"}))
    assert found.rounds[0].bouts["torch"].reason == "2 of 3 blocks have both"


def test_what_does_not_vary_is_tested_and_the_same_inside_the_margin() -> None:
    case = Case.of("toy", backend="jax", phase="memory")

    def planned(peak: float) -> Run:
        return run_of({case: [1e-3] * 7}, trial={"marks": {"peak_steady_bytes": peak, "rss_ready_bytes": 1e8}})

    sides = sides_of_runs({"a": planned(2e8), "same": planned(2e8 + 1e5), "more": planned(2.2e8)})
    bouts = contest(sides, paired=False, margin=0.02, ignored=frozenset()).rounds[0].bouts
    assert (bouts["same"].verdict, bouts["more"].verdict) == ("same", "worse")


def test_a_ratio_beyond_any_number_is_refused() -> None:
    found = held(a=first_steps(1e-200), b=first_steps(1e200))
    assert refused(found, "b")["first_step"] == "the ratio is beyond any number"


def test_runs_of_other_schema_versions_are_said_to_be() -> None:
    new = run_of({train(): [1e-3] * 3})
    old = run_of({train(): [1e-3] * 3}, header={"schema": 0})
    found = held(old=old, new=new, older=old)
    told = "the runs have schema 0 (old) and 1 (new): what one lacks is not compared"
    section = contest_sections(found)[0]
    assert section.notes[0] == told
    assert [told in (fact["remark"] or "") for fact in section.facts] == [True, False]
    labelled = [replace(r, header=replace(r.header, label=n)) for n, r in (("a", old), ("a", new), ("b", old))]
    by_label = contest(sides_by_label(labelled), paired=False, margin=None, ignored=frozenset())
    assert (by_label.schema_words("b") or "").startswith("the runs have schema 0 and 1 (a) and 0 (b)")


def compare(references: Sequence[str], output_format: str, store: Path) -> int:
    return compare_command(references, by=None, margin=None, output_format=output_format, store=str(store))


@pytest.mark.parametrize("output_format", FORMATS)
def test_where_nothing_can_be_compared_the_reasons_are_shown_and_the_status_is_three(
    tmp_path: Path, output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = {train(): [1e-3] * 3}
    other = replace(MACHINE, fingerprint="x", cpu="Xeon")
    lost = run_of({}, "20261122-100000-ab12", header={"label": "lost"})
    stored(tmp_path, run_of(steps, "20261120-100000-ab12", header={"label": "before"}))
    stored(tmp_path, run_of(steps, "20261121-100000-ab12", header={"label": "after", "machine": other}))
    stored(tmp_path, replace(lost, failures=failing(train(), 3)))
    assert NothingMeasured.exit_code == 3
    for after, told in (("after", "another machine (Xeon"), ("lost", f"lost: {LOST}")):
        with pytest.raises(NothingMeasured, match="nothing could be compared: ") as raised:
            compare(("before", after), output_format, tmp_path)
        assert told in str(raised.value)
        assert told in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("output_format", FORMATS)
def test_what_a_side_lacks_or_failed_is_told_in_every_format(
    tmp_path: Path, output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = {case: list(1e-3 * noise(5, n)) for n, case in enumerate((train(), TORCH))}
    for run, label in (("20261120-100000-ab12", "before"), ("20261121-100000-ab12", "after")):
        stored(tmp_path, run_of(steps, run, header={"label": label}))
    third = run_of({train(): list(1e-3 * noise(3, 9))}, "20261122-100000-ab12", header={"label": "third", "schema": 0})
    stored(tmp_path, replace(third, failures=failing(train(), 2)))
    assert compare(("before", "after", "third"), output_format, tmp_path) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "third: not measured" in shown
    assert "schema 1 (before) and 0 (third)" in shown
    assert any(told in shown for told in ("2 trials failed", '"failed": 2', ",2,0"))


def test_a_damaged_file_is_the_worse_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(tmp_path, run_of({train(): [1e-3] * 3}, "20261120-100000-ab12", header={"label": "before"}))
    stored(tmp_path, run_of({}, "20261121-100000-ab12", header={"label": "after"}))
    path = tmp_path / "runs" / "20261121-100000-ab12.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{broken", *lines[1:]]) + "\n")
    assert compare(("before", "after"), "table", tmp_path) == 4
    said = capsys.readouterr().err
    assert "line 2 is broken" in said
    assert "nothing could be compared: after: not measured" in said

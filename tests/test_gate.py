"""The gate over runs with two sides, and `dlbench gate --from` as typed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dlbench.harness.commands.gate import PHASES, read_gate
from dlbench.harness.commands.gate import status as exit_status
from dlbench.harness.experiments.plan import make_plan
from dlbench.harness.options import Selection
from dlbench.results.comparing.sides import Terms, broken_options
from dlbench.results.errors import UsageError
from dlbench.results.gate.annotations import as_annotations
from dlbench.results.gate.junit import as_junit
from dlbench.results.gate.metrics import Policies, policies_of
from dlbench.results.gate.policy import EXACT, GATE, MUST_NOT_WORSEN, REPORT, GatePlan
from dlbench.results.gate.table import verdict_of
from dlbench.results.gate.terms import GateTerms, gate_options, gate_terms, gated
from dlbench.results.gate.verdict import MetricVerdict, gate_verdict
from dlbench.results.records.model import Case, Failure, LeftOut, Run, Trial
from dlbench.results.records.store import RunWriter
from dlbench.results.tables.export import export
from junitparser import JUnitXml

from .cli import dlbench
from .factories import backends, candidate, end, epochs, spec
from .sided import CASE, INFO, sided_run, sided_trial

TERMS = Terms("env=old", "env=new", ("environment",))
PLAIN = GateTerms(GatePlan(), Policies({}))


def steps(ratio: float, count: int = 19, seed: int = 0) -> list[float]:
    return list(1e-3 * ratio * np.exp(np.random.default_rng(seed).normal(0, 0.02, count)))


def gate_run(ratio: float, count: int = 19, gate: GateTerms = PLAIN, **fields: object) -> Run:
    sides = {"a": steps(1.0, count, 1), "b": steps(ratio, count, 2)}
    return sided_run(sides, options=gate_options(gate), terms=TERMS, **fields)  # type: ignore[arg-type]


def test_a_slow_candidate_fails_by_fresh_pairs_alone() -> None:
    found = gated(gate_run(1.2), TERMS, PLAIN)
    assert (found.verdict, found.exit_status) == ("regression", 1)
    assert "shown by 12 fresh pairs" in found.metrics[0].words


def test_a_suspect_that_was_not_measured_again_stays_open() -> None:
    found = gated(gate_run(1.2, count=7), TERMS, PLAIN)
    assert (found.verdict, found.exit_status) == ("inconclusive", 5)


def test_equals_pass() -> None:
    assert gated(gate_run(1.0, count=7), TERMS, PLAIN).verdict == "passed"


def test_what_does_not_vary_is_compared_exactly() -> None:
    marks = {side: {"marks": {"parameters": 100.0 + (side == "b")}} for side in "ab"}
    found = gated(gate_run(1.0, count=7, **marks), TERMS, PLAIN)
    told = {metric.name: metric for metric in found.metrics}
    assert told["train parameters"].verdict == "regression"
    assert told["train throughput"].verdict == "passed"


def test_faster_but_less_accurate_fails() -> None:
    learns = Case.of("toy", backend="jax", phase="converge")

    def trials(side: str, step: float, metric: float) -> list[Trial]:
        noise = np.random.default_rng(ord(side)).normal(0, 0.001, 19)
        found = []
        for pair in range(19):
            found.append(sided_trial(CASE, side, pair, step * (1 + noise[pair])))
            accuracy = metric + noise[pair]
            found.append(sided_trial(learns, side, pair, step, windows=(), epochs=epochs(0.5, accuracy), reached=False))
        return found

    run = gate_run(1.0, count=1)
    header = replace(run.header, cases=(CASE, learns))
    run = replace(run, header=header, trials=(*trials("a", 1e-3, 0.95), *trials("b", 0.8e-3, 0.90)))
    found = gated(run, TERMS, PLAIN)
    assert found.verdict == "regression"
    assert found.words.startswith("faster but less accurate")


def test_policies_come_from_the_configuration() -> None:
    policies = policies_of({"throughput": {"margin": 0.05}, "first_step": {"kind": "report"}}, "x")
    assert (policies.of("throughput", INFO).kind, policies.of("throughput", INFO).margin) == (GATE, 0.05)
    assert policies.of("throughput", INFO).larger_is_better
    assert policies.of("first_step", INFO).kind == REPORT
    assert policies.of("parameters", INFO).kind == EXACT
    accuracy = policies.of("accuracy", INFO)
    assert (accuracy.kind, accuracy.margin, accuracy.larger_is_better) == (MUST_NOT_WORSEN, 0.01, True)
    assert policies.of("accuracy", replace(INFO, margin=None)).kind == REPORT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gate.metrics.speed]\nkind = 'gate'", "unknown metric in dlbench.toml: gate.metrics 'speed'"),
        ("[gate.metrics.throughput]\nkin = 'gate'", "unknown key of dlbench.toml: gate.metrics.throughput 'kin'"),
        ("[gate.metrics.throughput]\nkind = 'gat'", "did you mean 'gate'"),
        ("[gate.metrics.throughput]\nmargin = 'much'", "margin takes a number"),
        ("[gate]\nscreen_pairs = 2", "screen_pairs takes 5 to 50; received 2"),
        ("[gate]\nscreen_pair = 7", "in dlbench.toml 'screen_pair'; did you mean 'screen_pairs'"),
        ("[gate]\nscreen_effect = 2", "screen_effect takes a share, 0 to 0.5; received 2"),
        (
            "[gate.metrics.throughput]\nkind = 'must_not_worsen'",
            "throughput: must_not_worsen needs a margin",
        ),
        (
            "[gate.metrics.accuracy]\nmargin = 0",
            "accuracy: a metric that must not worsen needs a margin",
        ),
    ],
)
def test_a_wrong_configuration_is_told(text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dlbench.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_gate()
    assert told in str(caught.value)


def test_from_which_share_is_suspected_may_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dlbench.toml").write_text("[gate]\nscreen_effect = 0.005")
    gate = read_gate()
    assert gate.plan.screen_effect == 0.005
    assert gate_terms(gate_run(1.0, gate=gate)) == gate


def test_what_is_asked_of_throughput_is_asked_of_its_ninth_decile() -> None:
    asked = policies_of({"throughput": {"margin": 0.05}}, "x")
    assert asked.of("throughput_p90", INFO) == asked.of("throughput", INFO)
    own = policies_of({"throughput": {"margin": 0.05}, "throughput_p90": {"kind": "report"}}, "x")
    assert own.of("throughput_p90", INFO).kind == REPORT


def test_what_was_asked_is_kept_in_the_header() -> None:
    gate = GateTerms(GatePlan(screen_pairs=5, confirm_pairs=6), policies_of({"throughput": {"margin": 0.1}}, "x"))
    kept = gate_terms(gate_run(1.0, gate=gate))
    assert kept is not None
    assert (kept.plan.screen_pairs, kept.plan.confirm_pairs) == (5, 6)
    assert kept.policies.of("throughput", INFO).margin == 0.1


ALONE = Case.of("other", backend="jax", environment="old", phase="train")


@pytest.mark.parametrize(("side", "verdict", "status"), [("a", "inconclusive", 5), ("b", "passed", 0)])
def test_a_case_that_the_candidate_lost_keeps_it_from_passing(side: str, verdict: str, status: int) -> None:
    run = gate_run(1.0, count=7)
    left_out = (LeftOut(ALONE, f"only side {side} can measure it", side),)
    run = replace(run, header=replace(run.header, left_out=left_out))
    found = gated(run, TERMS, PLAIN)
    assert (found.verdict, found.exit_status) == (verdict, status)
    (alone,) = [metric for metric in found.metrics if metric.case == "other backend=jax"]
    assert (alone.verdict, alone.name) == ("nothing comparable" if side == "a" else "reported", "train")
    assert f"only side {side} can measure it" in export(run, "table")
    assert exit_status(run, "pass") == status


def test_a_planned_case_without_any_value_is_not_passed_over() -> None:
    run = gate_run(1.0, count=7)
    learns = Case.of("toy", backend="jax", phase="converge")
    run = replace(run, header=replace(run.header, cases=(CASE, learns)))
    told = {metric.name: metric.verdict for metric in gated(run, TERMS, PLAIN).metrics}
    assert told["converge accuracy"] == "nothing comparable"
    assert told["train throughput"] == "passed"
    assert exit_status(run, "pass") == 5


def test_a_process_that_failed_is_in_the_headline_and_every_report(tmp_path: Path) -> None:
    run = gate_run(1.0, count=7)
    failures = tuple(Failure(CASE, f"b{n}-a", n, 0, n, "crashed", "it\nbroke", side="a") for n in (1, 2))
    run = replace(run, failures=failures)
    verdict = verdict_of(run)
    assert verdict is not None
    assert (verdict.verdict, exit_status(run, "pass")) == ("broken", 4)
    assert "BROKEN: toy backend=jax train: side a, crashed in 2 processes" in " ".join(export(run, "table").split())
    assert as_annotations(verdict).startswith("::error title=broken::toy backend=jax train: side a, crashed in 2")
    (suite,) = JUnitXml.fromstring(as_junit(verdict, "gate").encode())
    assert suite.errors == 1


def test_what_the_candidate_cannot_begin_is_broken_and_what_the_baseline_could_not_is_not() -> None:
    for side, status in (("a", 0), ("b", 4)):
        run = gate_run(1.0, count=7)
        options = {**run.header.options, **broken_options({"a": (), "b": (), side: ["net.py: no model"]})}
        run = replace(run, header=replace(run.header, options=options))
        assert exit_status(run, "fail") == status


def test_the_metric_of_both_sides_must_be_the_same() -> None:
    learns = Case.of("toy", backend="jax", phase="converge")
    trials = [
        sided_trial(learns, side, pair, 1e-3, windows=(), epochs=epochs(0.5, 0.9), ledger={"metric": metric})
        for side, metric in (("a", "accuracy"), ("b", "loss"))
        for pair in range(7)
    ]
    run = gate_run(1.0, count=1)
    run = replace(run, header=replace(run.header, cases=(learns,)), trials=tuple(trials))
    found = gated(run, TERMS, PLAIN)
    assert found.verdict == "nothing comparable"


def test_a_phase_that_a_model_lacks_does_not_fail_the_gate() -> None:
    assert PHASES == ("train", "infer", "converge")
    speed_alone = candidate(spec("toy", phases=("train", "infer")))
    plan = make_plan([speed_alone], backends("jax"), Selection(phases=PHASES), ())
    assert [case.get("phase") for job in plan.jobs for case in job.cases] == ["train", "infer", "infer"]
    assert ["it has no data of its own" in item.reason for item in plan.left_out] == [True]
    run = gate_run(1.0, count=7)
    run = replace(run, header=replace(run.header, left_out=plan.left_out))
    assert exit_status(run, "fail") == 0


def test_the_table_has_the_worst_first() -> None:
    run = gate_run(1.2)
    facts = json.loads(export(run, "json"))["gate"]
    assert facts[0]["verdict"] == "regression"
    assert "REGRESSION: 2 of 2 metrics worse" in export(run, "table")
    verdict = verdict_of(run)
    assert verdict is not None
    assert verdict_of(sided_run({"a": [1e-3], "b": [1e-3]})) is None


def test_markdown_says_of_which_metric_each_sentence_is() -> None:
    text = export(gate_run(1.3), "markdown")
    assert "toy backend=jax, train throughput: worse by 30 %" in text


def stored(store: Path, run: Run) -> None:
    with RunWriter(store, run.header) as writer:
        for trial in run.trials:
            writer.append(trial)
        writer.end(end())


@pytest.mark.parametrize(
    ("ratio", "words", "status"),
    [(1.2, (), 1), (1.0, (), 0)],
)
def test_a_stored_run_is_judged_again(ratio: float, words: tuple[str, ...], status: int, tmp_path: Path) -> None:
    stored(tmp_path / ".dlbench", gate_run(ratio))
    ended = dlbench(tmp_path, "gate", "--from", "latest", *words)
    assert ended.status == status, ended.stdout + ended.stderr
    assert ("REGRESSION" in ended.stdout) == (status == 1)


def test_verdicts_are_tests_for_ci(tmp_path: Path) -> None:
    stored(tmp_path / ".dlbench", gate_run(1.2))
    ended = dlbench(tmp_path, "gate", "--from", "latest", "--report", "junit=gate.xml")
    assert ended.status == 1
    (suite,) = JUnitXml.fromfile(str(tmp_path / "gate.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (2, 2, 0)
    assert [case.name for case in suite] == ["train throughput", "train throughput_p90"]
    for case in suite:
        assert case.classname == "toy backend=jax"
        assert "shown by 12 fresh pairs" in case.result[0].message


def test_annotations_cannot_be_broken_out_of() -> None:
    bad = MetricVerdict("a\n::stop::", "x,y:z", GATE, "regression", "100 %\r\nworse")
    fine = MetricVerdict("b", "n", GATE, "passed", "fine")
    text = as_annotations(gate_verdict([fine, bad]))
    assert text == "::error title=regression%3A x%2Cy%3Az::a%0A::stop::: 100 %25%0D%0Aworse\n"
    many = as_annotations(gate_verdict([replace(bad, name=str(n)) for n in range(30)]))
    assert len(many.splitlines()) == 10
    assert many.splitlines()[-1] == "::notice title=dlbench gate::21 more; see the table"


def test_annotations_are_told_beside_the_table(tmp_path: Path) -> None:
    stored(tmp_path / ".dlbench", gate_run(1.2))
    ended = dlbench(tmp_path, "gate", "--from", "latest", "--annotations", "github")
    assert ended.stderr.startswith("::error title=regression%3A train throughput::toy backend=jax: worse by 2")
    assert "::error" not in ended.stdout


def test_a_comparison_has_one_stage_so_that_a_suspect_stays_open(tmp_path: Path) -> None:
    stored(tmp_path / ".dlbench", sided_run({"a": steps(1.0, 8, 1), "b": steps(1.2, 8, 2)}, terms=TERMS))
    ended = dlbench(tmp_path, "gate", "--from", "latest")
    assert ended.status == 5
    assert "not measured again" in ended.stdout
    assert dlbench(tmp_path, "gate", "--from", "latest", "--inconclusive", "pass").status == 0


def test_a_run_without_sides_is_refused(tmp_path: Path) -> None:
    run = gate_run(1.0)
    trials = tuple(replace(trial, side=None) for trial in run.trials)
    stored(tmp_path / ".dlbench", replace(run, header=replace(run.header, options={}), trials=trials))
    ended = dlbench(tmp_path, "gate", "--from", "latest")
    assert ended.status == 2
    assert "has no two sides measured in turn" in ended.stderr
    assert dlbench(tmp_path, "gate", "--from", "latest", "toy").status == 2

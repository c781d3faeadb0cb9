"""`--report FORMAT=FILE`: what is refused before anything is measured, and what is written after it."""

import json
from pathlib import Path

import numpy as np
import pytest
from dlbench.harness import reports
from dlbench.harness.cli.common_options import RunFormat
from dlbench.harness.commands import ab as ab_command
from dlbench.harness.commands import gate as gate_command
from dlbench.harness.commands.gate import Telling
from dlbench.harness.comparing.two_sides import SideArguments
from dlbench.harness.experiments.runner import Outcome
from dlbench.harness.reports import Report, parse_reports, write_reports
from dlbench.results.errors import BrokenError, UnsupportedError, UsageError
from dlbench.results.gate.metrics import Policies
from dlbench.results.gate.policy import GatePlan
from dlbench.results.gate.terms import GateTerms, gate_options
from dlbench.results.records.model import Run
from dlbench.results.records.store import RunWriter
from dlbench.results.tables.export import FORMATS, export
from junitparser import JUnitXml

from .cli import dlbench
from .factories import end
from .sided import sided_run
from .strict_openmetrics import read_openmetrics
from .synthetic_runs import full_run


def gate_run(ratio: float) -> Run:
    noise = {side: np.exp(np.random.default_rng(ord(side)).normal(0, 0.02, 19)) for side in "ab"}
    steps = {"a": list(1e-3 * noise["a"]), "b": list(1e-3 * ratio * noise["b"])}
    return sided_run(steps, options=gate_options(GateTerms(GatePlan(), Policies({}))))


def stored(folder: Path, run: Run) -> None:
    with RunWriter(folder / ".dlbench", run.header) as writer:
        for trial in run.trials:
            writer.append(trial)
        writer.end(end())


def words(output: str | None = None) -> SideArguments:
    return SideArguments(workloads=(), suite="pairs", timeout="10m", progress="off", output=output)


def test_every_format_can_be_asked_for() -> None:
    assert {choice.value for choice in RunFormat} == FORMATS.keys()


def test_reports_are_read(tmp_path: Path) -> None:
    given = [f"csv={tmp_path / 'a=b.csv'}", f"junit={tmp_path / 'gate.xml'}"]
    assert parse_reports(given, None, gate=True) == (
        Report("csv", str(tmp_path / "a=b.csv")),
        Report("junit", str(tmp_path / "gate.xml")),
    )


@pytest.mark.parametrize(
    ("given", "gate", "told"),
    [
        (["openmetrics"], True, "--report takes FORMAT=FILE, such as openmetrics=metrics.txt; received 'openmetrics'"),
        (["json="], True, "--report takes FORMAT=FILE, such as openmetrics=metrics.txt; received 'json='"),
        (["=x"], True, "unknown report format ''"),
        (["opnmetrics=x"], True, "unknown report format 'opnmetrics'; did you mean 'openmetrics'?"),
        (["junit=x"], False, "--report junit=FILE tells the verdicts of a gate, and there are none here"),
        (["json=no/such/x"], True, "cannot write 'no/such/x': there is no folder 'no/such'"),
        (["json=."], True, "cannot write '.': it is a folder"),
        (["json=x", "csv=x"], True, "--report csv=x: --report json writes to the same file"),
        (["json=x", "csv=../here/x"], True, "--report csv=../here/x: --report json writes to the same file"),
        (["json=link", "csv=x"], True, "--report csv=x: --report json writes to the same file"),
        (["json=out"], True, "--report json=out: --output writes to the same file; name another one"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(
    given: list[str], gate: bool, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("link").symlink_to("x")
    with pytest.raises(UsageError) as caught:
        parse_reports(given, "out", gate=gate)
    assert str(caught.value).startswith(told)
    assert sorted(path.name for path in Path().iterdir()) == ["link"]


def test_a_package_that_is_lacking_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "junitparser", None)
    with pytest.raises(UnsupportedError, match=r"leave out --report junit="):
        parse_reports(["junit=gate.xml"], None, gate=True)
    assert parse_reports(["json=x.json"], None, gate=True)


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_is_what_show_prints(name: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    write_reports(full_run(), [Report(name, str(path))], str(tmp_path / "store"))
    assert path.read_text(encoding="utf-8") == export(full_run(), name)


def test_a_file_that_cannot_be_written_after_all_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "x.json"
    with pytest.raises(BrokenError, match="the run is kept"):
        write_reports(full_run(), [Report("json", str(path))], str(tmp_path))


@pytest.mark.parametrize(("state", "status"), [("complete", 1), ("interrupted", 130)])
def test_a_gate_writes_its_reports_however_it_ends(
    state: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gate_command, "compare", lambda *_: (gate_run(1.2), Outcome(state)))
    telling = Telling("table", ("junit=gate.xml", "bencher=b.json", "table=t.txt"))
    ended = gate_command.gate_command(words("out.md"), (), stored=None, inconclusive="fail", telling=telling)
    assert ended == status
    (suite,) = JUnitXml.fromfile("gate.xml")
    assert [case.name for case in suite if case.result] == ["train throughput", "train throughput_p90"]
    assert json.loads(Path("b.json").read_text())
    assert Path("t.txt").read_text() == Path("out.md").read_text()


def test_a_gate_without_a_pair_has_an_error_for_each_case(tmp_path: Path) -> None:
    run = sided_run({"a": [], "b": []}, options=gate_options(GateTerms(GatePlan(), Policies({}))))
    write_reports(run, [Report("junit", str(tmp_path / "gate.xml"))], str(tmp_path))
    (suite,) = JUnitXml.fromfile(str(tmp_path / "gate.xml"))
    assert (suite.name, suite.tests, suite.errors) == (run.header.run, 1, 1)


def test_a_comparison_writes_its_reports_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = sided_run({"a": [1e-3] * 4, "b": [2e-3] * 4})
    monkeypatch.setattr(ab_command, "compare", lambda *_: (run, Outcome("interrupted")))
    given = ["openmetrics=m.txt"]
    assert ab_command.ab_command(words("x"), (), pairs=8, margin=None, output_format="json", reports=given) == 130
    assert read_openmetrics(Path("m.txt").read_text())
    with pytest.raises(UsageError, match="junit"):
        ab_command.ab_command(words(), (), pairs=8, margin=None, output_format="json", reports=["junit=x"])


def test_nothing_is_known_beside_a_run_that_nobody_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "known_beside", None)
    write_reports(full_run(), [], None)


def test_reports_stand_beside_the_result_as_typed(tmp_path: Path) -> None:
    stored(tmp_path, gate_run(1.2))
    files = {"junit": "gate.xml", "openmetrics": "metrics.txt", "markdown": "gate.md", "benchmark-bigger": "big.json"}
    ended = dlbench(tmp_path, "gate", "--from", "latest", *(f"--report={name}={to}" for name, to in files.items()))
    assert ended.status == 1, ended.stderr
    assert "REGRESSION" in ended.stdout
    families = read_openmetrics((tmp_path / "metrics.txt").read_text())
    assert len(families["dlbench_throughput_samples_per_second"].samples) == 2
    assert "REGRESSION" in (tmp_path / "gate.md").read_text()
    entries = json.loads((tmp_path / "big.json").read_text())
    assert len(entries) == 2
    assert all(entry["name"].startswith("toy train jax") for entry in entries)
    (suite,) = JUnitXml.fromfile(str(tmp_path / "gate.xml"))
    assert [case.name for case in suite if case.result] == ["train throughput", "train throughput_p90"]
    assert dlbench(tmp_path, "show", "--format", "openmetrics").stdout == (tmp_path / "metrics.txt").read_text()


def test_wrong_reports_are_one_line_as_typed(tmp_path: Path) -> None:
    stored(tmp_path, gate_run(1.0))
    for given, told in (
        (["--report", "junit=no/gate.xml"], "there is no folder 'no'"),
        (["--report", "json=x", "--report", "csv=x"], "writes to the same file"),
        (["--report", "json=x", "--output", "x"], "--output writes to the same file"),
        (["--junit", "gate.xml"], "No such option"),
    ):
        ended = dlbench(tmp_path, "gate", "--from", "latest", *given)
        assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
        assert told in ended.stderr

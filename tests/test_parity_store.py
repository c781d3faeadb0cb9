"""Parity reports in the store: what was written is read, and a finding is quoted only for what it holds for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dlbench.results.errors import BrokenError, UsageError
from dlbench.results.parity.records import SCHEMA, BackendParity, Explanation, ParityCheck, ParityReport, Price
from dlbench.results.parity.store import parity_note, read_report, read_reports, run_notes, write_report
from dlbench.results.records.environment import Environment
from dlbench.results.records.model import Case, Run

from .factories import header, probe, trial

FINE = BackendParity("jax", "JAX", "1.0", (ParityCheck("outputs", 3e-7, 1e-5, ok=True),))
ILL = BackendParity(
    "tensorflow",
    "TensorFlow",
    "1.0",
    (ParityCheck("outputs", 3e-7, 1e-5, ok=True), ParityCheck("trajectory", 0.047, 1e-5, ok=False, words="after 1")),
    Price(1.5, 1.4, 1.6, "a mode"),
    Explanation(known=True, cause="slices are not summed", words="In full."),
    (0.0, 0.047),
)
VERSIONS = {"jax": "1.0", "tensorflow": "1.0"}


def report(**fields: Any) -> ParityReport:
    plain = ParityReport(
        schema=SCHEMA,
        workload="toy",
        parameters={"width": 4},
        lane="default",
        device="cpu",
        started="2026-11-20T10:00:00+00:00",
        dlbench="0.1.0",
        keras="3.15.1",
        batch_size=32,
        steps=1,
        reference="float64 on JAX",
        sensitivity=(0.0, 1e-8),
        allowed=(1e-5, 1e-5),
        backends=(FINE, ILL),
    )
    return replace(plain, **fields)


def note(*reports: ParityReport, **fields: Any) -> str | None:
    asked = {"workload": "toy", "parameters": {"width": 4}, "versions": VERSIONS, "keras": "3.15.1", **fields}
    return parity_note(reports, **asked)


def run(*cases: Case, keras_probe: str = "3.15.1") -> Run:
    probes = tuple(replace(probe(name), keras=keras_probe) for name in VERSIONS)
    environment = Environment("default", "/usr/bin/python3", "3.11.9", {}, probes)
    return Run(header(environments=(environment,), cases=cases), (), (), (), None)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    infinite = replace(FINE, checks=(ParityCheck("outputs", float("inf"), 1e-5, ok=False),))
    for kept in (report(), report(workload="my/model:f", backends=(infinite,), file_sha256="ab" * 32)):
        path = write_report(tmp_path, kept)
        assert path.parent == tmp_path / "parity"
        assert read_report(path) == kept
    assert len(read_reports(tmp_path)) == 2


def test_a_later_finding_for_the_same_problem_and_versions_replaces_the_earlier(tmp_path: Path) -> None:
    write_report(tmp_path, report())
    later = report(started="2026-11-21T10:00:00+00:00", steps=20, backends=(FINE, replace(ILL, checks=())))
    write_report(tmp_path, later)
    assert read_reports(tmp_path) == (later,)


@pytest.mark.parametrize(
    "fields",
    [
        {"parameters": {"width": 8}},
        {"lane": "matched"},
        {"device": "gpu"},
        {"keras": "3.16.0"},
        {"dlbench": "0.2.0"},
        {"file_sha256": "cd" * 32},
        {"backends": (FINE, replace(ILL, version="2.0"))},
        {"backends": (FINE,)},
    ],
)
def test_a_finding_for_something_else_is_kept_beside(fields: dict[str, Any], tmp_path: Path) -> None:
    write_report(tmp_path, report())
    write_report(tmp_path, report(**fields, started="2026-11-21T10:00:00+00:00"))
    found = read_reports(tmp_path)
    assert len(found) == 2
    assert found[0].started > found[1].started


def test_damaged_files_are_left_out(tmp_path: Path) -> None:
    path = write_report(tmp_path, report())
    (path.parent / "torn.json").write_text(path.read_text()[:50])
    (path.parent / "other.json").write_text("[]")
    assert read_reports(tmp_path) == (report(),)
    with pytest.raises(BrokenError, match="cannot read"):
        read_report(path.parent / "torn.json")


def test_a_report_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenError, match="upgrade dlbench"):
        read_report(write_report(tmp_path, report(schema=SCHEMA + 1)))


def test_a_store_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "parity").write_text("a file where the folder belongs")
    with pytest.raises(UsageError, match="cannot write to the store"):
        write_report(tmp_path, report())


def test_a_store_without_reports_has_none(tmp_path: Path) -> None:
    assert read_reports(tmp_path) == ()


def test_the_note_names_the_backend_the_size_and_the_known_cause() -> None:
    assert note(report()) == (
        "parity: TensorFlow's training losses differ by 0.05 where rounding explains 1e-05, "
        "known: slices are not summed (dlbench verify)"
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"workload": "other"},
        {"parameters": {}},
        {"lane": "matched"},
        {"device": "gpu"},
        {"keras": "3.16.0"},
        {"versions": {"jax": "1.0", "tensorflow": "1.1"}},
        {"versions": {"jax": "1.0"}},
    ],
)
def test_a_finding_is_not_quoted_for_what_it_does_not_hold_for(asked: dict[str, Any]) -> None:
    assert note(report(), **asked) is None


def test_a_finding_about_another_version_of_a_file_is_not_quoted() -> None:
    kept = report(file_sha256="ab" * 32)
    assert note(kept, file_sha256="ab" * 8) is not None
    assert note(kept, file_sha256="cd" * 8) is None


def test_the_latest_finding_about_a_backend_speaks_for_it() -> None:
    mended = report(backends=(replace(ILL, checks=(), explanation=None),))
    assert note(mended, report()) is None
    assert note(report(), mended) is not None
    broken = report(backends=(replace(ILL, failure="it broke", checks=()),))
    assert note(broken, report()) is not None


def test_a_run_is_marked_where_its_backends_are_known_to_differ() -> None:
    given = {"phase": "train", "p.width": 4}
    cases = [Case.of("toy", backend=name, **given) for name in VERSIONS]
    reports = [report()]
    (found,) = run_notes(run(*cases), reports)
    assert found.startswith("toy width=4: parity: TensorFlow's training losses differ")
    assert run_notes(run(cases[0]), reports) == []
    assert run_notes(run(*[case.with_({"execution": "native"}) for case in cases]), reports) == []
    assert run_notes(run(*[case.with_({"lane": "matched"}) for case in cases]), reports) == []
    assert run_notes(run(*[case.with_({"p.width": 8}) for case in cases]), reports) == []
    assert run_notes(run(*cases, keras_probe="3.16.0"), reports) == []
    assert run_notes(run(*cases), []) == []
    matched = report(lane="matched")
    (found,) = run_notes(run(*[case.with_({"lane": "matched"}) for case in cases]), [matched])
    assert found.startswith("toy width=4, matched lane: parity")


def test_a_run_of_a_changed_file_is_not_marked() -> None:
    cases = [Case.of("toy", backend=name, phase="train", **{"p.width": 4}) for name in VERSIONS]
    kept = [report(file_sha256="ab" * 32)]
    for digest, marked in (("ab" * 8, 1), ("cd" * 8, 0)):
        of = replace(run(*cases), trials=(trial(cases[0], ledger={"file_sha256": digest}),))
        assert len(run_notes(of, kept)) == marked

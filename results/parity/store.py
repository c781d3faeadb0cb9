"""Parity reports in the store: one small JSON file for each problem and set of versions, the latest finding of each."""

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import BrokenError, UsageError
from ..factors import Scalar
from ..records.codec import from_json, to_json
from ..records.model import Case, Run
from .records import SCHEMA, BackendParity, ParityReport

FOLDER = "parity"


def write_report(folder: Path, report: ParityReport) -> Path:
    """Keep a report in a store, in place of an earlier one of the same problem and versions; return its file.

    Raises:
        UsageError: the store cannot be written.

    """
    target = folder / FOLDER / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', report.workload)}-{report.key}.json"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            json.dump(to_json(report), file, allow_nan=False)
        Path(file.name).replace(target)
    except OSError as error:
        raise UsageError(
            f"cannot write to the store {str(folder)!r}: {error.strerror or error}; "
            "choose another folder with --store or DLBENCH_STORE"
        ) from error
    return target


def read_report(path: Path) -> ParityReport:
    """Read one report.

    Raises:
        BrokenError: the file cannot be read, is no report, or is of a later schema than this dlbench knows.

    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BrokenError(f"cannot read the parity report {path}: {error}") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise BrokenError(f"{path} has schema {schema}; this dlbench reads up to {SCHEMA}: upgrade dlbench")
    return from_json(ParityReport, data)


def read_reports(folder: Path) -> tuple[ParityReport, ...]:
    """Return the reports of a store, latest first; a file that cannot be read is left out: verify again."""
    found = []
    for path in (folder / FOLDER).glob("*.json"):
        try:
            found.append(read_report(path))
        except BrokenError:
            continue
    return tuple(sorted(found, key=lambda report: report.started, reverse=True))


def parity_note(
    reports: Sequence[ParityReport],
    workload: str,
    parameters: Mapping[str, Scalar],
    versions: Mapping[str, str],
    *,
    keras: str | None,
    lane: str = "default",
    device: str = "cpu",
    file_sha256: str | None = None,
) -> str | None:
    """Return what a table must say about comparing backends on a workload; None where nothing is known against it.

    Args:
        reports: latest first, as `read_reports` gives them; the latest one that fits speaks for a backend.
        workload: its name.
        parameters: those that differ from their defaults.
        versions: of the frameworks in the table, by backend: a finding of other versions is not quoted.
        keras: Keras' version.
        lane: of the comparison.
        device: kind of device.
        file_sha256: of a user's file, or its first digits.

    """
    fitting = [
        report
        for report in reports
        if report.workload == workload
        and dict(report.parameters) == dict(parameters)
        and (report.lane, report.device, report.keras) == (lane, device, keras)
        and (report.file_sha256 or "").startswith(file_sha256 or "")
    ]
    said = []
    for backend, version in versions.items():
        found = next(
            (
                item
                for report in fitting
                for item in report.backends
                if (item.backend, item.version) == (backend, version) and not item.failure
            ),
            None,
        )
        if found is not None and found.differs:
            said.append(_difference(found))
    return f"parity: {'; '.join(said)} (dlbench verify)" if said else None


def run_notes(run: Run, reports: Sequence[ParityReport]) -> list[str]:
    """Return a note for each workload of a run whose backends are known not to compute the same."""
    if not reports:
        return []
    # What `verify` found, it found in the controller's own environment.
    probes = [
        probe for environment in run.header.environments if not environment.factor for probe in environment.probes
    ]
    keras = next((probe.keras for probe in probes if probe.keras), None)
    versions = {probe.backend: probe.version for probe in probes if probe.version}
    digests = {t.case.workload: str(t.ledger["file_sha256"]) for t in run.trials if t.ledger.get("file_sha256")}
    backends: dict[tuple[str, tuple[tuple[str, Scalar], ...], str, str], set[str]] = {}
    for case in _compared(run):
        key = (case.workload, tuple(sorted(case.parameters.items())), case.text("lane"), case.text("device"))
        backends.setdefault(key, set()).add(case.text("backend"))
    found = []
    for (workload, parameters, lane, device), names in backends.items():
        note = parity_note(
            reports,
            workload,
            dict(parameters),
            {name: version for name, version in versions.items() if name in names},
            keras=keras,
            lane=lane,
            device=device,
            file_sha256=digests.get(workload),
        )
        if note:
            given = "".join(f" {name}={value}" for name, value in parameters)
            found.append(
                f"{workload}{given}: {note}" if lane == "default" else f"{workload}{given}, {lane} lane: {note}"
            )
    return found


def _compared(run: Run) -> Iterable[Case]:
    """Yield the cases that Keras computed: a twin is another program, which `verify` says nothing about."""
    own = (case for case in run.header.cases if case.get("environment") is None)
    return (case for case in own if case.get("execution") != "native")


def _difference(found: BackendParity) -> str:
    worst = next(check for check in found.checks if check.ok is False)
    what = {
        "outputs": "outputs",
        "loss": "loss",
        "gradients": "gradients",
        "trajectory": "training losses",
        "repeat": "training losses from run to run",
    }[worst.what]
    known = found.explanation
    why = f", {'known: ' if known.known else ''}{known.cause}" if known else ""
    return f"{found.title}'s {what} differ by {worst.error:.1g} where rounding explains {worst.allowed:.0e}{why}"

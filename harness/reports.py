"""Reports: a run in further forms, each written to a file of its own beside the result."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..results.errors import UsageError, unknown
from ..results.gate.junit import as_junit
from ..results.gate.table import verdict_of
from ..results.gate.verdict import gate_verdict
from ..results.records.model import Run
from ..results.tables.export import FORMATS
from .output import check_output, known_beside, text_for_file, write_text

JUNIT = "junit"
"""The verdicts of a gate as tests: a form of a gate alone, which other runs have not."""


@dataclass(frozen=True, slots=True)
class Report:
    """One form of the result, and where it goes."""

    format: str
    path: str


def parse_reports(words: Sequence[str], output: str | None, *, gate: bool = False) -> tuple[Report, ...]:
    """Return the reports that `--report` asks for, checked so that nothing is measured in vain.

    Args:
        words: each FORMAT=FILE.
        output: path that the result itself goes to; None is stdout.
        gate: whether there will be verdicts.

    Raises:
        UsageError: a word is not of that form, a format is unknown or not of this command, a file cannot be written or
            is named twice.
        UnsupportedError: a format needs a package that is not installed.

    """
    found = [_parsed(word, gate=gate) for word in words]
    taken = {} if output is None else {os.path.realpath(output): "--output"}
    for report in found:
        check_output(report.path)
        place = os.path.realpath(report.path)
        if place in taken:
            raise UsageError(
                f"--report {report.format}={report.path}: {taken[place]} writes to the same file; name another one"
            )
        taken[place] = f"--report {report.format}"
    if any(report.format == JUNIT for report in found):
        as_junit(gate_verdict(()), "gate")  # Says so here if a package is lacking.
    return tuple(found)


def write_reports(run: Run, reports: Sequence[Report], store: str | None) -> None:
    """Write a run in each of the forms asked for.

    Raises BrokenError where a file cannot be written after all.
    """
    if not reports:
        return
    background = known_beside(run, store)
    for report in reports:
        text = _verdicts(run) if report.format == JUNIT else text_for_file(run, report.format, background)
        write_text(report.path, text)


def _parsed(word: str, *, gate: bool) -> Report:
    name, equals, path = word.partition("=")
    if not equals or not path:
        raise UsageError(f"--report takes FORMAT=FILE, such as openmetrics=metrics.txt; received {word!r}")
    if name == JUNIT and not gate:
        raise UsageError(
            "--report junit=FILE tells the verdicts of a gate, and there are none here; use it with dlbench gate, or "
            "judge a stored run of ab: dlbench gate --from RUN --report junit=FILE"
        )
    known = (*FORMATS, JUNIT) if gate else tuple(FORMATS)
    if name not in known:
        raise unknown("report format", name, known)
    return Report(name, path)


def _verdicts(run: Run) -> str:
    return as_junit(verdict_of(run) or gate_verdict(()), run.header.run)

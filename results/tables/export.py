"""Exports: a run as text in a format, by the name of the format."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from ..comparing.sides import terms_of
from ..errors import unknown
from ..records.model import Run
from ..section import Section
from .action_benchmark import as_action_benchmark
from .background import NOTHING_KNOWN, Background
from .bencher import as_bencher
from .cells import Record, framework
from .columns import COLUMNS
from .frame import tidy
from .member import gathered
from .notes import notes
from .openmetrics import as_openmetrics
from .terminal import grouped, has_figures, has_values, render, rows_of_run, sections, side_sections, told_elsewhere
from .words import DOT, asides, conclusion, goal, logs, remarks, settings, title

SECTIONS = ("gate", "sides", "accuracy", "keras_tax", "break_even", "parts", "scenarios", "generation", "batches")
"""Further lists of the JSON export, each of rows with their units in the names."""


def as_markdown(run: Run, background: Background = NOTHING_KNOWN) -> str:
    """Return a GitHub-flavoured table per comparison, the meaning of the columns, and the notes."""
    every = rows_of_run(run, background.ceilings)
    rows = [row.record for row in every]
    parts = [section_markdown(section) for section in side_sections(run)]
    for workload in gathered(every, lambda row: row.key.workload):
        if not told_elsewhere(run):
            groups = grouped([row.record for row in workload])
            parts += [_block(group) for group in groups if has_figures(group)]
        if not terms_of(run):
            parts += [section_markdown(section) for section in sections(workload)]
    parts = parts or ["nothing was measured\n"]
    shown = [column for column in COLUMNS if any(has_values(column, group) for group in grouped(rows))]
    if shown and not told_elsewhere(run):
        parts.append("".join(f"- **{column.name}**: {_safe(column.meaning)}\n" for column in shown))
    said = [(label, line) for label, lines in notes(run, rows, background) for line in lines]
    parts.append("".join(f"- {label}: {_safe(line)}\n" for label, line in said))
    return "\n".join(parts)


def as_csv(run: Run, background: Background = NOTHING_KNOWN) -> str:
    """Return the tidy frame as comma-separated values; a missing figure is an empty field."""
    return tidy(run, background.ceilings).to_csv(index=False, lineterminator="\n")


def as_json(run: Run, background: Background = NOTHING_KNOWN) -> str:
    """Return the facts of the run, the rows of the tidy frame and of SECTIONS; a missing figure is null."""
    header, end = run.header, run.end
    every = rows_of_run(run, background.ceilings)
    further = side_sections(run)
    further += [section for rows in gathered(every, lambda row: row.key.workload) for section in sections(rows)]
    facts = {
        "run": header.run,
        "label": header.label,
        "started": header.started,
        "finished": end.finished if end else None,
        "state": end.state if end else None,
        "wall_s": end.wall_seconds if end else None,
        "dlbench": header.dlbench,
        "argv": list(header.argv),
        "options": dict(header.options),
        "machine": asdict(header.machine),
        "environments": [asdict(environment) for environment in header.environments],
        "notes": [*header.notes, *(end.notes if end else ()), *run.problems],
        "background": {label: list(lines) for label, lines in background.notes},
        "path": str(run.path) if run.path else None,
        "rows": [row.record for row in every],
        **{name: [dict(f) for section in further if section.name == name for f in section.facts] for name in SECTIONS},
        "flags": [
            {**{name: row.record[name] for name in ("workload", "backend", "environment", "group")}, **asdict(flag)}
            for row in every
            for flag in row.summary.flags
        ],
    }
    return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_table(run: Run, background: Background = NOTHING_KNOWN) -> str:
    """Return what a terminal shows, without colour."""
    return render(run, background=background)


FORMATS: dict[str, Callable[[Run, Background], str]] = {
    "csv": as_csv,
    "json": as_json,
    "markdown": as_markdown,
    "table": as_table,
    "openmetrics": lambda run, _: as_openmetrics(run),
    "bencher": lambda run, _: as_bencher(run),
    "benchmark-bigger": lambda run, _: as_action_benchmark(run, "max"),
    "benchmark-smaller": lambda run, _: as_action_benchmark(run, "min"),
}


def export(run: Run, name: str, background: Background = NOTHING_KNOWN) -> str:
    """Return a run in a format.

    Raises UsageError for a format that is not known.
    """
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name](run, background)


def section_markdown(section: Section) -> str:
    """Return a further table of a workload."""
    lines = [f"#### {_safe(section.workload)}: {_safe(section.title)}", ""]
    lines += [_safe(section.settings), ""] if section.settings else []
    lines.append(_table_line([" ".join(head.lines) for head in section.heads]))
    lines.append(_table_line(["---" if head.left else "---:" for head in section.heads]))
    said = []
    for entry in section.entries:
        lines.append(_table_line(["<br>".join(map(_safe, filter(None, cell))) for cell in entry.cells]))
        said += [f"{', '.join(filter(None, entry.cells[0]))}: {remark}" for remark in entry.remarks]
    return "\n".join([*lines, "", *[f"{_safe(sentence)}\n" for sentence in (*said, *section.notes)]])


def _block(rows: Sequence[Record]) -> str:
    """Return the heading, the table and the conclusion of one comparison."""
    columns = [column for column in COLUMNS if has_values(column, rows)]
    lines = [f"### {_safe(DOT.join(filter(None, (rows[0]['workload'], title(rows[0])))))}", ""]
    lines += [_safe(DOT.join(filter(None, (settings(rows[0]), goal(rows[0]))))), ""]
    lines.append(_table_line([" ".join(column.heading(rows)) for column in columns]))
    lines.append(_table_line(["---" if column.name == "backend" else "---:" for column in columns]))
    below = []
    for row in rows:
        if row["trials"]:
            lines.append(_table_line(["<br>".join(map(_safe, column.cell(row))) for column in columns]))
            below += [f"{framework(row)}: {remark}" for remark in remarks(row)]
        else:
            lines.append(_table_line([_safe(framework(row)), *["n/a"] * (len(columns) - 1)]))
            below.append(f"{framework(row)}: {row['failure_kind']}: {row['failure_message']}")
    foot = (" ".join(conclusion(rows)), *asides(rows), *below, *logs(rows))
    said = [_safe(sentence) for sentence in foot if sentence]
    return "\n".join([*lines, "", *[f"{sentence}\n" for sentence in said]])


def _table_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _safe(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    # An underscore inside a word stands for itself on GitHub.
    for mark in ("\\", "|", "<", "*", "~", "`"):
        text = text.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return text

"""Exports: a run as text in a format, by the name of the format."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from .columns import COLUMNS, Record, framework
from .errors import unknown
from .frame import records, tidy
from .model import Run
from .notes import notes
from .tables import grouped, has_values, render
from .words import DOT, conclusion, goal, logs, remarks, settings, title


def as_markdown(run: Run) -> str:
    """Return a GitHub-flavoured table per comparison, the meaning of the columns, and the notes."""
    rows = records(tidy(run))
    parts = [_section(group) for group in grouped(rows)] or ["nothing was measured\n"]
    shown = [column for column in COLUMNS if any(has_values(column, group) for group in grouped(rows))]
    if shown:
        parts.append("".join(f"- **{column.name}**: {_safe(column.meaning)}\n" for column in shown))
    said = [(label, line) for label, lines in notes(run, rows) for line in lines]
    parts.append("".join(f"- {label}: {_safe(line)}\n" for label, line in said))
    return "\n".join(parts)


def as_csv(run: Run) -> str:
    """Return the tidy frame as comma-separated values; a missing figure is an empty field."""
    return tidy(run).to_csv(index=False, lineterminator="\n")


def as_json(run: Run) -> str:
    """Return the facts of the run and the rows of the tidy frame; a missing figure is null."""
    header, end = run.header, run.end
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
        "path": str(run.path) if run.path else None,
        "rows": records(tidy(run)),
    }
    return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Run], str]] = {
    "csv": as_csv,
    "json": as_json,
    "markdown": as_markdown,
    "table": render,
}


def export(run: Run, name: str) -> str:
    """Return a run in a format.

    Raises UsageError for a format that is not known.
    """
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name](run)


def _section(rows: Sequence[Record]) -> str:
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
    said = [_safe(sentence) for sentence in (" ".join(conclusion(rows)), *below, *logs(rows)) if sentence]
    return "\n".join([*lines, "", *[f"{sentence}\n" for sentence in said]])


def _table_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _safe(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    # An underscore inside a word stands for itself on GitHub.
    for mark in ("\\", "|", "<", "*", "~", "`"):
        text = text.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return text

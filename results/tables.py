"""Tables for the terminal: one block per comparison, then what a reader must know to trust it."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.text import Text

from . import units
from .columns import COLUMNS, Column, Record, framework
from .frame import records, tidy
from .layout import Entry, Grid, Head, Lines, fit, measure, wrapped
from .model import Run
from .notes import notes
from .words import DOT, conclusion, goal, listed, logs, remarks, settings, title


@dataclass(frozen=True, slots=True)
class _Block:
    """One comparison, made ready for the page."""

    rows: list[Record]
    columns: list[Column]
    heads: list[Head]
    entries: list[Entry]


def render(run: Run, width: int = 100, *, color: bool = False) -> str:
    """Return the tables of a run as text for a terminal of a width, with or without colour."""
    out = io.StringIO()
    system: Literal["standard"] | None = "standard" if color else None
    console = Console(file=out, width=width, force_terminal=color, color_system=system, legacy_windows=False)
    console.print(tables(run, width), soft_wrap=True)
    return out.getvalue()


def tables(run: Run, width: int) -> RenderableType:
    """Return the tables of a run: a block per group of rows, footnotes for its columns, the notes."""
    rows = records(tidy(run))
    blocks = [_block(group) for group in grouped(rows)]
    widths: dict[str, int] = {}
    for block in blocks:
        for column, needed in zip(block.columns, measure(block.heads, block.entries), strict=True):
            widths[column.name] = max(needed, widths.get(column.name, 0))
    lines: list[Text] = [] if blocks else [Text("nothing was measured"), Text()]
    seen: set[str] = set()
    for block in blocks:
        places, gap = fit(block.heads, [widths[column.name] for column in block.columns], width)
        seen |= {block.columns[place].name for place in places}
        grid = Grid(
            [block.heads[place] for place in places],
            [widths[block.columns[place].name] for place in places],
            gap,
        )
        entries = [entry.choose(places) for entry in block.entries]
        lines += [*_heading(block.rows[0], width), Text(), *grid.lines(entries, width), Text()]
        lines += [*_foot(block, places, width), Text(), Text()]
    lines += _footnotes([column for column in COLUMNS if column.name in seen], width)
    return Group(*lines, *_notes(run, rows, width))


def grouped(rows: Sequence[Record]) -> list[list[Record]]:
    """Return the rows of each comparison, in order."""
    groups: dict[int, list[Record]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return list(groups.values())


def _block(rows: list[Record]) -> _Block:
    columns = [column for column in COLUMNS if has_values(column, rows)]
    entries = [_entry(row, columns) for row in rows]
    return _Block(rows, columns, [column.head(rows) for column in columns], entries)


def has_values(column: Column, rows: Sequence[Record]) -> bool:
    """Tell whether a column has anything to show for some rows."""
    if column.name == "backend":
        return True
    if column.name == "ratio":
        return any(row["ratio_to_fastest"] is not None for row in rows)
    return any(row[column.figure] is not None for row in rows) and any(row["trials"] for row in rows)


def _entry(row: Record, columns: Sequence[Column]) -> Entry:
    problem = f"{row['failure_kind']}: {row['failure_message']}" if row["failure_kind"] else None
    special = {"backend": "bold", "ratio": "bold green" if row["shown_fastest"] else ""}
    styles = [special.get(column.name, "") for column in columns]
    if not row["trials"]:
        cells: list[Lines] = [(framework(row),), *[()] * (len(columns) - 1)]
        return Entry(cells, styles, units.missing(problem))
    return Entry([column.cell(row) for column in columns], styles, remarks=remarks(row))


def _heading(row: Record, width: int) -> Iterator[Text]:
    name = row["workload"]
    for level, part in enumerate(wrapped(DOT.join(filter(None, (name, title(row)))), width)):
        line = Text(part)
        if level == 0:
            line.stylize("bold", 0, len(name))
        yield line
    for part in wrapped(DOT.join(filter(None, (settings(row), goal(row)))), width):
        yield Text(part, style="dim")


def _foot(block: _Block, places: Sequence[int], width: int) -> Iterator[Text]:
    for part in wrapped(" ".join(conclusion(block.rows)), width):
        yield Text(part)
    hidden = [column.name for place, column in enumerate(block.columns) if place not in places]
    if hidden:
        for part in wrapped(f"Not shown in {width} columns: {listed(hidden)}.", width):
            yield Text(part, style="dim")
    for log in logs(block.rows):
        yield Text(log, style="dim")


def _footnotes(columns: Sequence[Column], width: int) -> Iterator[Text]:
    """Explain each column once."""
    if not columns:
        return
    yield Text("How to read it", style="bold")
    margin = max(len(column.name) for column in columns) + 2
    for column in columns:
        for part in wrapped(f"{column.name:<{margin}}{column.meaning}", width, "", " " * margin):
            yield Text(part, style="dim")
    yield Text()


def _notes(run: Run, rows: Sequence[Record], width: int) -> Iterator[Text]:
    margin = 10
    for label, lines in notes(run, rows):
        style = "yellow" if label == "Warnings" else ""
        for number, line in enumerate(lines):
            name = label if number == 0 else ""
            parts = wrapped(line, width, " " * margin)
            for level, part in enumerate(parts):
                start = f"{name:<{margin}}" if level == 0 else " " * margin
                yield Text.assemble((start, "bold"), (part[margin:], style))

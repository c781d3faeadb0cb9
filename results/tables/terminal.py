"""Tables for the terminal: one block per comparison, then what a reader must know to trust it."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.text import Text

from .. import units
from ..comparing.ab_table import ab_sections
from ..comparing.sides import terms_of
from ..gate.table import gate_sections
from ..layout import Entry, Grid, Head, Lines, fit, measure, wrapped
from ..names import listed
from ..records.model import Run
from ..section import Section, section_lines
from ..summaries.work import Ceilings
from .accuracy import accuracy_tables
from .background import NOTHING_KNOWN, Background
from .batches import batches
from .breakeven import breakeven
from .cells import Record, framework
from .columns import COLUMNS, Column
from .comparison import summarise
from .frame import frame_of, records
from .generation import generations
from .member import Member, gathered, members
from .notes import notes
from .parts import parts
from .scenarios import scenarios
from .tax import tax
from .words import DOT, asides, conclusion, goal, logs, remarks, settings, title


@dataclass(frozen=True, slots=True)
class _Block:
    """One comparison, made ready for the page."""

    rows: list[Record]
    columns: list[Column]
    heads: list[Head]
    entries: list[Entry]


def render(run: Run, width: int = 100, *, color: bool = False, background: Background = NOTHING_KNOWN) -> str:
    """Return the tables of a run as text for a terminal of a width, with or without colour."""
    out = io.StringIO()
    system: Literal["standard"] | None = "standard" if color else None
    console = Console(file=out, width=width, force_terminal=color, color_system=system, legacy_windows=False)
    console.print(tables(run, width, background), soft_wrap=True)
    return out.getvalue()


def tables(run: Run, width: int, background: Background = NOTHING_KNOWN) -> RenderableType:
    """Return the tables of a run: for each workload a block per group of rows and what more the run tells of it.

    Footnotes for the columns and the notes follow.
    """
    every = rows_of_run(run, background.ceilings)
    workloads = gathered(every, lambda row: row.key.workload)
    blocks = {group[0]["group"]: _block(group) for group in grouped([row.record for row in every])}
    widths: dict[str, int] = {}
    for block in blocks.values():
        for column, needed in zip(block.columns, measure(block.heads, block.entries), strict=True):
            widths[column.name] = max(needed, widths.get(column.name, 0))
    lines: list[Text] = [] if blocks else [Text("nothing was measured"), Text()]
    for section in side_sections(run):
        lines += [*section_lines(section, width), Text(), Text()]
    seen: set[str] = set()
    for rows in workloads:
        for number in dict.fromkeys(row.record["group"] for row in rows):
            if told_elsewhere(run) or not has_figures(blocks[number].rows):
                continue
            found, places = _block_lines(blocks[number], widths, width)
            seen |= {blocks[number].columns[place].name for place in places}
            lines += [*found, Text(), Text()]
        for section in [] if terms_of(run) else sections(rows):
            lines += [*section_lines(section, width), Text(), Text()]
    lines += _footnotes([column for column in COLUMNS if column.name in seen], width)
    return Group(*lines, *_notes(run, [row.record for row in every], width, background))


def rows_of_run(run: Run, ceilings: Ceilings | None = None) -> list[Member]:
    """Return every row of a run, in order."""
    groups = summarise(run)
    return members(groups, records(frame_of(run, groups, ceilings)))


def has_figures(rows: Sequence[Record]) -> bool:
    """Tell whether a block of rows would say more than who ran: sections under it say the rest."""
    told = [column for column in COLUMNS if column.name not in ("backend", "n") and has_values(column, rows)]
    return bool(told) or any(row["failure_kind"] for row in rows)


def told_elsewhere(run: Run) -> bool:
    """Tell whether one table says it all, where each case would have a block: the largest batch, and two sides."""
    return bool(run.header.options.get("find_max_batch")) or terms_of(run) is not None


def side_sections(run: Run) -> list[Section]:
    """Return the tables of a run with two sides: what a gate says of them, or else what each case took on each."""
    return gate_sections(run) or ab_sections(run)


def sections(rows: Sequence[Member]) -> list[Section]:
    """Return the further tables that the rows of a workload have the data for."""
    makers = (accuracy_tables, tax, breakeven, parts, scenarios, generations, batches)
    return [section for make in makers for section in make(rows)]


def grouped(rows: Sequence[Record]) -> list[list[Record]]:
    """Return the rows of each comparison, in order."""
    groups: dict[int, list[Record]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return list(groups.values())


def _block_lines(block: _Block, widths: dict[str, int], width: int) -> tuple[list[Text], list[int]]:
    """Return the lines of one comparison, and the places of the columns that they show."""
    places, gap = fit(block.heads, [widths[column.name] for column in block.columns], width)
    needed = [widths[block.columns[place].name] for place in places]
    grid = Grid([block.heads[place] for place in places], needed, gap)
    entries = [entry.choose(places) for entry in block.entries]
    lines = [*_heading(block.rows[0], width), Text(), *grid.lines(entries, width), Text()]
    return [*lines, *_foot(block, places, width)], places


def _block(rows: list[Record]) -> _Block:
    columns = [column for column in COLUMNS if has_values(column, rows)]
    entries = [_entry(row, columns) for row in rows]
    return _Block(rows, columns, [column.head(rows) for column in columns], entries)


def has_values(column: Column, rows: Sequence[Record]) -> bool:
    """Tell whether a column has anything to show for some rows."""
    if column.name == "backend":
        return True
    if column.unless and any(row[column.unless] is not None for row in rows):
        return False
    told = any(row[figure] is not None for row in rows for figure in column.figures)
    return told and any(row["trials"] for row in rows)


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
    for aside in asides(block.rows):
        for part in wrapped(aside, width, "", "  "):
            yield Text(part, style="yellow")
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


def _notes(run: Run, rows: Sequence[Record], width: int, background: Background) -> Iterator[Text]:
    margin = 12
    for label, lines in notes(run, rows, background):
        style = "yellow" if label == "Warnings" else ""
        for number, line in enumerate(lines):
            name = label if number == 0 else ""
            parts = wrapped(line, width, " " * margin)
            for level, part in enumerate(parts):
                start = f"{name:<{margin}}" if level == 0 else " " * margin
                yield Text.assemble((start, "bold"), (part[margin:], style))

"""Layout: cells of a few short lines in aligned columns, with sentences that run across."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAPS = (2, 1)
"""Spaces between columns, the wider first."""

RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"

NARROWEST = 20
"""Text is wrapped at no less than this."""

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a column."""

    lines: Lines
    rank: int
    """The column with the highest rank goes first where the width does not suffice; 0 always stays."""
    left: bool = False
    """Left-aligned; figures are right-aligned."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a cell for each column, or a sentence beside the first; remarks stand under it."""

    cells: Sequence[Lines]
    styles: Sequence[str]
    """Style of the first line of each cell; the lines under it are dim."""
    sentence: str | None = None
    remarks: Sequence[str] = ()

    def choose(self, places: Sequence[int]) -> "Entry":
        """Return the row with some of its columns."""
        cells, styles = [self.cells[place] for place in places], [self.styles[place] for place in places]
        return Entry(cells, styles, self.sentence, self.remarks)


def measure(heads: Sequence[Head], entries: Sequence[Entry]) -> list[int]:
    """Return the width that each column needs, in terminal cells."""
    widths = []
    for place, head in enumerate(heads):
        shown = (entry.cells[place] for entry in entries if place == 0 or entry.sentence is None)
        widths.append(max(cell_len(line) for lines in (head.lines, *shown) for line in (*lines, "")))
    return widths


def fit(heads: Sequence[Head], widths: Sequence[int], width: int) -> tuple[list[int], int]:
    """Return which columns are shown in a width, and the gap between them.

    The wide gap is tried before the narrow one; only then is a column left out.
    """
    places = list(range(len(heads)))
    while True:
        for gap in GAPS:
            if sum(widths[place] for place in places) + gap * (len(places) - 1) <= width:
                return places, gap
        least = max(places, key=lambda place: heads[place].rank)
        if heads[least].rank == 0:
            return places, GAPS[-1]
        places.remove(least)


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns with their widths and the gap between them."""

    heads: Sequence[Head]
    widths: Sequence[int]
    gap: int

    def lines(self, entries: Sequence[Entry], width: int) -> list[Text]:
        """Return heading, rule and rows; sentences and remarks are wrapped at `width`."""
        height = max(len(head.lines) for head in self.heads)
        lines = []
        for level in range(height):
            parts = [_level(head.lines, level + len(head.lines) - height) for head in self.heads]
            lines.append(self._line(parts, ["bold"] * len(parts)))
        lines.append(Text(RULE * (sum(self.widths) + self.gap * (len(self.widths) - 1)), style="dim"))
        for entry in entries:
            lines += self._row(entry) if entry.sentence is None else self._sentence(entry, width)
            for remark in entry.remarks:
                lines += [Text(part, style="yellow") for part in wrapped(remark, width, "  ")]
        return lines

    def _row(self, entry: Entry) -> list[Text]:
        lines = []
        for level in range(max(len(cell) for cell in entry.cells)):
            styles = entry.styles if level == 0 else ["dim"] * len(entry.cells)
            lines.append(self._line([_level(cell, level) for cell in entry.cells], styles))
        return lines

    def _line(self, parts: Sequence[str], styles: Sequence[str]) -> Text:
        line = Text()
        for part, style, head, width in zip(parts, styles, self.heads, self.widths, strict=True):
            space = " " * (width - cell_len(part))
            line.append(" " * self.gap if line else "")
            line.append(part + space if head.left else space + part, style=style)
        line.rstrip()
        return line

    def _sentence(self, entry: Entry, width: int) -> list[Text]:
        """Return a row that says something in words, beside its first cell."""
        indent = self.widths[0] + self.gap
        words = tuple(part[indent:] for part in wrapped(entry.sentence or "", width, " " * indent))
        lines = []
        for level in range(max(len(words), len(entry.cells[0]))):
            name = _level(entry.cells[0], level)
            line = Text(name, style=entry.styles[0] if level == 0 else "dim")
            line.append(" " * (indent - cell_len(name)))
            line.append(_level(words, level), style="red")
            line.rstrip()
            lines.append(line)
        return lines


def wrapped(text: str, width: int, indent: str = "", further: str | None = None) -> list[str]:
    """Return a text as lines within a width, indented; `further` indents all but the first line."""
    later = indent if further is None else further
    room = max(width, len(indent) + NARROWEST)
    return textwrap.wrap(text, room, initial_indent=indent, subsequent_indent=later, break_on_hyphens=False)


def _level(lines: Sequence[str], level: int) -> str:
    """Return one line of a cell, "" where it has none."""
    return lines[level] if 0 <= level < len(lines) else ""

"""Sections: further tables under the blocks of a workload, each about one question."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from .layout import Entry, Grid, Head, fit, measure, wrapped

Fact = Mapping[str, Any]
"""One row as plain values for the exports, units in the names, None for what could not be had."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its title and what must be said about it."""

    name: str
    """Under which its facts stand in the JSON export."""
    workload: str
    title: str
    settings: str
    """What its rows have in common."""
    heads: Sequence[Head]
    entries: Sequence[Entry]
    notes: Sequence[str]
    facts: Sequence[Fact]


def section_lines(section: Section, width: int) -> Iterator[Text]:
    """Yield the lines of a section within a width."""
    headline = f"{section.workload}: {section.title}"
    for part in wrapped(" ".join(filter(None, (headline, f"({section.settings})" if section.settings else ""))), width):
        yield Text(part, style="bold")
    yield Text()
    widths = measure(section.heads, section.entries)
    places, gap = fit(section.heads, widths, width)
    grid = Grid([section.heads[place] for place in places], [widths[place] for place in places], gap)
    yield from grid.lines([entry.choose(places) for entry in section.entries], width)
    if section.notes:
        yield Text()
    for note in section.notes:
        yield from (Text(part, style="dim") for part in wrapped(note, width))
    hidden = [" ".join(head.lines) for place, head in enumerate(section.heads) if place not in places]
    if hidden:
        yield from (Text(part, style="dim") for part in wrapped(f"Not shown: {', '.join(hidden)}.", width))

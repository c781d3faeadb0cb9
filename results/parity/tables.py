"""Parity reports as text: a table for each workload, with what differs and why in words under it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import StringIO

from rich.console import Console
from rich.text import Text

from ..factors import default_of
from ..layout import Entry, Grid, Head, Lines, fit, measure, wrapped
from ..records.codec import to_json
from ..units import DASH, missing, number, plural
from .records import QUANTITIES, BackendParity, ParityCheck, ParityReport

HEADS = (
    Head(("framework", "version"), 0, left=True),
    Head(("inference", "outputs"), 3),
    Head(("first", "loss"), 4),
    Head(("first", "gradients"), 2),
    Head(("loss over", "{steps}"), 1),
    Head(("run", "to run"), 5),
    Head(("deterministic", "mode costs"), 6),
)
WORST = {"trajectory": "furthest beyond what is allowed "}
STYLES = {True: "green", False: "bold red", None: "dim"}


def report_text(reports: Sequence[ParityReport], width: int, *, color: bool = False) -> str:
    """Return reports as text of a width."""
    stream = StringIO()
    console = Console(
        file=stream, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    for place, report in enumerate(reports):
        if place:
            console.print()
        for line in report_lines(report, width):
            console.print(line, soft_wrap=True)
    return stream.getvalue()


def report_json(reports: Sequence[ParityReport]) -> str:
    """Return reports as JSON: the stored records, with `differs` beside each backend's."""
    shown = []
    for report in reports:
        data = to_json(report)
        for item, known in zip(data["backends"], report.backends, strict=True):
            item["differs"] = known.differs
        shown.append({**data, "differs": report.differs})
    return json.dumps({"reports": shown}, indent=1, allow_nan=False) + "\n"


def report_lines(report: ParityReport, width: int) -> Iterator[Text]:
    """Yield the lines of one report."""
    given = [f"{name}={value}" for name, value in report.parameters.items()]
    headline = " ".join(["parity of", report.workload, *given])
    lane = "as each framework comes" if report.lane == default_of("lane") else "matched lane"
    settings = f"batch {report.batch_size}, float32, {report.device}, {lane}; reference: {report.reference}"
    for part in wrapped(headline, width):
        yield Text(part, style="bold")
    for part in wrapped(settings, width):
        yield Text(part, style="dim")
    yield Text()
    heads = _heads(report)
    entries = [_entry(item) for item in report.backends]
    widths = measure(heads, entries)
    places, gap = fit(heads, widths, width)
    grid = Grid([heads[place] for place in places], [widths[place] for place in places], gap)
    yield from grid.lines([entry.choose(places) for entry in entries], width)
    said = list(_words(report))
    if said:
        yield Text()
    for words, style in said:
        for part in wrapped(words, width):
            yield Text(part, style=style)


def short(value: float) -> str:
    """Return a deviation or a tolerance with one or two digits: 0.047, 3e-7, 0."""
    if value == 0 or not value < float("inf"):
        return "0" if value == 0 else "not finite"
    if value >= 1e-3:
        return number(value, 2)
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _heads(report: ParityReport) -> list[Head]:
    """Return the columns; one in which a backend differs is never left out."""
    steps = plural(report.steps, "step")
    differing = {check.what for item in report.backends for check in item.checks if check.ok is False}
    kinds = [None, *QUANTITIES, None]
    return [
        replace(
            head,
            lines=tuple(line.format(steps=steps) for line in head.lines),
            rank=0 if what in differing else head.rank,
        )
        for head, what in zip(HEADS, kinds, strict=True)
    ]


def _entry(item: BackendParity) -> Entry:
    name: Lines = (item.title, item.version)
    if item.failure:
        return Entry([name, *[()] * (len(HEADS) - 1)], [""] * len(HEADS), sentence=item.failure)
    checks = {check.what: check for check in item.checks}
    cells, styles = [name], [""]
    for what in QUANTITIES:
        check = checks.get(what)
        cells.append(_cell(check))
        styles.append(STYLES[check.ok if check else None])
    return Entry([*cells, _price(item)], [*styles, ""])


def _cell(check: ParityCheck | None) -> Lines:
    if check is None or check.error is None:
        return (missing(),)
    if check.ok is None:
        return (short(check.error),)
    if check.ok:
        return (f"ok {short(check.error)}" if check.error else "ok same",)
    return (f"DIFFERS {short(check.error)}", f"allowed {short(check.allowed or 0.0)}")


def _price(item: BackendParity) -> Lines:
    price = item.price
    if price is None or price.ratio is None:
        return (missing(),)
    if price.low is None or price.high is None:
        return (f"{number(price.ratio)}x",)
    return (f"{number(price.ratio)}x", f"{number(price.low)}{DASH}{number(price.high)}")


def _words(report: ParityReport) -> Iterator[tuple[str, str]]:
    """Yield the sentences under a table, each with its style."""
    for item in report.backends:
        if item.explanation:
            how = "differs (known)" if item.explanation.known else "differs"
            yield f"{item.title} {how}: {item.explanation.words}", "yellow"
    for item in report.backends:
        yield from ((words, "dim") for words in _check_words(item))
        for note in item.notes:
            yield f"{item.title}: {note}", "dim"
    repeats = {item.title: c.words for item in report.backends for c in item.checks if c.what == "repeat" and c.ok}
    for words, titles in _grouped(repeats).items():
        yield f"Run to run: {', '.join(titles)}: {words}.", "dim"
    prices = {item.title: item.price.words for item in report.backends if item.price}
    if prices:
        yield f"Deterministic mode: {'; '.join(f'{title}: {words}' for title, words in prices.items())}.", "dim"
    for note in report.notes:
        yield note, "dim"


def _check_words(item: BackendParity) -> Iterator[str]:
    """Yield what is to be said about a backend's checks that failed, or that could not be made."""
    for check in item.checks:
        if check.ok is False and check.words:
            yield f"{item.title}, {QUANTITIES[check.what]}: {WORST.get(check.what, '')}{check.words}."
    blank = {check.what: check.words for check in item.checks if check.ok is None and check.words}
    for words, whats in _grouped(blank).items():
        yield f"{item.title}, {', '.join(QUANTITIES[what] for what in whats)}: {missing(words)}."


def _grouped(words_of: dict[str, str]) -> dict[str, list[str]]:
    """Return the names that share the same words, by these."""
    found: dict[str, list[str]] = {}
    for name, words in words_of.items():
        found.setdefault(words, []).append(name)
    return found

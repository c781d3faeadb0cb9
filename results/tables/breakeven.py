"""Break-even: after how many steps, and seconds, compiled training overtakes eager training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import units
from ..layout import Entry, Head, Lines
from ..names import listed
from ..section import Fact, Section
from ..statistics.stats import Interval
from ..summaries import ledger
from ..summaries.pairs import paired, step_seconds
from .cells import NOTHING, framework
from .member import Member, gathered, signs
from .words import settings

EAGER = "eager"
EXPLICIT = ("jit", "xla")
"""Modes asked for by name stand for what `auto` comes to as well."""


CAPTION = (
    "Steps of training, the first one included, until compiled training has taken less time than eager training; its"
    " bounds are those of the step time alone."
)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When one side has caught up with the other."""

    steps: float
    """The first after which it has taken no more time: 1 where it is so from the start, infinite where it never is."""
    seconds: float | None
    """Since training began; None where it never is."""


def break_even(first: tuple[float, float], step: tuple[float, float]) -> BreakEven:
    """Return when compiled training overtakes eager training.

    first, step: seconds of the first step, and of each later one, (compiled, eager). After n steps a side has
    spent first + (n - 1) step, and both are equal where n - 1 = (first_c - first_e) / (step_e - step_c).
    """
    ahead, gain = first[0] - first[1], step[1] - step[0]
    if gain <= 0:
        return BreakEven(math.inf, None)
    further = max(ahead / gain, 0.0)
    steps = 1 + math.ceil(further)
    return BreakEven(float(steps), first[0] + (steps - 1) * step[0])


@dataclass(frozen=True, slots=True)
class _Line:
    """One backend: compiled against eager."""

    eager: Member
    compiled: Member
    ratio: Interval | None
    """Step time, compiled over eager."""
    found: BreakEven | None
    low: float | None
    """Steps at the bounds of the ratio; infinite where that bound is not below one."""
    high: float | None
    reason: str | None
    """Why there is none."""


def breakeven(rows: Sequence[Member]) -> list[Section]:
    """Return a table per set of a workload's rows that differ only in compile mode, where one of them is eager."""
    found = []
    timed = [row for row in rows if row.summary.train_step and row.summary.first_step]
    for alike in gathered(timed, lambda row: row.key.without("compile")):
        lines = [line for side in gathered(alike, lambda row: row.contender) for line in _lines(side)]
        if lines:
            found.append(_section(lines))
    return found


def _lines(rows: Sequence[Member]) -> list[_Line]:
    ordered = sorted(rows, key=lambda row: row.key.get("compile") == "auto")
    eager = next((row for row in ordered if row.record["compile_kind"] == EAGER), None)
    modes: dict[str, Member] = {}
    for row in ordered:
        if row.record["compile_kind"] not in {EAGER, None}:
            modes.setdefault(str(row.record["compile_resolved"]), row)
    return [_line(eager, row) for row in modes.values()] if eager else []


def _line(eager: Member, compiled: Member) -> _Line:
    sides = {"compiled": compiled.summary.row.train, EAGER: eager.summary.row.train}
    ratio = paired(compiled.summary.row.train, eager.summary.row.train, step_seconds).ratio
    refused = [reason for name, reason in ledger.REFUSED.items() if ledger.differing(sides, name)]
    firsts = compiled.summary.first_step, eager.summary.first_step
    if refused or ratio is None or firsts[0] is None or firsts[1] is None or eager.summary.train_step is None:
        return _Line(eager, compiled, None, None, None, None, refused[0] if refused else "no shared block")
    first, step = (firsts[0].estimate, firsts[1].estimate), eager.summary.train_step.estimate
    at = [
        None if bound is None else break_even(first, (bound * step, step))
        for bound in (ratio.estimate, ratio.low, ratio.high)
    ]
    low, high = (None if found is None else found.steps for found in at[1:])
    return _Line(eager, compiled, ratio, at[0], low, high, None)


def _section(lines: Sequence[_Line]) -> Section:
    heads = [
        Head(("framework", "compiled with"), 0, left=True),
        Head(("first step", "compiled", "eager"), 2),
        Head(("later step", "compiled", "eager"), 1),
        Head(("step time", "compiled / eager", "95 % CI"), 0),
        Head(("compiled is ahead", "after", "between"), 0),
    ]
    entries = []
    for line in lines:
        cells: list[Lines] = [(framework(line.compiled.record), str(line.compiled.record["compile_resolved"]))]
        cells += [_firsts(line), _steps(line), _ratio(line), _ahead(line)]
        remarks = [f"not comparable: {line.reason}"] if line.reason else []
        entries.append(Entry(cells, ["bold", *[""] * 4], remarks=[*remarks, *_apart(line)]))
    first = lines[0].compiled
    caches = list(dict.fromkeys(str(line.compiled.record["compile_cache"]) for line in lines))
    notes = [CAPTION]
    if caches != ["None"]:
        notes.append(f"Compile caches were {listed(caches)} at the first step.")
    return Section(
        "break_even",
        first.key.workload,
        "compiled against eager",
        settings({**first.record, "compile": "auto"}),
        heads,
        entries,
        notes,
        [_fact(line) for line in lines],
    )


def _apart(line: _Line) -> list[str]:
    sides = {"compiled": line.compiled.summary.row.train, EAGER: line.eager.summary.row.train}
    names = [what for name, what in ledger.COMPARED.items() if ledger.differing(sides, name) and name != "compile_kind"]
    return [f"\N{NOT EQUAL TO} both sides also differ in {listed(names)}"] if names else []


def _firsts(line: _Line) -> Lines:
    both = line.compiled.summary.first_step, line.eager.summary.first_step
    return tuple(units.missing() if found is None else units.seconds(found.estimate) for found in both)


def _steps(line: _Line) -> Lines:
    return tuple(
        units.missing()
        if row.summary.train_step is None
        else signs(row.summary.row.train, row.summary.train_unsettled) + units.seconds(row.summary.train_step.estimate)
        for row in (line.compiled, line.eager)
    )


def _ratio(line: _Line) -> Lines:
    if line.ratio is None:
        return NOTHING
    sign = "\N{NOT EQUAL TO}" if _apart(line) else ""
    interval = units.interval(line.ratio.low, line.ratio.high) or "no interval"
    return sign + units.ratio(line.ratio.estimate), interval


def _ahead(line: _Line) -> Lines:
    if line.found is None:
        return NOTHING
    if line.found.seconds is None:
        return "never", "it is no faster"
    when = f"{line.found.steps:,.0f} step{'s' * (line.found.steps != 1)}, {units.seconds(line.found.seconds)}"
    if line.low is None or line.high is None:
        return when, "no interval"
    return when, units.interval(line.low, line.high, lambda steps: f"{steps:,.0f}" if math.isfinite(steps) else "never")


def _fact(line: _Line) -> Fact:
    record = line.compiled.record
    found: dict[str, Any] = {
        name: record[name] for name in ("workload", "backend", "environment", "batch_size", "precision")
    }
    found |= {name: record[name] for name in ("device", "execution", "lane", "threads", "compile_resolved")}
    for name, row in (("compiled", line.compiled), ("eager", line.eager)):
        first, step = row.summary.first_step, row.summary.train_step
        found[f"{name}_first_step_s"] = first.estimate if first else None
        found[f"{name}_step_s"] = step.estimate if step else None
    ratio = line.ratio
    steps = [None if line.found is None else line.found.steps, line.low, line.high]
    finite = [value if value is not None and math.isfinite(value) else None for value in steps]
    return found | {
        "compiled_over_eager": ratio.estimate if ratio else None,
        "compiled_over_eager_low": ratio.low if ratio else None,
        "compiled_over_eager_high": ratio.high if ratio else None,
        "overtakes": None if line.found is None else line.found.seconds is not None,
        "break_even_steps": finite[0],
        "break_even_steps_low": finite[1],
        "break_even_steps_high": finite[2],
        "break_even_s": line.found.seconds if line.found else None,
        "not_comparable": line.reason,
    }

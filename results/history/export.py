"""Histories as text: table, Markdown, CSV and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from .. import units
from .history import History, Told, case_text, series_text, sparkline, surroundings_text
from .points import METRICS

WIDTH_OF_TREND = 24
HEADS = ("case", "metric", "runs", "oldest to latest", "latest", "last change")


def row(history: History) -> tuple[str, ...]:
    """Return the cells of a history's line, under HEADS."""
    change = history.told[-1] if history.told else None
    latest = history.text(history.points[-1].value) if history.points else units.missing("none is shown")
    return (
        series_text(history.key),
        history.title,
        str(len(history.points)),
        sparkline([point.value for point in history.points], WIDTH_OF_TREND),
        latest,
        f"{sign(change)} {change.after.started[:10]}{' alert' if history.alert else ''}" if change else "",
    )


def groups(every: Sequence[History]) -> list[tuple[str, list[History]]]:
    """Return histories by workload and machine, each group with its heading."""
    found: dict[tuple[str, str], list[History]] = {}
    for history in every:
        found.setdefault((history.key.workload, history.key.machine), []).append(history)
    return [
        (f"{workload} · {parts[0].key.machine_words} ({machine})", parts)
        for (workload, machine), parts in found.items()
    ]


def remarks(parts: Sequence[History]) -> list[str]:
    """Return what is to be said below a group: alerts, changes, failed runs, and what cannot be told."""
    said = [change_text(history, told) for history in parts for told in history.told]
    said.sort(key=lambda text: not text.startswith("alert"))
    for name, same in groupby(parts, key=lambda history: series_text(history.key)):
        if failed := next(same).failed:
            said.append(f"{name}: every trial failed in {units.plural(len(failed), 'run')}, last in {failed[-1]}")
    if single := {point.run for history in parts for point in history.points if point.trials == 1}:
        said.append(f"{units.plural(len(single), 'run')} with a single trial of a case: its points are noisier")
    silent: dict[str, list[str]] = {}
    for history in parts:
        if history.note:
            silent.setdefault(history.note, []).append(f"{series_text(history.key)}, {history.title}")
    for note, names in silent.items():
        few = "; ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        said.append(f"{few}: {note}")
    return said


def sign(told: Told) -> str:
    """Return a change as a percentage with its sign."""
    return f"{'+' if told.change.ratio > 1 else ''}{units.percent(told.change.ratio - 1)}"


def change_text(history: History, told: Told) -> str:
    """Return a change in a sentence."""
    kind = "alert" if told is history.alert else "change" if told.worse is None else "worse" if told.worse else "better"
    return (
        f"{kind}: {series_text(history.key)}, {history.title}: {sign(told)} from run {told.after.run} on "
        f"({history.text(told.change.before)} → {history.text(told.change.after)}, told after {told.seen.run}); "
        f"{surroundings_text(told)}"
    )


def as_markdown(every: Sequence[History]) -> str:
    """Return a table per workload and machine."""
    parts = []
    for heading, group in groups(every):
        lines = [f"### {_safe(heading)}", "", _line(HEADS), _line(["---"] * len(HEADS))]
        lines += [_line([_safe(cell) for cell in row(history)]) for history in group]
        lines += ["", *[f"- {_safe(text)}" for text in remarks(group)]]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(parts)


def as_csv(every: Sequence[History]) -> str:
    """Return one row per point, unrounded; `level` counts the shown changes up to it."""
    names = ("workload", "backend", "phase", "case", "further", "machine", "device", "metric", "unit")
    more = ("run", "label", "started", "value", "low", "high", "trials", "flagged", "failures", "level", "change")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*names, *more))
    for history in every:
        key, unit = history.key, METRICS[history.metric].unit
        factors = key.factors
        fixed = (key.workload, factors.get("backend"), factors.get("phase"), key.case_id, case_text(key), key.machine)
        places = {told.change.place: told.change.ratio for told in history.told}
        for number, point in enumerate(history.points):
            level = sum(place <= number for place in places)
            values = (point.run, point.label, point.started, point.value, point.low, point.high)
            counts = (point.trials, point.flagged, point.failures, level, places.get(number))
            writer.writerow((*fixed, key.device_name, history.metric, unit, *values, *counts))
    return out.getvalue()


def as_json(every: Sequence[History], problems: Sequence[str]) -> str:
    """Return everything that is known."""
    facts = {"series": [_facts(history) for history in every], "problems": list(problems)}
    return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _facts(history: History) -> dict[str, Any]:
    key = history.key
    return {
        "workload": key.workload,
        "backend": key.factors.get("backend"),
        "phase": key.factors.get("phase"),
        "case": key.case_id,
        "factors": dict(key.factors),
        "machine": key.machine,
        "machine_words": key.machine_words,
        "device": key.device_name,
        "inputs": dict(key.inputs),
        "side": key.side,
        "metric": history.metric,
        "unit": METRICS[history.metric].unit or None,
        "better": history.better,
        "points_known": history.known,
        "points": [_point(asdict(point)) for point in history.points],
        "changes": [_change(told) for told in history.told],
        "alert": history.alert is not None,
        "failed_runs": list(history.failed),
        "note": history.note,
    }


def _point(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in {"environment", "schema"}}


def _change(told: Told) -> dict[str, Any]:
    return {
        "run": told.after.run,
        "run_before": told.before.run,
        "told_after": told.seen.run,
        "level_before": told.change.before,
        "level_after": told.change.after,
        "ratio": told.change.ratio,
        "worse": told.worse,
        "environment": {name: list(sides) for name, sides in told.differs.items()},
        "nearby": told.nearby,
    }


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _safe(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")

"""`dlbench baseline`: figures of a run kept under a name, and later runs held against them."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...results import units
from ...results.comparing.confirmation import confirmation
from ...results.errors import BrokenError, NothingMeasured
from ...results.history.baselines import (
    SCHEMA,
    Baseline,
    Use,
    baseline_of,
    fitting,
    keep,
    named,
    now_utc,
    other_environment,
    read_shelf,
    surroundings,
)
from ...results.history.expectation import BETTER, EXPECTED, SUSPECT, Judged, judge, judged_text, judged_together
from ...results.history.history import differences_text, series_text, value_text
from ...results.history.index import Index
from ...results.history.points import METRICS, machine_key, machine_words
from ...results.records.model import Run
from ...results.records.store import read_named, store_path
from ...results.statistics.prediction import Prediction
from ...results.statistics.session import FAMILY, level_of_each
from ..output import WIDTH_IN_FILES
from .history import refresh

FINDING, INCONCLUSIVE = 1, 5
HEADS = ("workload", "case", "metric", "baseline", "near baseline", "expected", "run", "verdict")


def save_command(name: str, reference: str, store: str | None) -> int:
    """Keep a run's figures under a name; the status is 4 where its file is damaged, or one that was passed over."""
    folder = store_path(store)
    run = read_named(folder, reference)
    damaged = _complain(run.problems)
    baseline = baseline_of(run, name, now_utc())
    path = keep(folder, baseline)
    _complain(baseline.failed)
    single = sum(entry.trials == 1 for entry in baseline.entries)
    note = f"; {units.plural(single, 'figure')} from one trial only" if single else ""
    sys.stdout.write(
        f"{name}: {units.plural(len(baseline.entries), 'figure')} of run {baseline.run}, "
        f"{machine_words(baseline.machine)}{note}\n{path}\n"
    )
    return damaged


def use_command(name: str, store: str | None) -> int:
    """Choose the baseline that `show` takes by default; the status is 4 where a baseline's file is damaged."""
    folder = store_path(store)
    shelf = read_shelf(folder)
    damaged = _complain(shelf.problems)
    named(shelf, name)
    keep(folder, Use(SCHEMA, name, now_utc().isoformat()))
    sys.stdout.write(f"{name} is in use\n")
    return damaged


def list_command(store: str | None) -> int:
    """List the baselines; the status is 4 where a file is damaged."""
    shelf = read_shelf(store_path(store))
    table = Table("", "name", "run", "saved (UTC)", "machine", "driver", "image", "versions", "figures", "failed")
    table.box, table.pad_edge = None, False
    for one in reversed(shelf.baselines):
        table.add_row(
            "*" if one.name == shelf.used else "",
            one.name,
            one.run,
            one.saved[:19].replace("T", " "),
            f"{machine_words(one.machine)} ({machine_key(one.machine)})",
            one.machine.driver or "none",
            one.machine.image or "none",
            one.environment,
            str(len(one.entries)),
            str(len(one.failed)),
        )
    console = _console()
    if shelf.baselines:
        console.print(table)
    else:
        console.print("no baselines; make one with: dlbench baseline save NAME")
    return _complain(shelf.problems)


def show_command(name: str | None, reference: str, canary: str | None, output_format: str, store: str | None) -> int:
    """Hold a run against a baseline; see the command's help for the status."""
    folder = store_path(store)
    shelf = read_shelf(folder)
    damaged = _complain(shelf.problems)
    candidates = named(shelf, name)
    run = read_named(folder, reference)
    damaged = _complain(run.problems) or damaged
    baseline = fitting(candidates, run)
    with Index(folder) as index:
        refresh(index)
        damaged = _complain([p for p in index.problems() if p not in run.problems]) or damaged
        here = machine_key(run.header.machine)
        known = list(index.series({"machine": (here,)}))
        found = judge(baseline, run, known, index.environment, canary)
        elsewhere = index.runs_elsewhere(here)
    found = [_with_confirmation(one, baseline, run) for one in found]
    if not any(one.value is not None for one in found):
        why = "; ".join(dict.fromkeys(one.reason or one.verdict for one in found))
        raise NothingMeasured(f"nothing of run {run.header.run} can be held against {baseline.name!r}: {why}")
    _write(found, baseline, _notes(baseline, run, found, canary, elsewhere), output_format)
    return damaged or _status(found)


def _notes(baseline: Baseline, run: Run, found: Sequence[Judged], canary: str | None, elsewhere: int) -> list[str]:
    """Return what is to be said before the figures; elsewhere: runs of other machines, which are left out."""
    notes = [f"baseline {baseline.name}: run {baseline.run}; held against it: run {run.header.run}"]
    if baseline.run == run.header.run:
        notes.append("that is the same run: its figures are judged by the sessions before it")
    if baseline.run_schema != run.header.schema:
        notes.append(
            f"the runs have schema {baseline.run_schema} and {run.header.schema}: what one lacks is not judged"
        )
    if differs := surroundings(baseline, run):
        notes.append(f"they differ in {differences_text(differs)}")
    elif other_environment(baseline, run):
        notes.append("their environments have other packages, though none of those that are kept by name differs")
    if elsewhere:
        notes.append(f"{units.plural(elsewhere, 'run')} of other machines left out")
    if canary is not None and canary not in {trial.case.workload for trial in run.trials}:
        notes.append(f"the canary {canary!r} was not measured in run {run.header.run}: nothing is divided by it")
    if count := judged_together(found):
        each = f"{100 * level_of_each(count):.6g} %"
        notes.append(
            f"{units.plural(count, 'figure')} judged together, by intervals of {each} each: normal noise puts any of "
            f"them outside in {100 * FAMILY:g} % of sessions"
        )
    return notes


def _with_confirmation(one: Judged, baseline: Baseline, run: Run) -> Judged:
    if one.verdict != SUSPECT:
        return one
    how = confirmation(one.key.case, one.metric, baseline, run, Path.cwd())
    return replace(one, confirm=how.command, fill_in=how.fill_in)


def _status(found: Sequence[Judged]) -> int:
    if any(one.verdict == SUSPECT for one in found):
        return FINDING
    return 0 if all(one.verdict in {EXPECTED, BETTER} for one in found) else INCONCLUSIVE


def _complain(problems: Sequence[str]) -> int:
    for problem in problems:
        sys.stderr.write(f"dlbench: {problem}\n")
    return BrokenError.exit_code if problems else 0


def _cells(one: Judged) -> tuple[str, ...]:
    def text(value: float | None) -> str:
        return units.missing() if value is None else value_text(one.metric, one.key.item, value)

    def between(told: Prediction | None) -> str:
        return units.missing() if told is None else f"{text(told.low).split()[0]} to {text(told.high)}"

    words = (one.key.workload, series_text(one.key), METRICS[one.metric].title)
    return (*words, text(one.baseline), between(one.near), between(one.expected), text(one.value), one.verdict)


def _write(found: Sequence[Judged], baseline: Baseline, notes: Sequence[str], output_format: str) -> None:
    said = [*notes, *(judged_text(one) for one in found if one.confirm), *_reasons(found)]
    if output_format == "json":
        rows = [{**_facts(one), **{k: v for k, v in asdict(one).items() if k != "key"}} for one in found]
        facts = {"baseline": baseline.name, "run": baseline.run, "notes": list(notes), "figures": rows}
        sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    elif output_format == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        fixed = ("workload", "case", "metric", "baseline", "low", "high", "sessions", "value", "verdict", "reason")
        writer.writerow((*fixed, "baseline_low", "baseline_high", "confirm", "fill_in"))
        for one in found:
            bounds = (one.expected.low, one.expected.high, one.expected.sessions) if one.expected else (None,) * 3
            around = (one.near.low, one.near.high) if one.near else (None, None)
            case = (one.key.workload, one.key.case_id, one.metric, one.baseline)
            writer.writerow((*case, *bounds, one.value, one.verdict, one.reason, *around, one.confirm, one.fill_in))
        sys.stdout.write(out.getvalue())
    elif output_format == "markdown":
        rows_of = [HEADS, ("---",) * len(HEADS), *map(_cells, found)]
        lines = ["| " + " | ".join(cells) + " |" for cells in rows_of]
        sys.stdout.write("\n".join([*lines, "", *[f"- {text}" for text in said]]) + "\n")
    else:
        table = Table(*HEADS, box=None, pad_edge=False)
        for one in found:
            table.add_row(*map(Text, _cells(one)), style="red" if one.verdict == SUSPECT else None)
        console = _console()
        console.print(table)
        for text in said:
            console.print(Text(text), soft_wrap=True)  # a command stays whole
    sys.stdout.flush()


def _reasons(found: Sequence[Judged]) -> list[str]:
    """Return what is to be said of figures beside their verdicts, each thing once."""
    same: dict[tuple[str, str], list[Judged]] = {}
    for one in found:
        if one.reason and not one.confirm:
            same.setdefault((one.verdict, one.reason), []).append(one)
    return [
        judged_text(few[0]) if len(few) == 1 else f"{units.plural(len(few), 'figure')}: {verdict}: {reason}"
        for (verdict, reason), few in same.items()
    ]


def _console() -> Console:
    width = max(shutil.get_terminal_size((WIDTH_IN_FILES, 24)).columns, 60)
    return Console(file=sys.stdout, highlight=False, markup=False, width=width)


def _facts(one: Judged) -> dict[str, object]:
    factors = one.key.factors
    return {
        "workload": one.key.workload,
        "case": one.key.case_id,
        "backend": factors.get("backend"),
        "phase": factors.get("phase"),
        "unit": METRICS[one.metric].unit or None,
    }

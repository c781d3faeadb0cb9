"""`dlbench history`: how cases changed from run to run on one kind of machine."""

import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from ...results.errors import BrokenError, NothingMeasured, UsageError, unknown
from ...results.history import export as history_export
from ...results.history.history import History, histories
from ...results.history.index import Index
from ...results.history.points import METRICS
from ...results.records.store import store_path
from ..options import split
from ..output import WIDTH_IN_FILES

ALERTED = 1
"""Exit status where an alert is to fail a pipeline."""

TELL_AFTER_S = 2.0


def history_command(
    wanted: Mapping[str, Sequence[str]],
    metrics: Sequence[str],
    *,
    label: str | None,
    last: int | None,
    since: str | None,
    fail_on_alert: bool,
    output_format: str,
    store: str | None,
) -> int:
    """Print histories; the status is 4 where a run's file is damaged."""
    folder = store_path(store)
    if last is not None and last < 1:
        raise UsageError(f"--last takes 1 or more; received {last}")
    chosen = {column: split(names) for column, names in wanted.items()}
    shown = split(metrics)
    for name in shown:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    with Index(folder) as index:
        refresh(index)
        if not index.runs() and not index.problems():
            raise NothingMeasured(f"no runs in the store {str(folder)!r}; make one with `dlbench run`")
        _check_names(index, chosen, label)
        found = histories(index.series(chosen, shown), index.environment, since=_moment(since), last=last, label=label)
        every = [history for history in found if history.points]
        problems = index.problems()
    for problem in problems:
        sys.stderr.write(f"dlbench: {problem}\n")
    if every or output_format == "json":
        _write(every, problems, output_format)
    if problems:
        return BrokenError.exit_code
    if not every:
        raise NothingMeasured("no run has a figure of that kind; `dlbench list runs` shows what there is")
    return ALERTED if fail_on_alert and any(history.alert for history in every) else 0


def refresh(index: Index) -> None:
    """Bring the index up to date; where that takes long, say so on stderr."""
    start, said = time.monotonic(), False

    def told(done: int, of: int) -> None:
        nonlocal said
        if not said and time.monotonic() - start > TELL_AFTER_S:
            said = True
            sys.stderr.write(f"dlbench: reading {of:,} runs into the index, once\n")

    index.refresh(told)


def _check_names(index: Index, chosen: dict[str, tuple[str, ...]], label: str | None) -> None:
    for column, names in chosen.items():
        known = index.known(column)
        for name in names:
            if name not in known:
                raise unknown(f"{'case' if column == 'case_id' else column} of the stored runs", name, known)
    if label is not None and label not in (labels := index.labels()):
        raise unknown("label of the stored runs", label, labels)


def _moment(text: str | None) -> str | None:
    """Return where points begin to be shown: a date, a date with a time, or the beginning of a run's id.

    Raises:
        UsageError: it is none of these.

    """
    if text is None:
        return None
    if found := re.match(r"(\d{4})(\d{2})(\d{2})(?:-(\d{2})(\d{2})(\d{2}))?", text):
        year, month, day, *clock = found.groups()
        text = f"{year}-{month}-{day}" + (f"T{':'.join(clock)}" if clock[0] else "")
    try:
        return datetime.fromisoformat(text).isoformat() if "T" in text else date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"--since takes a date such as 2026-11-20, or a run's id; received {text!r}") from error


def _write(every: list[History], problems: list[str], output_format: str) -> None:
    if output_format == "json":
        sys.stdout.write(history_export.as_json(every, problems))
    elif output_format == "csv":
        sys.stdout.write(history_export.as_csv(every))
    elif output_format == "markdown":
        sys.stdout.write(history_export.as_markdown(every))
    else:
        terminal = sys.stdout.isatty()
        width = max(shutil.get_terminal_size((WIDTH_IN_FILES, 24)).columns, 60)
        plain = not terminal or "NO_COLOR" in os.environ
        console = Console(file=sys.stdout, highlight=False, width=width, no_color=plain, force_terminal=terminal)
        for heading, group in history_export.groups(every):
            console.print(_table(heading, group))
    sys.stdout.flush()


def _table(heading: str, group: Sequence[History]) -> Group:
    heads = history_export.HEADS
    columns = [
        Column(head, justify="left" if head in heads[:2] else "right", no_wrap=head in heads[2:5]) for head in heads
    ]
    table = Table(*columns, box=None, pad_edge=False)
    for history in group:
        table.add_row(*map(Text, history_export.row(history)), style="red" if history.alert else None)
    said = [Padding(Text(text), (0, 0, 0, 2)) for text in history_export.remarks(group)]
    return Group(Text(heading, style="bold"), table, *said, Text())

"""`dlbench compare`: stored runs, or sides within one, held against each other."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ...results import units
from ...results.comparing.contender import LABEL, sides_by, sides_by_label, sides_of_runs
from ...results.comparing.contest import Contest, contest
from ...results.comparing.contest_table import contest_sections
from ...results.errors import BrokenError, NothingMeasured, UsageError, unknown
from ...results.records.model import Run
from ...results.records.store import find_run, labelled_runs, read_named, read_run, store_path
from ...results.section import Section, section_lines
from ...results.tables.export import section_markdown
from ..output import WIDTH_IN_FILES

LARGEST_MARGIN = 0.5


def compare_command(
    references: Sequence[str], *, by: str | None, margin: float | None, output_format: str, store: str | None
) -> int:
    """Print a comparison; the status is 4 where the file of a run is damaged, or one that was passed over.

    Raises:
        UsageError: too few runs, or more than one with --by.
        NothingMeasured: nothing could be compared; the table with the reasons has been printed.

    """
    if margin is not None and not 0 < margin <= LARGEST_MARGIN:
        raise UsageError(f"--margin takes a share such as 0.02; received {margin:g}")
    if by not in (None, LABEL) and len(references) > 1:
        raise UsageError(f"--by {by} compares sides within one run; received {len(references)} runs")
    if by is None and len(references) < 2:
        raise UsageError("compare takes two runs or more, or --by FACTOR for the sides of one run")
    runs, passed = runs_of(references, by, store_path(store))
    problems = dict.fromkeys([*passed, *(problem for run in runs for problem in run.problems)])
    for problem in problems:
        sys.stderr.write(f"dlbench: {problem}\n")
    found = compared(runs, references, by, margin)
    sys.stdout.write(_text(contest_sections(found), found, output_format))
    sys.stdout.flush()
    if not found.compared:
        nothing = NothingMeasured(f"nothing could be compared: {_why_nothing(found)}")
        if not problems:
            raise nothing
        sys.stderr.write(f"dlbench: {nothing}\n")
    return BrokenError.exit_code if problems else 0


def _why_nothing(found: Contest) -> str:
    """Return why no row has a ratio, in words."""
    reasons = [bout.refused for one in found.rounds for bout in one.bouts.values() if bout.refused]
    if not reasons:
        return "no side has a figure that is compared"
    more = len(dict.fromkeys(reasons)) - 1
    return reasons[0] + (f" (and {units.plural(more, 'other reason')})" if more else "")


def runs_of(references: Sequence[str], by: str | None, store: Path) -> tuple[list[Run], tuple[str, ...]]:
    """Return the runs that are meant: those named or the latest; by label, all runs of those named or of every label.

    Beside them: what is wrong with damaged files that were left out, for their labels cannot be read.

    Raises:
        UsageError: there is no such run or label.
        NothingMeasured: the store has no runs.
        BrokenError: there is none that can be read.

    """
    if by != LABEL:
        return [read_named(store, name) for name in references or ["latest"]], ()
    find_run(store, "latest")  # Says so where the store is empty.
    by_label, passed = labelled_runs(store)
    for name in references:
        if name not in by_label:
            wrong = unknown("label", name, by_label)
            if passed:
                raise BrokenError(f"{wrong}; it may be that of a run that cannot be read: {'; '.join(passed)}")
            raise wrong
    return [read_run(path) for name in references or by_label for path in by_label[name]], passed


def compared(runs: Sequence[Run], references: Sequence[str], by: str | None, margin: float | None) -> Contest:
    """Return the contest of some runs, named as they were referred to, or of the sides of one."""
    if by == LABEL:
        return contest(sides_by_label(runs), paired=False, margin=margin, ignored=frozenset())
    if by is not None:
        return contest(sides_by(runs[0], by), paired=True, margin=margin, ignored=frozenset({by}))
    names = [run.header.label or reference for run, reference in zip(runs, references, strict=True)]
    if len(set(names)) < len(names):
        names = [run.header.run for run in runs]
    if len(set(names)) < len(names):
        raise UsageError("the same run is given twice")
    sides = sides_of_runs(dict(zip(names, runs, strict=True)))
    return contest(sides, paired=False, margin=margin, ignored=frozenset())


def _text(sections: Sequence[Section], found: Contest, output_format: str) -> str:
    if output_format == "json":
        facts: dict[str, object] = {"sides": list(found.sides), "paired": found.paired, "unit": found.unit}
        facts["tested"] = found.tested
        facts["notes"] = [words for side in found.sides[1:] if (words := found.schema_words(side))]
        for name in ("contest", "together", "surroundings", "failures"):
            facts[name] = [dict(fact) for section in sections if section.name == name for fact in section.facts]
        return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if output_format == "markdown":
        return "\n".join(map(section_markdown, sections))
    if output_format == "csv":
        import pandas as pd

        rows = [dict(fact) for section in sections if section.name == "contest" for fact in section.facts]
        return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
    terminal = sys.stdout.isatty()
    width = max(shutil.get_terminal_size((WIDTH_IN_FILES, 24)).columns, 60)
    console = Console(width=width, highlight=False, force_terminal=terminal)
    with console.capture() as captured:
        for section in sections:
            for line in section_lines(section, width):
                console.print(line, soft_wrap=True)
            console.print()
    return captured.get()

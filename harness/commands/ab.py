"""`dlbench ab`: two sides measured alternately until each case is decided."""

from collections.abc import Sequence

from ...results import units
from ...results.comparing.sides import broken_of, sided_cases, terms_of
from ...results.errors import BrokenError, Interrupted, NothingMeasured, UsageError
from ...results.records.model import Run
from ...results.statistics.sequential_design import LOOKS
from ..comparing.ab_run import until_decided
from ..comparing.two_sides import Comparison, Course, SideArguments, compare
from ..experiments.runner import Outcome
from ..output import write_result
from ..reports import parse_reports, write_reports

LARGEST_MARGIN = 0.5


def ab_command(
    words: SideArguments,
    argv: Sequence[str],
    *,
    pairs: int,
    margin: float | None,
    output_format: str,
    reports: Sequence[str] = (),
) -> int:
    """Compare two sides, store the run and show it; return the exit status.

    Args:
        words: what is measured on both sides.
        argv: the words of the command line, for the record.
        pairs: the most pairs of each case.
        margin: share by which sides may differ and are still the same; None: sameness is not asked.
        output_format: of the result.
        reports: each FORMAT=FILE: a further form of the result, and where it goes.

    Raises:
        UsageError: a word is unknown or a number out of range.

    """
    files = parse_reports(reports, words.output)
    measured = compare(words, argv, course_of(pairs, margin))
    if measured is None:
        return 0
    write_result(measured[0], output_format, words.output, store=words.store)
    write_reports(measured[0], files, words.store)
    return exit_status(*measured)


def course_of(pairs: int, margin: float | None) -> Course:
    """Return the course of a comparison that ends when it is decided.

    Raises:
        UsageError: a number is out of range.

    """
    if not LOOKS[0] <= pairs <= LOOKS[-1]:
        raise UsageError(f"--pairs takes {LOOKS[0]} to {LOOKS[-1]}; received {pairs}")
    if margin is not None and not 0 < margin <= LARGEST_MARGIN:
        raise UsageError(f"--margin takes a share such as 0.02; received {margin:g}")
    return Course(
        ("train",),
        pairs,
        margin,
        lambda found: until_decided(found.pairs.pairs, found.terms, found.experiment),
        length_text,
        {},
    )


def length_text(comparison: Comparison) -> str:
    """Return how many pairs may be measured, and how long that takes."""
    first, last = comparison.terms.design.looks[0], comparison.terms.design.most_pairs
    times = " to ".join(units.seconds(count * comparison.pair_s) for count in (first, last))
    return f"{first} to {last} pairs, ended when decided: {times}"


def exit_status(run: Run, outcome: Outcome) -> int:
    """Return the status of a comparison: interrupted, a case broke, nothing comparable, or fine whatever was found."""
    if outcome.state == "interrupted":
        return Interrupted.exit_code
    if run.failures or broken_of(run):
        return BrokenError.exit_code
    terms = terms_of(run)
    comparable = terms is not None and any(
        one.refused is None and one.decision.pairs for one in sided_cases(run, terms)
    )
    return 0 if comparable else NothingMeasured.exit_code

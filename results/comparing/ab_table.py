"""The table of a run with two sides: what each case took on each, the ratio, and the verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .. import units
from ..history.history import differences_text, value_text
from ..history.points import METRICS
from ..layout import Entry, Head, Lines
from ..names import case_words
from ..records.model import Run
from ..section import Fact, Section
from ..statistics.equivalence import BETTER, WORSE
from ..statistics.sequential import SAME
from .sides import SIDES, A, B, SidedCase, Terms, broken_of, sided_cases, terms_of

STYLES = {BETTER: "bold green", WORSE: "bold red", SAME: "bold"}


def ab_sections(run: Run) -> list[Section]:
    """Return a table per workload of a run with two sides; none for another run."""
    terms = terms_of(run)
    if terms is None:
        return []
    found: dict[str, list[SidedCase]] = {}
    for one in sided_cases(run, terms):
        found.setdefault(one.case.workload, []).append(one)
    sections = [_section(workload, cases, terms) for workload, cases in found.items()]
    alone = [item for item in run.header.left_out if item.side]
    told = [f"left out: {item.case.workload} {case_words(item.case.factors)}: {item.reason}" for item in alone]
    told += [f"broken on side {side}: {words}" for side, words in broken_of(run).items()]
    return [*sections[:-1], *(replace(last, notes=[*last.notes, *told]) for last in sections[-1:])]


def _section(workload: str, cases: Sequence[SidedCase], terms: Terms) -> Section:
    heads = [
        Head(("case", "figure"), 0, left=True),
        Head(("a", "median"), 1),
        Head(("b", "median"), 1),
        Head(("b / a", "interval"), 0),
        Head(("b is", "pairs"), 0, left=True),
    ]
    return Section(
        "sides",
        workload,
        f"b against a, a: {terms.side_a}, b: {terms.side_b}",
        "",
        heads,
        [_entry(one, last=following is None or following.case != one.case) for one, following in _with_next(cases)],
        _notes(terms),
        [_fact(one, terms) for one in cases],
    )


def _with_next(cases: Sequence[SidedCase]) -> Iterator[tuple[SidedCase, SidedCase | None]]:
    return zip(cases, (*cases[1:], None), strict=True)


def _entry(one: SidedCase, *, last: bool) -> Entry:
    """Return the row of a figure; what is to be said of the case as a whole stands under its last one."""
    decision, figure = one.decision, METRICS[one.metric].title
    item = one.info.item if one.info else "sample"
    values = [one.typical(side) for side in SIDES]
    medians = [value_text(one.metric, item, value) if value is not None else units.missing() for value in values]
    name = case_words(one.case.factors)
    if one.refused:
        cells = [(name, figure), *[(text,) for text in medians], (units.missing(),), ("not comparable",)]
        return Entry(cells, ["bold", "", "", "", ""], remarks=[f"the sides have {one.refused}", *_remarks(one)])
    interval = decision.interval
    ratio: Lines = (units.missing(),)
    if interval is not None:
        ratio = (units.ratio(interval.estimate), units.interval(interval.low, interval.high, units.ratio))
    pairs = units.plural(decision.pairs, "pair") + ("" if decision.stop else " so far")
    cells = [(name, figure), *[(text,) for text in medians], ratio, (decision.verdict, pairs)]
    remarks = [decision.reason, *(_remarks(one) if last else ())]
    return Entry(cells, ["bold", "", "", "", STYLES.get(decision.verdict, "")], remarks=remarks)


def _remarks(one: SidedCase) -> list[str]:
    found = []
    if one.differs:
        found.append(f"a → b: {differences_text(one.differs)}")
    for side in SIDES:
        failed = [failure for failure in one.failures if failure.side == side]
        if failed:
            count = units.plural(len(failed), "process", "processes")
            found.append(f"{side}: {count} failed ({failed[0].kind}: {failed[0].message})")
        if one.flagged[side]:
            found.append(
                f"{side}: {units.plural(one.flagged[side], 'trial')} flagged, see `dlbench show --format json`"
            )
    return found


def _notes(terms: Terms) -> list[str]:
    same = f"; same: shown to differ by less than {units.percent(terms.margin)}" if terms.margin else ""
    share = "" if terms.verdicts == 1 else f" anywhere in {units.plural(terms.verdicts, 'verdict')} together"
    chance = f"the chance to say so of equals is at most 2.5 % each{share}, looks included"
    return [
        f"Pairs of fresh processes, in turn a b, b a. better, worse: shown; {chance}{same}; unsure: neither.",
        "The intervals allow for looking several times.",
    ]


def _fact(one: SidedCase, terms: Terms) -> Fact:
    interval = one.decision.interval
    return {
        "workload": one.case.workload,
        **dict(one.case.factors),
        "metric": one.metric,
        "a": terms.side_a,
        "b": terms.side_b,
        "a_median": one.typical(A),
        "b_median": one.typical(B),
        "ratio": interval.estimate if interval else None,
        "ratio_low": interval.low if interval else None,
        "ratio_high": interval.high if interval else None,
        "verdict": None if one.refused else one.decision.verdict,
        "not_comparable": one.refused,
        "reason": one.decision.reason,
        "pairs": one.decision.pairs,
        "pairs_lost": one.decision.lost,
        "failures": len(one.failures),
        "differs": {name: list(values) for name, values in one.differs.items()},
    }

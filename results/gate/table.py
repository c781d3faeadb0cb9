"""The tables of a gate: what is worse or open first, then what passed."""

from collections.abc import Sequence

from .. import units
from ..comparing.sides import terms_of
from ..layout import Entry, Head
from ..records.model import Run
from ..section import Fact, Section
from .policy import MUST_NOT_WORSEN
from .terms import gate_terms, gated
from .verdict import INCONCLUSIVE, NOTHING_COMPARABLE, PASSED, REGRESSION, REPORTED, GateVerdict, MetricVerdict

ORDER = (REGRESSION, NOTHING_COMPARABLE, INCONCLUSIVE, PASSED, REPORTED)
STYLES = {REGRESSION: "bold red", INCONCLUSIVE: "yellow", NOTHING_COMPARABLE: "yellow", PASSED: "green"}


def verdict_of(run: Run) -> GateVerdict | None:
    """Return what the gate of a run says; None for a run without a gate."""
    terms, gate = terms_of(run), gate_terms(run)
    return gated(run, terms, gate) if terms and gate else None


def gate_sections(run: Run) -> list[Section]:
    """Return the table of a run with a gate; none for another run."""
    verdict = verdict_of(run)
    return [] if verdict is None else [section_of(verdict)]


def section_of(verdict: GateVerdict) -> Section:
    """Return a verdict as a table, the worst first."""
    ordered = sorted(verdict.metrics, key=lambda one: ORDER.index(one.verdict))
    return Section(
        "gate",
        "gate",
        f"{verdict.verdict.upper()}: {verdict.words}",
        "",
        [Head(("case", "metric"), 0, left=True), Head(("worsening", "interval"), 0), Head(("verdict",), 0, left=True)],
        [_entry(one) for one in ordered],
        [*_notes(ordered), *(f"broke: {words}" for words in verdict.broken)],
        [_fact(one) for one in ordered],
    )


def _entry(one: MetricVerdict) -> Entry:
    def text(value: float) -> str:
        return units.number(value) if one.kind == MUST_NOT_WORSEN else units.percent(value)

    worsening: tuple[str, ...] = (units.missing(),)
    if one.effect is not None:
        worsening = (text(one.effect.estimate), units.interval(one.effect.low, one.effect.high, text))
    cells = [(one.case, one.name), worsening, (one.verdict,)]
    return Entry(cells, ["bold", "", STYLES.get(one.verdict, "")], remarks=[one.words])


def _notes(metrics: Sequence[MetricVerdict]) -> list[str]:
    count = units.plural(len(metrics), "metric")
    return [
        f"{count}. Worsening: above 0 the candidate is worse; shares, of accuracy its own unit.",
        "A metric fails by fresh pairs alone, Holm's correction among the suspects, or exactly where nothing varies.",
    ]


def _fact(one: MetricVerdict) -> Fact:
    return {
        "case": one.case,
        "metric": one.name,
        "kind": one.kind,
        "verdict": one.verdict,
        "worsening": one.effect.estimate if one.effect else None,
        "worsening_low": one.effect.low if one.effect else None,
        "worsening_high": one.effect.high if one.effect else None,
        "p": one.p,
        "adjusted_p": one.adjusted_p,
        "smallest_detectable": one.smallest,
        "better": one.better,
        "words": one.words,
    }

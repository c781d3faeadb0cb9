"""The tables of a contest: per workload every figure on each side, then all together, what differs, what failed."""

from collections.abc import Sequence

from .. import units
from ..history.history import differences_text, value_text
from ..history.points import METRICS
from ..layout import Entry, Head, Lines
from ..names import case_words
from ..records.model import Case
from ..section import Fact, Section
from ..statistics.equivalence import BETTER, WORSE
from ..statistics.sequential import SAME
from ..statistics.stats import Interval, geometric_mean
from .bout import ALPHA, Bout
from .contender import Lost
from .contest import Contest, Round
from .profile import TAUS, Profile, mean_ratios, profiles_of

STYLES = {BETTER: "bold green", WORSE: "bold red", SAME: "bold"}
TOGETHER = (("throughput", "train"), ("throughput", "infer"), ("time_to_target", "converge"))
"""Figures that are told over all workloads."""
UNPAIRED = (
    "The runs were made one after the other: a machine that drifts between them raises false alarms, about one in six. "
    "To be sure, measure alternately: dlbench ab."
)
OF_RUNS = (
    "Each run is one value, so that what runs differ by counts as noise. A machine that changed between the labels "
    "still passes for a difference. To be sure, measure alternately: dlbench ab."
)


def contest_sections(found: Contest) -> list[Section]:
    """Return every table of a contest."""
    workloads: dict[str, list[Round]] = {}
    for one in found.rounds:
        workloads.setdefault(one.case.workload, []).append(one)
    sections = [_workload(name, rounds, found) for name, rounds in workloads.items()]
    return [*sections, *_together(found), *_surroundings(found), *_failures(found)]


def _workload(name: str, rounds: Sequence[Round], found: Contest) -> Section:
    heads = [Head(("case", "figure"), 0, left=True)]
    heads += [Head((side, "mean"), 1) for side in found.sides[:1]]
    heads += [Head((side, f"/ {found.sides[0]}", "95 % CI", "verdict"), 0) for side in found.sides[1:]]
    entries = [_entry(one, found) for one in rounds]
    facts = [fact for one in rounds for fact in _facts(one, found)]
    return Section("contest", name, f"against {found.sides[0]}", "", heads, entries, _notes(found), facts)


def _notes(found: Contest) -> list[str]:
    notes = [words for side in found.sides[1:] if (words := found.schema_words(side))]
    if not found.tested:
        return [*notes, "No row could be tested."]
    level = units.number(100 * ALPHA / found.tested)
    notes.append(
        f"Verdicts are corrected over all {units.plural(found.tested, 'tested row')} (Holm). Beside unsure: the "
        f"smallest ratio that would be found four times in five whatever the other rows show, at {level} %."
    )
    return notes if found.paired else [*notes, OF_RUNS if found.unit == "run" else UNPAIRED]


def _entry(one: Round, found: Contest) -> Entry:
    cells: list[Lines] = [(case_words(one.case.factors), METRICS[one.metric].title), _reference(one, found)]
    styles, remarks = ["bold", ""], []
    for side in found.sides[1:]:
        bout = one.bouts[side]
        cells.append(_cell(one, bout))
        styles.append(STYLES.get(bout.verdict or "", ""))
        if bout.refused:
            remarks.append(f"{side}: not compared: {bout.refused}")
        elif bout.reason:
            remarks.append(f"{side}: {bout.reason}")
    return Entry(cells, styles, remarks=remarks)


def _reference(one: Round, found: Contest) -> Lines:
    values = one.values[found.sides[0]]
    if not values:
        return (units.missing(),)
    item = one.info.item if one.info else "sample"
    mean = None if one.differences else geometric_mean(values)
    middle = mean.estimate if mean else sum(values) / len(values)
    return value_text(one.metric, item, middle), units.plural(len(values), found.unit)


def _cell(one: Round, bout: Bout) -> Lines:
    if bout.effect is None or bout.refused:
        return (units.missing(),)
    text = units.number if one.differences else units.ratio
    interval = units.interval(bout.effect.low, bout.effect.high, text)
    verdict = bout.verdict or "no test"
    if verdict == "unsure" and bout.smallest is not None:
        verdict = f"unsure ({text(bout.smallest)})"
    return (text(bout.effect.estimate), interval, verdict)


def _together(found: Contest) -> list[Section]:
    """Return the geometric means and the profiles over all workloads."""
    sections = []
    for metric, phase in TOGETHER:
        means, shapes = mean_ratios(found, metric, phase), profiles_of(found, metric, phase)
        if not means and not shapes:
            continue
        heads = [Head(("side",), 0, left=True), Head((f"/ {found.sides[0]}", "95 % CI"), 0)]
        heads += [Head((f"within {tau:g}x",), 2) for tau in TAUS] if shapes else []
        heads += [Head(("score",), 1)] if shapes else []
        entries = []
        for side in found.sides:
            cells: list[Lines] = [(side,), _mean(means.get(side))]
            if shapes:
                cells += [(units.percent(share),) for share in shapes[side].shares]
                cells.append((units.number(shapes[side].score),))
            entries.append(Entry(cells, ["bold", *[""] * (len(cells) - 1)]))
        notes = ["Ratios: geometric mean over cases, with its t interval over them."]
        if shapes:
            notes.append("Within: share of cases no slower than so many times the best; score: area under it, 1 to 4.")
        facts = [_together_fact(metric, phase, side, means.get(side), shapes.get(side)) for side in found.sides]
        title = f"{METRICS[metric].title} of {phase}"
        sections.append(Section("together", "all workloads", title, "", heads, entries, notes, facts))
    return sections


def _together_fact(metric: str, phase: str, side: str, mean: Interval | None, shape: Profile | None) -> Fact:
    return {
        "metric": metric,
        "phase": phase,
        "side": side,
        "ratio": mean.estimate if mean else None,
        "ratio_low": mean.low if mean else None,
        "ratio_high": mean.high if mean else None,
        "score": shape.score if shape else None,
    }


def _mean(found: Interval | None) -> Lines:
    if found is None:
        return ("reference",)
    return units.ratio(found.estimate), units.interval(found.low, found.high, units.ratio)


def _surroundings(found: Contest) -> list[Section]:
    """Return what the sides differ in beside what was measured, the likeliest cause first."""
    told = {side: differs for side, differs in found.differs.items() if differs}
    if not told:
        return []
    entries = [
        Entry([(side,)], ["bold"], remarks=[differences_text({name: pair}) for name, pair in differs.items()])
        for side, differs in told.items()
    ]
    facts: list[Fact] = [
        {"side": side, "name": name, "before": before, "after": after}
        for side, differs in told.items()
        for name, (before, after) in differs.items()
    ]
    title = f"from {found.sides[0]}, the likeliest cause first"
    return [Section("surroundings", "differences", title, "", [Head(("side",), 0, left=True)], entries, [], facts)]


def _failures(found: Contest) -> list[Section]:
    """Return which cases failed on which side."""
    lost: dict[Case, dict[str, Lost]] = {}
    for side, cases in found.lost.items():
        for case, one in cases.items():
            lost.setdefault(case, {})[side] = one
    if not lost:
        return []
    entries = [
        Entry(
            [(f"{case.workload} {case_words(case.factors)}",)],
            ["bold"],
            remarks=[f"{side}: {one.words}" for side, one in sides.items()],
        )
        for case, sides in lost.items()
    ]
    facts: list[Fact] = [
        {
            "workload": case.workload,
            **dict(case.factors),
            "side": side,
            "failed": one.trials,
            "kind": one.kind,
            "message": one.message,
        }
        for case, sides in lost.items()
        for side, one in sides.items()
    ]
    title = "trials that gave no number"
    return [Section("failures", "failures", title, "", [Head(("case",), 0, left=True)], entries, [], facts)]


def _facts(one: Round, found: Contest) -> list[Fact]:
    failed = {side: lost[one.case].trials for side, lost in found.lost.items() if one.case in lost}
    first = found.sides[0]
    return [
        {
            "workload": one.case.workload,
            **dict(one.case.factors),
            "metric": one.metric,
            "side": side,
            "reference": first,
            "effect": bout.effect.estimate if bout.effect else None,
            "effect_low": bout.effect.low if bout.effect else None,
            "effect_high": bout.effect.high if bout.effect else None,
            "kind": "difference" if one.differences else "ratio",
            "p_adjusted": bout.p,
            "verdict": bout.verdict,
            "smallest_detectable": bout.smallest,
            "not_compared": bout.refused,
            "remark": "; ".join(filter(None, (bout.reason, found.schema_words(side)))) or None,
            "failed": failed.get(side, 0),
            "reference_failed": failed.get(first, 0),
        }
        for side, bout in one.bouts.items()
    ]

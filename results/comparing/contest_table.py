"""The tables of a contest: per workload every figure on each side, then all workloads together, then what differs."""

from collections.abc import Sequence

from .. import units
from ..history.history import differences_text, value_text
from ..history.points import METRICS
from ..layout import Entry, Head, Lines
from ..names import case_words
from ..section import Fact, Section
from ..statistics.equivalence import BETTER, WORSE
from ..statistics.sequential import SAME
from ..statistics.stats import Interval, geometric_mean
from .contest import Bout, Contest, Round
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
    return [*sections, *_together(found), *_surroundings(found)]


def _workload(name: str, rounds: Sequence[Round], found: Contest) -> Section:
    heads = [Head(("case", "figure"), 0, left=True)]
    heads += [Head((side, "mean"), 1) for side in found.sides[:1]]
    heads += [Head((side, f"/ {found.sides[0]}", "95 % CI", "verdict"), 0) for side in found.sides[1:]]
    notes = ["Verdicts are corrected over all tables (Holm). Beside unsure: the smallest ratio that would be found."]
    notes += [] if found.paired else [OF_RUNS if found.unit == "run" else UNPAIRED]
    entries = [_entry(one, found) for one in rounds]
    facts = [fact for one in rounds for fact in _facts(one, found)]
    return Section("contest", name, f"against {found.sides[0]}", "", heads, entries, notes, facts)


def _entry(one: Round, found: Contest) -> Entry:
    item = one.info.item if one.info else "sample"
    cells: list[Lines] = [(case_words(one.case.factors), METRICS[one.metric].title)]
    styles, remarks = ["bold", ""], []
    values = one.values[found.sides[0]]
    mean = None if one.differences else geometric_mean(values)
    middle = mean.estimate if mean else sum(values) / len(values)
    cells.append((value_text(one.metric, item, middle), units.plural(len(values), found.unit)))
    for side in found.sides[1:]:
        bout = one.bouts.get(side)
        cells.append((units.missing(),) if bout is None else _cell(one, bout))
        styles.append(STYLES.get((bout.verdict if bout else None) or "", ""))
        if bout and bout.refused:
            remarks.append(f"{side}: not compared: {bout.refused}")
    return Entry(cells, styles, remarks=remarks)


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


def _facts(one: Round, found: Contest) -> list[Fact]:
    return [
        {
            "workload": one.case.workload,
            **dict(one.case.factors),
            "metric": one.metric,
            "side": side,
            "reference": found.sides[0],
            "effect": bout.effect.estimate if bout.effect else None,
            "effect_low": bout.effect.low if bout.effect else None,
            "effect_high": bout.effect.high if bout.effect else None,
            "kind": "difference" if one.differences else "ratio",
            "p_adjusted": bout.p,
            "verdict": bout.verdict,
            "smallest_detectable": bout.smallest,
            "not_compared": bout.refused,
        }
        for side, bout in one.bouts.items()
    ]

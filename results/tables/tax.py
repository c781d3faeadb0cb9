"""The Keras tax: what the same step costs written in the framework, in a custom loop over Keras, and in Keras' fit."""

from collections.abc import Mapping, Sequence
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

EXECUTIONS = ("native", "step", "fit")
"""From the framework itself to what a Keras user gets."""

STEPS = (("step", "native"), ("fit", "step"), ("fit", "native"))
"""The ratios: candidate and baseline."""

EMBEDDINGS = "embedding_gradients"
EXPECTED = frozenset({"feed", "layout", "steps_per_execution", EMBEDDINGS})
"""Settings that belong to an execution."""

CAPTION = (
    "native: a twin written in the framework; step: Keras' custom-loop API; fit: what a Keras user gets. Steady step"
    " times; ratios are paired within blocks."
)

Sides = Mapping[str, Member]


def tax(rows: Sequence[Member]) -> list[Section]:
    """Return a table per set of a workload's rows that differ only in execution; none where there is one execution."""
    found = []
    for alike in gathered(
        [row for row in rows if row.summary.train_step], lambda row: row.key.without("execution", "feed")
    ):
        lines = [_sides(line) for line in gathered(alike, lambda row: row.contender)]
        lines = [sides for sides in lines if len(sides) > 1]
        if lines:
            found.append(_section(lines))
    return found


def _sides(rows: Sequence[Member]) -> Sides:
    """Return the rows of one backend by execution, in order; with several feeds of one, the usual feed."""
    usual = sorted(rows, key=lambda row: row.key.get("feed") is not None)
    by_name = {name: [row for row in usual if row.key.get("execution") == name] for name in EXECUTIONS}
    return {name: found[0] for name, found in by_name.items() if found}


def _section(lines: Sequence[Sides]) -> Section:
    shown = [name for name in EXECUTIONS if any(name in sides for sides in lines)]
    ratios = [(a, b) for a, b in STEPS if any(a in sides and b in sides for sides in lines)]
    compared = [{pair: _ratio(sides, *pair) for pair in ratios} for sides in lines]
    fixed = any(mark in trial.marks for sides in lines for trial in _fit(sides) for mark in ("call_s", "epoch_s"))
    heads = [
        Head(("framework", "mode"), 0, left=True),
        *(Head((name, "ms/step", "95 % CI"), 0) for name in shown),
        *(Head((a, f"/ {b}", "95 % CI"), 1 + place) for place, (a, b) in enumerate(ratios)),
        *([Head(("fixed:", "a call", "an epoch"), 9)] if fixed else []),
    ]
    entries = []
    for sides, told in zip(lines, compared, strict=True):
        some = next(iter(sides.values()))
        cells: list[Lines] = [(framework(some.record), _mode(sides))]
        cells += [_step(sides[name]) if name in sides else NOTHING for name in shown]
        cells += [_shown(told[pair]) for pair in ratios]
        cells += [_fixed(sides)] if fixed else []
        entries.append(Entry(cells, ["bold", *[""] * (len(cells) - 1)], remarks=_remarks(sides, told)))
    first = next(iter(lines[0].values()))
    return Section(
        "keras_tax",
        first.key.workload,
        "the Keras tax, one training step",
        settings({**first.record, "execution": "step", "feed": None}),
        heads,
        entries,
        _notes(lines, fixed=fixed),
        [_fact(sides, told) for sides, told in zip(lines, compared, strict=True)],
    )


def _ratio(sides: Sides, candidate: str, baseline: str) -> tuple[Interval | None, str | None, str]:
    """Return the ratio of two executions, why there is none, and a sign where they differ in more."""
    if candidate not in sides or baseline not in sides:
        return None, None, ""
    trials = {name: sides[name].summary.row.train for name in (candidate, baseline)}
    refused = [reason for name, reason in ledger.REFUSED.items() if ledger.differing(trials, name)]
    if refused:
        return None, refused[0], ""
    apart = [name for name in ledger.COMPARED if name not in EXPECTED and ledger.differing(trials, name)]
    modes = {sides[name].record["compile_kind"] for name in trials}
    found = paired(trials[candidate], trials[baseline], step_seconds)
    return found.ratio, None, "\N{NOT EQUAL TO}" if apart or len(modes) > 1 else ""


def _step(row: Member) -> Lines:
    step = row.summary.train_step
    if step is None:
        return NOTHING
    sign = signs(row.summary.row.train, row.summary.train_unsettled)
    return sign + _milliseconds(step.estimate), units.interval(step.low, step.high, _milliseconds)


def _shown(found: tuple[Interval | None, str | None, str]) -> Lines:
    ratio, _, sign = found
    if ratio is None:
        return NOTHING
    return sign + units.ratio(ratio.estimate), units.interval(ratio.low, ratio.high) or "no interval"


def _milliseconds(seconds: float) -> str:
    return units.number(seconds * 1e3)


def _mode(sides: Sides) -> str:
    modes = dict.fromkeys(str(row.record["compile_resolved"]) for row in sides.values())
    return next(iter(modes)) if len(modes) == 1 else "modes differ"


def _fit(sides: Sides) -> list[Any]:
    return sides["fit"].summary.row.train if "fit" in sides else []


def _fixed(sides: Sides) -> Lines:
    call, epoch = (_mean(sides, name) for name in ("call_s", "epoch_s"))
    return tuple(units.missing() if value is None else units.seconds(value) for value in (call, epoch))


def _mean(sides: Sides, mark: str) -> float | None:
    values = [trial.marks[mark] for trial in _fit(sides) if mark in trial.marks]
    return sum(values) / len(values) if values else None


def _remarks(sides: Sides, told: Mapping[tuple[str, str], tuple[Interval | None, str | None, str]]) -> list[str]:
    found = [f"{a} / {b}: not comparable: {reason}" for (a, b), (_, reason, _) in told.items() if reason]
    if _mode(sides) == "modes differ":
        modes = [f"{name} {row.record['compile_resolved']}" for name, row in sides.items()]
        found.append(f"\N{NOT EQUAL TO} compiled otherwise: {', '.join(modes)}")
    trials = {name: row.summary.row.train for name, row in sides.items()}
    if values := ledger.differing(trials, EMBEDDINGS):
        each = ", ".join(f"{name} {value}" for name, value in values.items())
        found.append(f"where the model has embeddings, their gradients differ: {each}")
    for name, what in ledger.COMPARED.items():
        values = {} if name in EXPECTED else ledger.differing(trials, name)
        if values:
            each = "" if name in ledger.DIGESTS else f": {', '.join(f'{k} {v}' for k, v in values.items())}"
            found.append(f"\N{NOT EQUAL TO} other {what}{each}")
    return found


def _notes(lines: Sequence[Sides], *, fixed: bool) -> list[str]:
    found = [CAPTION]
    feeds = {
        name: dict.fromkeys(str(s[name].record["feed_resolved"]) for s in lines if name in s) for name in EXECUTIONS
    }
    told = [f"{name} from {listed(list(values))}" for name, values in feeds.items() if values and "None" not in values]
    if len({text.partition(" from ")[2] for text in told}) > 1:
        found.append(f"Batches come, for {', '.join(told)}: fit's step contains its feeding.")
    if fixed:
        found.append("Fixed costs of fit come on top of its steps: one more call, one more epoch within a call.")
    return found


def _fact(sides: Sides, told: Mapping[tuple[str, str], tuple[Interval | None, str | None, str]]) -> Fact:
    some = next(iter(sides.values()))
    found: dict[str, Any] = {
        name: some.record[name] for name in ("workload", "backend", "environment", "batch_size", "precision")
    }
    found |= {name: some.record[name] for name in ("device", "compile", "lane", "threads")}
    for name in EXECUTIONS:
        step = sides[name].summary.train_step if name in sides else None
        found[f"{name}_step_s"] = step.estimate if step else None
        found[f"{name}_compile_resolved"] = sides[name].record["compile_resolved"] if name in sides else None
    for a, b in STEPS:
        ratio, reason, sign = told.get((a, b), (None, None, ""))
        found[f"{a}_over_{b}"] = ratio.estimate if ratio else None
        found[f"{a}_over_{b}_low"] = ratio.low if ratio else None
        found[f"{a}_over_{b}_high"] = ratio.high if ratio else None
        found[f"{a}_over_{b}_not_comparable"] = reason
        found[f"{a}_over_{b}_settings_differ"] = bool(sign)
    return found | {"fit_call_s": _mean(sides, "call_s"), "fit_epoch_s": _mean(sides, "epoch_s")}

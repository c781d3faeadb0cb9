"""Accuracy: every backend's test metric at one epoch against the reference's, and what reaching the target took."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from .. import units
from ..layout import Entry, Head, Lines
from ..names import backend_name
from ..records.model import Trial
from ..section import Fact, Section
from ..statistics.equivalence import ALPHA, MOST_SEEDS, NOT_SHOWN, Comparison, listed_seeds
from ..summaries.accuracy import Accuracy
from ..summaries.standing import Standing, cut_short
from .cells import NOTHING, framework, resolved
from .member import Member, gathered
from .words import settings

MINUS = "\N{MINUS SIGN}"
CLOCK_DIGITS = 9
"""Decimals of a second that the clock has: what a difference has beyond them is rounding."""
ONE_OFF = ("import_s", "build_s", "first_step_s")
"""Marks of what training costs once, whatever its length."""
FIGURES = (
    "workload",
    "backend",
    "environment",
    "batch_size",
    "precision",
    "device",
    "execution",
    "compile_resolved",
    "lane",
    "metric",
    "direction",
    "target",
    "epochs_asked",
    "metric_epoch",
    "metric_at_epoch",
    "metric_at_epoch_low",
    "metric_at_epoch_high",
    "metric_at_epoch_sd",
    "metric_seeds",
    "metric_seeds_lost",
    "metric_reference",
    "metric_difference",
    "metric_difference_low",
    "metric_difference_high",
    "metric_difference_low_90",
    "metric_difference_high_90",
    "metric_difference_sd",
    "metric_pairs",
    "metric_margin",
    "metric_verdict",
    "metric_verdict_note",
    "metric_seeds_needed",
    "accuracy_doubt",
    "seeds",
    "seeds_reached",
    "epochs_to_accuracy",
    "time_to_accuracy_s",
    "measured_joules_to_accuracy",
    "epoch_s",
    "first_epoch_extra_s",
)
"""Columns of the frame that say something about accuracy; the facts have them under the same names."""


def accuracy_tables(rows: Sequence[Member]) -> list[Section]:
    """Return a table per group that was trained with a test metric; none without phase converge."""
    groups = gathered([row for row in rows if row.summary.standing], lambda row: row.key)
    return [_section(group) for group in groups]


def _section(rows: Sequence[Member]) -> Section:
    first = rows[0].record
    several = len(rows) > 1
    reference = backend_name(str(first["metric_reference"]))
    heads = [
        Head(("framework", "mode"), 0, left=True),
        Head((f"{first['metric'] or 'metric'}", f"epoch {first['metric_epoch']}", "95 % CI", "sd"), 0),
        *([Head(("less that", f"of {reference}", "95 % CI"), 1)] if several else []),
        *([Head(("verdict", _margin(first)), 0, left=True)] if several else []),
        Head(("target", "reached"), 2),
        Head(("to target:", "epochs", "time", "energy"), 3),
        Head(("epoch", "steady", "first +"), 4),
        Head(("once:", "import", "build", "first step"), 5),
    ]
    entries = []
    for row in rows:
        standing, learnt = row.summary.standing, row.summary.accuracy
        if standing is None or learnt is None:
            continue
        cells: list[Lines] = [(framework(row.record), resolved(row.record)), _metric(standing)]
        cells += [_difference(standing), _verdict(standing, row.contender)] if several else []
        cells += [_reached(learnt), _to_target(learnt), _epoch(learnt), _once(row.summary.row.converge)]
        entries.append(Entry(cells, ["bold", *[""] * (len(cells) - 1)], remarks=_remarks(standing)))
    return Section(
        "accuracy",
        rows[0].key.workload,
        "accuracy",
        settings(first),
        heads,
        entries,
        _notes(rows, several=several),
        [_fact(row) for row in rows],
    )


def _margin(record: Any) -> str:
    return "" if record["metric_margin"] is None else f"± {record['metric_margin']:g}"


def _metric(standing: Standing) -> Lines:
    found = standing.metric
    if found is None:
        return NOTHING
    mean, sd = units.with_spread(found.estimate, standing.sd)
    bounds = units.interval(found.low, found.high) or "no interval"
    return mean, bounds, sd or "1 seed"


def _difference(standing: Standing) -> Lines:
    if standing.compared is None:
        return NOTHING if standing.why_not else ("reference",)
    found = standing.compared.difference
    if found.low is None or found.high is None:
        return signed(found.estimate), "no interval"
    if found.low == found.high:
        return signed(found.estimate), "no spread"
    return signed(found.estimate), f"{signed(found.low)} to", signed(found.high)


def signed(value: float) -> str:
    """Return a difference with its sign and two significant digits."""
    text = units.number(abs(value), 2)
    return text if value == 0 else f"{MINUS if value < 0 else '+'}{text}"


def _verdict(standing: Standing, contender: str) -> Lines:
    compared = standing.compared
    if standing.reference == contender:
        return ("",)
    if compared is None or compared.verdict is None:
        return NOTHING
    pairs = units.plural(compared.difference.n, "pair")
    return ("no difference", "shown", pairs) if compared.verdict == NOT_SHOWN else (compared.verdict, pairs)


def _reached(learnt: Accuracy) -> Lines:
    return NOTHING if learnt.reached is None else (f"{learnt.reached}/{learnt.seeds}",)


def _to_target(learnt: Accuracy) -> Lines:
    if learnt.reached is None:
        return NOTHING
    shown: tuple[tuple[float | None, Callable[[float], str]], ...] = (
        (learnt.epochs_to_target, units.number),
        (learnt.seconds_to_target, units.seconds),
        (learnt.joules_to_target, lambda joules: f"{units.number(joules)} J"),
    )
    return tuple(units.missing() if value is None else text(value) for value, text in shown)


def _epoch(learnt: Accuracy) -> Lines:
    steady, extra = learnt.epoch_seconds, learnt.first_epoch_seconds
    if steady is None or extra is None:
        return NOTHING
    return units.seconds(steady), units.seconds(round(extra, CLOCK_DIGITS))


def _once(trials: Sequence[Trial]) -> Lines:
    found = [_median(trials, mark) for mark in ONE_OFF]
    return tuple(units.missing() if value is None else units.seconds(value) for value in found)


def _median(trials: Sequence[Trial], mark: str) -> float | None:
    values = [trial.marks[mark] for trial in trials if mark in trial.marks]
    return median(values) if values else None


def _remarks(standing: Standing) -> list[str]:
    """Return what is to be said about a row's seeds and its verdict."""
    found = []
    if standing.lost:
        left = units.plural(standing.metric.n, "other") if standing.metric else "no other"
        found.append(f"{listed_seeds(standing.lost)} diverged: the mean is over {left}")
    if standing.unpaired:
        found.append(f"{units.plural(standing.unpaired, 'seed')} only on one side, not compared")
    if standing.why_not:
        found.append(f"no verdict: {standing.why_not}")
    compared = standing.compared
    if compared and compared.margin is None:
        return found
    if compared and compared.reason:
        found.append(f"no verdict: {compared.reason}" if compared.verdict is None else compared.reason)
    elif compared and compared.verdict == NOT_SHOWN and not standing.lost:
        found.append(_needed(compared))
    return found


def _needed(compared: Comparison) -> str:
    """Return how many seeds would show equivalence, if there is no difference."""
    if compared.seeds_needed is None:
        return f"to show equivalence needs more than {MOST_SEEDS:,} seeds"
    if compared.seeds_needed > compared.difference.n:
        return f"to show equivalence needs about {compared.seeds_needed:,} seeds"
    count = units.plural(compared.seeds_needed, "seed")
    return f"about {count} would mostly show equivalence if there were no difference: these lie too far apart"


def _notes(rows: Sequence[Member], *, several: bool) -> list[str]:
    first = rows[0].record
    epoch, asked = first["metric_epoch"], first["epochs_asked"]
    lost = any(row.record["metric_seeds_lost"] for row in rows)
    if asked == epoch:
        why = "as many as were asked for"
    else:
        why = "the last that every trial completed; --epochs N trains N everywhere"
    found = [f"Test metric after epoch {epoch}, {why}: mean over seeds with its t interval."]
    if several:
        level = units.percent(1 - 2 * ALPHA)
        margin = _margin(first)
        equivalent = (
            f"Equivalent: the {level} interval of the mean difference lies within the margin, {margin}"
            if margin
            else "The run keeps no margin, so nothing is called equivalent"
        )
        found.append(
            f"Differences are paired by seed. {equivalent}; worse, better: its 95 % interval excludes 0 and they are"
            " not equivalent; no difference shown: neither. Needed seeds are for a power of 80 %."
        )
        if lost:
            found.append("With a seed that diverged nothing is claimed in favour of its side.")
    if any(cut_short(trial) for row in rows for trial in row.summary.row.converge):
        found.append(
            "So many epochs are fewer than the workload's limit: a target that was missed is not held against speed."
        )
    found.append(
        "To target: medians over seeds, a miss counted as longer than all. A steady epoch is the median of all but the"
        " first; first +: what that took longer. Once: before training."
    )
    energy = dict.fromkeys(
        note for row in rows for trial in row.summary.row.converge if (note := trial.ledger.get("energy_note"))
    )
    known = any(row.summary.accuracy and row.summary.accuracy.joules_to_target is not None for row in rows)
    covered = dict.fromkeys(
        str(source) for row in rows for trial in row.summary.row.converge if (source := trial.ledger.get("energy_from"))
    )
    if known:
        found.append(f"Energy is that of {', '.join(covered) or 'what could be read'} while training.")
    found += [f"Energy: {units.missing(str(note))}." for note in energy]
    return found


def _fact(row: Member) -> Fact:
    trials = row.summary.row.converge
    once = {mark: _median(trials, mark) for mark in ONE_OFF}
    notes = dict.fromkeys(str(note) for trial in trials if (note := trial.ledger.get("energy_note")))
    return {name: row.record[name] for name in FIGURES} | once | {"energy_note": "; ".join(notes) or None}

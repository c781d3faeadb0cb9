"""Scenarios: what inference reaches when queries arrive as in MLPerf."""

from collections.abc import Sequence
from typing import Any

from .. import units
from ..layout import Entry, Head, Lines
from ..records.model import Trial
from ..section import Fact, Section
from ..statistics import stats
from ..statistics.stats import Interval
from ..summaries import latency
from .cells import NOTHING, framework
from .member import Member, gathered, signs
from .words import settings

QUANTILES = {"single_stream": 0.9, "multi_stream": 0.99, "server": 0.99}
"""The latency percentile by which MLPerf judges a scenario; offline is judged by its throughput."""

OFFLINE = "offline"
"""One query that holds every sample: it has no rate of queries and no latency."""

CAPTION = (
    "single_stream: one sample after the other, judged by p90. multi_stream: eight samples a query, p99. server:"
    " samples arrive at random; the highest rate whose p99 holds the bound. offline: all samples at once. Latencies"
    " run from when a query was due, geometric means over trials. Much shorter than a submission's runs."
)


def scenarios(rows: Sequence[Member]) -> list[Section]:
    """Return a table per group of a workload that has trials of phase scenario."""
    having = [row for row in rows if row.summary.row.scenario]
    return [_section(alike) for alike in gathered(having, lambda row: row.key)]


def held(trial: Trial) -> bool | None:
    """Tell whether a trial met its scenario's rules: by its own word, else whether its percentile held the bound.

    None where nothing tells: no bound, or too few queries.
    """
    said = trial.ledger.get("valid")
    if isinstance(said, bool):
        return said
    bound, q = trial.marks.get("scenario_bound_s"), QUANTILES.get(trial.case.text("scenario"))
    return None if bound is None or q is None else stats.holds(trial.queries, q, bound)


def _section(rows: Sequence[Member]) -> Section:
    cases = [
        (row, trials)
        for name in dict.fromkeys(_scenario(trial) for row in rows for trial in row.summary.row.scenario)
        for row in rows
        if (trials := [trial for trial in row.summary.row.scenario if _scenario(trial) == name])
    ]
    heads = [
        Head(("scenario", "framework"), 0, left=True),
        Head(("queries/s", "95 % CI"), 0),
        Head((f"{rows[0].record['item'] or 'sample'}s/s", "95 % CI"), 1),
        Head(("latency", "p50"), 3),
        Head(("p90",), 2),
        Head(("p99",), 2),
        Head(("bound",), 4),
        Head(("rules", "met"), 1),
        Head(("n",), 5),
    ]
    entries = [_entry(row, trials) for row, trials in cases]
    first = rows[0]
    return Section(
        "scenarios",
        first.key.workload,
        "MLPerf inference scenarios",
        settings({**first.record, "batch_size": None}),
        heads,
        entries,
        [CAPTION],
        [_fact(row, trials) for row, trials in cases],
    )


def _entry(row: Member, trials: Sequence[Trial]) -> Entry:
    sign = signs(trials, None)
    cells: list[Lines] = [(str(trials[0].case.get("scenario")), framework(row.record))]
    offline = trials[0].case.get("scenario") == OFFLINE
    cells += [("",) if offline else _rate(marked(trials, "scenario_rate"), sign)]
    cells += [_rate(marked(trials, "scenario_samples"), sign)]
    cells += [_latency(trials, q) for q in (0.5, 0.9, 0.99)]
    bound = marked(trials, "scenario_bound_s")
    cells += [(units.seconds(bound.estimate),) if bound else ("",), _held(trials), (str(len(trials)),)]
    reasons = dict.fromkeys(str(trial.ledger["reason"]) for trial in trials if trial.ledger.get("reason"))
    return Entry(cells, ["bold", *[""] * 8], remarks=list(reasons))


def _scenario(trial: Trial) -> tuple[str, str]:
    return trial.case.text("scenario"), str(trial.case.get("latency_bound_s"))


def marked(trials: Sequence[Trial], name: str) -> Interval | None:
    """Return the geometric mean of a mark over the trials that have it."""
    return stats.geometric_mean([trial.marks[name] for trial in trials if trial.marks.get(name, 0) > 0])


def _rate(found: Interval | None, sign: str) -> Lines:
    if found is None:
        return NOTHING
    return sign + units.rate(found.estimate), units.interval(found.low, found.high, units.rate)


def _latency(trials: Sequence[Trial], q: float) -> Lines:
    if not any(trial.queries for trial in trials):
        return ("",)
    found = latency.quantile_of(trials, q)
    return (units.seconds(found.over_trials.estimate),) if found else NOTHING


def _held(trials: Sequence[Trial]) -> Lines:
    told = [met for trial in trials if (met := held(trial)) is not None]
    return (f"{sum(told)}/{len(told)}",) if told else NOTHING


def _fact(row: Member, trials: Sequence[Trial]) -> Fact:
    record = row.record
    found: dict[str, Any] = {
        name: record[name] for name in ("workload", "backend", "environment", "precision", "device", "execution")
    }
    found |= {name: record[name] for name in ("compile", "compile_resolved", "lane", "threads")}
    found["scenario"] = trials[0].case.get("scenario")
    for name, mark in (("queries_per_s", "scenario_rate"), ("samples_per_s", "scenario_samples")):
        rate = marked(trials, mark)
        found |= {name: rate.estimate if rate else None}
        found |= {f"{name}_low": rate.low if rate else None, f"{name}_high": rate.high if rate else None}
    for name, q in latency.QUANTILES.items():
        told = latency.quantile_of(trials, q)
        found[f"latency_{name}_s"] = told.over_trials.estimate if told else None
        found[f"latency_{name}_trial_low_s"] = told.trial_low if told else None
        found[f"latency_{name}_trial_high_s"] = told.trial_high if told else None
    bound, told_held = marked(trials, "scenario_bound_s"), [held(trial) for trial in trials]
    return found | {
        "bound_s": bound.estimate if bound else None,
        "trials_that_met_the_rules": sum(met for met in told_held if met),
        "trials_judged": sum(met is not None for met in told_held),
        "trials": len(trials),
        "reasons": "; ".join(dict.fromkeys(str(t.ledger["reason"]) for t in trials if t.ledger.get("reason"))) or None,
    }

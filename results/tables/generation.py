"""The table of generation: time to first token, tokens per second and time from token to token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import units
from ..factors import PARAMETER_PREFIX
from ..layout import Entry, Head, Lines
from ..section import Fact, Section
from ..statistics.stats import Interval
from ..summaries import flags, ledger
from ..summaries.generation import Generation, generation, tokens_per_s
from ..summaries.latency import QUANTILES, Latency
from ..summaries.pairs import paired
from .cells import NOTHING, OTHERWISE, framework, resolved
from .member import Member, gathered, signs
from .words import settings

LENGTHS = (f"{PARAMETER_PREFIX}prompt", f"{PARAMETER_PREFIX}new_tokens")
"""Parameters that have a column of their own."""

SHOWN = ("p50", "p90", "p99")

CAPTION = (
    "Greedy generation with a cache of static length, from the initial weights. First token: reading prompts that are"
    " on the device, with a barrier. Prefill, decode: tokens of all prompts of the batch together, pipelined, the next"
    " token fed back on the device. Token to token: single decoding steps with a barrier each. First call: prefill and"
    " decode, tracing and compiling included. Ratios: decode, paired within blocks, to the highest rate at the same"
    " lengths and batch. Latencies are geometric means over trials."
)


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the table."""

    row: Member
    made: Generation
    leads: bool = False
    ratio: Interval | None = None
    """Decode throughput over that of the leader."""
    refused: str | None = None
    """Why there is no ratio."""
    differs: tuple[str, ...] = ()
    """Settings, as in the ledger, in which it differs from the leader."""


def generations(rows: Sequence[Member]) -> list[Section]:
    """Return a table per set of a workload's rows that generate and differ in lengths and batch size alone."""
    having = [row for row in rows if row.summary.row.generate]
    sets = gathered(having, lambda row: (row.key.workload, row.key.without(*LENGTHS).others, row.key.side))
    return [_section(alike) for alike in sets]


def _section(rows: Sequence[Member]) -> Section:
    groups = gathered(rows, lambda row: row.key)
    groups.sort(key=lambda group: tuple(number or 0 for number in _sizes(group[0])))
    lines = [line for group in groups for line in _compared(group)]
    modes = {(line.row.record["execution_resolved"], line.row.record["compile_kind"]) for line in lines}
    heads = [
        Head(("framework", "mode"), 0, left=True),
        Head(("batch", "prompt", "+ new"), 0),
        Head(("first token", *_quantiles([line.made.first_token for line in lines])), 0),
        Head(("prefill", "tokens/s", "95 % CI"), 2),
        Head(("decode", "tokens/s", "95 % CI"), 0),
        Head(("as each", "framework", "comes") if len(modes) > 1 else ("decode", "ratio", "95 % CI"), 3),
        Head(("token to", "token", *_quantiles([line.made.inter_token for line in lines])), 1),
        Head(("first call", "prefill", "decode"), 4),
        Head(("n",), 5),
    ]
    first = rows[0]
    shared = {name: value for name, value in first.record.items() if name not in LENGTHS}
    return Section(
        "generation",
        first.key.workload,
        "generation",
        settings({**shared, "batch_size": None}),
        heads,
        [_entry(line) for line in lines],
        [CAPTION],
        [_fact(line) for line in lines],
    )


def _sizes(row: Member) -> tuple[int | None, int | None, int | None]:
    made = generation(row.summary.row.generate)
    return (made.prompt, made.new_tokens, row.key.batch_size) if made else (None, None, row.key.batch_size)


def _compared(rows: Sequence[Member]) -> list[_Line]:
    """Hold each row of a group against the one of the highest decode throughput."""
    lines = [_Line(row, row.summary.generation) for row in rows if row.summary.generation]
    timed = [line for line in lines if line.made.decode]
    leader = max(timed, key=lambda line: line.made.decode.estimate if line.made.decode else 0.0, default=None)
    return [_against(line, leader) if leader else line for line in lines]


def _against(line: _Line, leader: _Line) -> _Line:
    if line is leader:
        return _Line(line.row, line.made, leads=True)
    own, other = line.row.summary.row, leader.row.summary.row
    sides = {own.contender: own.generate, other.contender: other.generate}
    ignored = ledger.under_comparison([own, other])
    refused = next((reason for name, reason in ledger.REFUSED.items() if ledger.differing(sides, name)), None)
    apart = tuple(name for name in ledger.COMPARED if name not in ignored and ledger.differing(sides, name))
    if refused:
        return _Line(line.row, line.made, refused=refused, differs=apart)
    ratio = paired(own.generate, other.generate, lambda trial: tokens_per_s(trial, "decode")).ratio
    return _Line(line.row, line.made, ratio=ratio, differs=apart)


def _quantiles(found: Sequence[Mapping[str, Latency]]) -> Lines:
    """Return the quantiles that are shown: those that some row has, the median always."""
    return tuple(name for name in SHOWN if name == SHOWN[0] or any(name in each for each in found))


def _entry(line: _Line) -> Entry:
    row, made = line.row, line.made
    sign = signs(row.summary.row.generate, made.unsettled)
    cells: list[Lines] = [
        (framework(row.record), resolved(row.record)),
        tuple("" if number is None else f"{number:,}" for number in (row.key.batch_size, made.prompt, made.new_tokens)),
        _latency(made.first_token, sign),
        _rate(made.prefill, sign),
        _rate(made.decode, sign),
        _ratio(line),
        _latency(made.inter_token, sign),
        tuple(units.seconds(call.estimate) if call else "n/a" for call in (made.first_prefill, made.first_decode)),
        (str(len(row.summary.row.generate)),),
    ]
    return Entry(cells, ["bold", *[""] * (len(cells) - 1)], remarks=_remarks(line))


def _latency(found: Mapping[str, Latency], sign: str) -> Lines:
    if not found:
        return NOTHING
    first, *others = (units.seconds(found[name].over_trials.estimate) for name in SHOWN if name in found)
    return sign + first, *others


def _rate(found: Interval | None, sign: str) -> Lines:
    if found is None:
        return NOTHING
    return sign + units.rate(found.estimate), units.interval(found.low, found.high, units.rate) or "no interval"


def _ratio(line: _Line) -> Lines:
    if line.leads:
        return units.ratio(1), "reference"
    if line.refused:
        return "not", "comparable:", line.refused
    if line.ratio is None:
        return NOTHING
    sign = OTHERWISE if line.differs else ""
    return sign + units.ratio(line.ratio.estimate), units.interval(line.ratio.low, line.ratio.high) or "no interval"


def _remarks(line: _Line) -> list[str]:
    said = [f"! {note}" for note in flags.notes([f for f in line.row.summary.flags if f.part == "generate"])]
    if line.differs:
        said.append(f"{OTHERWISE} other {', '.join(ledger.COMPARED[name] for name in line.differs)}")
    return said


def _fact(line: _Line) -> Fact:
    record, made = line.row.record, line.made
    found: dict[str, Any] = {
        name: record[name] for name in ("workload", "backend", "environment", "batch_size", "precision", "device")
    }
    found |= {name: record[name] for name in ("execution", "compile", "compile_resolved", "lane", "threads")}
    found |= {"prompt_tokens": made.prompt, "new_tokens": made.new_tokens}
    rates = {"prefill_throughput{}_tokens_per_s": made.prefill, "decode_throughput{}_tokens_per_s": made.decode}
    ratios = {"decode_over_leader{}": line.ratio}
    calls = {"first_prefill{}_s": made.first_prefill, "first_decode{}_s": made.first_decode}
    for name, value in (rates | ratios | calls).items():
        for bound, part in (("", "estimate"), ("_low", "low"), ("_high", "high")):
            found[name.format(bound)] = getattr(value, part) if value else None
    for what, quantiles in (("first_token", made.first_token), ("inter_token", made.inter_token)):
        for name in QUANTILES:
            told = quantiles.get(name)
            found[f"{what}_{name}_s"] = told.over_trials.estimate if told else None
            found[f"{what}_{name}_trial_low_s"] = told.trial_low if told else None
            found[f"{what}_{name}_trial_high_s"] = told.trial_high if told else None
    return found | {
        "leads": line.leads,
        "not_comparable": line.refused,
        "differs_in": "; ".join(ledger.COMPARED[name] for name in line.differs) or None,
        "prefill_flops": made.prefill_flops,
        "decode_flops": made.decode_flops,
        "notes": "; ".join(made.notes) or None,
        "unsettled_trials": made.unsettled,
        "flagged_trials": flags.flagged(line.row.summary.row.generate),
        "trials": len(line.row.summary.row.generate),
    }

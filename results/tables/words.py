"""Words about one comparison: its heading, what it shows, what is missing."""

from collections.abc import Sequence

from .. import units
from ..factors import PARAMETER_PREFIX, default_of
from ..names import listed
from ..records.model import STACK_DUMP
from .cells import LESS_ACCURATE, OTHERWISE, Record, framework, modes_differ

LOG_LINES = 4
"""Lines of a log shown under a table; the whole log is named."""

TWICE = 2.0
"""A smallest detectable ratio above this is told as such: its size means nothing."""

ASKED = ("execution", "compile", "cache", "feed", "optimizer")
"""Factors that are named where they are not at their defaults."""

DOT = " \N{MIDDLE DOT} "


def title(row: Record) -> str:
    """Return what a workload is: area and data."""
    data = {"real": "real data", "generated": "generated data", "synthetic": "synthetic data", "own": "its own data"}
    kind = data.get(row["data"], row["data"])
    source = f"{kind}: {row['source']}" if kind and row["source"] else kind
    return DOT.join(part for part in (row["area"], source) if part)


def settings(row: Record) -> str:
    """Return the settings that all rows of a group share."""
    batch = f"batch {row['batch_size']}" if row["batch_size"] is not None else None
    asked = [f"{name} {row[name]}" for name in ASKED if row[name] != default_of(name)]
    lane = "matched lane: the same mode, precision and semantics everywhere" if row["lane"] == "matched" else None
    threads = units.plural(row["threads"], "thread") if row["threads"] is not None else None
    further = [
        f"{name.removeprefix(PARAMETER_PREFIX)} {value}"
        for name, value in row.items()
        if value is not None and (name.startswith(PARAMETER_PREFIX) or name == "allow_import")
    ]
    side = f"side {row['side']}" if row["side"] else None
    parts = (batch, row["precision"], row["device"], threads, *asked, *further, side, lane)
    return DOT.join(part for part in parts if part)


def goal(row: Record) -> str:
    """Return the metric with its target and the best possible value, "" for a workload without a metric."""
    if row["metric"] is None:
        return "no accuracy: random data" if row["data"] == "synthetic" else ""
    sign = "\N{LESS-THAN OR EQUAL TO}" if row["direction"] == "min" else "\N{GREATER-THAN OR EQUAL TO}"
    target = f"target {sign} {units.number(row['target'])}" if row["target"] is not None else "no target"
    best = f"best possible {units.number(row['best'])}" if row["best"] is not None else None
    asked = f"{units.plural(row['epochs_asked'], 'epoch')}, target or not" if row["epochs_asked"] else None
    return DOT.join(part for part in (f"test {row['metric']}", target, best, asked) if part)


def conclusion(rows: Sequence[Record]) -> list[str]:
    """Return what a group's training throughputs show, in plain sentences."""
    timed = [row for row in rows if row["train_throughput_samples_per_s"] is not None]
    leader = next((row for row in timed if row["leads"]), None)
    if leader is None:
        return []
    others = [row for row in timed if row is not leader and not row["not_comparable"]]
    if not others:
        return [_alone(leader, [row for row in timed if row is not leader])]
    detectable = rows[0]["group_detectable_ratio"]
    blocks = min(row["paired_blocks"] or 0 for row in others)
    if detectable is None:
        return ["No backend is shown to be fastest: fewer than two shared blocks give no interval."]
    size = "more than 100 %" if detectable > TWICE else units.percent(detectable - 1)
    count = units.plural(blocks, "block")
    smallest = f"The smallest difference that {count} can show here is {size} (80 % power, noisiest pair)."
    if leader["shown_fastest"]:
        return [f"{framework(leader)} trains fastest{_modes(rows)}.", smallest]
    if withheld := rows[0]["group_fastest_withheld"]:
        ahead = f"although the intervals put {framework(leader)} ahead"
        return [f"No backend is shown to be fastest, {ahead}: {withheld}.", smallest]
    near = [framework(row) for row in others if not _clear(row)]
    names = listed([framework(leader), *near])
    return [f"No backend is shown to be fastest: {names} are too close.", smallest]


def _alone(leader: Record, others: Sequence[Record]) -> str:
    if not others:
        return f"Only {framework(leader)} was timed in training: there is nothing to compare it with."
    apart = "; ".join(f"{framework(row)} is not comparable ({row['not_comparable']})" for row in others)
    return f"No backend is shown to be fastest: {apart}."


def _modes(rows: Sequence[Record]) -> str:
    return ", each framework as it comes" if modes_differ(rows) else ""


def _clear(row: Record) -> bool:
    """Tell whether a row is shown to be slower than the one that leads."""
    high, detectable = row["ratio_to_fastest_high"], row["smallest_detectable_ratio"]
    return high is not None and detectable is not None and high < 1 and 1 / row["ratio_to_fastest"] >= detectable


def asides(rows: Sequence[Record]) -> list[str]:
    """Return what makes a group's figures doubtful: what its signs stand for, and what could not be counted."""
    found = [f"{LESS_ACCURATE} {_less(row)}" for row in rows if row["accuracy_doubt"] and _timed(row)]
    found += _flags(rows)
    if rows[0]["group_differences"]:
        sign = f"{OTHERWISE} " if any(row["differs_in"] for row in rows) else ""
        found.append(f"{sign}Rows differ in: {rows[0]['group_differences']}.")
    uncounted = dict.fromkeys(row["flops_note"] for row in rows if row["flops_note"])
    found += [f"FLOP/s: {units.missing(note)}." for note in uncounted]
    return found


def _timed(row: Record) -> bool:
    return row["leads"] or row["ratio_to_fastest"] is not None


def _less(row: Record) -> str:
    return f"{framework(row)} {row['accuracy_doubt']}: its speed buys less accuracy."


def _flags(rows: Sequence[Record]) -> list[str]:
    """Return a sentence per kind of flag: which rows have it, in how many trials."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        for line in (row["flag_notes"] or "").splitlines():
            kind, _, counts = line.partition(": ")
            kinds.setdefault(kind, []).append(f"{framework(row)} {counts}")
    return [f"! {kind}, in trials of: {'; '.join(each)}." for kind, each in kinds.items()]


def remarks(row: Record) -> list[str]:
    """Return what is to be said about a row that has some of its figures and not others."""
    found = []
    phase = f"{row['failure_phase']}: " if row["failure_phase"] else ""
    if row["failures"]:
        what = f"{units.plural(row['failures'], 'trial')} failed"
        found.append(f"{phase}{what} ({row['failure_kind']}: {row['failure_message']})")
    elif row["failure_kind"]:
        found.append(f"{phase}{row['failure_kind']}: {row['failure_message']}")
    if row["latency_note"] and row["latency_p90_s"] is None:
        found.append(f"latency p90: {units.missing(row['latency_note'])}")
    return found


def logs(rows: Sequence[Record]) -> list[str]:
    """Return where the logs of what failed are kept, each with its last lines."""
    found: dict[str, None] = {}
    for row in rows:
        if row["failure_log"]:
            tail = [line.rstrip() for line in (row["failure_log_tail"] or "").splitlines() if line.strip()]
            found[f"log of {framework(row)}: {row['failure_log']}"] = None
            shown = tail[:LOG_LINES] if tail and tail[0].startswith(STACK_DUMP) else tail[-LOG_LINES:]
            found |= dict.fromkeys(f"  {line}" for line in shown)
    return list(found)

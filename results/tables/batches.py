"""Batches: training throughput over batch size, up to the largest that fits in memory."""

from collections.abc import Sequence

from .. import units
from ..layout import Entry, Head, Lines
from ..section import Fact, Section
from .cells import NOTHING, framework
from .member import Member, gathered, signs
from .words import settings

FEWEST = 3
"""Fewer batch sizes than this are no curve."""

NO_ROOM = "out of memory"
NO_ROOM_KINDS = (NO_ROOM, "crashed", "error")
"""An allocation that nobody checked ends in a crash or in another error."""

CAPTION = (
    "Steady training throughput at each batch size; out of memory, crashed, error: an allocation failed. Samples are"
    " repeated where a batch has more than there are."
)


def batches(rows: Sequence[Member]) -> list[Section]:
    """Return a table per set of a workload's rows that differ only in batch size, where there are several."""
    trained = [row for row in rows if row.summary.train or _no_room(row)]
    sets = gathered(trained, lambda row: (row.key.workload, row.key.others, row.key.side))
    return [_section(alike) for alike in sets if len({row.key.batch_size for row in alike}) >= FEWEST]


def _no_room(row: Member) -> bool:
    return any(problem.kind in NO_ROOM_KINDS for problem in row.summary.problems)


def _section(rows: Sequence[Member]) -> Section:
    sides = gathered(rows, lambda row: row.contender)
    sizes = sorted({row.key.batch_size for row in rows if row.key.batch_size is not None})
    item = rows[0].record["item"] or "sample"
    heads = [Head(("batch",), 0)]
    heads += [Head((framework(side[0].record), f"{item}s/s"), place) for place, side in enumerate(sides)]
    cells = {(row.key.batch_size, row.contender): _cell(row) for row in rows}
    entries = []
    for size in sizes:
        line: list[Lines] = [(f"{size:,}",)]
        line += [cells.get((size, side[0].contender), ("",)) for side in sides]
        entries.append(Entry(line, ["bold", *[""] * len(sides)]))
    largest = [_largest(side) for side in sides]
    return Section(
        "batches",
        rows[0].key.workload,
        "training over batch size",
        settings({**rows[0].record, "batch_size": None}),
        heads,
        entries,
        [*largest, CAPTION],
        [_fact(row) for row in sorted(rows, key=lambda row: row.key.batch_size or 0)],
    )


def _cell(row: Member) -> Lines:
    if row.summary.train is None:
        return (next(p.kind for p in row.summary.problems if p.kind in NO_ROOM_KINDS),) if _no_room(row) else NOTHING
    return (signs(row.summary.row.train, row.summary.train_unsettled) + units.rate(row.summary.train.estimate),)


def _largest(side: Sequence[Member]) -> str:
    name = framework(side[0].record)
    held = [row for row in side if row.summary.train]
    failed = [row.key.batch_size or 0 for row in side if _no_room(row)]
    if not held:
        return f"{name}: no batch size trained."
    best = max(held, key=lambda row: row.summary.train.estimate if row.summary.train else 0.0)
    largest = max(row.key.batch_size or 0 for row in held)
    ends = f", {min(failed):,} has no room" if failed else ", nothing larger was tried"
    return f"{name}: largest batch {largest:,}{ends}; highest throughput at {best.key.batch_size:,}."


def _fact(row: Member) -> Fact:
    found = {
        name: row.record[name] for name in ("workload", "backend", "environment", "batch_size", "precision", "device")
    }
    found |= {name: row.record[name] for name in ("execution", "compile_resolved", "lane", "threads")}
    train = row.summary.train
    return found | {
        "train_throughput_samples_per_s": train.estimate if train else None,
        "out_of_memory": _no_room(row),
    }

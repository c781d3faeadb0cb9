"""Comparison: which row of a group leads in training, by how much, and whether that is shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..names import backend_name, listed
from ..records.model import Run, WorkloadInfo
from ..summaries import flags, ledger
from ..summaries.ledger import OF_SPEED, REFUSED, Difference, differences
from ..summaries.pairs import paired, throughput
from ..summaries.rows import GroupKey, infos_of, rows_of
from ..summaries.standing import standings
from ..summaries.summary import RowSummary, summary


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The backends of one comparison."""

    key: GroupKey
    info: WorkloadInfo | None
    rows: tuple[RowSummary, ...]
    detectable: float | None = None
    """Smallest ratio above 1 that the trials could show between the leader and any other row (the
    largest)."""
    differences: tuple[Difference, ...] = ()
    """Settings in which the rows differ beside their backend."""
    withheld: str | None = None
    """Why the leader is not called fastest although the intervals would allow it."""


def summarise(run: Run) -> tuple[GroupSummary, ...]:
    """Return every group of a run, in the order of its rows."""
    infos = infos_of(run)
    groups: dict[GroupKey, list[RowSummary]] = {}
    for row in rows_of(run):
        found = summary(row, infos.get(row.group.workload), run.header.options)
        groups.setdefault(row.group, []).append(found)
    return tuple(compared(key, infos.get(key.workload), rows) for key, rows in groups.items())


def compared(key: GroupKey, info: WorkloadInfo | None, rows: Sequence[RowSummary]) -> GroupSummary:
    """Compare each row with the one of the highest training throughput.

    "Fastest" is a statement against every other row at once, so each must hold on its own and no correction
    over rows is needed (intersection-union; Berger, Technometrics 24(4), 1982). It needs an interval below 1
    and a difference that is at least the smallest detectable one: the leader was picked after the fact. It is
    withheld where a row has blocking flags, or other settings, or cannot be compared, and where the leader's speed
    buys less accuracy (see `standing`).
    """
    found = differences([row.row for row in rows], ledger.under_comparison([row.row for row in rows]))
    rows = _told_apart(rows)
    timed = [row for row in rows if row.train and not row.incomparable]
    leading = max(timed, key=lambda row: row.train.estimate if row.train else 0.0).row.contender if timed else None
    stand = standings([row.row for row in rows], [row.accuracy for row in rows], info, leading)
    rows = [replace(row, standing=one) for row, one in zip(rows, stand, strict=True)]
    leader = next((row for row in rows if row.row.contender == leading), None)
    if leader is None:
        return GroupSummary(key, info, tuple(rows), differences=found)
    against = [row if row is leader else _against(row, leader) for row in rows]
    others = [row for row in against if row is not leader and row.train]
    shown = bool(others) and all(_slower(row) for row in others if not row.incomparable)
    withheld = _doubt(leader, others) if shown else None
    marked = [
        replace(row, leader=True, fastest=shown and withheld is None) if row is leader else row for row in against
    ]
    known = [row.detectable for row in others if not row.incomparable]
    values = [value for value in known if value is not None]
    detectable = max(values) if values and len(values) == len(known) else None
    return GroupSummary(key, info, tuple(marked), detectable, found, withheld)


def _told_apart(rows: Sequence[RowSummary]) -> list[RowSummary]:
    """Name in each row why it cannot be compared; the largest set of rows that agree is what counts."""
    timed = [row for row in rows if row.row.train]
    found = list(rows)
    for name, reason in REFUSED.items():
        values = ledger.differing({row.row.contender: row.row.train for row in timed}, name)
        if not values:
            continue
        usual = Counter(values.values()).most_common(1)[0][0]
        found = [
            replace(row, incomparable=row.incomparable or reason)
            if values.get(row.row.contender, usual) != usual
            else row
            for row in found
        ]
    return found


def _against(row: RowSummary, leader: RowSummary) -> RowSummary:
    sides = {row.row.contender: row.row.train, leader.row.contender: leader.row.train}
    ignored = ledger.under_comparison([row.row, leader.row])
    apart = tuple(name for name in ledger.COMPARED if name not in ignored and ledger.differing(sides, name))
    if row.incomparable:
        return replace(row, differs=apart)
    pair = paired(row.row.train, leader.row.train, throughput)
    return replace(row, ratio=pair.ratio, detectable=pair.detectable, differs=apart)


def _slower(row: RowSummary) -> bool:
    """Tell whether a row is shown to be slower than the leader."""
    ratio, detectable = row.ratio, row.detectable
    if ratio is None or ratio.high is None or detectable is None:
        return False
    return ratio.high < 1 and 1 / ratio.estimate >= detectable


def _doubt(leader: RowSummary, others: Sequence[RowSummary]) -> str | None:
    """Return why a difference in speed may not be called shown, or not be worth it."""
    kinds = [(row, flags.blocking(row.row.train)) for row in (leader, *others)]
    reasons = [
        f"trials of {backend_name(row.row.contender)} are flagged {listed(list(found))}"
        for row, found in kinds
        if found
    ]
    if leader.standing and leader.standing.doubt:
        reasons.append(f"{backend_name(leader.row.contender)} {leader.standing.doubt}")
    for row in others:
        name = backend_name(row.row.contender)
        if row.incomparable:
            reasons.append(f"{name} is not comparable ({row.incomparable})")
        elif apart := [ledger.COMPARED[setting] for setting in row.differs if setting in OF_SPEED]:
            reasons.append(f"{name} ran with other {listed(apart)}")
    return "; ".join(reasons) or None

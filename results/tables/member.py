"""Members: the rows of a run with their summaries, their plain values and what they are compared in."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ..records.model import Trial
from ..summaries.flags import flagged
from ..summaries.rows import GroupKey
from ..summaries.summary import RowSummary
from .cells import Record
from .comparison import GroupSummary


@dataclass(frozen=True, slots=True)
class Member:
    """One row of a run."""

    group: GroupSummary
    summary: RowSummary
    record: Record

    @property
    def key(self) -> GroupKey:
        """What the row shares with those it is compared with."""
        return self.group.key

    @property
    def contender(self) -> str:
        """What tells the row from the others of its group: the backend, and the environment that it ran in."""
        return self.summary.row.contender


def members(groups: Sequence[GroupSummary], rows: Sequence[Record]) -> list[Member]:
    """Return the rows of the groups, each with its record of the frame; both in the same order."""
    pairs = [(group, summary) for group in groups for summary in group.rows]
    return [Member(group, summary, record) for (group, summary), record in zip(pairs, rows, strict=True)]


def gathered(rows: Sequence[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    """Return rows with a key in common together, in order of first appearance."""
    found: dict[Hashable, list[Member]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.values())


def signs(trials: Sequence[Trial], unsettled: int | None) -> str:
    """Return the signs before a figure: ~ a trial did not settle, ! a trial is flagged."""
    return ("~" if unsettled else "") + ("!" if flagged(trials) else "")

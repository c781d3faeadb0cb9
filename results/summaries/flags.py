"""Flags: what makes some trials of a row doubtful, told once per part and kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..names import PARTS
from ..records.marks import FLAGS
from ..records.model import Trial
from .rows import Row

UNSETTLED = "unsettled"
"""Has a sign of its own, since the reader finds it from the windows too."""

BLOCKING = frozenset({"recompiled", "disturbed", "threads", "leaking", "unmoved"})
"""Flags with which a speed may not be called shown: it is not that of the case."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """Trials of one part of a row with a flag of one kind."""

    part: str
    """One of `rows.PARTS`."""
    kind: str
    """One of `marks.FLAGS`."""
    trials: int
    of: int
    """Trials of the part."""
    sentence: str
    """What the first of them says."""

    def count(self) -> str:
        """Return how many trials: 2 of 3 in training."""
        return f"{self.trials} of {self.of} in {PARTS.get(self.part, self.part)}"


def flags_of(row: Row) -> tuple[Flagged, ...]:
    """Return the flags of a row's trials; a trial that plays several parts counts in the first."""
    found: list[Flagged] = []
    seen: set[int] = set()
    for part in PARTS:
        trials = [trial for trial in row.part(part) if id(trial) not in seen]
        seen |= {id(trial) for trial in trials}
        kinds = dict.fromkeys(kind for trial in trials for kind in trial.flags)
        found += [_flagged(part, kind, trials) for kind in kinds if kind != UNSETTLED]
    return tuple(found)


def notes(found: Sequence[Flagged]) -> list[str]:
    """Return a line per kind: recompiled: 2 of 3 in training, 1 of 3 in inference (4 compilations in 40 steps)."""
    kinds = dict.fromkeys(flag.kind for flag in found)
    lines = []
    for kind in kinds:
        alike = [flag for flag in found if flag.kind == kind]
        lines.append(f"{kind}: {', '.join(flag.count() for flag in alike)} ({alike[0].sentence})")
    return lines


def flagged(trials: Sequence[Trial]) -> int:
    """Return how many trials have a flag with the sign `!`."""
    return sum(any(kind != UNSETTLED for kind in trial.flags) for trial in trials)


def blocking(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Return the kinds of flags for which the trials' speed may not be called shown."""
    return tuple(dict.fromkeys(kind for trial in trials for kind in trial.flags if kind in BLOCKING))


def _flagged(part: str, kind: str, trials: Sequence[Trial]) -> Flagged:
    having = [trial for trial in trials if kind in trial.flags]
    sentence = having[0].flags[kind].strip().rstrip(".") or FLAGS.get(kind, kind)
    return Flagged(part, kind, len(having), len(trials), sentence)

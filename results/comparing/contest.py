"""A contest: several sides, each held against the first, over all that any of them measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..history.points import METRICS, differences
from ..records.model import Case, WorkloadInfo
from ..statistics.holm import holm
from .bout import DIFFERENCES, Bout, bout_of, decided, values_by_block
from .contender import Contender, Lost

COMPARED_METRICS = (
    "throughput",
    "latency_p50",
    "first_step",
    "memory_exact",
    "accuracy",
    "time_to_target",
    "decode",
    "scenario",
)
"""In the order of the tables."""
FRAMEWORKS = ("jax", "jaxlib", "torch", "tensorflow", "keras", "numpy")
LIKELY = (*FRAMEWORKS, "driver", "CPU governor", "threads", "image", "Python")
"""What most likely makes a difference, the likeliest first; the rest follows by name."""


@dataclass(frozen=True, slots=True)
class Round:
    """One figure of one case on every side."""

    case: Case
    metric: str
    info: WorkloadInfo | None
    values: Mapping[str, tuple[float, ...]]
    """By side."""
    bouts: Mapping[str, Bout]
    """By side, but for the first."""

    @property
    def differences(self) -> bool:
        """Whether sides are subtracted and not divided."""
        return self.metric in DIFFERENCES


@dataclass(frozen=True, slots=True)
class Contest:
    """Every round, and what the sides differ in."""

    sides: tuple[str, ...]
    """The first is the reference."""
    paired: bool
    """Whether values of one block are pairs: sides of one run. Else the runs were made one after the other."""
    rounds: tuple[Round, ...]
    """Of every case that a side was to measure: also of those that cannot be compared, with the reason."""
    differs: Mapping[str, Mapping[str, tuple[str | None, str | None]]]
    """By side, but for the first: what differs from the first, the likeliest cause first."""
    lost: Mapping[str, Mapping[Case, Lost]]
    """By side: trials that failed."""
    schemas: Mapping[str, str]
    """By side: versions of the file format that it was stored in."""
    unit: str
    """What a value stands for: a trial, or the mean of a run."""

    @property
    def compared(self) -> int:
        """How many figures of a side were held against the first."""
        return sum(bout.effect is not None for one in self.rounds for bout in one.bouts.values())

    @property
    def tested(self) -> int:
        """How many of them have a p-value: what the correction goes over."""
        return sum(bout.p is not None for one in self.rounds for bout in one.bouts.values())

    def schema_words(self, side: str) -> str | None:
        """Return that a side was stored in another format than the first; None where it was not."""
        first = self.sides[0]
        if self.schemas[side] == self.schemas[first]:
            return None
        told = f"{self.schemas[first]} ({first}) and {self.schemas[side]} ({side})"
        return f"the runs have schema {told}: what one lacks is not compared"


def contest(sides: Sequence[Contender], *, paired: bool, margin: float | None, ignored: frozenset[str]) -> Contest:
    """Hold every side against the first.

    Whatever one of them has and another lacks is refused with the reason, so that nothing may be comparable: see
    `Contest.compared`.

    Args:
        sides: two or more.
        paired: whether blocks are pairs.
        margin: share by which sides may differ and are still the same; None: sameness is not asked.
        ignored: settings that are under comparison, and so no reason to refuse.

    """
    first, *others = sides
    cases = dict.fromkeys(case for side in sides for case in (*side.trials, *side.lost))
    rounds = [found for case in cases for found in _rounds(case, first, others, paired, ignored)]
    raw = {
        (place, name): bout.raw_p
        for place, found in enumerate(rounds)
        for name, bout in found.bouts.items()
        if bout.raw_p is not None
    }
    adjusted = dict(zip(raw, holm(list(raw.values())).tolist(), strict=True))
    done = [
        replace(
            found,
            bouts={
                name: decided(
                    bout, found.metric, found.info, p=adjusted.get((place, name)), tested=len(raw), margin=margin
                )
                for name, bout in found.bouts.items()
            },
        )
        for place, found in enumerate(rounds)
    ]
    return Contest(
        sides=tuple(side.name for side in sides),
        paired=paired,
        rounds=tuple(done),
        differs={side.name: ranked(_differences(first, side)) for side in others},
        lost={side.name: side.lost for side in sides if side.lost},
        schemas={side.name: side.schema for side in sides},
        unit=first.unit,
    )


def ranked(found: Mapping[str, tuple[str | None, str | None]]) -> dict[str, tuple[str | None, str | None]]:
    """Return differences with the likeliest cause of another figure first."""

    def rank(name: str) -> tuple[int, str]:
        return LIKELY.index(name) if name in LIKELY else len(LIKELY), name

    return {name: found[name] for name in sorted(found, key=rank)}


def _differences(first: Contender, side: Contender) -> dict[str, tuple[str | None, str | None]]:
    """Return what differs between two sides; nothing where one of them has no trial to tell it."""
    return differences(first.facts, side.facts) if first.facts and side.facts else {}


def _rounds(
    case: Case, first: Contender, others: Sequence[Contender], paired: bool, ignored: frozenset[str]
) -> list[Round]:
    """Return the figures of a case that a side has; the first that it should have where no side has any."""
    every = (first, *others)
    info = next((side.infos[case.workload] for side in every if case.workload in side.infos), None)
    told = {metric: {side.name: values_by_block(side, case, metric, info) for side in every} for metric in _told(case)}
    shown = [metric for metric, values in told.items() if any(values.values())] or list(told)[:1]
    found = []
    for metric in shown:
        values = told[metric]
        bouts = {
            side.name: bout_of(
                (first, side),
                case,
                metric,
                info,
                (values[first.name], values[side.name]),
                paired=paired,
                ignored=ignored,
            )
            for side in others
        }
        found.append(Round(case, metric, info, {name: tuple(v.values()) for name, v in values.items()}, bouts))
    return found


def _told(case: Case) -> list[str]:
    """Return the figures that a case is compared by; inference at batch size 1 by its latency alone."""
    single = case.get("batch_size") == 1
    return [
        metric
        for metric in COMPARED_METRICS
        if case.get("phase") in METRICS[metric].phases
        if case.get("phase") != "infer" or (metric == "latency_p50") == single
    ]

"""Rows: which trials of a run stand together in one line of a table."""

from dataclasses import dataclass, field

from ..factors import Scalar, default_of, in_identity
from ..names import contender
from ..records.model import Case, Failure, LeftOut, Run, Trial, WorkloadInfo

_OWN_PLACE = ("backend", "environment", "phase", "batch_size", "scenario", "latency_bound_s")
"""Factors that make no other group: what a backend did in several phases and scenarios stands in one row, and one
environment is compared with another as one backend is."""

PARTS = ("train", "infer", "latency", "converge", "parts", "memory", "scenario", "generate")
"""The parts that a trial can play in a row."""


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What the backends of one comparison share: the workload and every factor but backend and phase."""

    workload: str
    batch_size: int | None
    """As resolved from the case or the workload; None where neither tells."""
    others: tuple[tuple[str, Scalar], ...]
    """Further factors that differ from their defaults, sorted by name."""
    side: str | None

    def get(self, name: str) -> Scalar:
        """Return the value of one of the further factors, or its default."""
        return dict(self.others).get(name, default_of(name))

    def without(self, *names: str) -> "GroupKey":
        """Return this key as if some factors had their defaults: groups alike but for these have it in common."""
        others = tuple((name, value) for name, value in self.others if name not in names)
        return GroupKey(self.workload, self.batch_size, others, self.side)

    def alike(self, other: "GroupKey") -> bool:
        """Tell whether two groups differ at most in batch size."""
        return (self.workload, self.others, self.side) == (other.workload, other.others, other.side)


@dataclass(slots=True)
class Row:
    """Everything a run holds about one backend, in one environment, in one group."""

    group: GroupKey
    backend: str
    environment: str | None = None
    """As in the case; None is the controller's own."""
    train: list[Trial] = field(default_factory=list)
    infer: list[Trial] = field(default_factory=list)
    """At the group's batch size: throughput."""
    latency: list[Trial] = field(default_factory=list)
    """At batch size 1."""
    converge: list[Trial] = field(default_factory=list)
    parts: list[Trial] = field(default_factory=list)
    """Nested prefixes of a training step."""
    memory: list[Trial] = field(default_factory=list)
    """With an allocator policy of their own: their times say nothing."""
    scenario: list[Trial] = field(default_factory=list)
    """Queries as they arrive in a scenario; what the scenario is stands in their cases."""
    generate: list[Trial] = field(default_factory=list)
    """Generation with a cache."""
    failures: list[Failure] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unmeasured: list[Case] = field(default_factory=list)
    """Planned, without a trial or a failure: the run ended first."""

    @property
    def contender(self) -> str:
        """What tells this row from the others of its group."""
        return contender(self.backend, self.environment)

    def part(self, phase: str) -> list[Trial]:
        """Return the list that trials of a phase are kept in; those of phases unknown here are not kept."""
        found: list[Trial] = getattr(self, phase) if phase in PARTS else []
        return found

    @property
    def trials(self) -> list[Trial]:
        """Every trial of the row once; a trial at batch size 1 may serve latency and throughput."""
        return list({id(trial): trial for part in PARTS for trial in self.part(part)}.values())


def infos_of(run: Run) -> dict[str, WorkloadInfo]:
    """Return what the run keeps about each workload, by name."""
    return {info.name: info for info in run.header.workloads}


def rows_of(run: Run) -> list[Row]:
    """Return the rows of a run: workloads in the header's order, the rest in order of first appearance.

    Cases that differ only in phase stand in one row. Training that stopped by another rule (`epochs`) has a row of
    its own where a run has several rules for a workload. The inference case at batch size 1 gives the latency of
    every row that differs from it in batch size alone, and the throughput of the row whose batch size is 1. Neither
    goes to a row that has nothing but generation: its batch size was not chosen for forward passes.
    """
    measured: list[tuple[Case, str | None]] = [(trial.case, trial.side) for trial in run.trials]
    measured += [(failure.case, failure.side) for failure in run.failures]
    sheet = _Sheet(infos_of(run), _entries(run, measured))
    for trial in run.trials:
        for row, phase in sheet.places(trial.case, trial.side):
            row.part(phase).append(trial)
    for failure in run.failures:
        for row in sheet.rows_with(failure.case, failure.side):
            row.failures.append(failure)
    for item in run.header.left_out:
        for row in sheet.rows_with(item.case, None):
            row.left_out.append(item)
    seen = {case for case, _ in measured}
    for case in run.header.cases:
        for row in [] if case in seen else sheet.rows_with(case, None):
            row.unmeasured.append(case)
    return sheet.ordered()


def _entries(run: Run, measured: list[tuple[Case, str | None]]) -> list[tuple[Case, str | None]]:
    """Return every case with its side: as planned, then what else was measured, then what was left out."""
    sides: dict[Case, list[str | None]] = {}
    for case, side in measured:
        sides.setdefault(case, []).append(side)
    planned = [(case, side) for case in run.header.cases for side in sorted(sides.get(case, [None]), key=str)]
    return list(dict.fromkeys([*planned, *measured, *((item.case, None) for item in run.header.left_out)]))


class _Sheet:
    """The rows of a run, and which of them a case belongs to."""

    def __init__(self, infos: dict[str, WorkloadInfo], entries: list[tuple[Case, str | None]]) -> None:
        self._infos = infos
        self._stops: dict[str, set[Scalar]] = {}
        for case, _ in entries:
            if case.get("phase") == "converge":
                self._stops.setdefault(case.workload, set()).add(case.get("epochs"))
        self._rows: dict[tuple[GroupKey, str], Row] = {}
        self._passing: set[tuple[GroupKey, str]] = set()
        """The rows that are not of generation alone."""
        for case, side in entries:
            if not _is_single(case):
                self._add(case, side)
        for case, side in entries:
            if _is_single(case) and not self._alike(case, side):
                self._add(case, side)

    def places(self, case: Case, side: str | None) -> list[tuple[Row, str]]:
        """Return each row that a case belongs to, with the part that it plays there."""
        key = self._key(case, side)
        own = self._rows.get(key) if key in self._passing or not _is_single(case) else None
        places = [(own, case.text("phase"))] if own else []
        if _is_single(case):
            places += [(row, "latency") for row in self._alike(case, side)]
        return places

    def rows_with(self, case: Case, side: str | None) -> list[Row]:
        """Return each row that a case belongs to, once."""
        return list({id(row): row for row, _ in self.places(case, side)}.values())

    def ordered(self) -> list[Row]:
        """Return all rows, workloads in the order of the header."""
        order = {name: place for place, name in enumerate(self._infos)}
        return sorted(self._rows.values(), key=lambda row: order.get(row.group.workload, len(order)))

    def _add(self, case: Case, side: str | None) -> None:
        key = self._key(case, side)
        self._rows.setdefault(key, Row(key[0], *_place(case)))
        if case.get("phase") != "generate":
            self._passing.add(key)

    def _alike(self, case: Case, side: str | None) -> list[Row]:
        """Return the rows that differ from a case at most in batch size."""
        group, own = self._key(case, side)
        return [
            row
            for (other, name), row in self._rows.items()
            if name == own and other.alike(group) and (other, name) in self._passing
        ]

    def _key(self, case: Case, side: str | None) -> tuple[GroupKey, str]:
        info, batch = self._infos.get(case.workload), case.get("batch_size")
        others = tuple(
            (name, value)
            for name, value in sorted(case.factors.items())
            if name not in _OWN_PLACE and in_identity(name) and value not in {None, default_of(name)}
            if name != "epochs" or len(self._stops.get(case.workload, ())) > 1
        )
        own = info.batch_size if info else None
        group = GroupKey(case.workload, batch if isinstance(batch, int) else own, others, side)
        return group, contender(*_place(case))


def _place(case: Case) -> tuple[str, str | None]:
    """Return the backend and the environment of a case."""
    environment = case.get("environment")
    return str(case.get("backend") or "any backend"), None if environment is None else str(environment)


def _is_single(case: Case) -> bool:
    return case.get("phase") == "infer" and case.get("batch_size") == 1

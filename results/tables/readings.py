"""Readings: the figures of a run, one record per case, side and measure, as CI systems and trackers take them."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import units
from ..comparing.sides import SINGLE, A
from ..factors import Scalar, default_of, in_identity
from ..records.environment import CURRENT
from ..records.model import Case, Failure, Run, Trial, WorkloadInfo
from ..summaries.flags import flagged, notes
from ..summaries.rows import GroupKey, Row, infos_of
from ..summaries.summary import RowSummary, summary
from .measures import Measure, measures_of

SIDE = "side"
NAMED = ("workload", "phase", "backend")
"""Labels whose values alone name a case."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure over the trials of a case."""

    measure: Measure
    value: float
    """In the unit of the measure."""
    low: float | None
    """Bounds of the 95 % interval over trials; None for a figure without one, and for a single trial."""
    high: float | None
    n: int
    """Trials, or seeds, that it comes from."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A case on one side, how its trials went, and what they say."""

    labels: Mapping[str, str]
    """What tells it from every other subject of the run: workload, phase, backend, environment, side, batch size as
    resolved, and the further factors that differ from their defaults, by the factor's name."""
    trials: int
    unsettled: int | None
    """Trials without a steady state; None in phases that need none."""
    flagged: int
    """Trials with a flag."""
    failed: int
    """Processes that gave no figures."""
    flags: tuple[str, ...]
    """What its flags say, a sentence for each kind."""
    failures: tuple[str, ...]
    """How many processes failed, and why the first of them did."""
    readings: tuple[Reading, ...]
    """Without those that could not be had."""

    @property
    def side(self) -> str | None:
        """The side of a run with two of them."""
        return self.labels.get(SIDE)

    @property
    def name(self) -> str:
        """The labels as words, the same in each run of the case: `cancer_mlp train jax batch_size=32`.

        Words with blanks are quoted, so that different labels never give the same name. The side is not told, nor
        that the environment is the controller's own.
        """
        words = [self.labels.get(name, "") for name in NAMED]
        plain = {SIDE, *NAMED} if self.labels["environment"] != CURRENT else {SIDE, "environment", *NAMED}
        return shlex.join([*words, *(f"{name}={value}" for name, value in self.labels.items() if name not in plain)])


def subjects(run: Run) -> list[Subject]:
    """Return every case that was tried, in the order of the plan; one whose trials all failed has no readings."""
    infos = infos_of(run)
    found: dict[tuple[tuple[str, str], ...], _Tried] = {}

    def tried(case: Case, side: str | None) -> _Tried:
        labels = labels_of(case, side, infos.get(case.workload))
        return found.setdefault(tuple(labels.items()), _Tried(case, labels))

    for trial in run.trials:
        tried(trial.case, trial.side).trials.append(trial)
    for failure in run.failures:
        tried(failure.case, failure.side).failures.append(failure)
    place = {case: number for number, case in enumerate(run.header.cases)}
    ordered = sorted(found.values(), key=lambda one: (place.get(one.case, len(place)), one.labels.get(SIDE, "")))
    return [_subject(one, infos.get(one.case.workload), run.header.options) for one in ordered]


def candidates(run: Run) -> list[Subject]:
    """Return what a tracker follows: every subject of a plain run, those of the candidate of one with two sides."""
    return [subject for subject in subjects(run) if subject.side != A]


def labels_of(case: Case, side: str | None, info: WorkloadInfo | None) -> dict[str, str]:
    """Return what a case is known by.

    Cases share their labels only where one is given the batch size that the other has by default: their trials are one
    subject's, as they are one row's.
    """
    size = case.get("batch_size") or (info.batch_size if info else None)
    labels = {
        "workload": case.workload,
        "phase": case.get("phase"),
        "backend": case.get("backend"),
        "environment": case.get("environment") or CURRENT,
        SIDE: side,
        "batch_size": size,
    }
    further = {
        name: value
        for name, value in sorted(case.factors.items())
        if name not in labels and in_identity(name) and value != default_of(name)
    }
    return {name: str(value) for name, value in {**labels, **further}.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Tried:
    """What a run holds under the same labels."""

    case: Case
    """The first of them."""
    labels: Mapping[str, str]
    trials: list[Trial] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def _subject(tried: _Tried, info: WorkloadInfo | None, options: Mapping[str, Scalar]) -> Subject:
    phase, row = tried.case.text("phase"), _row(tried)
    found = summary(row, info, options)
    readings = [
        Reading(measure, taken.estimate, taken.low, taken.high, taken.n)
        for measure in measures_of(phase, info)
        if (taken := measure.take(found)) is not None
    ]
    return Subject(
        tried.labels,
        len(tried.trials),
        _unsettled(phase, found),
        flagged(tried.trials),
        len(tried.failures),
        tuple(notes(found.flags)),
        tuple(_failed(tried.failures)),
        tuple(readings),
    )


def _row(tried: _Tried) -> Row:
    """Return the trials as a row of one phase: what is summarised is then what a table shows."""
    case = tried.case
    row = Row(GroupKey(case.workload, None, (), None), case.text("backend"), failures=tried.failures)
    row.part(case.text("phase")).extend(tried.trials)
    if case.get("phase") == "infer" and case.get("batch_size") == SINGLE:
        row.latency.extend(tried.trials)
    return row


def _unsettled(phase: str, row: RowSummary) -> int | None:
    if phase == "generate" and row.generation:
        return row.generation.unsettled
    return {"train": row.train_unsettled, "infer": row.infer_unsettled}.get(phase)


def _failed(failures: Sequence[Failure]) -> list[str]:
    if not failures:
        return []
    count = units.plural(len(failures), "process", "processes")
    return [f"{count} failed ({failures[0].kind}: {failures[0].message})"]

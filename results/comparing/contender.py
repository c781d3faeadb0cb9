"""Contenders: the sides of a contest, made of runs, of the values of a factor, or of labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .. import units
from ..errors import NothingMeasured, UsageError
from ..factors import BY_NAME, Scalar, default_of
from ..history.points import case_facts, machine_key, machine_words, run_facts
from ..records.environment import CURRENT
from ..records.model import Case, Failure, LeftOut, Run, Trial, WorkloadInfo
from ..summaries.rows import infos_of
from .sides import common_case

LABEL = "label"
"""The way to make sides that is no factor: runs of the same label are one side."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Trials of a case that failed."""

    trials: int
    kind: str
    """Of the first."""
    message: str

    @property
    def words(self) -> str:
        """What happened, in words."""
        return f"{units.plural(self.trials, 'trial')} failed ({self.kind}: {self.message})"


@dataclass(frozen=True, slots=True)
class Contender:
    """One side: what was measured, by case."""

    name: str
    trials: Mapping[Case, tuple[Trial, ...]]
    infos: Mapping[str, WorkloadInfo]
    facts: Mapping[str, str]
    """Versions, driver, settings of the run; none without a trial."""
    machine: str
    """Fingerprint of the kind of machine."""
    machine_text: str
    lost: Mapping[Case, Lost]
    """What failed, also of cases with further trials."""
    absent: Mapping[Case, str]
    """Why a case has no trial, in words, where that is known."""
    schema: str
    """Versions of the file format that its runs were stored in."""
    unit: str = "trial"
    """What a value stands for: a trial, or the mean of a run."""


def sides_of_runs(runs: Mapping[str, Run]) -> tuple[Contender, ...]:
    """Return runs as sides, by their names.

    A run that measured a case on two sides of its own, such as two revisions, is two: they are not one thing.
    """
    found = []
    for name, run in runs.items():
        by_side: dict[str, list[Trial]] = {}
        for trial in run.trials:
            by_side.setdefault(trial.side or "", []).append(trial)
        cases = [{trial.case for trial in trials} for trials in by_side.values()]
        if len(cases) > 1 and set.intersection(*cases):
            found += [
                _contender(f"{name} {side}", run, trials, [f for f in run.failures if (f.side or "") == side])
                for side, trials in sorted(by_side.items())
            ]
        else:
            found.append(_contender(name, run, run.trials, run.failures))
    return tuple(found)


def sides_by(run: Run, factor: str) -> tuple[Contender, ...]:
    """Return the sides of one run: one for each value of a factor, also one of which every trial failed.

    Raises:
        UsageError: there is no such factor.
        NothingMeasured: the run has one value of it.

    """
    if factor not in BY_NAME and not factor.startswith("p."):
        raise UsageError(f"--by {factor}: there is no such factor; it is one of {', '.join(BY_NAME)}, or p.NAME")
    trials: dict[str, list[Trial]] = {}
    failures: dict[str, list[Failure]] = {}
    for trial in run.trials:
        trials.setdefault(_value(trial.case, factor), []).append(
            replace(trial, case=common_case(trial.case, (factor,)))
        )
    for failure in run.failures:
        failures.setdefault(_value(failure.case, factor), []).append(
            replace(failure, case=common_case(failure.case, (factor,)))
        )
    left_out = [
        (_value(one.case, factor), replace(one, case=common_case(one.case, (factor,)))) for one in run.header.left_out
    ]
    usual, seen = (str(default_of(factor)), CURRENT, "default"), list(dict.fromkeys([*trials, *failures]))
    ordered = sorted(seen, key=lambda name: (name not in trials, name not in usual, seen.index(name)))
    if len(ordered) < 2:
        only = f"only {ordered[0]}" if ordered else "no trial"
        raise NothingMeasured(f"run {run.header.run} has {only} of {factor}: nothing to compare")
    return tuple(
        _contender(
            name,
            run,
            trials.get(name, ()),
            failures.get(name, ()),
            [one for value, one in left_out if value == name],
        )
        for name in ordered
    )


def _value(case: Case, factor: str) -> str:
    """Return the value of a factor as a side is named after it."""
    value: Scalar = case.get(factor)
    usual = CURRENT if factor == "environment" else "default"
    return usual if value is None else str(value)


def sides_by_label(runs: Sequence[Run]) -> tuple[Contender, ...]:
    """Return the runs of each label as a side, in order of their first runs.

    Where every label has two runs or more, a run is one value (the mean of its trials): what runs differ by is noise
    too, and trials of one run do not know it. Else every trial is a value.

    Raises:
        UsageError: a run has two sides of its own, or those of a label are of different kinds of machines.
        NothingMeasured: there are not two labels.

    """
    by_label: dict[str, list[Run]] = {}
    for run in runs:
        if any(trial.side for trial in run.trials):
            raise UsageError(f"run {run.header.run} has two sides of its own: leave it out, or see `dlbench show`")
        by_label.setdefault(run.header.label or "no label", []).append(run)
    if len(by_label) < 2:
        only = f"only {next(iter(by_label))}" if by_label else "nothing"
        raise NothingMeasured(f"by label there is {only}: nothing to compare; label runs: dlbench run --label NAME")
    whole = all(len(group) > 1 for group in by_label.values())
    return tuple(_labelled(name, group, whole) for name, group in by_label.items())


def _labelled(name: str, runs: Sequence[Run], whole: bool) -> Contender:
    """Return a side of several runs; `whole`: each run is a block, else each trial is one."""
    machines = {machine_key(run.header.machine): machine_words(run.header.machine) for run in runs}
    if len(machines) > 1:
        raise UsageError(f"the runs labelled {name} are of different machines: {'; '.join(machines.values())}")
    trials: list[Trial] = []
    first = 0
    for place, run in enumerate(runs):
        trials += [replace(trial, block=place if whole else first + trial.block) for trial in run.trials]
        first += 1 + max((trial.block for trial in run.trials), default=0)
    failures = [failure for run in runs for failure in run.failures]
    left_out = [one for run in runs for one in run.header.left_out]
    schemas = " and ".join(str(schema) for schema in sorted({run.header.schema for run in runs}))
    found = _contender(name, runs[0], trials, failures, left_out)
    return replace(found, schema=schemas, unit="run" if whole else "trial")


def _contender(
    name: str,
    run: Run,
    trials: Sequence[Trial],
    failures: Sequence[Failure],
    left_out: Sequence[LeftOut] | None = None,
) -> Contender:
    """Return a side; left_out: what was not planned of it, that of the run unless told."""
    by_case: dict[Case, list[Trial]] = {}
    for trial in trials:
        by_case.setdefault(trial.case, []).append(trial)
    facts: dict[str, str] = {}
    for case, found in by_case.items():
        facts = {**run_facts(run, case), **facts, **case_facts(found[0].ledger)}
    lost = _lost(failures)
    unplanned = run.header.left_out if left_out is None else left_out
    absent = {one.case: f"left out: {one.reason}" for one in unplanned} | {c: one.words for c, one in lost.items()}
    machine = run.header.machine
    return Contender(
        name=name,
        trials={case: tuple(found) for case, found in by_case.items()},
        infos=infos_of(run),
        facts=facts,
        machine=machine_key(machine),
        machine_text=machine_words(machine),
        lost=lost,
        absent=absent,
        schema=str(run.header.schema),
    )


def _lost(failures: Iterable[Failure]) -> dict[Case, Lost]:
    by_case: dict[Case, list[Failure]] = {}
    for failure in failures:
        by_case.setdefault(failure.case, []).append(failure)
    return {case: Lost(len(found), found[0].kind, found[0].message) for case, found in by_case.items()}

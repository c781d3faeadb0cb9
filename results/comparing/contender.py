"""Contenders: the sides of a contest, made of runs, of the values of a factor, or of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import NothingMeasured, UsageError
from ..factors import BY_NAME, default_of
from ..history.points import case_facts, machine_key, machine_words, run_facts
from ..records.environment import CURRENT
from ..records.model import Case, Run, Trial, WorkloadInfo
from ..summaries.rows import infos_of
from .sides import common_case

LABEL = "label"
"""The way to make sides that is no factor: runs of the same label are one side."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One side: what was measured, by case."""

    name: str
    trials: Mapping[Case, tuple[Trial, ...]]
    infos: Mapping[str, WorkloadInfo]
    facts: Mapping[str, str]
    """Versions, driver, settings of the run."""
    machine: str
    """Fingerprint of the kind of machine."""
    machine_text: str
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
            found += [_contender(f"{name} {side}", run, trials) for side, trials in sorted(by_side.items())]
        else:
            found.append(_contender(name, run, run.trials))
    return tuple(found)


def sides_by(run: Run, factor: str) -> tuple[Contender, ...]:
    """Return the sides of one run: one for each value of a factor.

    Raises:
        UsageError: there is no such factor.
        NothingMeasured: the run has one value of it.

    """
    if factor not in BY_NAME and not factor.startswith("p."):
        raise UsageError(f"--by {factor}: there is no such factor; it is one of {', '.join(BY_NAME)}, or p.NAME")
    values: dict[str, list[Trial]] = {}
    for trial in run.trials:
        value = trial.case.get(factor)
        usual_name = CURRENT if factor == "environment" else "default"
        name = usual_name if value is None else str(value)
        values.setdefault(name, []).append(replace(trial, case=common_case(trial.case, (factor,))))
    usual, seen = (str(default_of(factor)), CURRENT, "default"), list(values)
    ordered = sorted(values, key=lambda name: (name not in usual, seen.index(name)))
    if len(ordered) < 2:
        only = f"only {ordered[0]}" if ordered else "no trial"
        raise NothingMeasured(f"run {run.header.run} has {only} of {factor}: nothing to compare")
    return tuple(_contender(name, run, tuple(values[name])) for name in ordered)


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
    return replace(_contender(name, runs[0], trials), unit="run" if whole else "trial")


def _contender(name: str, run: Run, trials: Sequence[Trial]) -> Contender:
    by_case: dict[Case, list[Trial]] = {}
    for trial in trials:
        by_case.setdefault(trial.case, []).append(trial)
    facts: dict[str, str] = {}
    for case, found in by_case.items():
        facts = {**run_facts(run, case), **facts, **case_facts(found[0].ledger)}
    machine = run.header.machine
    cases = {case: tuple(found) for case, found in by_case.items()}
    return Contender(name, cases, infos_of(run), facts, machine_key(machine), machine_words(machine))

"""From the plans of two sides to pairs of jobs: what is measured on both, and why the rest is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...results.comparing.sides import SIDES, common_case, metrics_of
from ...results.records.model import Case, LeftOut
from ..experiments.plan import Plan, PlannedJob


@dataclass(frozen=True, slots=True, eq=False)
class JobPair:
    """One job on both sides."""

    sides: Mapping[str, PlannedJob]
    cases: tuple[Case, ...]
    """Those that are compared, without the factors under comparison."""


@dataclass(frozen=True, slots=True)
class PairPlan:
    """What is measured on both sides, and what is not."""

    pairs: tuple[JobPair, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every case of both sides once, the baseline's first."""
        jobs = [pair.sides[side] for side in SIDES for pair in self.pairs]
        return tuple(dict.fromkeys(case for job in jobs for case in job.cases))

    @property
    def plan(self) -> Plan:
        """Every job of both sides."""
        return Plan(tuple(pair.sides[side] for pair in self.pairs for side in SIDES), self.left_out, ())

    @property
    def verdicts(self) -> int:
        """Figures that are decided, over all cases."""
        return sum(len(metrics_of(case)) for pair in self.pairs for case in pair.cases)


def pair_jobs(plans: Mapping[str, Plan], compared: Sequence[str]) -> PairPlan:
    """Return the jobs that both sides have, in the order of the baseline; equal but for the factors compared."""
    jobs = {side: {_key(job, compared): job for job in plans[side].jobs} for side in SIDES}
    a, b = (jobs[side] for side in SIDES)
    pairs, alone = [], []
    for key, job in a.items():
        cases = tuple(case for case in key if metrics_of(case))
        if key in b and cases:
            pairs.append(JobPair(dict(zip(SIDES, (job, b[key]), strict=True)), cases))
        elif key in b:
            alone += [LeftOut(case, "no figure of this phase is compared") for case in job.cases]
    for side, other in zip(SIDES, reversed(SIDES), strict=True):
        for key, job in jobs[side].items():
            if key not in jobs[other]:
                why = f"only side {side} can measure it: {_why(plans[other], key, compared)}"
                alone += [LeftOut(case, why) for case in job.cases]
    return PairPlan(tuple(pairs), (*plans["a"].left_out, *plans["b"].left_out, *alone))


def _key(job: PlannedJob, compared: Sequence[str]) -> tuple[Case, ...]:
    return tuple(common_case(case, compared) for case in job.cases)


def _why(plan: Plan, key: Sequence[Case], compared: Sequence[str]) -> str:
    reasons = [item.reason for item in plan.left_out if common_case(item.case, compared) in key]
    return reasons[0] if reasons else "the other side has no such case"

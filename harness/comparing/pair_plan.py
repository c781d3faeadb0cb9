"""From the plans of two sides to pairs of jobs: what is measured on both, and why the rest is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...results.comparing.sides import SIDES, A, B, common_case, metrics_of
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
    """Return the jobs that both sides have, in the order of the baseline; equal but for the factors compared.

    Of a job that has more cases on one side than on the other, those of both are paired.
    """
    distinct = {side: [_distinct(job, compared) for job in plans[side].jobs] for side in SIDES}
    jobs = {side: [job for job, _ in found] for side, found in distinct.items()}
    alone = [item for found in distinct.values() for _, items in found for item in items]
    places = {side: {case: job for job in jobs[side] for case in _key(job, compared)} for side in SIDES}
    pairs: list[JobPair] = []
    met: set[Case] = set()
    for job in jobs[A]:
        partner = next((places[B][case] for case in _key(job, compared) if case in places[B]), None)
        both = _both(job, partner, compared) if partner else ()
        met.update(both)
        cases = tuple(case for case in both if metrics_of(case))
        if partner and cases:
            sides = {A: _only(job, both, compared), B: _only(partner, both, compared)}
            pairs.append(JobPair(sides, cases))
        alone += [
            LeftOut(case, "no figure of this phase is compared")
            for case in job.cases
            if not cases and common_case(case, compared) in both
        ]
    for side, other in zip(SIDES, reversed(SIDES), strict=True):
        for case in (case for job in jobs[side] for case in job.cases if common_case(case, compared) not in met):
            why = f"only side {side} can measure it: {_why(plans[other], case, compared)}"
            alone.append(LeftOut(case, why, side))
    return PairPlan(tuple(pairs), (*plans[A].left_out, *plans[B].left_out, *alone))


def _distinct(job: PlannedJob, compared: Sequence[str]) -> tuple[PlannedJob, list[LeftOut]]:
    """Return a job without the cases that come to the same as another one of it, and these.

    Where batch sizes are compared, inference at batch size 1 is the same on both sides.
    """
    kept: dict[Case, Case] = {}
    for case in job.cases:
        kept.setdefault(common_case(case, compared), case)
    left_out = [
        LeftOut(case, f"{' and '.join(compared)} is compared: this would be the same on both sides")
        for case in job.cases
        if case not in kept.values()
    ]
    return replace(job, cases=tuple(kept.values())) if left_out else job, left_out


def _key(job: PlannedJob, compared: Sequence[str]) -> tuple[Case, ...]:
    return tuple(common_case(case, compared) for case in job.cases)


def _both(job: PlannedJob, partner: PlannedJob, compared: Sequence[str]) -> tuple[Case, ...]:
    there = _key(partner, compared)
    return tuple(case for case in _key(job, compared) if case in there)


def _only(job: PlannedJob, cases: Sequence[Case], compared: Sequence[str]) -> PlannedJob:
    """Return a job with some of its cases."""
    kept = tuple(case for case in job.cases if common_case(case, compared) in cases)
    return job if kept == job.cases else replace(job, cases=kept)


def _why(plan: Plan, case: Case, compared: Sequence[str]) -> str:
    wanted = common_case(case, compared)
    reasons = [item.reason for item in plan.left_out if common_case(item.case, compared) == wanted]
    return reasons[0] if reasons else "the other side has no such case"

"""`dlbench bisect`: the first revision of a project that is slower, by a binary search of comparisons."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..results import units
from ..results.errors import Interrupted, NothingMeasured
from ..results.model import Run
from ..results.sides import SidedCase, sided_cases, terms_of
from .ab_command import course_of
from .revisions import Commit, between
from .runner import Outcome
from .two_sides import SideArguments, compare

SLOWER, NOT_SHOWN = "slower", "not shown to be slower"
Judge = Callable[[Commit], "Judged"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a revision was found to be against the good one."""

    commit: Commit
    verdict: str
    """SLOWER or NOT_SHOWN."""
    words: str
    run: str
    """Id of the stored run."""


def bisect_command(words: SideArguments, argv: Sequence[str], *, good: str, bad: str, pairs: int) -> int:
    """Find the first revision after a good one that is slower, and print it with every step.

    Raises:
        UsageError: the revisions are none, or the bad one does not come after the good one.
        NothingMeasured: the bad one is not shown to be slower.
        Interrupted: the user ended it.

    """
    commits = between(good, bad)
    course = course_of(pairs, None)
    steps: list[Judged] = []

    def judge(commit: Commit) -> Judged:
        sides = replace(words, a=(f"rev={good}",), b=(f"rev={commit.hash}",))
        sys.stderr.write(f"comparing {commit.words}\n")
        measured = compare(sides, argv, course)
        if measured is None:
            raise NothingMeasured("nothing was measured")
        found = judged(commit, *measured)
        steps.append(found)
        sys.stderr.write(f"{found.verdict}: {found.words}\n")
        return found

    last = judge(commits[-1])
    if last.verdict != SLOWER:
        raise NothingMeasured(f"{bad} is not shown to be slower than {good} ({last.words}): there is nothing to find")
    first = first_slower(commits, judge)
    sys.stdout.write(report(good, first, steps))
    return 0


def first_slower(commits: Sequence[Commit], judge: Judge) -> Commit:
    """Return the first commit that is slower; the last one is known to be.

    Each step halves those that are left, so that about log2(n) of n commits are measured.
    """
    low, high = 0, len(commits) - 1
    while low < high:
        middle = (low + high) // 2
        if judge(commits[middle]).verdict == SLOWER:
            high = middle
        else:
            low = middle + 1
    return commits[high]


def judged(commit: Commit, run: Run, outcome: Outcome) -> Judged:
    """Return what a comparison found: slower, if any case is."""
    if outcome.state == "interrupted":
        raise Interrupted("interrupted: the search is not at its end")
    terms = terms_of(run)
    cases = sided_cases(run, terms) if terms else []
    worse = [case for case in cases if case.decision.verdict == "worse" and not case.refused]
    shown = worse or cases
    words = "; ".join(f"{case.case.text('phase')} {_ratio(case)}" for case in shown) or "no case on both sides"
    return Judged(commit, SLOWER if worse else NOT_SHOWN, words, run.header.run)


def _ratio(case: SidedCase) -> str:
    interval = case.decision.interval
    if interval is None:
        return case.decision.reason
    bounds = units.interval(interval.low, interval.high, units.ratio)
    return (
        f"{case.metric} {units.ratio(interval.estimate)} ({bounds}) after {units.plural(case.decision.pairs, 'pair')}"
    )


def report(good: str, first: Commit, steps: Sequence[Judged]) -> str:
    """Return the first slower revision, and what each step found."""
    lines = [f"first slower than {good}: {first.words}", ""]
    lines += [f"{step.commit.hash[:12]}  {step.verdict}: {step.words}  (run {step.run})" for step in steps]
    lines += ["", "Not shown to be slower does not mean equal: a small step may lie before what was found."]
    return "\n".join(lines) + "\n"

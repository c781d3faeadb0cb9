"""`dlbench bisect`: the first revision or version that is slower, by a binary search of comparisons."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...results import units
from ...results.comparing.sides import SidedCase, sided_cases, terms_of
from ...results.errors import BrokenError, DlbenchError, Interrupted, NothingMeasured, UsageError
from ...results.records.model import Case, Run
from ...results.statistics.sequential_design import LOOKS
from .. import options as parse
from ..comparing.bisect_plan import plan_bisection, plan_text
from ..comparing.bisection import NOT_SHOWN, SLOWER, UNTRIED, Found, first_slower
from ..comparing.package_index import Ask, run_pip
from ..comparing.side import parse_side
from ..comparing.suspects import Suspect, Suspects, find_suspects
from ..comparing.two_sides import TIMEOUT_S, Course, SideArguments, check_sides, compare, read_arguments
from ..experiments.observers import make_observer
from ..experiments.runner import Outcome
from ..options import SIDED_SUITE
from ..progress import Observer
from .ab import course_of

PIP_ERROR = re.compile(r"ERROR: (?!ResolutionImpossible)")
"""A line of pip that says what is wrong; where versions exclude each other, its last one only says where to read on."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a search begins and ends, as typed."""

    good: str
    bad: str | None
    """None: the newest revision."""
    versions: tuple[str, ...] = ()
    """Those to search in; none: those that pip lists."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a suspect was found to be against the good one."""

    suspect: Suspect
    verdict: str
    """One of VERDICTS."""
    words: str
    run: str | None = None
    """Id of the stored run; None: it came to none."""
    slower: frozenset[Case] = frozenset()
    """Cases in which it is slower."""


def bisect_command(words: SideArguments, argv: Sequence[str], ends: Ends, *, pairs: int, ask: Ask = run_pip) -> int:
    """Find the first revision or version after a good one that is slower, and print it with every step.

    Raises:
        UsageError: a word is unknown, or the ends do not fit each other.
        NothingMeasured: the bad one is not shown to be slower.
        BrokenError: the two ends cannot be compared, or pip cannot list versions.
        Interrupted: the user ended it.

    """
    course = course_of(pairs, None)
    base, options = read_arguments(words, course.phases)
    observer = make_observer(words.progress)
    suspects = find_suspects(ends.good, ends.bad, ends.versions, base.backends, observer, ask)
    bad = suspects.after[-1]
    check_sides({"a": parse_side("--good", suspects.good.side), "b": parse_side("--bad", bad.side)}, base)
    plan = list(plan_text(plan_bisection(suspects, base, options, pairs, observer)))
    if words.dry_run:
        sys.stdout.write("\n".join(plan) + "\n")
        return 0
    for line in plan:
        observer.note(line)
    search = Search(suspects, words, argv, course, observer)
    found = first_slower(len(suspects.after), search.judge)
    if found is None:
        (last,) = search.steps
        text = f"{bad.words} is not shown to be slower than {suspects.good.words} ({last.words}; run {last.run})"
        raise NothingMeasured(f"{text}: there is nothing to find")
    sys.stdout.write(report(suspects, found, search.steps, repeating(words, suspects, found, pairs)))
    return 0


class Search:
    """Compares suspects with the good one, and remembers what came of it."""

    def __init__(
        self, suspects: Suspects, words: SideArguments, argv: Sequence[str], course: Course, observer: Observer
    ) -> None:
        self.steps: list[Judged] = []
        self._suspects = suspects
        self._words = words
        self._argv = argv
        self._course = course
        self._observer = observer

    def judge(self, place: int) -> str:
        """Return the verdict on a suspect; the first that is judged, the bad end, must be one that can be tried.

        Raises:
            DlbenchError: it cannot be.

        """
        good, suspect = self._suspects.good, self._suspects.after[place]
        self._observer.note(f"comparing {suspect.words} with {good.words}")
        try:
            found = self._compared(suspect)
        except (UsageError, BrokenError, NothingMeasured) as error:
            if not self.steps:
                raise type(error)(f"{suspect.words} cannot be compared with {good.words}: {error}") from error
            found = Judged(suspect, UNTRIED, in_one_line(error))
        if not self.steps and found.verdict == UNTRIED:
            raise BrokenError(
                f"{suspect.words} cannot be compared with {good.words}: {found.words} (run {found.run}); "
                "choose ends that can be measured"
            )
        self.steps.append(found)
        self._observer.note(f"{suspect.words} {_said(found)}")
        return found.verdict

    def _compared(self, suspect: Suspect) -> Judged:
        sides = replace(self._words, a=self._suspects.good.side, b=suspect.side)
        measured = compare(sides, self._argv, self._course)
        if measured is None:
            raise NothingMeasured("nothing was measured")
        return judged(suspect, *measured, self.steps[0].slower if self.steps else None)


def judged(suspect: Suspect, run: Run, outcome: Outcome, sought: frozenset[Case] | None) -> Judged:
    """Return what a comparison found: slower, if a case is that is sought.

    Args:
        suspect: who was compared.
        run: the comparison.
        outcome: how it ended.
        sought: the cases in which the bad end is slower; None: this is the bad end.

    Raises:
        Interrupted: the user ended it.

    """
    if outcome.state == "interrupted":
        raise Interrupted("interrupted: the search is not at its end")
    terms = terms_of(run)
    cases = sided_cases(run, terms) if terms else []
    asked = [case for case in cases if sought is None or case.case in sought]
    worse = [case for case in asked if case.decision.verdict == "worse" and not case.refused]
    if worse:
        slower = frozenset(case.case for case in worse)
        return Judged(suspect, SLOWER, "; ".join(map(_ratio, worse)), run.header.run, slower)
    untold = [case for case in asked if case.refused or case.decision.pairs < LOOKS[0]]
    # Of the bad end, what can be judged decides; the others are held against what was found there.
    if len(untold) == len(asked) or (untold and sought is not None):
        reasons = "; ".join(map(_why_untold, untold)) or "none of its cases is the good one's"
        return Judged(suspect, UNTRIED, reasons, run.header.run)
    told = [case for case in asked if case not in untold]
    return Judged(suspect, NOT_SHOWN, "; ".join(map(_ratio, told)), run.header.run)


def report(suspects: Suspects, found: Found, steps: Sequence[Judged], repeat: str) -> str:
    """Return the first slower suspect, what each step found, and how the decisive one is repeated.

    Args:
        suspects: those that were searched.
        found: what the search gave.
        steps: in the order of measuring.
        repeat: a command.

    """
    good, first = suspects.good, suspects.after[found.first]
    lines = [f"first slower than {good.words}: {first.words}"]
    if found.untried:
        untried = [suspects.after[place] for place in found.untried]
        one_of = ", ".join(suspect.words for suspect in untried)
        lines.append(f"or {one_of}: what could not be tried may have been the first")
    lines += ["", f"steps, each a comparison with {good.words}:"]
    width = max(len(step.suspect.name) for step in steps)
    lines += [f"{step.suspect.name:{width}}  {_said(step)}" for step in steps]
    lines += ["", "to repeat the decisive comparison:", f"  {repeat}", ""]
    lines += ["Not shown to be slower does not mean equal: a small step may lie before what was found."]
    return "\n".join(lines) + "\n"


def repeating(words: SideArguments, suspects: Suspects, found: Found, pairs: int) -> str:
    """Return the `dlbench ab` that repeats the comparison of the first slower one with the good one."""
    first = suspects.after[found.first]
    given = {
        "--backend": words.backends,
        "--phase": words.phases,
        "--batch-size": words.batch_sizes,
        "--parameter": words.parameters,
        "--suite": (words.suite,) if words.suite != SIDED_SUITE else (),
        "--pairs": (str(pairs),) if pairs != LOOKS[-1] else (),
        "--timeout": (words.timeout,) if parse.parse_duration("--timeout", words.timeout) != TIMEOUT_S else (),
        "--cpus": (words.cpus,) if words.cpus else (),
        "--store": (words.store,) if words.store else (),
    }
    line = ["dlbench", "ab", *words.workloads, "--a", ",".join(suspects.good.side), "--b", ",".join(first.side)]
    line += [word for option, values in given.items() for value in values for word in (option, value)]
    return shlex.join(line)


def in_one_line(error: DlbenchError) -> str:
    """Return an error in one line: of an installation that failed, the last line with an error that pip printed."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if PIP_ERROR.match(line)]
    return (told or lines[:1])[-1]


def _said(step: Judged) -> str:
    run = f" (run {step.run})" if step.run else ""
    return f"{step.verdict}: {step.words}{run}"


def _why_untold(case: SidedCase) -> str:
    if case.refused or not case.failures:
        return f"{_named(case)}: {case.refused or case.decision.reason}"
    failure = case.failures[-1]
    return f"{_named(case)}: side {failure.side}: {failure.kind}: {failure.message}"


def _ratio(case: SidedCase) -> str:
    interval = case.decision.interval
    if interval is None:
        return f"{_named(case)}: {case.decision.reason}"
    bounds = units.interval(interval.low, interval.high, units.ratio)
    pairs = units.plural(case.decision.pairs, "pair")
    told = f" ({bounds})" if bounds else ""
    return f"{_named(case)} {case.metric} {units.ratio(interval.estimate)}{told} after {pairs}"


def _named(case: SidedCase) -> str:
    return f"{case.case.text('backend')} {case.case.text('phase')}"

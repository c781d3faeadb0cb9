"""Run pairs: each job on both sides in fresh processes, in turn a b, b a, until every case is decided."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..results.model import Case, Failure, Trial, WorkloadInfo
from ..results.sequential import Decision
from ..results.sides import SIDES, Terms, common_case, sided
from .forecast import Forecast, job_key
from .launch import Launcher
from .measure import Clock
from .pair_plan import JobPair
from .plan import PlannedJob
from .progress import Observer, Step
from .runner import Outcome, Schedule, Sink, Stop, keep, place_of, request_of, text_of
from .wire import PreparedData


@dataclass(slots=True)
class _Going:
    """A pair of jobs that is still measured, with what it gave."""

    pair: JobPair
    trials: list[Trial] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    open: list[Case] = field(default_factory=list)
    """Cases that are not decided."""


class PairRun:
    """The state of a comparison of two sides."""

    def __init__(
        self,
        pairs: Sequence[JobPair],
        infos: Mapping[str, WorkloadInfo],
        terms: Terms,
        schedule: Schedule,
        expected: Forecast,
    ) -> None:
        self._going = [_Going(pair, open=list(pair.cases)) for pair in pairs]
        self._infos = infos
        self._terms = terms
        self._schedule = schedule
        self._seconds = {
            job: expected.seconds[job_key(job, schedule.effort)] for pair in pairs for job in pair.sides.values()
        }
        self.outcome = Outcome()
        self._done = 0

    def run(
        self,
        data: Mapping[PlannedJob, PreparedData],
        launcher: Launcher,
        sink: Sink,
        observer: Observer,
        stop: Stop,
        reply_path: Callable[[str], str],
        clock: Clock = time.perf_counter,
    ) -> Outcome:
        """Measure pairs until each case is decided, the most pairs are there, or the budget ends it."""
        schedule, begin, last_s = self._schedule, clock(), 0.0
        for number in range(self._terms.most_pairs):
            start = clock()
            if number and schedule.budget_s is not None and start - begin + last_s > schedule.budget_s:
                self.outcome.notes.append(f"the budget ended the comparison after {number} pairs")
                break
            order = random.Random(f"{schedule.shuffle_seed}-{number}").sample(self._going, len(self._going))  # noqa: S311
            position = 0
            for going in order:
                # Neighbours in time share the state of the machine: a b, then b a, so that its drift cancels.
                for side in SIDES if number % 2 == 0 else tuple(reversed(SIDES)):
                    if stop.wanted():
                        return self._ended("interrupted")
                    self._measure(going, side, number, position, data, launcher, sink, observer, reply_path, clock)
                    position += 1
                    if stop.wanted():
                        return self._ended("interrupted")
                if going.failures and schedule.fail_fast:
                    self.outcome.notes.append(f"ended by --fail-fast: {going.failures[-1].message}")
                    return self._ended("failed")
                self._decide(going, observer, number)
            self._going = [going for going in self._going if going.open]
            last_s = clock() - start
            if not self._going:
                break
        return self._ended("complete")

    def _ended(self, state: str) -> Outcome:
        self.outcome.state = state
        return self.outcome

    def _measure(
        self,
        going: _Going,
        side: str,
        number: int,
        position: int,
        data: Mapping[PlannedJob, PreparedData],
        launcher: Launcher,
        sink: Sink,
        observer: Observer,
        reply_path: Callable[[str], str],
        clock: Clock,
    ) -> None:
        job = going.pair.sides[side]
        name = f"b{number}-{position:02d}-{job.candidate.reference.slug}-{place_of(job)}-{side}"
        step = self._step(job, side, name, number, position)
        observer.started(step)
        start = clock()
        request = request_of(job, data[job], self._schedule, number, position, name, reply_path(name))
        reply = launcher.launch(request, self._schedule.timeout_s)
        reply = replace(
            reply,
            trials=tuple(replace(trial, side=side) for trial in reply.trials),
            failures=tuple(replace(failure, side=side) for failure in reply.failures),
        )
        keep(sink, job, request, reply, clock() - start, self._schedule.effort)
        going.trials += reply.trials
        going.failures += reply.failures
        self._done += 1
        self.outcome.trials += len(reply.trials)
        self.outcome.failures += len(reply.failures)
        observer.replied(step, reply.trials, reply.failures, reply.seconds)

    def _step(self, job: PlannedJob, side: str, name: str, number: int, position: int) -> Step:
        """Return what is about to run; the time left is that of all pairs, as if none was decided before."""
        rounds = self._terms.most_pairs - number
        jobs = [job for going in self._going for job in going.pair.sides.values()]
        left_s = sum(self._seconds[job] for job in jobs) * (rounds - position / len(jobs))
        total = self._done + len(jobs) * rounds - position
        text = f"{text_of(job)} [{side}]"
        return Step(text, name, number, self._terms.most_pairs, self._done, total, left_s, left_s - self._seconds[job])

    def _decide(self, going: _Going, observer: Observer, number: int) -> None:
        """Close what is decided, and what cannot be."""
        for case in list(going.open):
            decision, refused = self._judge(going, case)
            if decision.stop or refused:
                going.open.remove(case)
                words = refused or decision.reason
                observer.note(f"{case.workload} {case.get('backend') or ''} {case.text('phase')}: {words}")
        gave = {trial.side for trial in going.trials}
        if going.open and len(gave) < len(SIDES):
            missing = next(side for side in SIDES if side not in gave)
            job = going.pair.sides[missing]
            self.outcome.notes.append(f"{text_of(job)} failed as a whole on side {missing} and was not repeated")
            going.open.clear()

    def _judge(self, going: _Going, case: Case) -> tuple[Decision, str | None]:
        compared = self._terms.compared
        found = sided(
            case,
            [trial for trial in going.trials if common_case(trial.case, compared) == case],
            [failure for failure in going.failures if common_case(failure.case, compared) == case],
            self._infos.get(case.workload),
            self._terms,
        )
        return found.decision, found.refused

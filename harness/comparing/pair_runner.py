"""Run pairs: each job on both sides in fresh processes, in turn a b, b a."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...results.comparing.sides import SIDES
from ...results.records.model import Failure, Trial
from ..experiments.execute import Bench
from ..experiments.forecast import Forecast, job_key
from ..experiments.runner import Outcome, Schedule, keep, place_of, request_of, text_of
from ..measuring.measure import Clock
from ..progress import Step
from .pair_plan import JobPair


@dataclass(slots=True, eq=False)
class PairRecord:
    """What a pair of jobs gave so far."""

    pair: JobPair
    trials: list[Trial] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def silent(self) -> str | None:
        """The side that has given nothing at all; None where both have given something."""
        gave = {trial.side for trial in self.trials}
        return next((side for side in SIDES if side not in gave), None)


class PairRounds:
    """Measures rounds of pairs; who goes on is decided elsewhere."""

    def __init__(self, bench: Bench, schedule: Schedule, expected: Forecast, clock: Clock = time.perf_counter) -> None:
        self._bench = bench
        self._schedule = schedule
        self._expected = expected
        self._clock = clock
        self._begin = clock()
        self._last_s = 0.0
        self._done = 0
        self.outcome = Outcome()

    def over_budget(self) -> bool:
        """Tell whether another round like the last one would end after the budget; note it if so."""
        budget = self._schedule.budget_s
        over = budget is not None and self._clock() - self._begin + self._last_s > budget
        if over and self._last_s:
            self.outcome.notes.append("the budget ended the comparison")
        return over and self._last_s > 0

    def ended(self) -> bool:
        """Tell whether the user, or --fail-fast, wants no more."""
        return self.outcome.state != "complete"

    def round(self, records: Sequence[PairRecord], number: int, rounds: int) -> None:
        """Measure each pair once more, in shuffled order.

        Neighbours in time share the state of the machine: a b in even rounds and b a in odd ones, so that its drift
        cancels.

        Args:
            records: the pairs that go on; what is measured is added to them.
            number: of the round, from 0.
            rounds: how many more there may be, this one included, for the time left.

        """
        start = self._clock()
        order = random.Random(f"{self._schedule.shuffle_seed}-{number}").sample(list(records), len(records))  # noqa: S311
        seconds = {id(record): self._pair_seconds(record) for record in records}
        left_s = sum(seconds.values()) * rounds
        total = self._done + len(SIDES) * len(records) * rounds
        for place, record in enumerate(order):
            for turn, side in enumerate(SIDES if number % 2 == 0 else tuple(reversed(SIDES))):
                if self._stopped():
                    return
                position = len(SIDES) * place + turn
                after_s = left_s - seconds[id(record)] / len(SIDES)
                self._measure(record, side, number, position, (total, left_s, after_s))
                left_s = after_s
                if self._stopped():
                    return
            if record.failures and self._schedule.fail_fast:
                self.outcome.state = "failed"
                self.outcome.notes.append(f"ended by --fail-fast: {record.failures[-1].message}")
                return
        self._last_s = self._clock() - start

    def note_silent(self, record: PairRecord) -> bool:
        """Tell whether a side of a pair failed as a whole, which is noted: it would fail again."""
        side = record.silent
        if side is not None:
            text = text_of(record.pair.sides[side])
            self.outcome.notes.append(f"{text} failed as a whole on side {side} and was not repeated")
        return side is not None

    def _stopped(self) -> bool:
        if self._bench.stop.wanted():
            self.outcome.state = "interrupted"
        return self.outcome.state == "interrupted"

    def _pair_seconds(self, record: PairRecord) -> float:
        jobs: Mapping[str, float] = self._expected.seconds
        return sum(jobs[job_key(job, self._schedule.effort)] for job in record.pair.sides.values())

    def _measure(
        self, record: PairRecord, side: str, number: int, position: int, left: tuple[int, float, float]
    ) -> None:
        bench, schedule, job = self._bench, self._schedule, record.pair.sides[side]
        name = f"b{number}-{position:02d}-{job.candidate.reference.slug}-{place_of(job)}-{side}"
        total, left_s, after_s = left
        step = Step(f"{text_of(job)} [{side}]", name, number, schedule.blocks, self._done, total, left_s, after_s)
        bench.observer.started(step)
        start = self._clock()
        request = request_of(job, bench.data[job], schedule, number, position, name, bench.reply_path(name))
        reply = bench.launcher.launch(request, schedule.timeout_s)
        reply = replace(
            reply,
            trials=tuple(replace(trial, side=side) for trial in reply.trials),
            failures=tuple(replace(failure, side=side) for failure in reply.failures),
        )
        keep(bench.sink, job, request, reply, self._clock() - start, schedule.effort)
        record.trials += reply.trials
        record.failures += reply.failures
        self._done += 1
        self.outcome.trials += len(reply.trials)
        self.outcome.failures += len(reply.failures)
        bench.observer.replied(step, reply.trials, reply.failures, reply.seconds)

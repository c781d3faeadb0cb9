"""The search for the largest batch that trains: doubling until memory is out, then halving the gap.

Each size is a case of its own, in a process of its own, so that the stored run is the curve of throughput over batch
size. Running out of memory is an outcome here, and not a fault.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ...results.records.model import Failure
from ..children.launch import Launcher, Reply
from ..measuring.measure import Clock
from ..progress import Observer, Step
from ..wire import PreparedData
from .plan import Plan, PlannedJob
from .runner import Outcome, Schedule, Sink, Stop, keep, place_of, request_of, text_of

LARGEST = 1 << 20
"""The search ends here, whatever still fits."""
CLOSE = 1.125
"""And when the smallest batch that failed is at most so many times the largest that trained."""
NO_ROOM = "out of memory"
UNCHECKED = ("crashed", "error")
"""Not every allocation is checked, and not every error tells its cause: under a limit, a batch that ends so where a
smaller one trained has no room."""


@dataclass(slots=True)
class Search:
    """What is known so far about one backend and problem."""

    start: int
    held: int = 0
    """Largest batch that trained; 0: none yet."""
    failed: int | None = None
    """Smallest that did not."""

    def sizes(self) -> Iterator[int]:
        """Yield the next size to try until the answer is close; tell each outcome to `learn` before the next."""
        while (size := self._next()) is not None:
            yield size

    def learn(self, size: int, *, fits: bool) -> None:
        """Take in whether a size trained."""
        if fits:
            self.held = max(self.held, size)
        else:
            self.failed = size if self.failed is None else min(self.failed, size)

    def _next(self) -> int | None:
        if self.failed is None:
            size = self.held * 2 or self.start
            return size if size <= LARGEST else None
        if self.failed <= 1 or (self.held and self.failed <= self.held * CLOSE):
            return None
        middle = (self.held + self.failed) // 2 if self.held else self.failed // 2
        coarse = 1 << max(middle.bit_length() - 5, 0)
        middle = middle // coarse * coarse
        return middle if self.held < middle < self.failed else None


def search_all(
    plan: Plan,
    data: Mapping[PlannedJob, PreparedData],
    schedule: Schedule,
    launcher: Launcher,
    sink: Sink,
    observer: Observer,
    stop: Stop,
    reply_path: Callable[[str], str],
    clock: Clock = time.perf_counter,
) -> Outcome:
    """Search the largest batch of every job of a plan, one after the other."""
    outcome = Outcome()
    for place, job in enumerate(plan.jobs):
        search = Search(job.batch_size)
        ended = ""
        for number, size in enumerate(search.sizes()):
            if stop.wanted():
                outcome.state = "interrupted"
                return outcome
            sized = replace(job, batch_size=size, cases=(job.cases[0].with_({"batch_size": size}),))
            name = f"m{place}-{number:02d}-{job.candidate.reference.slug}-{place_of(job)}"
            step = Step(f"{text_of(job)} batch {size}", name, place, len(plan.jobs), place, len(plan.jobs), None)
            observer.started(step)
            start = clock()
            request = request_of(sized, data[job], schedule, 0, place, name, reply_path(name))
            request = replace(request, repeat_samples=True)
            reply = launcher.launch(request, schedule.timeout_s)
            keep(sink, sized, request, reply, clock() - start, schedule.effort)
            observer.replied(step, reply.trials, reply.failures, reply.seconds)
            outcome.trials += len(reply.trials)
            failure = _other_failure(reply, under_limit=bool(search.held and schedule.memory_limit_bytes))
            if failure is not None:
                outcome.failures += 1
                ended = f": the search ended at {size} ({failure.kind})"
                break
            search.learn(size, fits=bool(reply.trials))
        outcome.notes.append(_found(job, search) + ended)
    return outcome


def _other_failure(reply: Reply, *, under_limit: bool) -> Failure | None:
    known = (NO_ROOM, *UNCHECKED) if under_limit else (NO_ROOM,)
    return next((failure for failure in reply.failures if failure.kind not in known), None)


def _found(job: PlannedJob, search: Search) -> str:
    name = text_of(job)
    if not search.held:
        return f"{name}: not even a batch of {search.failed or search.start} trains"
    if search.failed is None:
        return f"{name}: a batch of {search.held} trains; larger ones were not tried"
    return f"{name}: the largest batch that trains is {search.held}; {search.failed} has no room"

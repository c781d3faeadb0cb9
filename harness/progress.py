"""Progress on stderr: who watches a run, and the watchers that write lines. The live one is in `live`."""

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TextIO

from ..results import units
from ..results.records.model import Failure, Trial


@dataclass(frozen=True, slots=True)
class Step:
    """A job about to start, and how far the run is."""

    text: str
    """What runs, for people: workload, backend, phases."""
    job: str
    block: int
    blocks: int
    done: int
    total: int
    left_s: float | None
    """Expected seconds to the end of the run, this job included."""
    after_s: float | None = None
    """The same after this job."""


class Observer(Protocol):
    """Is told what happens; never changes it."""

    def note(self, text: str) -> None:
        """Something worth saying happened outside the jobs."""

    def started(self, step: Step) -> None:
        """Announce a job."""

    def replied(self, step: Step, trials: tuple[Trial, ...], failures: tuple[Failure, ...], seconds: float) -> None:
        """Tell what came of it."""

    def finished(self, state: str, seconds: float) -> None:
        """Say that nothing more will come."""


class Silence:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """Ignore."""

    def started(self, step: Step) -> None:
        """Ignore."""

    def replied(self, step: Step, trials: tuple[Trial, ...], failures: tuple[Failure, ...], seconds: float) -> None:
        """Ignore."""

    def finished(self, state: str, seconds: float) -> None:
        """Ignore."""


class PlainLines:
    """One line per event: for logs and terminals that cannot redraw."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def note(self, text: str) -> None:
        """Print a line."""
        self._line(text)

    def started(self, step: Step) -> None:
        """Print nothing: the reply's line has it all."""

    def replied(self, step: Step, trials: tuple[Trial, ...], failures: tuple[Failure, ...], seconds: float) -> None:
        """Print what was measured."""
        figure = f", {last_figure(trials)}" if trials else ""
        failed = "".join(f", {failure.kind}: {failure.message}" for failure in failures[:1])
        left = f", about {units.seconds(step.after_s)} to go" if step.after_s else ""
        place = f"[{step.done + 1}/{step.total}]"
        self._line(f"{place} {step.text}: {units.seconds(seconds)}{figure}{failed}{left}")

    def finished(self, state: str, seconds: float) -> None:
        """Print the end."""
        self._line(f"{state} after {units.seconds(seconds)}")

    def _line(self, text: str) -> None:
        write_line(self._stream, text)


class JsonLines:
    """One JSON object per event: for programs that watch."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def note(self, text: str) -> None:
        """Write a note."""
        self._line(event="note", text=text)

    def started(self, step: Step) -> None:
        """Write that a job starts."""
        self._line(event="started", **self._place(step), left_s=step.left_s)

    def replied(self, step: Step, trials: tuple[Trial, ...], failures: tuple[Failure, ...], seconds: float) -> None:
        """Write what came of a job."""
        cases = [{"case": trial.case.id, "outcome": "measured"} for trial in trials]
        cases += [{"case": f.case.id, "outcome": f.kind, "message": f.message} for f in failures]
        self._line(event="replied", **self._place(step), seconds=round(seconds, 3), cases=cases)

    def finished(self, state: str, seconds: float) -> None:
        """Write the end."""
        self._line(event="finished", state=state, seconds=round(seconds, 3))

    def _place(self, step: Step) -> dict[str, object]:
        return {
            "job": step.job,
            "what": step.text,
            "block": step.block,
            "done": step.done,
            "total": step.total,
        }

    def _line(self, **data: object) -> None:
        write_line(self._stream, json.dumps(data))


def write_line(stream: TextIO | None, text: str) -> None:
    """Write a line; where nobody reads any more, do nothing: whether a run is watched must not change it."""
    with suppress(OSError, ValueError):
        print(text, file=stream or sys.stderr, flush=True)


def last_figure(trials: tuple[Trial, ...]) -> str:
    """Return one telling figure of a job's trials, unsmoothed: a sign of life, not a result."""
    for trial in trials:
        if trial.case.get("phase") == "train" and trial.windows:
            half = trial.windows[len(trial.windows) // 2 :]
            rate = sum(w.items for w in half) / sum(w.seconds for w in half)
            return f"train {rate:,.0f} samples/s"
    for trial in trials:
        if trial.epochs and trial.epochs[-1].metric is not None:
            return f"metric {trial.epochs[-1].metric:.3f} after {trial.epochs[-1].number} epochs"
    for trial in trials:
        if trial.queries:
            return f"latency {units.seconds(sorted(trial.queries)[len(trial.queries) // 2])}"
    return f"{len(trials)} cases measured"

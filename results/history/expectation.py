"""Expectation: a run held against a stored baseline, and against where the last sessions say that it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import units
from ..records.model import Run
from ..statistics.change_points import changes
from ..statistics.prediction import FEWEST_SESSIONS, Prediction, prediction
from .baselines import Baseline, surroundings
from .history import series_text
from .index import Point, Series
from .points import METRICS, Cell, SeriesKey, Value, cells

EXPECTED, SUSPECT, BETTER, OTHER, NOT_JUDGED = "as expected", "suspect", "better", "unlike before", "not judged"

OF_SPEED = ("items/s", "s")
"""Units of figures that a slower machine changes, so that a canary can divide it out."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of one case."""

    key: SeriesKey
    metric: str
    baseline: float | None
    value: float | None
    """In the run."""
    expected: Prediction | None
    """In the unit of the metric; with a canary, its ratio carried back to the canary's figure in the run."""
    verdict: str
    reason: str | None
    """Why it is not judged, or what makes the judgement doubtful."""
    confirm: str | None = None
    """The command that tells whether a suspect is one."""


def judge(baseline: Baseline, run: Run, known: Sequence[Series], canary: str | None = None) -> list[Judged]:
    """Return how each figure of a run stands to a baseline; figures of one side alone too, with what is missing.

    known: the stored series of the run's machine. canary: a workload that does not change; where it was measured in the
    run and in the sessions, figures of speed are judged by their ratio to it, which divides the machine's state out.
    """
    here = {(cell.key, value.metric): (cell, value) for cell in cells(run) for value in cell.values}
    there = {(entry.key, entry.metric): entry for entry in baseline.entries}
    failed = {cell.key.case_id: cell for cell in cells(run) if not cell.trials}
    sessions = {(one.key, metric): points for one in known for metric, points in one.points.items()}
    found = []
    for place in dict.fromkeys([*there, *here]):
        key, metric = place
        if key.side is not None or key.workload == canary:
            continue
        before = there[place].value if place in there else None
        if place not in here:
            found.append(Judged(key, metric, before, None, None, NOT_JUDGED, _why_absent(key, failed, run)))
            continue
        cell, value = here[place]
        earlier = _earlier(sessions.get(place, ()), run)
        against = _canary(key, metric, canary, here, sessions, run)
        found.append(_judged(key, metric, before, value, cell, earlier, against, (baseline, run)))
    return found


def _why_absent(key: SeriesKey, failed: Mapping[str, Cell], run: Run) -> str:
    lost = failed.get(key.case_id)
    if lost:
        return f"every trial failed in run {run.header.run}: {lost.failure}"
    return f"not in run {run.header.run}"


def _earlier(points: Sequence[Point], run: Run) -> list[Point]:
    """Return the points before a run, from the last change of level on."""
    before = [p for p in points if p.started < run.header.started and p.run != run.header.run and p.value > 0]
    told = changes([point.value for point in before])
    return before[told[-1].place :] if told else before


def _canary(
    key: SeriesKey,
    metric: str,
    canary: str | None,
    here: Mapping[tuple[SeriesKey, str], tuple[Cell, Value]],
    sessions: Mapping[tuple[SeriesKey, str], Sequence[Point]],
    run: Run,
) -> tuple[float, dict[str, float]] | None:
    """Return the canary's figure in the run and, by run, in earlier sessions: same backend, phase and metric."""
    if canary is None or METRICS[metric].unit not in OF_SPEED:
        return None
    for (other, name), (_, value) in here.items():
        same = other.factors.get("backend") == key.factors.get("backend") and (
            other.factors.get("phase") == key.factors.get("phase")
        )
        if other.workload == canary and name == metric and same and value.value > 0:
            return value.value, {p.run: p.value for p in _earlier(sessions.get((other, name), ()), run)}
    return None


def _judged(
    key: SeriesKey,
    metric: str,
    before: float | None,
    value: Value,
    cell: Cell,
    earlier: Sequence[Point],
    against: tuple[float, dict[str, float]] | None,
    sides: tuple[Baseline, Run],
) -> Judged:
    doubts = []
    if value.value <= 0:
        reason = "it is not above zero, and what is expected is a ratio"
        return Judged(key, metric, before, value.value, None, NOT_JUDGED, reason)
    if before is None:
        doubts.append("not in the baseline")
    if value.trials < cell.trials:
        doubts.append(f"{units.plural(value.trials, 'trial')} of {cell.trials} have this figure")
    unit, history = 1.0, [point.value for point in earlier]
    if against is not None:
        unit, with_canary = against
        history = [point.value / with_canary[point.run] for point in earlier if point.run in with_canary]
        doubts.append("divided by the canary")
    ratio = prediction(history)
    if ratio is None:
        reason = f"{units.plural(len(history), 'session')} at this level; {FEWEST_SESSIONS} are needed"
        return Judged(key, metric, before, value.value, None, NOT_JUDGED, "; ".join([reason, *doubts]))
    expected = Prediction(unit * ratio.middle, unit * ratio.low, unit * ratio.high, ratio.sessions)
    if value.trials == 1:
        reason = "; ".join(["one trial only, the sessions' points are medians", *doubts])
        if any(point.trials > 1 for point in earlier):
            return Judged(key, metric, before, value.value, expected, NOT_JUDGED, reason)
    verdict = _verdict(value.value, expected, METRICS[metric].better or key.direction)
    confirm = confirmation(key, *sides) if verdict == SUSPECT else None
    if before is None:
        verdict, confirm = NOT_JUDGED, None
    return Judged(key, metric, before, value.value, expected, verdict, "; ".join(doubts) or None, confirm)


def _verdict(value: float, expected: Prediction, better: str | None) -> str:
    if expected.low <= value <= expected.high:
        return EXPECTED
    if better is None:
        return OTHER
    return BETTER if (value > expected.high) == (better == "max") else SUSPECT


def confirmation(key: SeriesKey, baseline: Baseline, run: Run) -> str:
    """Return the command that tells more: both versions in turn where they differ, else the same again."""
    backend, phase = str(key.factors.get("backend")), str(key.factors.get("phase"))
    for package, (old, new) in surroundings(baseline, run).items():
        if old and new and package in (backend, "keras", "numpy"):
            sides = f"--a {package}=={old} --b {package}=={new}"
            return f"dlbench ab {key.workload} --backend {backend} --phase {phase} {sides}"
    return f"dlbench run {key.workload} --backend {backend} --phase {phase} --trials 7"


def judged_text(judged: Judged) -> str:
    """Return a verdict in a sentence, with what to do."""
    words = f"{judged.key.workload} {series_text(judged.key)}, {METRICS[judged.metric].title}"
    if judged.confirm:
        return f"suspect: {words}: confirm with `{judged.confirm}`{f' ({judged.reason})' if judged.reason else ''}"
    return f"{words}: {judged.verdict}{f': {judged.reason}' if judged.reason else ''}"

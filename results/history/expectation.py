"""Expectation: a run held against a stored baseline, and against where the last sessions say that it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import units
from ..records.model import Run
from ..statistics.prediction import FEWEST_SESSIONS, Prediction
from ..statistics.session import JudgedFigure, judge_session
from .baselines import Baseline, Entry
from .history import Environments, series_text
from .index import Point, Series
from .points import ENVIRONMENT, METRICS, Cell, SeriesKey, Value, cells

EXPECTED, SUSPECT, BETTER, OTHER, NOT_JUDGED = "as expected", "suspect", "better", "unlike before", "not judged"

OF_SPEED = ("items/s", "s")
"""Units of figures that a slower machine changes, so that a canary can divide it out."""

Place = tuple[SeriesKey, str]
"""A case and the name of a metric."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of one case."""

    key: SeriesKey
    metric: str
    baseline: float | None
    value: float | None
    """In the run."""
    verdict: str
    reason: str | None
    """Why it is not judged, what it is beyond, or what makes the judgement doubtful."""
    expected: Prediction | None = None
    """From the last sessions, in the unit of the metric; with a canary, its ratio carried back to the run's."""
    near: Prediction | None = None
    """Likewise, around the baseline's figure: where a session like it would be."""
    confirm: str | None = None
    """The command that tells whether a suspect is one."""
    fill_in: str | None = None
    """What the user must put into that command, in words; None: it can be run as it is."""


@dataclass(frozen=True, slots=True)
class _Figure:
    """One metric of one case in the run, before it is judged."""

    place: Place
    entry: Entry | None
    value: Value
    cell: Cell
    sessions: Sequence[float]
    """Earlier ones of the baseline's driver, image and environment, oldest first, divided by the canary."""
    saved: float | None
    """The baseline's figure, divided likewise; None: it is this run's own, or cannot be divided."""
    unit: float
    """The canary's figure in the run, 1 without one."""
    refused: str | None
    """Why it cannot be judged, whatever the sessions say."""
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that figures are judged by."""

    baseline: Baseline
    run: Run
    here: Mapping[Place, tuple[Cell, Value]]
    there: Mapping[Place, Entry]
    points: Mapping[Place, Sequence[Point]]
    environments: Environments
    canary: str | None
    facts: dict[int, Mapping[str, str]] = field(default_factory=dict)
    """Those of `environments` that were asked for."""

    def before(self, place: Place) -> list[Point]:
        """Return the points of sessions before the run, oldest first."""
        start, run = self.run.header.started, self.run.header.run
        return [p for p in self.points.get(place, ()) if p.started < start and p.run != run and p.value > 0]

    def surroundings(self, point: Point) -> Mapping[str, str]:
        """Return what is known about the surroundings of a point."""
        number = point.environment
        if number not in self.facts:
            self.facts[number] = self.environments(number)
        return self.facts[number]


def judge(
    baseline: Baseline, run: Run, known: Sequence[Series], environments: Environments, canary: str | None = None
) -> list[Judged]:
    """Return how each figure of a run stands to a baseline; figures of one side alone too, with what is missing.

    A figure that cannot be judged takes no part in the correction for many figures (`statistics.session`).

    Args:
        baseline: of the same kind of machine. The sessions that count are those of its driver, image and environment.
        run: the session that is judged, by the sessions before it.
        known: the stored series of the machine.
        environments: tells the surroundings of their points.
        canary: a workload that does not change; where it was measured in the run and in the sessions, figures of speed
            are judged by their ratio to it, which divides the machine's state out.

    """
    every = cells(run)
    here = {(cell.key, value.metric): (cell, value) for cell in every for value in cell.values}
    there = {(entry.key, entry.metric): entry for entry in baseline.entries}
    points = {(one.key, metric): points for one in known for metric, points in one.points.items()}
    all_known = _Known(baseline, run, here, there, points, environments, canary)
    failed = {cell.key.case_id: cell for cell in every if not cell.trials}
    places = [p for p in dict.fromkeys([*there, *here]) if p[0].side is None and p[0].workload != canary]
    figures = {place: _figure(place, all_known) for place in places if place in here}
    asked = {place: figure for place, figure in figures.items() if figure.refused is None}
    judged = judge_session(
        [figure.value.value / figure.unit for figure in asked.values()],
        [figure.sessions for figure in asked.values()],
        [figure.saved for figure in asked.values()],
    )
    answers = dict(zip(asked, judged, strict=True))
    found = []
    for place in places:
        key, metric = place
        if place in figures:
            found.append(_told(figures[place], answers.get(place)))
        else:
            reason = _why_absent(key, failed, run)
            found.append(Judged(key, metric, there[place].value, None, NOT_JUDGED, reason))
    return found


def judged_together(found: Sequence[Judged]) -> int:
    """Return how many figures shared the level of the session."""
    return sum(one.expected is not None for one in found)


def _why_absent(key: SeriesKey, failed: Mapping[str, Cell], run: Run) -> str:
    lost = failed.get(key.case_id)
    if lost:
        return f"every trial failed in run {run.header.run}: {lost.failure}"
    return f"not in run {run.header.run}"


def _figure(place: Place, known: _Known) -> _Figure:
    """Return a figure of the run with what it is held against."""
    cell, value = known.here[place]
    entry = known.there.get(place)
    doubts = []
    if value.trials < cell.trials:
        doubts.append(f"{units.plural(value.trials, 'trial')} of {cell.trials} have this figure")
    points, left_out = _like_the_baseline(place, known)
    doubts += left_out
    several = any(point.trials > 1 for point in points)
    own = known.baseline.run == known.run.header.run
    saved = None if entry is None or own else entry.value
    unit, sessions = 1.0, [point.value for point in points]
    canary = _canary(place, known)
    if canary is not None:
        doubts.append("divided by the canary")
        unit = known.here[canary][1].value
        with_canary = {point.run: point.value for point in known.before(canary)}
        sessions = [point.value / with_canary[point.run] for point in points if point.run in with_canary]
        lacking = len(points) - len(sessions)
        doubts += [f"{units.plural(lacking, 'session')} without the canary left out"] if lacking else []
        beside = known.there.get(canary)
        if saved is not None:
            saved = saved / beside.value if beside is not None and beside.value > 0 else None
            doubts += ["the canary is not in the baseline: the sessions alone are asked"] if saved is None else []
    refused = _why_refused(value, None if own else entry, entry is None, several)
    return _Figure(place, entry, value, cell, sessions, saved, unit, refused, doubts)


def _why_refused(value: Value, entry: Entry | None, absent: bool, several: bool) -> str | None:
    """Return why a figure cannot be judged; several: whether the sessions' points are medians of several trials."""
    if value.value <= 0:
        return "it is not above zero, and what is expected is a ratio"
    if absent:
        return "not in the baseline"
    if entry is not None and entry.value <= 0:
        return "the baseline's is not above zero, and what is expected is a ratio"
    if several and value.trials == 1:
        return "one trial only, the sessions' points are medians"
    if several and entry is not None and entry.trials == 1:
        return "the baseline's is of one trial only, the sessions' points are medians"
    return None


def _like_the_baseline(place: Place, known: _Known) -> tuple[list[Point], list[str]]:
    """Return the points before the run with the baseline's driver, image and environment, and why others are not."""
    machine, entry, points = known.baseline.machine, known.there.get(place), known.before(place)
    wanted = {"driver": machine.driver, "image": machine.image}
    environment = (entry.environment if entry else None) or next(
        (known.surroundings(p).get(ENVIRONMENT) for p in known.points.get(place, ()) if p.run == known.baseline.run),
        None,
    )
    if environment is not None:
        wanted[ENVIRONMENT] = environment
    kept: list[Point] = []
    others: dict[str, int] = {}
    for point in points:
        facts = known.surroundings(point)
        differs = next((name for name, value in wanted.items() if facts.get(name) != value), None)
        if differs is None:
            kept.append(point)
        else:
            others[differs] = others.get(differs, 0) + 1
    said = [f"{units.plural(number, 'session')} with another {name} left out" for name, number in others.items()]
    if entry is not None and environment is None:
        said.append("the baseline does not tell its environment: sessions of any count")
    return kept, said


def _canary(place: Place, known: _Known) -> Place | None:
    """Return the canary's figure of the same backend, phase and metric in the run; None where there is none."""
    key, metric = place
    if known.canary is None or METRICS[metric].unit not in OF_SPEED:
        return None
    same = [
        (other, name)
        for (other, name), (_, value) in known.here.items()
        if (other.workload, name) == (known.canary, metric)
        and all(other.factors.get(factor) == key.factors.get(factor) for factor in ("backend", "phase"))
        and value.value > 0
    ]
    return same[0] if same else None


def _told(figure: _Figure, answer: JudgedFigure | None) -> Judged:
    """Return a figure with its verdict; answer: None for one that cannot be judged."""
    (key, metric), before = figure.place, figure.entry.value if figure.entry else None
    fixed = (key, metric, before, figure.value.value)
    if answer is None:
        return Judged(*fixed, NOT_JUDGED, "; ".join([str(figure.refused), *figure.doubts]))
    if answer.expected is None:
        reason = f"{units.plural(answer.sessions, 'session')} at this level; {FEWEST_SESSIONS} are needed"
        return Judged(*fixed, NOT_JUDGED, "; ".join([reason, *figure.doubts]))
    expected, near = (_carried(one, figure.unit) for one in (answer.expected, answer.near))
    verdict = _verdict(answer, METRICS[metric].better or key.direction)
    reasons = [*(_beyond(figure.value.value, expected, near) if verdict != EXPECTED else ()), *figure.doubts]
    return Judged(*fixed, verdict, "; ".join(reasons) or None, expected, near)


def _carried(told: Prediction | None, unit: float) -> Prediction | None:
    """Return an interval of ratios to the canary in the unit of the metric."""
    return None if told is None else Prediction(unit * told.middle, unit * told.low, unit * told.high, told.sessions)


def _verdict(answer: JudgedFigure, better: str | None) -> str:
    """Return what a figure is: worse by either answer is a suspect, even where the other says better."""
    if not (answer.below or answer.above):
        return EXPECTED
    if better is None:
        return OTHER
    return SUSPECT if (answer.below if better == "max" else answer.above) else BETTER


def _beyond(value: float, expected: Prediction | None, near: Prediction | None) -> list[str]:
    """Return what a figure is beyond, in words."""
    found = []
    if near is not None and not near.low <= value <= near.high:
        found.append("further from the baseline than two sessions differ")
    if expected is not None and not expected.low <= value <= expected.high:
        found.append(f"not where the last {units.plural(expected.sessions, 'session')} are")
    return found


def judged_text(judged: Judged) -> str:
    """Return a verdict in a sentence, with what to do."""
    words = f"{judged.key.workload} {series_text(judged.key)}, {METRICS[judged.metric].title}"
    if judged.confirm:
        how = f"confirm with `{judged.confirm}`{f', where {judged.fill_in}' if judged.fill_in else ''}"
        return f"suspect: {words}: {how}{f' ({judged.reason})' if judged.reason else ''}"
    return f"{words}: {judged.verdict}{f': {judged.reason}' if judged.reason else ''}"

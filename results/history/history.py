"""Histories: one point per run of a case and metric, its changes, and what changed in the surroundings there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .. import units
from ..names import case_words, given_words
from ..statistics.change_points import FEWEST, Change, changes_of
from .index import Point, Series
from .points import ENVIRONMENT, METRICS, SeriesKey, differences

Environments = Callable[[int], Mapping[str, str]]
"""Returns the surroundings of a point, by their number."""

BARS = "▁▂▃▄▅▆▇█"
FLAT = 0.01
"""Relative range below which a series is drawn flat."""


@dataclass(frozen=True, slots=True)
class Told:
    """A change of level, and the surroundings on both sides of it."""

    change: Change
    """Its indices count the points that are shown; those before the first are negative."""
    before: Point
    """The last point before it."""
    after: Point
    """The first point after it."""
    seen: Point
    """The point after which it could be told."""
    worse: bool | None
    """None for a metric without a direction."""
    differs: Mapping[str, tuple[str | None, str | None]]
    """What differs between the surroundings of `before` and `after`."""
    nearby: str | None
    """Where nothing differs there: what differs one run away from it, in words."""


@dataclass(frozen=True, slots=True)
class History:
    """One metric of one case on one kind of machine, over runs."""

    key: SeriesKey
    metric: str
    points: tuple[Point, ...]
    """Those that are shown, oldest first."""
    known: int
    """Points that changes were looked for in: a choice of the last ones does not hide what is older."""
    told: tuple[Told, ...]
    """The changes among the points that are shown."""
    failed: tuple[str, ...]
    """Runs in which every trial of the case failed."""
    note: str | None
    """Why nothing can be told about changes."""

    @property
    def better(self) -> str | None:
        """Which way is better: `max`, `min`, or None where nobody tells."""
        return METRICS[self.metric].better or self.key.direction

    @property
    def alert(self) -> Told | None:
        """The last change, if it is for the worse: the present level is worse than the one before."""
        return self.told[-1] if self.told and self.told[-1].worse else None

    @property
    def title(self) -> str:
        """The metric in words."""
        return METRICS[self.metric].title

    def text(self, value: float) -> str:
        """Return a value of this metric with its unit."""
        return value_text(self.metric, self.key.item, value)


def histories(
    every: Iterable[Series],
    environments: Environments,
    *,
    since: str | None = None,
    last: int | None = None,
    label: str | None = None,
) -> list[History]:
    """Return a history per series and metric, in the order of `every`.

    since: ISO 8601 date or time; earlier points are not shown. last: so many points are shown at most. Both hide points
    from view alone: changes are looked for in the whole series. label: only runs with it are in the series at all.
    """
    found, values = [], []
    for series in every:
        for metric in METRICS:
            points = tuple(p for p in series.points.get(metric, ()) if label is None or p.label == label)
            if points:
                usable = all(point.value > 0 for point in points)
                found.append((series, metric, points, usable))
                values.append([point.value for point in points] if usable else [])
    return [
        _shown(_history(*parts, changes, environments), since, last)
        for parts, changes in zip(found, changes_of(values), strict=True)
    ]


def _history(
    series: Series, metric: str, points: tuple[Point, ...], usable: bool, changes: list[Change], env: Environments
) -> History:
    note = None
    if not usable:
        note = "some values are not above zero, so that changes, which are ratios, cannot be told"
    elif len(points) < FEWEST:
        note = f"{units.plural(len(points), 'point')}; changes can be told from {FEWEST} points on"
    better = METRICS[metric].better or series.key.direction
    told = tuple(_told(change, points, better, env) for change in changes)
    return History(series.key, metric, points, len(points), told, series.failed, note)


def _told(change: Change, points: Sequence[Point], better: str | None, env: Environments) -> Told:
    place = change.place
    worse = None if better is None else (change.ratio < 1) == (better == "max")
    differs = _differences(points[place - 1], points[place], env)
    nearby = None if differs else _nearby(place, points, env)
    return Told(change, points[place - 1], points[place], points[change.seen], worse, differs, nearby)


def _differences(before: Point, after: Point, env: Environments) -> dict[str, tuple[str | None, str | None]]:
    """Return what differs; that another fingerprint does is said only where nothing else is known to."""
    found = differences(env(before.environment), env(after.environment))
    return {name: sides for name, sides in found.items() if name != ENVIRONMENT or len(found) == 1}


def _nearby(place: int, points: Sequence[Point], env: Environments) -> str | None:
    """Return what differs one run before or after a change: noise may move its place."""
    for later, when in ((place - 1, "one run earlier"), (place + 1, "one run later")):
        if 0 < later < len(points):
            differs = _differences(points[later - 1], points[later], env)
            if differs:
                return f"{when}: {differences_text(differs)}"
    return None


def _shown(whole: History, since: str | None, last: int | None) -> History:
    """Return a history with only the points that are asked for, and the changes among them."""
    first = next((n for n, p in enumerate(whole.points) if since is None or p.started >= since), len(whole.points))
    if last is not None:
        first = max(first, len(whole.points) - last)
    told = tuple(
        replace(one, change=replace(one.change, place=one.change.place - first, seen=one.change.seen - first))
        for one in whole.told
        if one.change.seen >= first
    )
    return replace(whole, points=whole.points[first:], told=told)


def differences_text(differs: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Return what differs in words: jax 0.10.1 → 0.10.2, driver n/a → 550."""
    return ", ".join(f"{name} {before or 'n/a'} → {after or 'n/a'}" for name, (before, after) in differs.items())


def surroundings_text(told: Told) -> str:
    """Return what changed around a change of level, or that nothing did that is recorded."""
    if told.differs:
        return f"changed there: {differences_text(told.differs)}"
    return f"nothing recorded changed there; {told.nearby}" if told.nearby else "nothing recorded changed there"


def value_text(metric: str, item: str, value: float) -> str:
    """Return a value of a metric with its unit."""
    unit = METRICS[metric].unit
    if unit == "s":
        return units.seconds(value)
    if unit == "bytes":
        return units.size(value)
    return f"{units.rate(value)} {item}s/s" if unit else units.number(value)


def case_text(key: SeriesKey) -> str:
    """Return what is measured beside workload, backend and phase: the factors that were given."""
    return ", ".join([*given_words(key.factors), *([f"side {key.side}"] if key.side else [])])


def series_text(key: SeriesKey) -> str:
    """Return a case in one line: JAX train, batch_size=1."""
    words = case_words(key.factors)
    return f"{words}, side {key.side}" if key.side else words


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the last values as bars between the smallest and the largest of them; level bars for a flat series."""
    last = list(values[-width:])
    if not last:
        return ""
    low, high = min(last), max(last)
    if high - low <= FLAT * abs(high):
        return BARS[3] * len(last)
    return "".join(BARS[min(int((value - low) / (high - low) * len(BARS)), len(BARS) - 1)] for value in last)

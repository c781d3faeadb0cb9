"""Histories: what they show, what they hide, and what they say changed."""

from collections.abc import Mapping

import pytest
from dlbench.results.history.history import History, differences_text, histories, sparkline, surroundings_text
from dlbench.results.history.index import Point, Series
from dlbench.results.history.points import SeriesKey
from hypothesis import given
from hypothesis import strategies as st

KEY = SeriesKey(
    "toy", "12ab", {"backend": "jax", "phase": "train"}, "m", "EPYC, 2 cores", "cpu", {}, None, "row", "max"
)
ENVIRONMENTS: Mapping[int, Mapping[str, str]] = {
    1: {"jax": "0.10.1", "host": "a"},
    2: {"jax": "0.10.2", "host": "a"},
}


def point(day: int, value: float, environment: int = 1, label: str | None = None) -> Point:
    started = f"2026-{9 + day // 30:02d}-{day % 30 + 1:02d}T00:00:00+00:00"
    return Point(f"run{day:03d}", label, started, 1, value, value, value, 3, 0, 0, environment)


def stepped(count: int = 40, place: int = 25, ratio: float = 0.8, change: int | None = None) -> tuple[Point, ...]:
    """Return points with a step in value at `place` and another environment from `change` on."""
    wobble = (1.0, 1.01, 0.99, 1.005)
    turn = place if change is None else change
    return tuple(
        point(day, 100 * wobble[day % 4] * (1 if day < place else ratio), 1 if day < turn else 2)
        for day in range(count)
    )


def history(points: tuple[Point, ...], metric: str = "throughput", **choice: object) -> History:
    series = Series(1, KEY, ("bad",), {metric: points})
    (found,) = histories([series], ENVIRONMENTS.__getitem__, **choice)  # type: ignore[arg-type]
    return found


def test_a_change_is_told_with_what_differs_on_both_sides() -> None:
    found = history(stepped())
    assert found.alert is not None
    assert found.alert.after.run == "run025"
    assert found.alert.change.ratio == pytest.approx(0.8, rel=0.02)
    assert found.alert.differs == {"jax": ("0.10.1", "0.10.2")}
    assert surroundings_text(found.alert) == "changed there: jax 0.10.1 → 0.10.2"


def test_what_differs_one_run_away_is_said_as_such() -> None:
    (told,) = history(stepped(change=24)).told
    assert told.differs == {}
    assert told.nearby == "one run earlier: jax 0.10.1 → 0.10.2"
    assert "nothing recorded changed there; one run earlier" in surroundings_text(told)
    (told,) = history(stepped(change=3)).told
    assert surroundings_text(told) == "nothing recorded changed there"


@pytest.mark.parametrize(
    ("metric", "ratio", "worse"),
    [
        ("throughput", 0.8, True),
        ("throughput", 1.25, False),
        ("first_step", 0.8, False),
        ("first_step", 1.25, True),
        ("accuracy", 0.8, True),
    ],
)
def test_only_a_change_for_the_worse_is_an_alert(metric: str, ratio: float, *, worse: bool) -> None:
    found = history(stepped(ratio=ratio), metric)
    assert [told.worse for told in found.told] == [worse]
    assert (found.alert is not None) == worse


def test_a_change_that_was_mended_is_no_alert_any_more() -> None:
    points = (*stepped(), *(point(day, 100) for day in range(40, 60)))
    found = history(points)
    assert [told.worse for told in found.told] == [True, False]
    assert found.alert is None


def test_choosing_points_hides_and_does_not_forget() -> None:
    whole = history(stepped())
    last = history(stepped(), last=12)
    assert len(last.points) == 12
    assert last.known == 40
    assert last.alert is not None
    assert last.alert.change.place == whole.told[0].change.place - 28
    assert history(stepped(), since="2026-10-05").told == ()
    assert len(history(stepped(), since="2026-10-05").points) == 6


def test_a_label_makes_a_series_of_its_own() -> None:
    points = tuple(point(day, 100, label="night" if day % 2 else None) for day in range(20))
    assert history(points, label="night").known == 10


def test_what_cannot_be_told_is_said() -> None:
    assert history(stepped(5)).note == "5 points; changes can be told from 13 points on"
    assert "not above zero" in str(history((*stepped(), point(40, 0.0))).note)
    assert history(stepped()).note is None


def test_differences_are_named_with_both_values() -> None:
    assert differences_text({"driver": (None, "550"), "jax": ("1", "2")}) == "driver n/a → 550, jax 1 → 2"


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=40), st.integers(1, 30))
def test_a_sparkline_has_a_bar_per_value(values: list[float], width: int) -> None:
    drawn = sparkline(values, width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= set("▁▂▃▄▅▆▇█")


def test_a_sparkline_rises_with_its_values_and_is_level_for_noise() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 24) == "▁▂▃▄▅▆▇█"
    assert sparkline([100, 100.2, 99.9], 24) == "▄▄▄"
    assert sparkline([], 24) == ""

"""Text for people: three digits, the right unit, no rounding across a unit's border."""

import pytest
from dlbench.results import units
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (1.234e-5, "12.3 µs"),
        (9.999e-4, "1.00 ms"),
        (0.00456, "4.56 ms"),
        (0.9999, "1.00 s"),
        (7.89, "7.89 s"),
        (59.99, "1 min 00 s"),
        (65, "1 min 05 s"),
        (-1.2e-4, "-120 µs"),
        (-0.3, "-300 ms"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(640e3, "640 kB"), (412e6, "412 MB"), (999.9e6, "1.00 GB"), (8.05e9, "8.05 GB"), (-3e6, "-3.00 MB")],
)
def test_size(value: float, text: str) -> None:
    assert units.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234, "0.123"),
        (950, "950"),
        (999.6, "1.00k"),
        (41234, "41.2k"),
        (1.2e6, "1.20M"),
        (3.4e9, "3.40G"),
        (1e12, "1.00T"),
    ],
)
def test_rate(value: float, text: str) -> None:
    assert units.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.008, "0.8 %"),
        (0.0999, "10 %"),
        (0.12, "12 %"),
        (3.5, "350 %"),
        (-0.034, "-3.4 %"),
        (-4e-4, "0.0 %"),
        (-0.4, "-40 %"),
    ],
)
def test_percent(value: float, text: str) -> None:
    assert units.percent(value) == text


def test_intervals_and_spreads() -> None:
    assert units.interval(40100, 42300, units.rate) == "40.1k\N{EN DASH}42.3k"
    assert units.interval(None, None) == ""
    assert units.interval(1, 999) == "1.00\N{EN DASH}999"
    assert units.interval(1, 1001) == "too wide"
    assert units.interval(-1, 1) == "-1.00\N{EN DASH}1.00"
    assert units.with_spread(0.97234, 0.0041) == ("0.972", "± 0.004")
    assert units.with_spread(0.97234, 0.0001) == ("0.972", "± <0.001")
    assert units.with_spread(0.97234, 0.0) == ("0.972", "± 0.000")
    assert units.with_spread(12.34, None) == ("12.3", "")


def test_small_words() -> None:
    assert units.ratio(0.42449) == "0.424x"
    assert units.missing("40 queries") == "n/a (40 queries)"
    assert units.missing() == "n/a"
    assert units.plural(1, "trial") == "1 trial"
    assert units.plural(1200, "trial") == "1,200 trials"


@given(st.floats(1e-9, 1e9))
def test_number_keeps_three_digits(value: float) -> None:
    shown = float(units.number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.0051)

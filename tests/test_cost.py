"""Cost: joules and money, from known counts."""

import pytest
from dlbench.results.factors import Scalar
from dlbench.results.records.model import Case
from dlbench.results.statistics.stats import Interval, Spread
from dlbench.results.summaries.accuracy import Accuracy
from dlbench.results.summaries.cost import cost, joules_per_million, money, money_per_million
from hypothesis import given
from hypothesis import strategies as st

from .synthetic_runs import trial

CASE = Case.of("digits_cnn", backend="jax", phase="train")
RATE = Interval(1000.0, None, None, 1)
LEARNT = Accuracy(Spread(0.98, None, 1), 0.97, 1, 1, 36.0, 4.0, 5e5)


@pytest.mark.parametrize(
    ("marks", "joules"),
    [
        ({"energy_device_j": 30.0, "energy_items": 1000.0}, 30e3),
        ({"energy_package_j": 20.0, "energy_items": 1000.0}, 20e3),
        ({"energy_device_j": 30.0, "energy_package_j": 20.0, "energy_items": 1000.0}, 50e3),
        ({"energy_device_j": 30.0}, None),
        ({"energy_device_j": 30.0, "energy_items": 0.0}, None),
        ({"energy_items": 1000.0}, None),
    ],
)
def test_joules_are_those_that_were_read(marks: dict[str, float], joules: float | None) -> None:
    assert joules_per_million(marks) == joules


@given(st.floats(0.001, 1e3), st.floats(1e-2, 1e8))
def test_a_million_samples_cost_as_much_as_the_time_they_take(price: float, rate: float) -> None:
    assert money_per_million(price, rate) == pytest.approx(money(price, 1e6 / rate))
    assert money(price, 3600) == pytest.approx(price)


def test_everything_is_told_where_it_is_known() -> None:
    trials = [trial(CASE, marks={"energy_device_j": 30.0, "energy_package_j": 20.0, "energy_items": 1000.0})]
    found = cost(trials, RATE, LEARNT, {"price_per_hour": 3.6, "price_currency": "EUR"})
    assert found.joules_per_million is not None
    assert found.joules_per_million.estimate == pytest.approx(50e3)
    assert found.joules_from == "device and processor packages"
    assert found.joules_to_accuracy == pytest.approx(25e3)
    assert found.per_million == pytest.approx(1.0)
    assert found.to_accuracy == pytest.approx(0.036)
    assert found.currency == "EUR"


@pytest.mark.parametrize("options", [{}, {"price_per_hour": None}, {"price_currency": "EUR"}])
def test_without_a_price_there_is_no_money(options: dict[str, Scalar]) -> None:
    found = cost([trial(CASE)], RATE, LEARNT, options)
    assert (found.per_million, found.to_accuracy, found.currency) == (None, None, None)
    assert (found.joules_per_million, found.joules_from, found.joules_to_accuracy) == (None, None, None)


def test_a_free_machine_costs_nothing() -> None:
    found = cost([], RATE, LEARNT, {"price_per_hour": 0})
    assert (found.per_million, found.to_accuracy, found.currency) == (0, 0, "USD")

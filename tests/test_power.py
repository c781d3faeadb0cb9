"""The smallest effect that a t test finds."""

import math

import numpy as np
import pytest
from dlbench.results.statistics.power import smallest_effect
from scipy import stats as reference


@pytest.mark.parametrize("freedom", [1, 2, 6, 12, 100, 3000])
@pytest.mark.parametrize("rows", [1, 60, 6000])
def test_it_is_found_four_times_in_five(freedom: int, rows: int) -> None:
    alpha = 0.025 / rows
    effect = smallest_effect(1.0, freedom, alpha)
    power = reference.nct.sf(reference.t.isf(alpha, freedom), freedom, effect)
    assert power == pytest.approx(0.8, abs=1e-4)
    assert smallest_effect(0.1, freedom, alpha) == pytest.approx(0.1 * effect)


def test_a_stricter_level_finds_less_and_more_power_takes_more() -> None:
    found = [smallest_effect(1.0, 6, 0.05 / rows / 2) for rows in (1, 10, 60)]
    assert sorted(found) == found
    assert smallest_effect(1.0, 6, 0.025, power=0.05) < found[0] < smallest_effect(1.0, 6, 0.025, power=0.99)


def test_simulated_pairs_find_it() -> None:
    alpha, pairs = 0.025 / 60, 7
    effect = smallest_effect(1 / math.sqrt(pairs), pairs - 1, alpha)
    values = np.random.default_rng(4).normal(effect, 1, (20_000, pairs))
    t = values.mean(axis=1) / (values.std(axis=1, ddof=1) / math.sqrt(pairs))
    assert np.mean(t > reference.t.isf(alpha, pairs - 1)) == pytest.approx(0.8, abs=0.012)


@pytest.mark.parametrize(("freedom", "alpha", "power"), [(6, 0.0, 0.8), (6, 0.6, 0.8), (6, 0.1, 1.0), (0, 0.1, 0.8)])
def test_what_is_no_test_is_refused(freedom: int, alpha: float, power: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        smallest_effect(1.0, freedom, alpha, power)

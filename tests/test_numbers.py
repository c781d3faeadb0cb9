"""Numbers as callers give them."""

import math

import numpy as np
import pytest
from dlbench.results.statistics.numbers import numbers, row


@pytest.mark.parametrize(
    "given",
    [[1, 2], (1.0, 2.0), np.array([1, 2]), np.array([1, 2], np.float32), np.array([1, 2], object), [True, 2]],
)
def test_any_numbers_are_floats(given: object) -> None:
    found = numbers(given)
    assert found.dtype == np.float64
    assert found.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("given", [[1, None], [1, math.nan], np.ma.array([1, 7], mask=[False, True])])
def test_what_is_not_there_is_nan(given: object) -> None:
    found = numbers(given)
    assert found[0] == 1.0
    assert math.isnan(found[1])


@pytest.mark.parametrize("given", [["fast"], [[1], [1, 2]], {1.0}, [object()], [10**400]])
def test_what_is_no_number_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="expected numbers"):
        numbers(given)


def test_a_row_is_one_row() -> None:
    assert row([]).shape == (0,)
    for given in (1.0, [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="one row of values"):
            row(given)

"""The binary search: the first slower one is found wherever it is, whatever cannot be tried, in few steps."""

import math
from collections.abc import Collection
from itertools import combinations

import pytest
from dlbench.harness.comparing.bisection import NOT_SHOWN, SLOWER, UNTRIED, Found, first_slower, most_judged
from hypothesis import given
from hypothesis import strategies as st


def search(count: int, first: int, untried: Collection[int]) -> tuple[Found | None, list[int]]:
    """Search a row that is slower from a place on; return what was found and who was judged, in order."""
    asked = []

    def judge(place: int) -> str:
        asked.append(place)
        return UNTRIED if place in untried else SLOWER if place >= first else NOT_SHOWN

    return first_slower(count, judge), asked


def expected(first: int, untried: Collection[int]) -> Found:
    """Return the answer by looking at every place: the first slower one that can be tried, and the gap before it."""
    found = first
    while found in untried:
        found += 1
    gap = found
    while gap - 1 in untried:
        gap -= 1
    return Found(found, tuple(range(gap, found)))


def check(count: int, first: int, untried: Collection[int]) -> None:
    found, asked = search(count, first, untried)
    assert found == expected(first, untried)
    assert len(set(asked)) == len(asked), "nobody is judged twice"
    skipped = sum(place in untried for place in asked)
    assert len(asked) <= math.ceil(math.log2(count)) + 1 + skipped


def test_every_row_of_up_to_seven_with_every_set_that_cannot_be_tried() -> None:
    for count in range(1, 8):
        for size in range(count):
            for untried in combinations(range(count - 1), size):
                for first in range(count):
                    check(count, first, untried)


@given(st.integers(1, 300), st.data())
def test_long_rows(count: int, data: st.DataObject) -> None:
    untried = data.draw(st.sets(st.integers(0, count - 2))) if count > 1 else set()
    check(count, data.draw(st.integers(0, count - 1)), untried)


@given(st.integers(1, 300), st.integers(0, 299))
def test_the_most_steps_are_known_beforehand(count: int, first: int) -> None:
    _, asked = search(count, min(first, count - 1), ())
    assert len(asked) <= most_judged(count) == math.ceil(math.log2(count)) + 1


@pytest.mark.parametrize("verdict", [NOT_SHOWN, UNTRIED])
def test_without_a_slower_end_nobody_else_is_judged(verdict: str) -> None:
    asked = []

    def judge(place: int) -> str:
        asked.append(place)
        return verdict

    assert first_slower(9, judge) is None
    assert asked == [8]


def test_after_one_that_cannot_be_tried_comes_its_neighbour() -> None:
    found, asked = search(9, 4, {3})
    assert asked[:3] == [8, 3, 4]
    assert found == Found(4, (3,))

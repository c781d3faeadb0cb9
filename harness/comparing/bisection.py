"""A binary search for the first slower one in a row, of which some cannot be tried; on plain data."""

from collections.abc import Callable
from dataclasses import dataclass

SLOWER, NOT_SHOWN, UNTRIED = "slower", "not shown to be slower", "could not be tried"
VERDICTS = (SLOWER, NOT_SHOWN, UNTRIED)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a row becomes slower, as far as it could be tried."""

    first: int
    """Place of the first one that was found to be slower."""
    untried: tuple[int, ...]
    """Places of those directly before it that could not be tried: the first slower one may be any of them."""


def first_slower(count: int, judge: Callable[[int], str]) -> Found | None:
    """Return the first slower one of a row that stays slower from there on; None if the last one is not slower.

    The last one is judged first. Then the middle one of those that are still open is, until none is. One that could
    not be tried is left out, and the search goes on with its neighbour.

    Args:
        count: how many stand in the row, at least one.
        judge: tells of a place, from 0, one of VERDICTS.

    """
    slower, fast = count - 1, -1
    if judge(slower) != SLOWER:
        return None
    still = list(range(count - 1))
    untried = []
    while still:
        place = still[(len(still) - 1) // 2]
        verdict = judge(place)
        if verdict == SLOWER:
            slower = place
        elif verdict == NOT_SHOWN:
            fast = place
        else:
            untried.append(place)
        still = [one for one in still if fast < one < slower and one != place]
    return Found(slower, tuple(sorted(one for one in untried if fast < one < slower)))


def most_judged(count: int) -> int:
    """Return how many of a row are judged at most; each one that could not be tried is one more."""
    return 1 + (count - 1).bit_length()

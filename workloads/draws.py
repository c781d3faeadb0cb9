"""Seeded integers that are the same on every machine and with every version of NumPy."""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class Draws:
    """A stream of integers.

    NumPy promises the raw 64-bit stream of a bit generator for all its versions, but not what `Generator`
    makes of it (NEP 19). Only the raw stream and integer arithmetic are used here.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed))

    def _raw(self, count: int) -> NDArray[np.uint64]:
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def below(self, bound: int, shape: tuple[int, ...]) -> Integers:
        """Return integers in 0..bound-1: uniform for a power of two, else to within bound / 2^64."""
        return (self._raw(int(np.prod(shape))) % np.uint64(bound)).astype(np.int64).reshape(shape)

    def permutation(self, count: int) -> Integers:
        """Return 0..count-1 in random order."""
        return np.argsort(self._raw(count), kind="stable").astype(np.int64)


def part(count: int, most: int, *seed: int) -> Integers:
    """Return 0..count-1 in random order, at most so many of them."""
    return Draws(*seed).permutation(count)[:most]


def by_counts(counts: Integers) -> Integers:
    """Return, for each row of counts, its column numbers repeated as often as counted.

    A uniform draw from such a row has exactly the probabilities counts / total. All rows need the same total.
    """
    rows, columns = counts.shape
    total = int(counts[0].sum())
    if not (counts.sum(axis=1) == total).all():
        raise ValueError("every row of counts needs the same total")
    return np.repeat(np.tile(np.arange(columns), rows), counts.reshape(-1)).reshape(rows, total)


def stratified(labels: Integers, test_share: tuple[int, int], *seed: int) -> tuple[Integers, Integers]:
    """Split indices into training and test, each class in the same share (numerator, denominator)."""
    train, test = [], []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shuffled = members[Draws(*seed, int(label)).permutation(len(members))]
        cut = len(members) * test_share[0] // test_share[1]
        test.append(shuffled[:cut])
        train.append(shuffled[cut:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))

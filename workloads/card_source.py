"""A seeded source of card payments, a few of them fraudulent, whose best possible detector is known exactly."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .draws import Draws, Integers, by_counts

VALUES = 16
"""Each attribute of a payment is a whole number below this, all of them equally likely or nearly so."""
ROW = 256
"""Counts in a row of a usual table: how the second attribute of a pair follows from the first."""


@dataclass(frozen=True, slots=True)
class CardSource:
    """Payments of paired attributes. Usually the second of a pair follows the first; in a fraud it often does not.

    Each attribute by itself is distributed alike in both classes, so that nothing but the pairs tells them apart.
    """

    usual: Integers
    """(pairs, VALUES, VALUES) counts of the first and second attribute; equal totals."""
    fraud: Integers
    """The same for frauds, with the totals of `usual`."""
    odds: int
    """One payment in so many is a fraud."""

    def sample(self, count: int, *seed: int) -> tuple[Integers, NDArray[np.bool_]]:
        """Return payments (count, 2 pairs) and whether each is a fraud (count,)."""
        draws, pairs = Draws(*seed), len(self.usual)
        fraud = draws.below(self.odds, (count,)) == 0
        usual_cell, fraud_cell = (by_counts(counts.reshape(pairs, -1)) for counts in (self.usual, self.fraud))
        payments = np.empty((count, 2 * pairs), dtype=np.int64)
        for pair in range(pairs):
            pick = draws.below(usual_cell.shape[1], (count,))
            cell = np.where(fraud, fraud_cell[pair, pick], usual_cell[pair, pick])
            payments[:, 2 * pair], payments[:, 2 * pair + 1] = cell // VALUES, cell % VALUES
        return payments, fraud

    def log_ratio(self, payments: Integers) -> NDArray[np.float64]:
        """Return the logarithm of how much likelier each payment is as a fraud: no detector ranks better."""
        ratio = np.log(self.fraud / self.usual)
        first, second = payments[:, ::2], payments[:, 1::2]
        return np.asarray(sum(ratio[pair, first[:, pair], second[:, pair]] for pair in range(len(ratio))))


def make_source(pairs: int, odds: int, broken: Fraction) -> CardSource:
    """Return a source in which a fraud breaks each pair with this chance, drawing its second attribute anew."""
    usual = np.stack([_following(_shape(pair)) for pair in range(pairs)])
    anew = np.repeat(usual.sum(axis=1, keepdims=True), VALUES, axis=1)  # sums to VALUES times as much
    kept = broken.denominator - broken.numerator
    fraud = kept * VALUES * usual + broken.numerator * anew
    return CardSource(usual * VALUES * broken.denominator, fraud, odds)


def _shape(pair: int) -> Integers:
    """Return the second attribute that follows each first: a rising or falling line, a peak or a valley."""
    line = np.arange(VALUES)
    peak = VALUES - 1 - abs(2 * line - (VALUES - 1))
    return (line, VALUES - 1 - line, peak, VALUES - 1 - peak)[pair % 4]


def _following(centre: Integers) -> Integers:
    """Return counts (VALUES, VALUES), rows of total ROW: most at the centre, less beside it, one elsewhere."""
    counts = np.ones((VALUES, VALUES), dtype=np.int64)
    for row, middle in enumerate(centre):
        for offset, more in ((-2, 15), (-1, 60), (1, 60), (2, 15)):
            if 0 <= middle + offset < VALUES:
                counts[row, middle + offset] += more
        counts[row, middle] += ROW - counts[row].sum()
    return counts

"""Sequential designs: after which pairs a comparison is looked at, and what must be seen there to end it.

The bounds hold for Student's t with few pairs, whose distribution at the looks depends on nothing but the looks: they
are taken from simulated normal differences, with fixed seeds. Bounds for known variance would raise false alarms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from operator import index

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from . import stats

LOOKS = (4, 6, 8, 10, 12, 14, 16)
"""Pairs after which is looked by default: whole ABBA blocks, two pairs each, in which linear drift cancels."""
ALPHA = 0.025
"""Chance to call equals worse, over all looks; the same for better."""
EQUIVALENCE_ALPHA = 0.05
"""Chance to call sides the same that differ by the margin, over all looks."""
FUTILITY_BETA = 0.01
"""Chance to give up, at any look, on a difference of FUTILITY_EFFECT."""
FUTILITY_EFFECT = 1.35
"""In standard deviations of the log ratios: 10 % where they have 7 %, as on a noisy shared machine."""
CLAIM_SHAPE, FUTILITY_SHAPE = -1.0, -1.0
"""Of the spending functions: above 0 spends early, below 0 late."""
PATHS = 200_000
"""Simulated for the bounds; the chance that is spent is then right to about 0.0003."""
SEED = 20_260


@dataclass(frozen=True, slots=True)
class SequentialDesign:
    """The looks of a comparison and the bounds of |t| at each, t being mean over standard error of the log ratios."""

    looks: tuple[int, ...]
    """Pairs, rising; the last one is the most that are measured."""
    claims: tuple[float, ...]
    """From here a difference is claimed. Never below the bound of a test that looks once."""
    futility: tuple[float, ...]
    """Below here no difference is claimed any more, at this look or later. Binding: `claims` rely on it."""
    equivalence: tuple[float, ...]
    """What the margin must be away from the mean, in standard errors, on both sides."""
    alpha: float
    """Chance to call equals worse, over all looks; the same for better."""

    @property
    def most_pairs(self) -> int:
        """The most pairs that are measured."""
        return self.looks[-1]


def spent(share: float, total: float, shape: float) -> float:
    """Return how much of an error may be spent by the time a share of the pairs is there.

    total (1 - exp(-shape share)) / (1 - exp(-shape)), linear for shape 0: Hwang, Shih & DeCani, Statistics in Medicine
    9(12), 1990. A shape of 1 resembles Pocock's bounds, -4 those of O'Brien and Fleming.
    """
    return total * share if shape == 0 else total * math.expm1(-shape * share) / math.expm1(-shape)


def sequential_design(
    looks: Sequence[int] = LOOKS,
    *,
    alpha: float = ALPHA,
    claim_shape: float = CLAIM_SHAPE,
    futility_beta: float = FUTILITY_BETA,
    futility_effect: float = FUTILITY_EFFECT,
    futility_shape: float = FUTILITY_SHAPE,
    equivalence_alpha: float = EQUIVALENCE_ALPHA,
) -> SequentialDesign:
    """Return the bounds of a group-sequential test on the paired t statistic.

    Errors are spent over the looks (Lan & DeMets, Biometrika 70(3), 1983; with a binding bound for futility: Pampallona
    & Tsiatis, Journal of Statistical Planning and Inference 42, 1994). Exact for normal log ratios of unknown
    variance, but for the simulation. The same arguments give the same bounds; the first call takes about half a second.

    Args:
        looks: pairs, rising, from 2 on.
        alpha: chance to call equals worse, over all looks; the same for better.
        claim_shape: how it is spent (see `spent`).
        futility_beta: chance to give up on a difference of `futility_effect`, over all looks; 0 never gives up.
        futility_effect: in standard deviations of the log ratios.
        futility_shape: how `futility_beta` is spent.
        equivalence_alpha: chance to call sides the same that differ by the margin, over all looks.

    Raises:
        UsageError: the looks are not whole numbers that rise from 2 on, a chance is not between 0 and 1, or a shape or
            the effect is not finite.

    """
    pairs = _whole(looks)
    if not pairs or pairs[0] < 2 or any(after <= before for before, after in pairwise(pairs)):
        raise UsageError(f"looks are numbers of pairs that rise, from 2 on; received {looks!r}")
    if not (0 < alpha < 0.5 and 0 <= futility_beta < 1 and 0 < equivalence_alpha < 0.5):
        raise UsageError(
            f"chances lie between 0 and 0.5, and a futility_beta of 0 never gives up; received alpha {alpha}, "
            f"futility_beta {futility_beta}, equivalence_alpha {equivalence_alpha}"
        )
    if not all(map(math.isfinite, (claim_shape, futility_effect, futility_shape))):
        raise UsageError(
            f"shapes and effects are finite; received claim_shape {claim_shape}, futility_effect {futility_effect}, "
            f"futility_shape {futility_shape}"
        )
    return _simulated(pairs, alpha, claim_shape, futility_beta, futility_effect, futility_shape, equivalence_alpha)


def _whole(looks: Sequence[int]) -> tuple[int, ...]:
    """Return numbers of pairs as whole numbers; none where one of them is not."""
    try:
        return tuple(index(pairs) for pairs in looks)
    except TypeError:
        return ()


@lru_cache(maxsize=16)
def _simulated(
    looks: tuple[int, ...],
    alpha: float,
    claim_shape: float,
    futility_beta: float,
    futility_effect: float,
    futility_shape: float,
    equivalence_alpha: float,
) -> SequentialDesign:
    """Return the bounds for arguments that have been checked."""
    values = np.random.default_rng(SEED).standard_normal((PATHS, looks[-1]))
    equal, apart = np.abs(_statistics(values, looks)), np.abs(_statistics(values + futility_effect, looks))
    going_equal, going_apart = np.ones(PATHS, dtype=bool), np.ones(PATHS, dtype=bool)
    claims, futility = [], []
    claimed = given_up = 0.0
    for place, pairs in enumerate(looks):
        share = pairs / looks[-1]
        # Both sides at once, so twice alpha.
        allowed = spent(share, 2 * alpha, claim_shape) - claimed
        # The binding futility would allow a last bound below that of a single look, which nobody would believe.
        single = stats.t_quantile(1 - alpha, pairs - 1)
        claim = max(single, _bound_above(equal[:, place][going_equal], allowed))
        allowed = spent(share, futility_beta, futility_shape) - given_up
        futile = claim if pairs == looks[-1] else min(claim, _bound_below(apart[:, place][going_apart], allowed))
        claimed += float(np.mean(going_equal & (equal[:, place] >= claim)))
        given_up += float(np.mean(going_apart & (apart[:, place] < futile)))
        going_equal &= (equal[:, place] < claim) & (equal[:, place] >= futile)
        going_apart &= (apart[:, place] < claim) & (apart[:, place] >= futile)
        claims.append(claim)
        futility.append(futile)
    equivalence = _one_sided_bounds(_statistics(values, looks), looks, equivalence_alpha, claim_shape)
    return SequentialDesign(looks, tuple(claims), tuple(futility), equivalence, alpha)


def _one_sided_bounds(
    statistics: NDArray[np.float64], looks: Sequence[int], alpha: float, shape: float
) -> tuple[float, ...]:
    """Return bounds of t that are exceeded at any look with a chance of alpha; nothing else ends the looking."""
    going, bounds, crossed = np.ones(PATHS, dtype=bool), [], 0.0
    for place, pairs in enumerate(looks):
        bound = _bound_above(statistics[:, place][going], spent(pairs / looks[-1], alpha, shape) - crossed)
        crossed += float(np.mean(going & (statistics[:, place] >= bound)))
        going &= statistics[:, place] < bound
        bounds.append(bound)
    return tuple(bounds)


def _statistics(values: NDArray[np.float64], looks: Sequence[int]) -> NDArray[np.float64]:
    """Return t at each look, of shape (paths, looks), from values of shape (paths, pairs)."""
    sums, squares = np.cumsum(values, axis=1), np.cumsum(values**2, axis=1)
    at = np.asarray(looks)
    mean = sums[:, at - 1] / at
    variance = (squares[:, at - 1] - at * mean**2) / (at - 1)
    return np.asarray(mean / np.sqrt(variance / at))


def _bound_above(going: NDArray[np.float64], chance: float) -> float:
    """Return the value that so many of all paths are at or above, of those that are still going."""
    count = int(chance * PATHS)
    return float(np.partition(going, going.size - count)[going.size - count]) if 0 < count <= going.size else math.inf


def _bound_below(going: NDArray[np.float64], chance: float) -> float:
    """Return the value that so many of all paths are below, of those that are still going."""
    count = int(chance * PATHS)
    return float(np.partition(going, count)[count]) if 0 < count < going.size else 0.0

"""How far the numbers of one computation are from those of another: one figure per kind of quantity. Pure NumPy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .numbers import numbers

Arrays = Sequence[NDArray[np.floating]]


def outputs_deviation(found: Arrays, reference: Arrays) -> float:
    """Return the largest of |found - reference| / (|reference| + half the rms of its output).

    For outputs of size one, 1e-5 is the test `allclose(rtol=1e-5, atol=5e-6)`; the rms makes it the same test for
    outputs of any size. Infinite where a value is not finite and the reference is.
    """
    worst = 0.0
    for ours, theirs in zip(found, reference, strict=True):
        a, r = _alike(ours, theirs)
        if not r.size:
            continue
        known = np.isfinite(r)
        if not np.isfinite(a[known]).all():
            return float("inf")
        a, r = a[known], r[known]
        scale = np.abs(r) + 0.5 * np.sqrt(np.mean(r**2)) if r.size else r
        worst = max(worst, _largest_ratio(np.abs(a - r), scale))
    return worst


def gradients_deviation(found: Arrays, reference: Arrays) -> float:
    """Return the l2 norm of the difference over the whole model, as a share of the reference's norm.

    Over the whole model, because a tensor whose true gradient is zero (the key bias of attention) has no meaningful
    error of its own.
    """
    difference = np.sqrt(sum(_squares(_difference(a, r)) for a, r in zip(found, reference, strict=True)))
    size = np.sqrt(sum(_squares(np.asarray(r, np.float64)) for r in reference))
    return _largest_ratio(np.array([difference]), np.array([size]))


def tensor_deviations(found: Arrays, reference: Arrays) -> list[float]:
    """Return, for each tensor, the l2 norm of its difference as a share of the largest tensor's norm."""
    largest = np.sqrt(max((_squares(np.asarray(r, np.float64)) for r in reference), default=0.0))
    return [
        _largest_ratio(np.array([np.sqrt(_squares(_difference(a, r)))]), np.array([largest]))
        for a, r in zip(found, reference, strict=True)
    ]


def losses_deviation(found: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Return |found - reference| at each step, as a share of the largest loss of the reference.

    Infinite where a loss is not finite and the reference is; 0 from where the reference itself is not.
    """
    a, r = numbers(found), numbers(reference)
    if a.shape != r.shape:
        raise ValueError(f"trajectories of {a.size} and {r.size} losses cannot be compared")
    known = np.isfinite(r)
    scale = np.abs(r[known]).max(initial=0.0) or 1.0
    with np.errstate(invalid="ignore"):
        difference = np.where(known, np.abs(a - r) / scale, 0.0)
    return np.where(np.isnan(difference), np.inf, difference)


def _difference(found: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float64]:
    a, r = _alike(found, reference)
    return a - r


def _alike(
    found: NDArray[np.floating], reference: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as float64; raises ValueError where their shapes differ."""
    a, r = numbers(found), numbers(reference)
    if a.shape != r.shape:
        raise ValueError(f"arrays of shapes {a.shape} and {r.shape} cannot be compared")
    return a, r


def _squares(values: NDArray[np.float64]) -> float:
    total = float(np.sum(values * values))
    return total if np.isfinite(total) else float("inf")


def _largest_ratio(difference: NDArray[np.float64], scale: NDArray[np.float64]) -> float:
    """Return the largest difference / scale; 0 / 0 is no difference, and a difference of nothing counts as it is."""
    if not difference.size:
        return 0.0
    ratio = difference / np.where(scale > 0, scale, 1.0)
    return float(np.max(np.where(np.isnan(ratio), np.inf, ratio)))

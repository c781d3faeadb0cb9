"""Holm's correction: the chance of even one false finding among many metrics stays below the level."""

import numpy as np
from numpy.typing import NDArray

from .numbers import numbers
from .stats import Values


def holm(p_values: Values) -> NDArray[np.float64]:
    """Return p-values adjusted for being so many, in the order given; a metric is a finding where its own is <= alpha.

    The i-th smallest of m, times m - i + 1, and never below the one before it (Holm, Scandinavian Journal of Statistics
    6(2), 1979). It holds whatever the metrics have to do with each other. What has no p-value is not in the family:
    leave it out.

    Args:
        p_values: shape (metrics,), each from 0 to 1.

    Returns:
        Shape (metrics,), none below its own p-value and none above 1.

    Raises:
        ValueError: a value is not a number from 0 to 1.

    """
    raw = numbers(p_values)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError(f"expected one row of p-values from 0 to 1; received {p_values!r}")
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(raw.size, 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted

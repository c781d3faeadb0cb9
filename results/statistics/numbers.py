"""Numbers as callers give them: lists, arrays of any kind of number, masked or not, with gaps."""

import numpy as np
from numpy.typing import NDArray


def numbers(values: object) -> NDArray[np.float64]:
    """Return values as floats of the same shape; NaN for None, for NaN and for what a mask hides.

    Raises:
        ValueError: there is something else than numbers among them, or rows have unequal lengths.

    """
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(np.ma.filled(values.astype(np.float64), np.nan))
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"expected numbers, and None where there is none; received {values!r}") from error


def row(values: object) -> NDArray[np.float64]:
    """Return one row of values, as `numbers` does.

    Raises:
        ValueError: they are no numbers, or not one row.

    """
    found = numbers(values)
    if found.ndim != 1:
        raise ValueError(f"expected one row of values; received values of shape {found.shape}")
    return found

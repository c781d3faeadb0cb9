"""Whether training trains: the weights move, and how they move depends on the batch.

A compiler drops what nobody reads. A step whose gradients are not used is fast and means nothing; it is found by what
it does, the same way on every backend, and not by its time.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from ...backends.backend import StateVariables
from ...results.errors import BrokenError

Arrays = Sequence[np.ndarray]

MOST_UNMOVED = 0.5
"""Share of the trainable weights above which a trial is flagged: sparse layers leave some as they are."""

FORGETFUL = 0.1
"""Share of the size of trained weights that makes most outputs unsure."""


@dataclass(frozen=True, slots=True)
class WeightDigests:
    """A digest and the size of each trainable variable at one moment."""

    digests: tuple[bytes, ...]
    sizes: tuple[int, ...]

    def unmoved_share(self, later: "WeightDigests") -> float:
        """Return the share of the weights, 0 to 1, in variables that are the same later, bit for bit."""
        same = sum(size for a, b, size in zip(self.digests, later.digests, self.sizes, strict=True) if a == b)
        return same / sum(self.sizes) if self.sizes else 0.0


def read_digests(state: StateVariables) -> WeightDigests:
    """Return the digests of the trainable variables; a step must have been synced."""
    values = [keras.ops.convert_to_numpy(variable.value) for variable in state.trainable]
    return WeightDigests(
        tuple(hashlib.sha256(np.ascontiguousarray(value).tobytes()).digest() for value in values),
        tuple(value.size for value in values),
    )


def check_moved(before: WeightDigests, after: WeightDigests) -> float:
    """Return the share of the weights that did not move.

    Raises:
        BrokenError: none moved.

    """
    share = before.unmoved_share(after)
    if before.sizes and share == 1:
        raise BrokenError("no weight moved in training: the step computes no update, so its time means nothing")
    return share


def unmoved_flag(share: float) -> str | None:
    """Return what is doubtful when a large share of the weights stayed as they were."""
    return f"{share:.0%} of the trainable weights did not change" if share > MOST_UNMOVED else None


def check_driven(train: Callable[[int], None], restart: Callable[[Arrays], None], state: StateVariables) -> None:
    """Make sure that two batches, from the same state, change the weights differently. Leaves the state as it was.

    A model that has learnt its batches by heart may have no gradient left, whatever the targets: where both change the
    weights alike, they are asked once more from weights that know nothing.

    Args:
        train: trains one step on the first batch (0) or another one (1); the variables hold the result then.
        restart: puts the variables back to some values.
        state: what is trained, as it is now.

    Raises:
        BrokenError: they do not: the gradients are not used.

    """
    values = [keras.ops.convert_to_numpy(variable.value) for variable in state.every]

    def reached(start: Arrays, number: int) -> tuple[bytes, ...]:
        restart(start)
        train(number)
        return read_digests(state).digests

    count = len(state.trainable)
    starts = (values, [*map(_forgetful, values[:count]), *values[count:]])
    driven = any(reached(start, 0) != reached(start, 1) for start in starts)
    restart(values)
    if not driven:
        raise BrokenError(
            "two different batches change the weights in the same way: the gradients are not used, "
            "so the time of the step means nothing"
        )


def _forgetful(values: np.ndarray) -> np.ndarray:
    """Return the values of a variable in another order, and small, so that no output is sure of anything."""
    shuffled = np.random.default_rng(0).permutation(values.reshape(-1)).reshape(values.shape)
    return (shuffled * FORGETFUL).astype(values.dtype)

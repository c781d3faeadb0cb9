"""What one process computed from given weights over given batches; its large arrays are in a file beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..errors import BrokenError
from ..factors import Scalar
from ..statistics.deviation import Arrays


@dataclass(frozen=True, slots=True)
class VariableFacts:
    """One trainable variable."""

    path: str
    elements: int
    embedding: bool
    """It is the table of an embedding."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The largest deviation over runs from weights moved by about one unit in the last place of float32."""

    outputs: float
    loss: float
    gradients: float
    trajectory: tuple[float, ...]
    """By step: how far the losses of training move."""


@dataclass(frozen=True, slots=True)
class Computation:
    """What one process of one backend found."""

    error: str | None = None
    """One line that says what went wrong; nothing else is there then."""
    losses: tuple[float, ...] = ()
    """Training loss before each step, and after the last one."""
    first_loss: float | None = None
    """Loss of the first batch by the process that gave the gradients."""
    repeat_losses: tuple[float, ...] = ()
    """The same trajectory again, in the same process."""
    trained: str = ""
    """Digest of the weights after the trajectory."""
    repeat_trained: str = ""
    own_weights: bool = True
    """Whether the process drew the very weights itself that the file has."""
    optimizer: str = ""
    variables: tuple[VariableFacts, ...] = ()
    layers: tuple[str, ...] = ()
    """Kinds of layers in the model."""
    calmed: tuple[str, ...] = ()
    """Layers whose random part (dropout, noise) was set to zero."""
    random: tuple[str, ...] = ()
    """Layers that draw random numbers in training and cannot be calmed."""
    gaps: Mapping[str, str] = field(default_factory=dict)
    """What could not be computed, with the reason."""
    sensitivity: Sensitivity | None = None
    step_seconds: float | None = None
    """Median of steady training steps."""
    foreign_load: float | None = None
    """Share of the cores that other programs took while they were timed."""
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    """The runtime's settings, and versions."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """The large arrays of a computation; empty where they were not computed."""

    outputs: Arrays = ()
    """Of inference, one per model output."""
    gradients: Arrays = ()
    """On the first batch, one per trainable variable."""
    moves: Arrays = ()
    """By how much one training step changed each trainable variable."""


def read_tensors(path: Path) -> Tensors:
    """Read the arrays that a process kept.

    Raises:
        BrokenError: the file is missing or damaged.

    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            parts = {
                part: [
                    stored[f"{part}_{place}"] for place in range(sum(n.startswith(f"{part}_") for n in stored.files))
                ]
                for part in ("outputs", "gradients", "moves")
            }
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BrokenError(f"the arrays of a parity process cannot be read: {error}") from error
    return Tensors(**parts)

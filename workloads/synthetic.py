"""Random data that fits a model's inputs and outputs: for speed and memory, not for accuracy."""

from dataclasses import dataclass
from math import prod

import numpy as np

from ..results.errors import UsageError, unknown
from .workload import Arrays, Data

LABEL_KINDS = ("class", "one_hot", "binary", "real")
SAMPLES_BYTES = 64 * 2**20
"""Inputs and labels together stay below this, where the fewest samples allow it."""
FEWEST_SAMPLES, MOST_SAMPLES = 64, 1024


@dataclass(frozen=True, slots=True)
class InputSignature:
    """One input of a model."""

    name: str
    shape: tuple[int, ...]
    """Without the batch."""
    dtype: str
    below: int | None = None
    """Exclusive upper bound of whole numbers from 0; None: real values."""


@dataclass(frozen=True, slots=True)
class OutputSignature:
    """What one output of a model is compared with."""

    name: str
    shape: tuple[int, ...]
    """Of the labels, without the batch."""
    kind: str
    """One of LABEL_KINDS."""
    classes: int | None = None
    """Number of classes, for the kinds `class` and `one_hot`."""


@dataclass(frozen=True, slots=True)
class Signature:
    """All inputs and outputs of a model, in its order."""

    inputs: tuple[InputSignature, ...]
    outputs: tuple[OutputSignature, ...]


def sample_bytes(signature: Signature) -> int:
    """Return the size of one sample with its labels, in bytes."""
    inputs = sum(prod(item.shape) * np.dtype(_numpy_dtype(item.dtype)).itemsize for item in signature.inputs)
    return inputs + sum(4 * prod(item.shape) for item in signature.outputs)


def sample_count(signature: Signature) -> int:
    """Return how many samples to make: many of small ones, few of large ones."""
    fitting = SAMPLES_BYTES // max(1, sample_bytes(signature))
    return max(FEWEST_SAMPLES, min(MOST_SAMPLES, fitting))


def make(signature: Signature, samples: int, seed: int) -> Data:
    """Return random data; training and test samples are the same arrays."""
    if samples < 1:
        raise UsageError(f"synthetic data needs at least one sample, received {samples}")
    random = np.random.default_rng(seed)
    x: Arrays = tuple(_input(item, samples, random) for item in signature.inputs)
    y: Arrays = tuple(_labels(item, samples, random) for item in signature.outputs)
    return Data(x, y, x, y)


def _numpy_dtype(dtype: str) -> str:
    """Return a dtype that NumPy has; frameworks convert it to the model's on the way in."""
    return "float32" if dtype in ("bfloat16", "float16") or dtype.startswith("float8") else dtype


def _input(item: InputSignature, samples: int, random: np.random.Generator) -> np.ndarray:
    shape, dtype = (samples, *item.shape), _numpy_dtype(item.dtype)
    if item.below is not None:
        return random.integers(0, item.below, shape).astype(dtype)
    return random.standard_normal(shape, dtype=np.float32).astype(dtype)


def _labels(item: OutputSignature, samples: int, random: np.random.Generator) -> np.ndarray:
    shape = (samples, *item.shape)
    if item.kind == "class":
        return random.integers(0, _classes(item), shape).astype(np.int32)
    if item.kind == "one_hot":
        chosen = random.integers(0, _classes(item), shape[:-1])
        return np.asarray(chosen[..., None] == np.arange(_classes(item)), dtype=np.float32)
    if item.kind == "binary":
        return random.integers(0, 2, shape).astype(np.float32)
    if item.kind == "real":
        return random.standard_normal(shape, dtype=np.float32)
    raise unknown("kind of label", item.kind, LABEL_KINDS)


def _classes(item: OutputSignature) -> int:
    if item.classes is None or item.classes < 1:
        raise UsageError(f"output {item.name!r} needs a number of classes, received {item.classes}")
    return item.classes

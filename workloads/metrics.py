"""Metrics in NumPy: the same arithmetic for every backend, outside the frameworks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..results.errors import BrokenError, unknown

Floats = NDArray[np.float64]
Targets = np.ndarray | tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of merit of a model's outputs on labelled samples."""

    name: str
    direction: str
    """`max` or `min`."""
    function: Callable[[Targets, Targets], float]
    """(targets, outputs) -> value; not a number where an output is not finite."""
    label: str
    unit: str
    """Empty for a share of one."""
    bounds: tuple[float, float]
    """Smallest and largest value that exist."""

    def reached(self, value: float, target: float) -> bool:
        """Return whether a value is at least as good as the target; never for not-a-number."""
        return value >= target if self.direction == "max" else value <= target


def _single(arrays: Targets, what: str) -> np.ndarray:
    """Return the one array of a model with one output."""
    if isinstance(arrays, tuple):
        if len(arrays) != 1:
            raise BrokenError(f"a metric takes one array of {what}, received {len(arrays)}")
        return arrays[0]
    return np.asarray(arrays)


def _classes(targets: Targets, outputs: Targets) -> tuple[NDArray[np.int64], Floats]:
    """Return class indices (n,) and scores (n, classes), every leading axis flattened."""
    labels, scores = _single(targets, "targets"), np.asarray(_single(outputs, "outputs"), dtype=np.float64)
    if scores.ndim < 2:
        raise BrokenError(f"outputs need a last axis of classes, received shape {scores.shape}")
    if labels.shape == (*scores.shape[:-1], 1):
        labels = labels[..., 0]
    if labels.shape != scores.shape[:-1]:
        raise BrokenError(f"targets of shape {labels.shape} do not fit outputs of shape {scores.shape}")
    if labels.size == 0:
        raise BrokenError("a metric needs at least one sample, received none")
    flat = labels.reshape(-1).astype(np.int64)
    classes = scores.shape[-1]
    if flat.min() < 0 or flat.max() >= classes:
        raise BrokenError(f"targets must lie in 0..{classes - 1}, received {flat.min()}..{flat.max()}")
    return flat, scores.reshape(-1, classes)


def _values(targets: Targets, outputs: Targets) -> tuple[Floats, Floats]:
    """Return targets and outputs of equal shape, flattened."""
    truth = np.asarray(_single(targets, "targets"), dtype=np.float64)
    value = np.asarray(_single(outputs, "outputs"), dtype=np.float64)
    if value.shape not in (truth.shape, (*truth.shape, 1)) and truth.shape != (*value.shape, 1):
        raise BrokenError(f"targets of shape {truth.shape} do not fit outputs of shape {value.shape}")
    if truth.size == 0:
        raise BrokenError("a metric needs at least one sample, received none")
    return truth.reshape(-1), value.reshape(-1)


def accuracy(targets: Targets, outputs: Targets) -> float:
    """Return the share of samples whose largest score is that of their class."""
    labels, scores = _classes(targets, outputs)
    if not np.isfinite(scores).all():
        return float("nan")
    return float(np.mean(scores.argmax(axis=-1) == labels))


def auc(targets: Targets, outputs: Targets) -> float:
    """Return the area under the ROC curve of binary scores; ties count one half.

    The Mann-Whitney form: U / (positives x negatives), from mid-ranks (Hanley & McNeil 1982).
    """
    truth, scores = _values(targets, outputs)
    if not np.isfinite(scores).all():
        return float("nan")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise BrokenError("auc takes targets of 0 and 1 only")
    positives = int(truth.sum())
    negatives = truth.size - positives
    if not positives or not negatives:
        raise BrokenError("auc needs samples of both classes, received one class only")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    midranks = last - (count - 1) / 2.0
    rank_sum = float(midranks[place.reshape(-1)][truth == 1.0].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def cross_entropy(targets: Targets, outputs: Targets) -> float:
    """Return the mean negative log likelihood of the targets in nats, from logits."""
    labels, logits = _classes(targets, outputs)
    if not np.isfinite(logits).all():
        return float("nan")
    shifted = logits - logits.max(axis=-1, keepdims=True)  # exp cannot overflow
    chosen = np.take_along_axis(shifted, labels[:, None], axis=-1)[:, 0]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=-1)) - chosen))


def mean_squared_error(targets: Targets, outputs: Targets) -> float:
    """Return the mean of the squared differences."""
    truth, value = _values(targets, outputs)
    return float(np.mean((truth - value) ** 2)) if np.isfinite(value).all() else float("nan")


_INFINITY = float("inf")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "max", accuracy, "accuracy", "", (0.0, 1.0)),
        Metric("auc", "max", auc, "area under the ROC curve", "", (0.0, 1.0)),
        Metric("cross_entropy", "min", cross_entropy, "cross entropy", "nats per token", (0.0, _INFINITY)),
        Metric("mean_squared_error", "min", mean_squared_error, "mean squared error", "", (0.0, _INFINITY)),
    )
}


def get(name: str) -> Metric:
    """Return a metric by name."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]

"""Metrics in NumPy: the same arithmetic for every backend, outside the frameworks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..results.errors import BrokenError, unknown
from .workload import Spec

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
    margin: float | None = None
    """Difference that does not matter, in the metric's unit; docs/measuring.md says why. None: nobody has said."""

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
    elif labels.shape == scores.shape:
        labels = labels.argmax(axis=-1)  # one-hot
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


def binary_accuracy(targets: Targets, outputs: Targets) -> float:
    """Return the share of samples whose probability lies on the side of one half that their label is on."""
    truth, scores = _values(targets, outputs)
    if not np.isfinite(scores).all():
        return float("nan")
    return float(np.mean((scores > 0.5) == (truth > 0.5)))


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


def average_precision(targets: Targets, outputs: Targets) -> float:
    """Return the mean precision over the positives, from the highest score down; equal scores are taken together.

    The sum over thresholds of precision times the recall that is gained there (Zhu 2004), without interpolation.
    """
    truth, scores = _values(targets, outputs)
    if not np.isfinite(scores).all():
        return float("nan")
    if not np.isin(truth, (0.0, 1.0)).all() or not truth.any():
        raise BrokenError("average_precision takes targets of 0 and 1, at least one of them 1")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    found, taken = np.cumsum(truth[order])[last], (np.arange(truth.size) + 1.0)[last]
    return float(np.sum(found / taken * np.diff(found, prepend=0.0)) / truth.sum())


def anomaly_auc(targets: Targets, outputs: Targets) -> float:
    """Return how well the squared error of a reconstruction tells anomalies: the area under its ROC curve.

    Targets are (n, 1 + features): 1 for an anomaly or 0, then what was to be reconstructed.
    """
    truth, value = np.asarray(_single(targets, "targets"), np.float64), np.asarray(_single(outputs, "outputs"))
    if truth.ndim != 2 or value.shape != (len(truth), truth.shape[1] - 1):
        raise BrokenError(f"targets of shape {truth.shape} need outputs of one feature less, received {value.shape}")
    return auc(truth[:, :1], np.sum((value - truth[:, 1:]) ** 2, axis=1, keepdims=True))


def mean_iou(targets: Targets, outputs: Targets) -> float:
    """Return intersection over union, averaged over the classes that occur in the targets or are named."""
    labels, scores = _classes(targets, outputs)
    if not np.isfinite(scores).all():
        return float("nan")
    classes = scores.shape[1]
    counts = np.bincount(labels * classes + scores.argmax(axis=-1), minlength=classes**2).reshape(classes, classes)
    both, either = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1) - np.diag(counts)
    return float(np.mean(both[either > 0] / either[either > 0]))


def negative_elbo(targets: Targets, outputs: Targets) -> float:
    """Return the mean negative evidence lower bound in nats per sample, of Bernoulli pixels and a normal latent vector.

    Outputs are (n, pixels + 2 latent): logits, then mean and log variance (Kingma & Welling 2014, appendix B).
    """
    truth = np.asarray(_single(targets, "targets"), np.float64)
    value = np.asarray(_single(outputs, "outputs"), np.float64)
    size = truth.shape[-1]
    if truth.ndim != 2 or len(value) != len(truth) or value.shape[1] <= size or (value.shape[1] - size) % 2:
        raise BrokenError(f"targets of shape {truth.shape} need two outputs per latent value more, not {value.shape}")
    if not np.isfinite(value).all():
        return float("nan")
    logits, (mean, log_variance) = value[:, :size], np.split(value[:, size:], 2, axis=1)
    pixels = np.logaddexp(0.0, logits) - truth * logits
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)
    return float(np.mean(pixels.sum(axis=1) + divergence.sum(axis=1)))


def retrieval_accuracy(targets: Targets, outputs: Targets) -> float:
    """Return the share of samples whose two halves of outputs are nearest, by inner product, to each other."""
    value = np.asarray(_single(outputs, "outputs"), np.float64)
    if value.ndim != 2 or value.shape[1] % 2:
        raise BrokenError(f"retrieval_accuracy takes two embeddings of one size side by side, received {value.shape}")
    if not np.isfinite(value).all():
        return float("nan")
    one, other = np.split(value, 2, axis=1)
    return float(np.mean((one @ other.T).argmax(axis=1) == np.arange(len(value))))


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
        Metric("accuracy", "max", accuracy, "accuracy", "", (0.0, 1.0), 0.01),
        Metric("binary_accuracy", "max", binary_accuracy, "accuracy", "", (0.0, 1.0), 0.01),
        Metric("auc", "max", auc, "area under the ROC curve", "", (0.0, 1.0), 0.005),
        Metric("average_precision", "max", average_precision, "average precision", "", (0.0, 1.0), 0.02),
        Metric("anomaly_auc", "max", anomaly_auc, "area under the ROC curve of the error", "", (0.0, 1.0), 0.005),
        Metric("mean_iou", "max", mean_iou, "mean intersection over union", "", (0.0, 1.0), 0.01),
        Metric("retrieval_accuracy", "max", retrieval_accuracy, "share of views found", "", (0.0, 1.0), 0.02),
        Metric("negative_elbo", "min", negative_elbo, "negative ELBO", "nats per sample", (0.0, _INFINITY), 0.25),
        Metric("cross_entropy", "min", cross_entropy, "cross entropy", "nats per token", (0.0, _INFINITY), 0.02),
        Metric("mean_squared_error", "min", mean_squared_error, "mean squared error", "", (0.0, _INFINITY), 0.01),
    )
}


def margin_of(spec: Spec) -> float | None:
    """Return the difference in a workload's metric that does not matter; None where nobody has said."""
    if spec.margin is not None:
        return spec.margin
    return METRICS[spec.metric].margin if spec.metric in METRICS else None


def why_unreachable(name: str, direction: str | None, target: float | None, best: float | None) -> str | None:
    """Return why a target cannot be what training stops at, and what to do; None where it can.

    Args:
        name: of the metric.
        direction: `max` or `min`, as whoever set the target has it.
        target: None: training has no target.
        best: best possible value for any model; None where it is not known.

    Raises:
        UsageError: there is no such metric.

    """
    metric = get(name)
    low, high = metric.bounds
    larger = metric.direction == "max"
    sense = f"{name} is better when {'larger' if larger else 'smaller'} (direction {metric.direction!r})"
    if direction is not None and direction != metric.direction:
        return f"{sense}, and its direction is given as {direction!r}; give {metric.direction!r}"
    if target is None:
        return None
    extent = f"{name} lies between {low:g} and {high:g}" if high < _INFINITY else f"{name} is at least {low:g}"
    if not low <= target <= high or abs(target) == _INFINITY:
        return f"the target {target:g} cannot be met: {extent}; set a target within that"
    if best is not None and (target > best if larger else target < best):
        side = "at most" if larger else "at least"
        return (
            f"the target {target:g} cannot be met: {sense}, and {best:g} is the best possible value for this data; set "
            f"a target of {side} that"
        )
    return None


def get(name: str) -> Metric:
    """Return a metric by name."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]

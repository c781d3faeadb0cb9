"""Metrics against scikit-learn, against arithmetic by hand, and on shapes that do not fit."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from dlbench.results.errors import BrokenError, UsageError
from dlbench.workloads import metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, jaccard_score, log_loss, roc_auc_score

Metric = Callable[[metrics.Targets, metrics.Targets], float]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=60))
def test_auc_equals_scikit_learn_also_with_ties(pairs: list[tuple[int, int]]) -> None:
    truth = np.array([truth for truth, _ in pairs])
    scores = np.array([score for _, score in pairs], dtype=np.float32)
    if truth.min() == truth.max():
        with pytest.raises(BrokenError, match="one class only"):
            metrics.auc(truth, scores)
    else:
        assert metrics.auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_auc_takes_columns_and_tuples() -> None:
    truth, scores = np.array([[0.0], [1.0], [1.0]]), np.array([0.5, 0.2, 0.7])
    assert metrics.auc((truth,), (scores,)) == 0.5


def test_accuracy_counts_every_leading_axis() -> None:
    scores = np.array([[[0, 1], [1, 0]], [[0, 1], [0, 1]]])
    assert metrics.accuracy(np.array([[1, 1], [1, 0]]), scores) == 0.5
    assert metrics.accuracy(np.array([[1], [0]]), np.array([[0.1, 0.9], [0.8, 0.2]])) == 1.0


def test_cross_entropy_equals_scikit_learn() -> None:
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(50, 5)), np.arange(50) % 5
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert metrics.cross_entropy(labels, logits) == pytest.approx(log_loss(labels, chances), rel=1e-12)


def test_cross_entropy_of_huge_logits_neither_overflows_nor_loses_the_difference() -> None:
    logits = np.array([[1e4, 1e4 - 1.0], [-1e4, -1e4]])
    expected = (1 + math.log1p(math.exp(-1)) + math.log(2)) / 2
    assert metrics.cross_entropy(np.array([1, 0]), logits) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=1, max_size=60))
def test_average_precision_equals_scikit_learn_also_with_ties(pairs: list[tuple[int, int]]) -> None:
    truth = np.array([truth for truth, _ in pairs])
    scores = np.array([score for _, score in pairs], dtype=np.float32)
    if truth.max() == 0:
        with pytest.raises(BrokenError, match="at least one of them 1"):
            metrics.average_precision(truth, scores)
    else:
        assert metrics.average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


def test_anomalies_are_ranked_by_their_squared_error() -> None:
    targets = np.array([[0, 1.0, 1.0], [1, 1.0, 1.0], [0, 0.0, 0.0], [1, 2.0, 0.0]])
    outputs = np.array([[1.0, 1.0], [1.0, 3.0], [0.0, 1.0], [2.0, 0.5]])
    assert metrics.anomaly_auc(targets, outputs) == roc_auc_score(targets[:, 0], [0.0, 4.0, 1.0, 0.25]) == 0.75
    with pytest.raises(BrokenError, match="one feature less"):
        metrics.anomaly_auc(targets, targets)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_mean_iou_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, named = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    expected = jaccard_score(labels, named, average="macro", labels=np.union1d(labels, named))
    assert metrics.mean_iou(labels, np.eye(3)[named]) == pytest.approx(expected)
    pixels, scores = labels.reshape(1, -1, 1), np.eye(3)[named].reshape(1, -1, 1, 3)
    assert metrics.mean_iou(pixels, scores) == pytest.approx(expected)


def test_negative_elbo_is_reconstruction_and_divergence() -> None:
    truth, logits = np.array([[1.0, 0.0]]), np.array([[2.0, -1.0]])
    mean, log_variance = np.array([[1.0, 0.0, -2.0]]), np.array([[0.0, 1.0, -1.0]])
    pixels = log_loss(truth[0], 1 / (1 + np.exp(-logits[0]))) * 2
    variance = np.exp(log_variance)
    divergence = -0.5 * np.sum(1 + log_variance - mean**2 - variance)
    found = metrics.negative_elbo(truth, np.concatenate([logits, mean, log_variance], axis=1))
    assert found == pytest.approx(pixels + divergence)
    with pytest.raises(BrokenError, match="two outputs per latent value"):
        metrics.negative_elbo(truth, np.zeros((1, 3)))


def test_retrieval_counts_what_is_nearest() -> None:
    one, other = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), np.array([[0.9, 0.1], [0.1, 0.9], [1.0, 0.0]])
    assert metrics.retrieval_accuracy(np.arange(3), np.concatenate([one, other], axis=1)) == pytest.approx(1 / 3)
    assert metrics.retrieval_accuracy(np.arange(3), np.concatenate([one, one], axis=1)) == 1.0
    with pytest.raises(BrokenError, match="two embeddings"):
        metrics.retrieval_accuracy(np.arange(3), np.zeros((3, 3)))


def test_mean_squared_error() -> None:
    assert metrics.mean_squared_error(np.array([1.0, 2.0]), np.array([[2.0], [4.0]])) == 2.5


@pytest.mark.parametrize("name", sorted(metrics.METRICS))
def test_a_diverged_model_gives_no_number_and_never_reaches_a_target(name: str) -> None:
    metric = metrics.get(name)
    shapes = {"anomaly_auc": (2, 1), "negative_elbo": (2, 4)}
    classes = ("accuracy", "cross_entropy", "mean_iou", "retrieval_accuracy")
    targets = np.array([[0.0, 1.0], [1.0, 0.0]]) if name in shapes else np.array([0, 1])
    value = metric.function(targets, np.full(shapes.get(name, (2, 2) if name in classes else (2,)), np.nan))
    assert math.isnan(value)
    assert not metric.reached(value, metric.bounds[0])


@pytest.mark.parametrize("function", [metrics.accuracy, metrics.cross_entropy])
@pytest.mark.parametrize(
    ("targets", "outputs", "words"),
    [
        (np.zeros(3, int), np.zeros((4, 2)), r"\(3,\) do not fit outputs of shape \(4, 2\)"),
        (np.zeros(3, int), np.zeros(3), "last axis"),
        (np.array([0, 2]), np.zeros((2, 2)), r"0\.\.1"),
        (np.zeros(0, int), np.zeros((0, 2)), "at least one"),
        ((np.zeros(2, int), np.zeros(2, int)), np.zeros((2, 2)), "one array of targets"),
    ],
)
def test_shapes_that_do_not_fit_are_told(
    function: Metric, targets: metrics.Targets, outputs: np.ndarray, words: str
) -> None:
    with pytest.raises(BrokenError, match=words):
        function(targets, outputs)


def test_values_that_do_not_fit_are_told() -> None:
    with pytest.raises(BrokenError, match="do not fit"):
        metrics.mean_squared_error(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(BrokenError, match="0 and 1"):
        metrics.auc(np.array([1, 2]), np.array([0.1, 0.2]))


def test_directions_and_unknown_names() -> None:
    assert metrics.get("accuracy").reached(0.9, 0.9)
    assert not metrics.get("cross_entropy").reached(1.1, 1.0)
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        metrics.get("acuracy")


@pytest.mark.parametrize("name", sorted(metrics.METRICS))
def test_margins_are_small_against_what_the_metric_can_be(name: str) -> None:
    metric = metrics.get(name)
    low, high = metric.bounds
    assert metric.margin > 0
    assert metric.margin <= 0.02 or high - low > 1


@pytest.mark.parametrize(
    ("name", "direction", "target", "best", "words"),
    [
        ("accuracy", "max", 1.5, None, "the target 1.5 cannot be met: accuracy lies between 0 and 1; set a target"),
        ("accuracy", "max", -0.1, None, "lies between 0 and 1"),
        ("accuracy", "max", math.nan, None, "cannot be met"),
        ("accuracy", "max", 0.99, 0.95, "0.95 is the best possible value for this data; set a target of at most that"),
        ("accuracy", "min", 0.9, None, "accuracy is better when larger (direction 'max'), and its direction is given"),
        ("cross_entropy", "max", 1.0, None, "cross_entropy is better when smaller (direction 'min')"),
        ("cross_entropy", "min", -1.0, None, "cross_entropy is at least 0; set a target within that"),
        ("cross_entropy", "min", math.inf, None, "cannot be met"),
        ("cross_entropy", "min", 1.0, 1.2, "1.2 is the best possible value for this data; set a target of at least"),
    ],
)
def test_a_target_that_cannot_be_met_is_told_with_the_way_out(
    name: str, direction: str, target: float, best: float | None, words: str
) -> None:
    assert words in str(metrics.why_unreachable(name, direction, target, best))


@given(st.sampled_from(sorted(metrics.METRICS)), st.floats(0, 1), st.floats(0, 1))
def test_a_target_between_the_worst_and_the_best_value_can_be_met(name: str, one: float, other: float) -> None:
    metric = metrics.get(name)
    best, target = (max(one, other), min(one, other)) if metric.direction == "max" else sorted((one, other))
    assert metrics.why_unreachable(name, metric.direction, target, best) is None
    assert metrics.why_unreachable(name, None, target, None) is None
    if target != best:
        assert metrics.why_unreachable(name, metric.direction, best, target) is not None


def test_without_a_target_there_is_nothing_to_reach() -> None:
    assert metrics.why_unreachable("accuracy", "max", None, 0.5) is None
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        metrics.why_unreachable("acuracy", "max", None, None)

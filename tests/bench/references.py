"""The scores of stated reference models of scikit-learn, on the very data and metric of each workload.

Usage: references.py. Five seeds where a model has one; where it has none, one score.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from dlbench.workloads import catalog, metrics
from dlbench.workloads.workload import Data
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

SEEDS = range(5)
Score = Callable[[Data, int], np.ndarray]
"""Data and a seed -> outputs for the test, as the workload's metric reads them."""


def flat(values: np.ndarray) -> np.ndarray:
    """Return a row per sample."""
    return values.reshape(len(values), -1)


def support_vectors(data: Data, seed: int) -> np.ndarray:
    """Return a score per class from a support vector machine with Gaussian kernel on the pixels."""
    model = SVC(C=10).fit(flat(data.train_x[0]), data.train_y[0].ravel())
    return np.asarray(model.decision_function(flat(data.test_x[0])))


def logistic(data: Data, seed: int) -> np.ndarray:
    """Return the log odds of a logistic regression on standardised columns."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(flat(data.train_x[0]), data.train_y[0].ravel())
    return np.asarray(model.decision_function(flat(data.test_x[0])))[:, None]


def word_counts(data: Data, seed: int) -> np.ndarray:
    """Return the log probabilities of a naive Bayes classifier on the counts of words."""
    size = 1 + max(int(part.max()) for part in (data.train_x[0], data.test_x[0]))
    train, test = (np.stack([np.bincount(row, minlength=size) for row in x[0]]) for x in (data.train_x, data.test_x))
    return np.asarray(MultinomialNB().fit(train, data.train_y[0]).predict_log_proba(test))


def next_token_counts(data: Data, seed: int) -> np.ndarray:
    """Return the log probabilities of the next token from counts after the two tokens before, plus a hundredth."""
    size = int(data.facts["vocabulary"])
    counts = np.full((size + 1, size, size), 0.01)

    def before(x: np.ndarray) -> np.ndarray:
        return np.concatenate([np.full((len(x), 1), size), x[:, :-1]], axis=1)

    x, y = data.train_x[0], data.train_y[0]
    np.add.at(counts, (before(x), x, y), 1)
    shares = np.log(counts / counts.sum(axis=-1, keepdims=True))
    return np.asarray(shares[before(data.test_x[0]), data.test_x[0]])


def sound_forest(data: Data, seed: int) -> np.ndarray:
    """Return the log probabilities of a random forest on the log power of 24 bands in 12 windows."""

    def bands(waves: np.ndarray) -> np.ndarray:
        windows = np.stack(np.array_split(flat(waves)[:, : flat(waves).shape[1] // 12 * 12], 12, axis=1), axis=1)
        power = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[-1]))) ** 2
        return flat(np.stack([np.log(part.sum(-1) + 1e-6) for part in np.array_split(power, 24, axis=-1)], axis=-1))

    model = RandomForestClassifier(300, random_state=seed).fit(bands(data.train_x[0]), data.train_y[0])
    return np.asarray(np.log(model.predict_proba(bands(data.test_x[0])) + 1e-9))


def boosted(data: Data, seed: int) -> np.ndarray:
    """Return the log odds of gradient-boosted trees."""
    model = HistGradientBoostingClassifier(random_state=seed).fit(data.train_x[0], data.train_y[0].ravel())
    return np.asarray(model.decision_function(data.test_x[0]))[:, None]


def isolation(data: Data, seed: int) -> np.ndarray:
    """Return, for the metric that compares a reconstruction with its input, one that is off by the anomaly score."""
    scores = -IsolationForest(random_state=seed).fit(data.train_x[0]).score_samples(data.test_x[0])
    rows = data.test_x[0].copy()
    rows[:, 0] += np.sqrt(scores - scores.min())
    return np.asarray(rows)


def pixel_forest(data: Data, seed: int) -> np.ndarray:
    """Return the log probabilities of a random forest on each pixel's 5x5 neighbours, row and column."""

    def neighbours(pictures: np.ndarray) -> np.ndarray:
        padded = np.pad(pictures, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
        views = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
        count, side = len(pictures), pictures.shape[1]
        rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
        places = np.broadcast_to(np.stack([rows, columns], axis=-1), (count, side, side, 2))
        return np.concatenate([views.reshape(count * side * side, -1), places.reshape(-1, 2)], axis=1)

    chosen = np.random.default_rng(seed).choice(data.train_y[0].size, 60_000, replace=False)
    model = RandomForestClassifier(60, min_samples_leaf=3, n_jobs=2, random_state=seed)
    model.fit(neighbours(data.train_x[0])[chosen], data.train_y[0].ravel()[chosen])
    shares = model.predict_proba(neighbours(data.test_x[0]))
    return np.asarray(np.log(shares + 1e-9).reshape(*data.test_y[0].shape, -1))


def components(data: Data, seed: int) -> np.ndarray:
    """Return the reconstruction from as many principal components as the bottleneck has units."""
    size = int(catalog.get("digits_autoencoder").spec.defaults()["bottleneck"])
    model = PCA(size).fit(flat(data.train_x[0]))
    found = model.inverse_transform(model.transform(flat(data.test_x[0])))
    return np.asarray(found.reshape(data.test_y[0].shape))


def linear_filters(data: Data, seed: int) -> np.ndarray:
    """Return the noise as told by one ridge regression on the pixels for each strength."""
    (train, levels), (test, test_levels) = data.train_x, data.test_x
    found = np.empty_like(flat(data.test_y[0]))
    for level in np.unique(levels):
        ours, theirs = levels.ravel() == level, test_levels.ravel() == level
        model = Ridge(1.0).fit(flat(train)[ours], flat(data.train_y[0])[ours])
        if theirs.any():
            found[theirs] = model.predict(flat(test)[theirs])
    return np.asarray(found.reshape(data.test_y[0].shape))


def pixels_alike(data: Data, seed: int) -> np.ndarray:
    """Return the pixels of both views as their embeddings: cosine similarity, without any training."""
    views = [flat(view) for view in data.test_x]
    return np.concatenate([view / np.linalg.norm(view, axis=1, keepdims=True) for view in views], axis=1)


REFERENCES: dict[str, tuple[str, Score, bool]] = {
    "digits_cnn": ("support vectors", support_vectors, False),
    "cancer_mlp": ("logistic regression", logistic, False),
    "intent_transformer": ("naive Bayes on word counts", word_counts, False),
    "grammar_gpt": ("counts after two tokens", next_token_counts, False),
    "keyword_dscnn": ("random forest on band power", sound_forest, True),
    "fraud_mlp": ("gradient-boosted trees", boosted, True),
    "fraud_autoencoder": ("isolation forest", isolation, True),
    "road_unet": ("random forest on 5x5 neighbours", pixel_forest, True),
    "digits_autoencoder": ("principal components", components, False),
    "digits_diffusion": ("ridge regression per strength", linear_filters, False),
    "digits_contrastive": ("pixels, untrained", pixels_alike, False),
}
"""By workload: the model in words, its score, and whether it has seeds."""


def references() -> None:
    """Print each reference's score beside the workload's target and best possible value."""
    for name, (words, score, seeded) in REFERENCES.items():
        workload = catalog.get(name)
        start = time.perf_counter()
        data = workload.data(workload.spec.defaults())
        metric = metrics.get(workload.spec.metric or "")
        values = [metric.function(data.test_y[0], score(data, seed)) for seed in (SEEDS if seeded else SEEDS[:1])]
        spread = f" ± {statistics.stdev(values):.4f} over {len(values)} seeds" if len(values) > 1 else ""
        target = data.target if data.target is not None else workload.spec.target
        best = f", best possible {data.best:.4f}" if data.best is not None else ""
        took = f"{time.perf_counter() - start:.0f} s"
        score_text = f"{metric.name} {statistics.mean(values):.4f}{spread}"
        sys.stdout.write(f"{name}: {words}: {score_text}; target {target:.4f}{best} ({took})\n")
        sys.stdout.flush()


if __name__ == "__main__":
    references()

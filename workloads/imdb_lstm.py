"""Workload: a recurrent network telling whether a film review is good or bad."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import downloads
from .draws import part
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_283
PADDING, START, RARE, FIRST_WORD = 0, 1, 2, 3
"""Numbers as keras.datasets.imdb gives them; the file counts words from 1, by how often they occur."""

SPEC = Spec(
    name="imdb_lstm",
    area="text",
    summary="bidirectional LSTM telling good film reviews from bad ones",
    data="real",
    source="IMDB, 25,000 training and 25,000 test reviews (Maas et al. 2011), downloaded as keras.datasets.imdb",
    batch_size=64,
    metric="accuracy",
    direction="max",
    target=0.80,
    epochs=6,
    parameters=(
        Parameter("depth", 1, "recurrent layers", 1, 100),
        Parameter("width", 64, "units of a layer in each direction; a word's vector has twice as many", 1, 8192),
        Parameter("length", 100, "words of a review, its last ones", 2, 4096, data=True),
        Parameter("vocabulary", 20_000, "numbers of words, the most frequent ones", 4, 100_000, data=True),
        Parameter("samples", 25_000, "training reviews, and at most as many test reviews", 100, 25_000, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.5, "tensorflow": 3.0},
        converge_s={"jax": 400.0, "torch": 1200.0, "tensorflow": 200.0},
    ),
    download="imdb",
)


def reviews(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training reviews (n,), each a list of numbers, 1 for the good (n,), and the same of the test."""
    # Lists of different lengths are pickled: the hash is right, so it is the published file.
    with np.load(io.BytesIO(content), allow_pickle=True) as stored:
        return stored["x_train"], stored["y_train"], stored["x_test"], stored["y_test"]


def tokens(texts: Iterable[Sequence[int]], length: int, vocabulary: int) -> np.ndarray:
    """Return the numbers of the last words of each review, int32 (n, length), padded in front.

    A review begins with START; a word beyond the vocabulary is RARE.
    """
    rows = []
    for text in texts:
        words = np.asarray(text, dtype=np.int32) + FIRST_WORD
        whole = np.concatenate(([START], np.where(words < vocabulary, words, RARE)))[-length:]
        rows.append(np.pad(whole, (length - len(whole), 0), constant_values=PADDING))
    return np.asarray(rows, dtype=np.int32)


def data(parameters: Parameters) -> Data:
    """Return reviews and 1 for the good ones; in random order, for the file has one kind after the other."""
    texts, good, test_texts, test_good = reviews(downloads.read("imdb"))
    train = part(len(texts), int(parameters["samples"]), SEED, 1)
    test = part(len(test_texts), int(parameters["samples"]), SEED, 2)
    length, vocabulary = int(parameters["length"]), int(parameters["vocabulary"])
    return Data(
        (tokens(texts[train], length, vocabulary),),
        (good[train].astype(np.int32),),
        (tokens(test_texts[test], length, vocabulary),),
        (test_good[test].astype(np.int32),),
        facts={"vocabulary": vocabulary, "classes": 2},
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    width, depth = int(parameters["width"]), int(parameters["depth"])
    words = keras.Input(data.train_x[0].shape[1:], dtype="int32", name="token_ids")
    x: Any = keras.layers.Embedding(int(data.facts["vocabulary"]), 2 * width, name="tokens")(words)
    for number in range(depth):
        layer = keras.layers.LSTM(width, return_sequences=number < depth - 1, name=f"lstm_{number}")
        x = keras.layers.Bidirectional(layer, name=f"both_ways_{number}")(x)
    logits = keras.layers.Dense(int(data.facts["classes"]), dtype="float32", name="logits")(x)
    model = keras.Model(words, logits, name=SPEC.name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(1e-3))


WORKLOAD = Workload(SPEC, data, build)

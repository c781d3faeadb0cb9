"""The seeded sources: what their best possible values say, and that lesser models stay below them."""

from fractions import Fraction

import numpy as np
import pytest
from dlbench.workloads import card_source, metrics, road_scenes, tone_words
from dlbench.workloads.digits_autoencoder import component_error
from dlbench.workloads.digits_vae import nearly_normal
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

CARDS = card_source.make_source(6, 8, Fraction(3, 4))


def test_a_fraud_shows_in_no_attribute_alone() -> None:
    for axis in (1, 2):
        usual, fraud = (counts.sum(axis=axis) for counts in (CARDS.usual, CARDS.fraud))
        assert np.array_equal(usual, fraud)
    assert (CARDS.usual > 0).all()
    assert np.array_equal(CARDS.usual.sum(axis=(1, 2)), CARDS.fraud.sum(axis=(1, 2)))


def test_frauds_are_as_many_as_the_odds_say() -> None:
    _, fraud = CARDS.sample(40_000, 3)
    assert fraud.mean() == pytest.approx(1 / 8, abs=5 * (1 / 8 * 7 / 8 / 40_000) ** 0.5)


def test_payments_follow_the_counts() -> None:
    payments, fraud = CARDS.sample(200_000, 4)
    for counts, chosen in ((CARDS.usual, ~fraud), (CARDS.fraud, fraud)):
        rows = payments[chosen]
        found = np.zeros((16, 16))
        np.add.at(found, (rows[:, 4], rows[:, 5]), 1)
        expected = counts[2] / counts[2].sum() * len(rows)
        # Pearson's statistic has 255 degrees of freedom; twice that is far beyond any chance.
        assert np.sum((found - expected) ** 2 / expected) < 510


def test_the_exact_ranking_beats_a_linear_one_by_far() -> None:
    train, labels = CARDS.sample(20_000, 5)
    test, truth = CARDS.sample(20_000, 6)
    best = metrics.average_precision(truth.astype(float), CARDS.log_ratio(test))
    linear = LogisticRegression().fit(train, labels).decision_function(test)
    assert metrics.average_precision(truth.astype(float), linear) < 0.4
    assert 0.7 < best < 1


def test_words_are_as_often_mislabelled_as_is_said() -> None:
    assert tone_words.best_accuracy() == pytest.approx(60 / 64 + 4 / 64 / 12)
    assert len(set(tone_words.WORDS)) == len(tone_words.WORDS) == 12


def test_only_the_order_of_sounds_tells_the_words_of_one_half_apart() -> None:
    assert {frozenset(word) for word in tone_words.WORDS} == {frozenset((0, 1, 2)), frozenset((3, 4, 5))}
    found = tone_words.sample(600, 7)
    spectrum = np.abs(np.fft.rfft(found.waves, axis=1))
    mean = np.stack([spectrum[found.labels == word].mean(axis=0) for word in range(12)])
    alike = np.corrcoef(mean)
    assert alike[:6, :6].min() > alike[:6, 6:].max()


def test_the_sine_is_one_and_whole() -> None:
    turn = np.sin(2 * np.pi * np.arange(tone_words.TABLE) / tone_words.TABLE) * tone_words.SINE_PEAK
    assert np.abs(tone_words.SINE - turn).max() < 0.002 * tone_words.SINE_PEAK
    assert tone_words.SINE.dtype == np.int64


def test_a_scene_has_a_sky_above_a_road_between_verges() -> None:
    pictures, classes = road_scenes.sample(200, 8)
    assert pictures.shape == (200, 32, 32, 3)
    assert (pictures.min(), pictures.max()) >= (0, 0)
    assert pictures.max() <= 255
    assert (classes[:, :6] == 0).all()
    assert (classes[:, -1] != 0).all()
    shares = np.bincount(classes.ravel(), minlength=5) / classes.size
    assert (shares > 0.005).all(), shares


@pytest.mark.parametrize("scale", [2, 4])
def test_larger_scenes_show_the_same(scale: int) -> None:
    shares = []
    for size in (1, scale):
        pictures, classes = road_scenes.sample(100, 8, scale=size)
        assert pictures.shape == (100, 32 * size, 32 * size, 3)
        shares.append(np.bincount(classes.ravel(), minlength=5) / classes.size)
    assert abs(shares[0] - shares[1]).max() < 0.02


def test_colour_alone_does_not_tell_what_a_pixel_shows() -> None:
    pictures, classes = road_scenes.sample(100, 9)
    colours = (pictures / 127.5 - 1).reshape(2, -1, 3)
    model = LogisticRegression(max_iter=1000).fit(colours[0], classes[:50].ravel())
    scores = model.predict_log_proba(colours[1])
    assert metrics.mean_iou(classes[50:].ravel(), scores) < 0.5


def test_noise_has_mean_zero_and_variance_one() -> None:
    draws = nearly_normal((50_000,), 1)
    assert draws.mean() == pytest.approx(0, abs=0.02)
    assert draws.var() == pytest.approx(1, abs=0.02)
    assert draws.dtype == np.float32


def test_components_equal_scikit_learn() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32) * np.arange(1, 8)
    train, test = rows[:40], rows[40:]
    model = PCA(3).fit(train)
    expected = np.mean((test - model.inverse_transform(model.transform(test))) ** 2)
    assert component_error(train, test, 3) == pytest.approx(expected)

"""The handwritten digits that come with scikit-learn, split into training and test."""

from dataclasses import dataclass

import numpy as np

from .draws import stratified

SEED = 20_263
SOURCE = "UCI optical recognition of handwritten digits, the 1,797 test images, from scikit-learn"
LEVELS = 16
"""Of grey: pixels are whole numbers from 0 to this."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Images (n, 8, 8, 1) scaled to 0..1, float32, and the digits that they show (n,), int32."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load() -> Digits:
    """Return the digits; one fifth of each is kept for the test."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8, 1) / LEVELS).astype(np.float32)
    labels = digits.astype(np.int32)
    train, test = stratified(labels, (1, 5), SEED)
    return Digits(pixels[train], labels[train], pixels[test], labels[test])

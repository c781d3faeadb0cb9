"""A seeded source of spoken words made of tones, in whole numbers throughout; the accuracy has a known bound."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

import numpy as np

from .draws import Draws, Integers

RATE_HZ = 4000
SAMPLES = 2048
"""Of an utterance: about half a second."""
PHONES_HZ = ((310, 870), (440, 1020), (570, 840), (390, 1330), (610, 1190), (280, 1600))
"""Two formants of each sound."""
PHONE_SAMPLES = 512
MOST_SHIFT = 256
"""A word begins at most so many samples late, and each sound is so many eighths shorter or longer at most."""
WORDS = tuple(permutations((0, 1, 2))) + tuple(permutations((3, 4, 5)))
"""Sounds of each word: only their order tells the words of one half apart."""
NOISE = 48
"""Largest noise, where a formant's amplitude is 24 to 55."""
CONFUSED = Fraction(4, 64)
"""Share of the labels that are drawn anew: no listener can be right more often."""


@dataclass(frozen=True, slots=True)
class Utterances:
    """Waveforms (n, SAMPLES), whole numbers, and the word that the label says (n,)."""

    waves: Integers
    labels: Integers


def best_accuracy() -> float:
    """Return the accuracy of a listener who always understands the word: no other is right more often."""
    return float(1 - CONFUSED + CONFUSED / len(WORDS))


def sample(count: int, *seed: int) -> Utterances:
    """Return utterances of random words: each sound with a pitch, a length and a loudness of its own, in noise."""
    draws = Draws(*seed)
    word = draws.below(len(WORDS), (count,))
    sounds = np.array(WORDS, dtype=np.int64)[word]
    lengths = PHONE_SAMPLES - PHONE_SAMPLES // 8 + draws.below(PHONE_SAMPLES // 4, sounds.shape)
    starts = draws.below(MOST_SHIFT, (count, 1)) + np.cumsum(lengths, axis=1) - lengths
    pitch = 97 + draws.below(7, (*sounds.shape, 2))  # per cent
    loudness = 24 + draws.below(32, (*sounds.shape, 2))
    phase = draws.below(len(SINE), (*sounds.shape, 2))
    time = np.arange(SAMPLES, dtype=np.int64)
    waves = draws.below(NOISE + 1, (count, SAMPLES)) + draws.below(NOISE + 1, (count, SAMPLES)) - NOISE
    for place in range(sounds.shape[1]):
        since = time - starts[:, place, None]
        sounding = (since >= 0) & (since < lengths[:, place, None])
        for formant in range(2):
            hertz = np.array(PHONES_HZ, dtype=np.int64)[sounds[:, place], formant]
            turns = hertz * pitch[:, place, formant] * len(SINE) // 100
            at = (phase[:, place, formant, None] + turns[:, None] * since // RATE_HZ) % len(SINE)
            waves += sounding * (SINE[at] * loudness[:, place, formant, None] // SINE_PEAK)
    anew = draws.below(CONFUSED.denominator, (count,)) < CONFUSED.numerator
    labels = np.where(anew, draws.below(len(WORDS), (count,)), word)
    return Utterances(waves, labels)


def _sine() -> Integers:
    """Return a turn of the sine by Bhaskara's formula in whole numbers: a library's differs between machines."""
    half = TABLE // 2
    x = np.arange(half, dtype=np.int64)
    product = x * (half - x)
    arch = SINE_PEAK * 16 * product // (5 * half * half - 4 * product)
    return np.concatenate([arch, -arch])


TABLE, SINE_PEAK = 1024, 1 << 12
SINE = _sine()

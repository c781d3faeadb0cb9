"""Workload: a depthwise-separable convolutional network that spots spoken keywords; the accuracy has a known bound."""

from typing import Any

import numpy as np

from . import tone_words
from .log_mel import log_mel
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_268
TRAIN_UTTERANCES, TEST_UTTERANCES = 2048, 512
SCALE = 128
"""Waveforms are divided by it."""
MARGIN = 0.05
"""Below the accuracy that no listener exceeds."""

SPEC = Spec(
    name="keyword_dscnn",
    area="audio",
    summary="waveform, log-mel bands and a depthwise-separable CNN (Zhang et al. 2017) that names one of 12 keywords",
    data="generated",
    source="seeded words of two-formant sounds in noise, whole numbers throughout; best accuracy: an upper bound",
    batch_size=64,
    metric="accuracy",
    direction="max",
    epochs=20,
    parameters=(
        Parameter("width", 48, "channels", 1, 4096),
        Parameter("depth", 3, "depthwise-separable convolutions", 1, 500),
        Parameter("bands", 24, "mel bands", 4, 128),
    ),
    estimate=Estimate(
        first_step_s={"jax": 2.5, "torch": 0.4, "tensorflow": 1.5},
        converge_s={"jax": 4.0, "torch": 5.0, "tensorflow": 4.0},
    ),
)
FRAME, HOP = 256, 128


def data(parameters: Parameters) -> Data:
    """Return waveforms and the number of their keyword."""
    train = tone_words.sample(TRAIN_UTTERANCES, SEED, 1)
    test = tone_words.sample(TEST_UTTERANCES, SEED, 2)
    best = tone_words.best_accuracy()
    return Data(
        train_x=((train.waves / SCALE).astype(np.float32),),
        train_y=(train.labels.astype(np.int32),),
        test_x=((test.waves / SCALE).astype(np.float32),),
        test_y=(test.labels.astype(np.int32),),
        best=best,
        target=best - MARGIN,
        facts={"words": len(tone_words.WORDS)},
    )


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers, width = keras.layers, int(parameters["width"])
    wave = keras.Input(data.train_x[0].shape[1:], name="wave")
    x: Any = log_mel(wave, FRAME, HOP, int(parameters["bands"]), tone_words.RATE_HZ)
    x = layers.Reshape((*x.shape[1:], 1), name="picture")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = layers.Conv2D(width, 3, (1, 2), "same", activation="relu", name="conv")(x)
    for number in range(int(parameters["depth"])):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"depthwise_{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"depthwise_{number}_norm")(x)
        x = layers.ReLU(name=f"depthwise_{number}_relu")(x)
        x = layers.Conv2D(width, 1, use_bias=False, name=f"pointwise_{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"pointwise_{number}_norm")(x)
        x = layers.ReLU(name=f"pointwise_{number}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(int(data.facts["words"]), dtype="float32", name="logits")(x)
    model = keras.Model(wave, logits, name="keyword_dscnn")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(3e-3))


WORKLOAD = Workload(SPEC, data, build)

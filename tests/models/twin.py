"""A user's own model with data, a target, and twins written directly in each framework; `fault` breaks these."""

import keras
import numpy as np

FEATURES, CLASSES = 20, 3
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.2)
target = 0.85
epochs = 30


def model(width=16, fault="none"):
    x = keras.Input((FEATURES,))
    h = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(x, keras.layers.Dense(CLASSES)(h))


def data():
    random = np.random.default_rng(0)
    x = random.normal(size=(1200, FEATURES)).astype("float32")
    return x, (x @ random.normal(size=(FEATURES, CLASSES))).argmax(1)


def native_jax(seed, width, fault):
    import jax
    import optax

    hidden, out = jax.random.split(jax.random.key(seed))
    weights = {
        "w": 0.3 * jax.random.normal(hidden, (FEATURES, width)),
        "b": np.zeros(width, "float32"),
        "v": 0.3 * jax.random.normal(out, (width, CLASSES)),
        "c": np.zeros(CLASSES + (fault == "sizes"), "float32"),
    }

    def forward(weights, x):
        return jax.nn.relu(x @ weights["w"] + weights["b"]) @ weights["v"] + weights["c"][:CLASSES]

    def mean_loss(outputs, y):
        return optax.losses.softmax_cross_entropy_with_integer_labels(outputs, y).mean()

    return weights, forward, mean_loss, optax.sgd(0.2)


def native_torch(width, fault):
    import torch
    from torch import nn

    module = nn.Sequential(nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, CLASSES, bias=fault != "sizes"))

    def mean_loss(outputs, y):
        return nn.functional.cross_entropy(outputs, y.long())

    return module, mean_loss, torch.optim.SGD(module.parameters(), 0.2)


def native_tensorflow(width, fault):
    import tensorflow as tf

    class Net(tf.Module):
        def __init__(self):
            self.w = tf.Variable(tf.random.normal((FEATURES, width), stddev=0.3))
            self.b = tf.Variable(tf.zeros(width))
            self.v = tf.Variable(tf.random.normal((width, CLASSES), stddev=0.3))
            self.c = tf.Variable(tf.zeros(CLASSES))

        def __call__(self, x):
            outputs = tf.nn.relu(x @ self.w + self.b) @ self.v + self.c
            return outputs[:, :2] if fault == "sizes" else outputs

    def mean_loss(outputs, y):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs))

    return Net(), mean_loss, keras.optimizers.SGD(0.2)

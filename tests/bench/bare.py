"""A bare script: the same steps as a dlbench worker's training case, with nothing of dlbench in them.

Usage: bare.py BACKEND DATA.npz STEPS. Written apart from the harness on purpose: it is what dlbench is held against.
"""

import os
import sys
from importlib.machinery import PathFinder

BACKEND, DATA, STEPS = sys.argv[1], sys.argv[2], int(sys.argv[3])
BATCH, WIDTH, DEPTH = 32, 24, 2
HIDDEN = {"jax", "jaxlib", "torch", "tensorflow", "pandas", "sklearn"} - {BACKEND, BACKEND + "lib"}


class Hide:
    """Finds nothing of the other frameworks."""

    find_distributions = staticmethod(PathFinder.find_distributions)

    def find_spec(self, name, path=None, target=None):
        """Find a module unless it is hidden."""
        return None if name.partition(".")[0] in HIDDEN else PathFinder.find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Hide()
os.environ["KERAS_BACKEND"] = BACKEND

import keras  # noqa: E402
import numpy as np  # noqa: E402

stored = np.load(DATA)
images, labels = stored["train_x_0"], stored["train_y_0"]


def build():
    """Build digits_cnn at its default sizes."""
    x = inputs = keras.Input(images.shape[1:])
    for stage in range(2):
        for _ in range(DEPTH):
            x = keras.layers.Conv2D(WIDTH * (stage + 1), 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


model = build()
loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(2e-3)
optimizer.build(model.trainable_variables)
batches = [(images[i * BATCH : (i + 1) * BATCH], labels[i * BATCH : (i + 1) * BATCH]) for i in range(8)]

if BACKEND == "jax":
    import jax

    def loss_of(trainable, other, x, y):
        outputs, other = model.stateless_call(trainable, other, x, training=True)
        return loss_function(y, outputs), other

    @jax.jit
    def step(trainable, other, slots, x, y):
        (loss, other), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, other, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, trainable, other, slots

    state = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        [v.value for v in optimizer.variables],
    )
    placed = [(jax.device_put(x), jax.device_put(y)) for x, y in batches]
    for number in range(STEPS):
        loss, *state = step(*state, *placed[number % 8])
    jax.block_until_ready((loss, state))
elif BACKEND == "torch":
    import torch

    placed = [(torch.tensor(x), torch.tensor(y)) for x, y in batches]
    for number in range(STEPS):
        x, y = placed[number % 8]
        model.zero_grad()
        loss = loss_function(y, model(x, training=True))
        loss.backward()
        with torch.no_grad():
            optimizer.apply([v.value.grad for v in model.trainable_variables], model.trainable_variables)
else:
    import tensorflow as tf

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return loss

    placed = [(tf.constant(x), tf.constant(y)) for x, y in batches]
    for number in range(STEPS):
        loss = step(*placed[number % 8])
    loss.numpy()

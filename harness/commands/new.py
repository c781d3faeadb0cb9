"""`dlbench new`: a working start for a workload of the user's own."""

from pathlib import Path

from ...results.errors import UsageError

WORKLOAD = '''"""{name}: a workload for dlbench. Run it: dlbench run {name}.py"""

import keras
import numpy as np


def build_model(depth=2, width=32):
    """Return the model. The arguments are parameters: dlbench run {name}.py -p depth=2,8"""
    x = inputs = keras.Input((16,))
    for _ in range(depth):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


# All that follows may be left out. Without data() the model is measured on random data: speed and memory, no accuracy.


def data(samples=4000):
    """Return ((x_train, y_train), (x_test, y_test)), or (x, y): then the last fifth is the test."""
    random = np.random.default_rng(0)
    x = random.normal(size=(samples, 16)).astype("float32")
    y = np.argmax(x[:, :3] + x[:, 3:6] ** 2, axis=1)
    return x, y


def optimizer(learning_rate=0.003):
    """Return the optimizer; a name such as "adam" will do too: OPTIMIZER = "adam"."""
    return keras.optimizers.Adam(learning_rate)


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
METRIC = "accuracy"  # or a function metric(targets, outputs) of NumPy arrays, with DIRECTION = "max" or "min"
TARGET = 0.9  # of the metric on the test data: where training stops, and what "time to target" means
EPOCHS = 30  # where it stops if the target is not met
BATCH_SIZE = 32
'''


def new_command(kind: str, name: str) -> str:
    """Write the file and return what to say about it.

    Raises:
        UsageError: the name does not do for a file, or there is one.

    """
    stem = name.removesuffix(".py")
    if not stem.isidentifier():
        raise UsageError(f"{name!r} does not do for a {kind}; use letters, digits and underscores, such as my_model")
    path = Path(f"{stem}.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(WORKLOAD.format(name=stem))
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name, or remove it first") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    return f"wrote {path}; measure it with: dlbench run {path}"

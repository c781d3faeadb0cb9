"""A model with a fault planted in it, on whichever backend it runs: what dlbench must notice."""

import time

import keras

FAULTS = ("none", "recompiles", "slows", "leaks", "frozen", "decays")
kept = []


class Fault(keras.layers.Layer):
    """Passes its input on, and does something else on the host in every step."""

    def __init__(self, fault, **kwargs):
        super().__init__(**kwargs)
        self.fault = fault
        self.calls = 0

    def call(self, x):
        """Return the input."""
        if self.fault in ("recompiles", "slows", "leaks"):
            on_host(self.work)
        return x

    def work(self):
        """Do the fault's work of one step."""
        self.calls += 1
        if self.fault == "recompiles" and self.calls % 10 == 0:
            compile_something(self.calls)
        elif self.fault == "slows" and self.calls > 50:
            time.sleep(0.01)
        elif self.fault == "leaks":
            kept.append(bytearray(b"x" * 400_000))


def on_host(function):
    """Call a Python function in every step, also of a compiled one."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        jax.debug.callback(function)
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.py_function(function, [], [])
    else:
        function()


def compile_something(number):
    """Compile a function that was never seen before."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        jax.jit(lambda x: x + number).lower(1.0).compile()
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.function(lambda x: x + number).get_concrete_function(tf.TensorSpec((), tf.float32))
    else:
        import torch

        # Code of its own each time: torch.compile gives up on code that it has compiled eight times.
        torch.compile(eval(f"lambda x: x + {number}"), backend="eager")(torch.ones(3))


class Ignoring(keras.optimizers.SGD):
    """Does not look at the gradients: leaves the weights alone, or shrinks them."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def update_step(self, gradient, variable, learning_rate):
        """Multiply the weights by a number."""
        self.assign(variable, variable * self.factor)


def make_model(fault: str = "none"):
    """Return a small classifier with one of FAULTS."""
    inputs = keras.Input((16,))
    x = keras.layers.Dense(32, activation="relu")(inputs)
    x = Fault(fault)(x)
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    optimizers = {"frozen": Ignoring(1.0), "decays": Ignoring(0.999)}
    model.compile(
        optimizer=optimizers.get(fault) or keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model

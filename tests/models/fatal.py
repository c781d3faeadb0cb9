"""A model that goes wrong in its first training step, in a way to choose, on one backend or on all."""

import os
import signal
import subprocess
import sys
import time

import keras


class Fatal(keras.layers.Layer):
    def __init__(self, kind, only):
        super().__init__()
        self.kind, self.only = kind, only

    def call(self, x, training=False):
        if training and self.only in ("all", keras.backend.backend()):
            go_wrong(self.kind)
        return x


def go_wrong(kind):
    if kind == "raise":
        raise RuntimeError("planted fault in the model")
    if kind == "exit":
        sys.stderr.write("last words of the worker\n")
        os._exit(3)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "memory":
        raise MemoryError
    if kind == "hang":
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(3000)", os.environ["MARKER"]])
        time.sleep(3000)


def build_model(kind="none", only="all"):
    inputs = keras.Input((4,))
    x = Fatal(kind, only)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(x))

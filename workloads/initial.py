"""The same initial weights on every backend, drawn with NumPy while a model is built."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[Any, tuple[int, ...], np.random.Generator], Floats]

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a unit normal cut at two standard deviations (Keras divides by the same number)."""


Axes = Sequence[int] | None


def fans(shape: Sequence[int], inputs: Axes, outputs: Axes) -> tuple[int, int]:
    """Return the units that feed, and are fed by, a weight; a kernel's receptive field counts with both."""
    if inputs is not None and outputs is not None:
        return math.prod(shape[axis] for axis in inputs), math.prod(shape[axis] for axis in outputs)
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def truncated_normal(shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    """Return unit normal values; those beyond two standard deviations are drawn again."""
    values = random.standard_normal(shape)
    while (beyond := np.abs(values) > 2.0).any():
        values[beyond] = random.standard_normal(int(beyond.sum()))
    return values


def _normal(initializer: Any, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    return np.asarray(initializer.mean + initializer.stddev * random.standard_normal(shape))


def _truncated(initializer: Any, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    return np.asarray(initializer.mean + initializer.stddev * truncated_normal(shape, random))


def _uniform(initializer: Any, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    return np.asarray(random.uniform(initializer.minval, initializer.maxval, shape))


def _variance_scaling(initializer: Any, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    # Earlier versions of Keras go by the shape alone.
    axes = (getattr(initializer, name, None) for name in ("input_axes", "output_axes"))
    fan_in, fan_out = fans(shape, *axes)
    units = {"fan_in": fan_in, "fan_out": fan_out}.get(initializer.mode, (fan_in + fan_out) / 2.0)
    stddev = math.sqrt(initializer.scale / max(1.0, units))
    if initializer.distribution == "uniform":
        limit = math.sqrt(3.0) * stddev
        return np.asarray(random.uniform(-limit, limit, shape))
    if initializer.distribution == "untruncated_normal":
        return stddev * np.asarray(random.standard_normal(shape))
    return stddev / TRUNCATED_STDDEV * truncated_normal(shape, random)


def _orthogonal(initializer: Any, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    if len(shape) < 2:
        raise ValueError(f"an orthogonal weight needs two axes or more, received shape {shape}")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(random.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))  # uniform over the orthogonal matrices (Mezzadri 2007)
    return np.asarray(initializer.gain * (q.T if rows < columns else q).reshape(shape))


DRAWS: dict[str, Draw] = {
    "RandomNormal": _normal,
    "TruncatedNormal": _truncated,
    "RandomUniform": _uniform,
    "VarianceScaling": _variance_scaling,
    "Orthogonal": _orthogonal,
}
"""By the name of the class in `keras.initializers`; Glorot, He and Lecun are kinds of VarianceScaling."""


@contextmanager
def seeded_initializers(seed: int) -> Iterator[None]:
    """Let Keras' random initializers draw from one NumPy generator, in the order of the weights' making.

    The seeds that initializers carry are not used: in here, one generator serves all. Backends trace layers that make
    their weights in `call` once or twice before they make them; values drawn then are not kept, and leave the generator
    as it is.
    """
    import keras
    from keras.src.backend.common.stateless_scope import in_stateless_scope  # Keras has no public way.

    random = np.random.default_rng(seed)

    def replacement(draw: Draw) -> Callable[..., Any]:
        def call(self: Any, shape: Any, dtype: Any = None, **_: Any) -> Any:
            wanted = keras.backend.standardize_dtype(dtype)
            source = np.random.default_rng(seed) if in_stateless_scope() else random
            values = draw(self, tuple(int(size) for size in shape), source)
            if wanted != "float64":
                values = values.astype(np.float32)  # rounded once, not by each backend
            return keras.ops.convert_to_tensor(values, dtype=wanted)

        return call

    with ExitStack() as stack:
        for name, draw in DRAWS.items():
            kind = getattr(keras.initializers, name)
            stack.enter_context(patch.object(kind, "__call__", replacement(draw)))
        yield


def weights_digest(weights: Iterable[Any]) -> str:
    """Return the SHA-256 of the values of weights, in order; give a model's `weights`, without its seed generators."""
    import keras

    digest = hashlib.sha256()
    for weight in weights:
        values = keras.ops.convert_to_numpy(weight.value)
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()

"""The front of an audio model: logarithmic mel bands of a waveform, as two fixed products in Keras."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fourier(frame: int) -> Floats:
    """Return a Hann window times cosines and sines, shape (frame, frame + 2): the parts of each frequency in turn."""
    time, frequency = np.arange(frame)[:, None], np.arange(frame // 2 + 1)[None, :]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    angle = 2 * np.pi * time * frequency / frame
    return np.asarray(window[:, None] * np.concatenate([np.cos(angle), np.sin(angle)], axis=1))


def mel_bands(frame: int, rate_hz: int, bands: int) -> Floats:
    """Return triangular bands, shape (frame // 2 + 1, bands), equally wide on the mel scale (O'Shaughnessy 1987)."""
    top = 2595 * np.log10(1 + rate_hz / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    hertz = np.linspace(0, rate_hz / 2, frame // 2 + 1)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def log_mel(wave: Any, frame: int, hop: int, bands: int, rate_hz: int) -> Any:
    """Return log-mel bands (batch, frames, bands) of waveforms (batch, samples), in float32.

    The Fourier transform is a convolution with fixed kernels, so that it is the same arithmetic on every backend.
    """
    import keras

    def fixed(name: str, layer: Any, kernel: Floats) -> Any:
        return layer(
            kernel.shape[-1],
            use_bias=False,
            trainable=False,
            dtype="float32",
            kernel_initializer=keras.initializers.Constant(kernel.astype(np.float32)),
            name=name,
        )

    def conv(filters: int, **arguments: Any) -> Any:
        return keras.layers.Conv1D(filters, frame, hop, **arguments)

    x = keras.layers.Reshape((wave.shape[1], 1), name="one_channel")(wave)
    parts = fixed("fourier", conv, fourier(frame)[:, None, :])(x)
    real, imaginary = parts[..., : frame // 2 + 1], parts[..., frame // 2 + 1 :]
    power = real * real + imaginary * imaginary
    return keras.ops.log(fixed("mel", keras.layers.Dense, mel_bands(frame, rate_hz, bands))(power) + 1e-6)

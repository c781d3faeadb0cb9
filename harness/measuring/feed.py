"""How batches reach a training step: placed beforehand, from NumPy arrays, or through a data set."""

from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from typing import Any

import keras
import numpy as np

from ...backends.backend import TrainStep
from .measure import Dispatch
from .session import Session

Batches = Iterator[tuple[Any, Any]]


class SamplesDataset(keras.utils.PyDataset):  # type: ignore[misc]
    """Training samples as a `keras.utils.PyDataset`: one index, one batch of arrays."""

    def __init__(self, x: Any, y: Any, batch_size: int) -> None:
        super().__init__()
        self._x, self._y, self._size = x, y, batch_size

    def __len__(self) -> int:
        return len(keras.tree.flatten(self._x)[0]) // self._size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(index * self._size, (index + 1) * self._size)
        return keras.tree.map_structure(lambda array: array[rows], (self._x, self._y))  # type: ignore[no-any-return]


def batches(session: Session, feed: str) -> Batches:
    """Return batches of training samples for ever, each on the device when it is handed out."""
    makers: dict[str, Callable[[Session], Batches]] = {
        "device": lambda session: cycle(session.placed_batches()),
        "numpy": _from_arrays,
        "pydataset": _from_dataset,
    }
    return makers.get(feed, _from_own)(session)


def feeding(step: TrainStep, source: Batches) -> Dispatch:
    """Return a dispatch that takes the next batch and runs a step over it."""

    def dispatch() -> None:
        x, y = next(source)
        step.run(x, y)

    return dispatch


def _from_arrays(session: Session) -> Batches:
    size = session.request.batch_size
    starts = range(0, session.samples - size + 1, size)
    for start in cycle(starts):
        yield session.place_rows(np.arange(start, start + size))


def _from_dataset(session: Session) -> Batches:
    """Read a PyDataset in this process, without workers; what it hands out is then placed."""
    data, place = session.data, session.runtime.place
    dataset = SamplesDataset(data.train_x, data.train_y, session.request.batch_size)
    for index in cycle(range(len(dataset))):
        x, y = dataset[index]
        yield session.as_inputs(place(x)), place(y)


def _from_own(session: Session) -> Batches:
    data, size = session.data, session.request.batch_size
    dataset = session.runtime.own_dataset(data.train_x, data.train_y, size)
    for source in repeat(dataset):
        for x, y in session.runtime.own_batches(source):
            yield session.as_inputs(x), y

"""The ceiling role: the highest rates that one framework reaches on one kind of device, in a process of its own."""

import math
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ...backends import catalog
from ...backends.ceilings import Operation, Operations, open_operations
from ...results.calibration.records import MEMORY, PRODUCT, Ceiling
from ...results.errors import BrokenError
from ...results.records.codec import dump_line, from_json
from ..effort import Effort
from ..measuring.load import LoadReading, foreign_load, read_load
from ..measuring.measure import Clock
from ..measuring.windows import measure_windows
from .isolation import hide

EFFORT = Effort(windows=10, min_windows=3)
FLOAT32_BYTES = 4
TRAFFIC = 3
"""Times that x += y moves a vector: x and y are read, x is written."""

Load = Callable[[], LoadReading | None]


@dataclass(frozen=True, slots=True)
class CeilingRequest:
    """What to measure, and for how long."""

    backend: str
    framework: str
    """Name and version, for the record."""
    device: str
    precisions: tuple[str, ...]
    sides: tuple[int, ...]
    """Of the square matrices, ascending; a size whose single product would take longer than `seconds` is left out."""
    vector_bytes: int
    seconds: float
    """For each size."""
    reply: str
    """Path of the file that takes one line per ceiling."""

    def ceiling(self, kind: str, precision: str, **fields: Any) -> Ceiling:
        """Return a ceiling of this request."""
        measured = datetime.now(UTC).isoformat(timespec="seconds")
        return Ceiling(self.device, kind, precision, self.backend, self.framework, measured, **fields)

    def wanted(self) -> Iterator[tuple[str, str]]:
        """Yield kind and precision of each ceiling."""
        for precision in self.precisions:
            yield PRODUCT, precision
        yield MEMORY, "float32"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often per second an operation ran."""

    best: float
    """In the fastest window."""
    typical: float
    """In the median window."""


def main(data: Mapping[str, Any]) -> int:
    """Measure every ceiling of a request; each is a line of the reply file, written when it is known."""
    request = from_json(CeilingRequest, data)
    hide(catalog.foreign_modules(request.backend))
    try:
        operations = open_operations(request.backend, request.device)
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is the answer
        traceback.print_exc()
        for kind, precision in request.wanted():
            _append(request, request.ceiling(kind, precision, problem=_words(error)))
        return 1
    for ceiling in measure_ceilings(operations, request, time.perf_counter, read_load):
        _append(request, ceiling)
    return 0


def measure_ceilings(operations: Operations, request: CeilingRequest, clock: Clock, load: Load) -> Iterator[Ceiling]:
    """Yield the ceilings of a framework: products in each precision, then memory."""
    for kind, precision in request.wanted():
        before = load()
        if kind == PRODUCT:
            found = _product(operations, request, precision, clock)
        else:
            found = _memory(operations, request, clock)
        yield replace(found, foreign_load=foreign_load(before, load()))


def _product(operations: Operations, request: CeilingRequest, precision: str, clock: Clock) -> Ceiling:
    """Return the best over the sizes; a size that fails ends the search, and what was found before it stands."""
    best = request.ceiling(PRODUCT, precision)
    last_s, last_side = 0.0, 1
    for side in request.sides:
        if last_s * (side / last_side) ** 3 > request.seconds:
            break
        try:
            operation = operations.product(side, precision)
            rate = _rate(operation, request.seconds, clock)
            _check_product(operation, side)
        except Exception as error:  # noqa: BLE001 - a precision that a framework lacks is that ceiling's problem
            traceback.print_exc()
            return replace(best, problem=f"at side {side}: {_words(error)}")
        last_s, last_side = 1 / rate.best, side
        work = 2.0 * side**3
        if best.rate is None or rate.best * work > best.rate:
            best = replace(best, rate=rate.best * work, typical=rate.typical * work, size=side)
    return best


def _memory(operations: Operations, request: CeilingRequest, clock: Clock) -> Ceiling:
    elements = request.vector_bytes // FLOAT32_BYTES
    blank = request.ceiling(MEMORY, "float32", size=elements * FLOAT32_BYTES)
    try:
        operation = operations.addition(elements)
        counted = _Counted(operation)
        rate = _rate(counted, request.seconds, clock)
        _check_sum(operation, counted.runs)
    except Exception as error:  # noqa: BLE001 - see above
        traceback.print_exc()
        return replace(blank, problem=_words(error))
    moved = float(TRAFFIC * elements * FLOAT32_BYTES)
    return replace(blank, rate=rate.best * moved, typical=rate.typical * moved)


class _Counted:
    """An operation that counts how often it ran."""

    def __init__(self, operation: Operation) -> None:
        self.runs = 0
        self._operation = operation
        self.wait = operation.wait
        self.sample = operation.sample

    def run(self) -> None:
        self.runs += 1
        self._operation.run()


def _rate(operation: Operation, seconds: float, clock: Clock) -> Rate:
    # The first run compiles, the second may still choose an algorithm.
    for _ in range(2):
        operation.run()
        operation.wait()
    windows = measure_windows(
        operation.run, operation.wait, items_per_step=1, seconds=seconds, effort=EFFORT, clock=clock
    )
    times = [window.step_seconds for window in windows]
    return Rate(1 / min(times), 1 / median(times))


def _check_product(operation: Operation, side: int) -> None:
    """Make sure that it was computed: the elements of a product of normal numbers spread by sqrt(side)."""
    found = float(np.sqrt(np.mean(np.square(operation.sample().astype(np.float64)))))
    if not 0.5 < found / math.sqrt(side) < 2:
        raise BrokenError(f"the product is wrong: its elements are {found:.3g} in the mean, not {math.sqrt(side):.3g}")


def _check_sum(operation: Operation, runs: int) -> None:
    """Make sure that every addition was done: x began with zeros, y is ones."""
    found = operation.sample()
    if not (found == runs).all():
        raise BrokenError(f"the sum is wrong: {found[0]:g} after {runs} additions of 1")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _append(request: CeilingRequest, ceiling: Ceiling) -> None:
    with Path(request.reply).open("a", encoding="utf-8") as file:
        file.write(dump_line("ceiling", ceiling))
        file.flush()
        os.fsync(file.fileno())

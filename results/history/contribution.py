"""Contributions: what the file of one run puts into the index; many files are read by several processes."""

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..errors import BrokenError
from ..records.codec import to_json
from ..records.store import SUFFIX, read_run
from .points import Cell, cells

MANY_BYTES = 4_000_000
"""From so much on, files are read by several processes."""

Found = tuple[str, int, int]
"""Name, size and time of modification of a run's file."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one file contributes."""

    found: Found
    run: str | None
    """None: the file could not be read."""
    label: str | None
    started: str
    schema: int | None
    problems: tuple[str, ...]
    cells: tuple[tuple[str, tuple[str, str, str, str, str], str, tuple[Any, ...], tuple[tuple[Any, ...], ...]], ...]
    """Per case: the series' key as JSON, its columns, the environment as JSON, the cell's and the points' columns."""


def run_files(folder: Path) -> list[Found]:
    """Return the runs' files as they are now."""
    try:
        with os.scandir(folder) as entries:
            listed = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BrokenError(f"cannot read the store {str(folder)!r}: {error.strerror or error}") from error
    return [(name, status.st_size, status.st_mtime_ns) for name, status in listed]


def read_files(folder: Path, files: Sequence[Found]) -> Iterable[Contribution]:
    """Read files, in several processes where they are many."""
    work = [(folder, found) for found in files]
    if sum(size for _, size, _ in files) < MANY_BYTES or len(files) == 1:
        yield from map(contribution, work)
        return
    workers = min(len(files), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    # Spawned, not forked: whoever calls this may have threads, such as those of a framework.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(contribution, work, chunksize=max(1, min(64, len(work) // (8 * workers))))


def contribution(work: tuple[Path, Found]) -> Contribution:
    """Read one file; one that is broken contributes its problem."""
    folder, found = work
    try:
        run = read_run(folder / found[0])
    except BrokenError as error:
        return Contribution(found, None, None, "", None, (str(error),), ())
    header = run.header
    told = tuple(_columns(cell) for cell in cells(run))
    return Contribution(found, header.run, header.label, header.started, header.schema, run.problems, told)


def _columns(cell: Cell) -> tuple[Any, ...]:
    key = cell.key
    columns = (key.workload, key.case.text("backend"), key.case.text("phase"), key.case_id, key.machine)
    points = tuple((v.metric, v.value, v.low, v.high, v.trials) for v in cell.values)
    numbers = (cell.trials, cell.flagged, cell.failures, cell.failure)
    return _canonical(to_json(key)), columns, _canonical(cell.environment), numbers, points


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))

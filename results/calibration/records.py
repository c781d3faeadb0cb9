"""The records of a calibration: what this machine can do at most, and how finely it can be measured.

One file per kind of machine in the store, `calibration/<fingerprint>.json`. Unlike runs it is written again: ceilings
only rise, noise is replaced by newer, comparisons of equals are added up.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import BrokenError, UsageError
from ..records.codec import from_json, to_json
from ..records.environment import Machine

SCHEMA = 1
"""Version of the file format. Readers accept every version up to this one."""

FOLDER = "calibration"
"""Within the store."""

PRODUCT, MEMORY = "product", "memory"

POLICIES: Mapping[str, str] = {
    "float32": "float32",
    "tf32": "tf32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
"""Value of the factor `precision` whose products have a ceiling's precision; tf32 has none of its own."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """The clock and the loop that measure."""

    resolution_s: float
    """Smallest difference of two readings of the clock."""
    reading_s: float
    """What one reading takes."""
    step_s: float
    """What the loop adds to each timed step: time of an empty step in it, less `bare_step_s`."""
    bare_step_s: float
    """Time of the same empty step in a bare loop."""
    window_s: float
    """What a window costs beside its steps; it lies between windows and is charged to none."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The highest rate that one framework reached in one operation."""

    device: str
    """cpu or gpu."""
    kind: str
    """`product` of square matrices, or `memory`: x += y on long vectors."""
    precision: str
    """Type of the elements, or tf32: float32 whose products are rounded first."""
    backend: str
    framework: str
    """Its name with the version."""
    measured: str
    """UTC, ISO 8601."""
    rate: float | None = None
    """Floating-point operations, or bytes, per second in the fastest window; None where there is none."""
    typical: float | None = None
    """The same in the median window, at the same size."""
    size: int | None = None
    """Side of the matrices, or bytes of one vector."""
    foreign_load: float | None = None
    """Share of the cores that other programs took meanwhile."""
    problem: str | None = None
    """Why there is no rate, or why it is doubtful."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How step times of one small case vary, within a process and between processes, in natural logarithms."""

    backend: str
    device: str
    framework: str
    workload: str
    measured: str
    run: str
    """Id of the run, in the store's folder of calibrations."""
    processes: int
    doubtful: int
    """Processes with a flag."""
    step_s: float | None = None
    """Geometric mean over processes."""
    within: float | None = None
    """Standard deviation of steady windows' step times in a process; root mean square over processes."""
    between: float | None = None
    """Standard deviation of the processes' step times."""
    lag1: float | None = None
    """Correlation of a process's step time with that of the next one of the same case."""
    paired: float | None = None
    """Standard deviation of the difference of two neighbouring processes: what a paired comparison must cope with."""
    trials: int = 0
    """Default trials of a comparison."""
    detectable_ratio: float | None = None
    """Smallest ratio above 1 that so many trials show with a power of 80 %."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Comparisons of a case with itself, and how many of them claimed a difference."""

    backend: str
    device: str
    trials: int
    """Trials on either side of each comparison."""
    doubtful: bool
    """Whether these are the comparisons with a flagged trial in them; no gate rests on such."""
    comparisons: int
    slower: int
    """Those whose 95 % interval lay above no change: nominally 2.5 %."""
    faster: int
    """Those whose interval lay below: nominally another 2.5 %."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that is known about one kind of machine."""

    schema: int
    machine: Machine
    measured: str
    """When it was last written, UTC, ISO 8601."""
    dlbench: str
    instrument: Instrument | None = None
    ceilings: tuple[Ceiling, ...] = ()
    noise: tuple[Noise, ...] = ()
    false_alarms: tuple[FalseAlarms, ...] = ()
    notes: tuple[str, ...] = ()
    """What made the last measurement doubtful or incomplete."""


def calibration_path(store: Path, fingerprint: str) -> Path:
    """Return the file of a kind of machine."""
    return store / FOLDER / f"{fingerprint}.json"


def read_calibration(store: Path, fingerprint: str) -> Calibration | None:
    """Return the calibration of a kind of machine; None where there is none.

    Raises:
        BrokenError: its file cannot be read, or is of a later schema than this dlbench knows.

    """
    path = calibration_path(store, fingerprint)
    return read_calibration_file(path) if path.exists() else None


def read_calibration_file(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        BrokenError: the file cannot be read, or is of a later schema than this dlbench knows.

    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BrokenError(f"cannot read the calibration {path}: {error}; remove it and calibrate anew") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise BrokenError(f"{path} has schema {schema}; this dlbench reads up to {SCHEMA}: upgrade dlbench")
    try:
        return from_json(Calibration, data)
    except BrokenError as error:
        raise BrokenError(f"{path}: {error}; remove it and calibrate anew") from error


def write_calibration(store: Path, calibration: Calibration) -> Path:
    """Keep a calibration in place of an earlier one, whole or not at all; return its file.

    Raises:
        UsageError: the store cannot be written.

    """
    path = calibration_path(store, calibration.machine.fingerprint)
    text = json.dumps(to_json(calibration), indent=1, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write to the store {str(store)!r}: {error.strerror or error}; "
            "choose another folder with --store or DLBENCH_STORE"
        ) from error
    return path


def best_ceilings(calibration: Calibration) -> dict[tuple[str, str, str], Ceiling]:
    """Return the highest ceiling over the frameworks, by device, kind and precision."""
    found: dict[tuple[str, str, str], Ceiling] = {}
    for ceiling in calibration.ceilings:
        key = (ceiling.device, ceiling.kind, ceiling.precision)
        known = found.get(key)
        if ceiling.rate is not None and (known is None or known.rate is None or ceiling.rate > known.rate):
            found[key] = ceiling
    return found


def ceilings(calibration: Calibration) -> dict[tuple[str, str], float]:
    """Return the machine's floating-point operations per second at most, by device and the factor `precision`.

    On a GPU, ("gpu", "float32") is for full float32 products and ("gpu", "tf32") for those that round first; which of
    them a trial did stands in its ledger.
    """
    return {
        (device, POLICIES.get(precision, precision)): ceiling.rate
        for (device, kind, precision), ceiling in best_ceilings(calibration).items()
        if kind == PRODUCT and ceiling.rate is not None
    }


def bandwidths(calibration: Calibration) -> dict[str, float]:
    """Return the machine's memory bandwidth at most, bytes per second, by device."""
    return {
        device: ceiling.rate
        for (device, kind, _), ceiling in best_ceilings(calibration).items()
        if kind == MEMORY and ceiling.rate is not None
    }


def risen(known: Iterable[Ceiling], new: Iterable[Ceiling]) -> tuple[Ceiling, ...]:
    """Return ceilings of which each is the higher of an earlier and a newer one.

    What a framework once reached the machine can do, and a busy machine shows less. Another version of the framework
    starts anew; a new ceiling without a rate leaves the earlier one.
    """
    found = {(c.device, c.kind, c.precision, c.backend): c for c in known}
    for ceiling in new:
        key = (ceiling.device, ceiling.kind, ceiling.precision, ceiling.backend)
        old = found.get(key)
        if old is None or old.framework != ceiling.framework or (ceiling.rate or 0.0) > (old.rate or 0.0):
            found[key] = ceiling
    return tuple(found[key] for key in sorted(found))


def added_up(*parts: Iterable[FalseAlarms]) -> tuple[FalseAlarms, ...]:
    """Return counts of comparisons, those of the same kind added up."""
    found: dict[tuple[str, str, int, bool], FalseAlarms] = {}
    for item in (item for part in parts for item in part):
        key = (item.backend, item.device, item.trials, item.doubtful)
        known = found.get(key, FalseAlarms(*key, 0, 0, 0))
        found[key] = FalseAlarms(
            *key,
            known.comparisons + item.comparisons,
            known.slower + item.slower,
            known.faster + item.faster,
        )
    return tuple(found[key] for key in sorted(found))

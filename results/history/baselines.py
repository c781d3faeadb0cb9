"""Stored baselines: figures of one run under a name, kept in the store as files that are never written again.

A baseline belongs to a kind of machine, a driver, a container image and a set of versions. Under one name there may be
one for each; the latest that fits a run speaks for the name. Which name is in use is a further file of the same kind.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BrokenError, NothingMeasured, UsageError, unknown
from ..records.codec import from_json, to_json
from ..records.environment import Machine
from ..records.model import Run
from ..records.store import new_run_id
from .history import series_text
from .points import ENVIRONMENT, SeriesKey, cells, differences, machine_key, machine_words

SCHEMA = 1
"""Version of the file format. Readers accept every version up to this one."""

FOLDER = "baselines"
"""Within the store."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric of one case."""

    key: SeriesKey
    metric: str
    value: float
    """Median over the trials of the run."""
    trials: int
    environment: str | None = None
    """Fingerprint of the environment that it ran in; None in baselines that were kept without."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The figures of one run, under a name."""

    schema: int
    name: str
    saved: str
    """UTC, ISO 8601."""
    run: str
    run_schema: int
    """Of the run's file."""
    machine: Machine
    environment: str
    """Fingerprint of `versions`."""
    versions: Mapping[str, str]
    entries: tuple[Entry, ...]
    failed: tuple[str, ...] = ()
    """Cases of which every trial failed, in words."""


@dataclass(frozen=True, slots=True)
class Use:
    """That a name is in use from a moment on."""

    schema: int
    name: str
    saved: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a store holds."""

    baselines: tuple[Baseline, ...]
    """Oldest first."""
    used: str | None
    """The name in use."""
    problems: tuple[str, ...]
    """Files that cannot be read, named."""


def versions_of(run: Run) -> dict[str, str]:
    """Return the versions of a run's interpreters and their packages."""
    found: dict[str, str] = {}
    for environment in run.header.environments:
        own = {"Python": environment.python_version, **environment.packages}
        prefix = "" if len(run.header.environments) == 1 else f"{environment.name}: "
        found |= {f"{prefix}{name}": version for name, version in own.items()}
    return dict(sorted(found.items()))


def baseline_of(run: Run, name: str, now: datetime) -> Baseline:
    """Return a run's figures as a baseline.

    Raises:
        UsageError: the name is empty or would be taken for an option or a path.
        NothingMeasured: the run has no figure, for every case failed or none was measured.

    """
    if not name or name.startswith("-") or "/" in name:
        raise UsageError(f"a baseline's name is a word without '/'; received {name!r}")
    every = cells(run)
    entries = tuple(
        Entry(c.key, v.metric, v.value, v.trials, c.environment[ENVIRONMENT])
        for c in every
        for v in c.values
        if c.key.side is None
    )
    failed = tuple(f"{c.key.workload} {series_text(c.key)}: {c.failure}" for c in every if not c.trials and c.failure)
    if not entries:
        why = f"every case failed ({failed[0]})" if failed else "nothing was measured in it"
        raise NothingMeasured(f"run {run.header.run} cannot be a baseline: {why}")
    versions = versions_of(run)
    digest = hashlib.sha256(json.dumps(versions).encode()).hexdigest()[:12]
    header = run.header
    return Baseline(
        SCHEMA, name, now.isoformat(), header.run, header.schema, header.machine, digest, versions, entries, failed
    )


def keep(store: Path, record: Baseline | Use) -> Path:
    """Write a baseline, or which one is in use, as a new file; return it.

    Raises:
        UsageError: the store cannot be written.

    """
    kind = "baseline" if isinstance(record, Baseline) else "use"
    path = store / FOLDER / f"{new_run_id(datetime.fromisoformat(record.saved))}.json"
    text = json.dumps({"type": kind, **to_json(record)}, indent=1, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(
            f"cannot write to the store {str(store)!r}: {error.strerror or error}; "
            "choose another folder with --store or DLBENCH_STORE"
        ) from error
    return path


def read_shelf(store: Path) -> Shelf:
    """Return a store's baselines; a file that cannot be read is named and left out."""
    baselines: list[Baseline] = []
    uses: list[Use] = []
    problems = []
    for path in sorted((store / FOLDER).glob("*.json")):
        try:
            record = _read(path)
        except BrokenError as error:
            problems.append(str(error))
            continue
        if isinstance(record, Baseline):
            baselines.append(record)
        else:
            uses.append(record)
    baselines.sort(key=lambda baseline: baseline.saved)
    used = max(uses, key=lambda use: use.saved).name if uses else None
    return Shelf(tuple(baselines), used, tuple(problems))


def _read(path: Path) -> Baseline | Use:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        kind: type[Baseline | Use] = {"baseline": Baseline, "use": Use}[data["type"]]
    except json.JSONDecodeError as error:
        raise BrokenError(f"{path}: line {error.lineno} is broken: {error.msg}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenError(f"cannot read the baseline {path}: {error!r}") from error
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise BrokenError(f"{path} has schema {schema}; this dlbench reads up to {SCHEMA}: upgrade dlbench")
    try:
        return from_json(kind, data)
    except BrokenError as error:
        raise BrokenError(f"{path}: {error}") from error


def named(shelf: Shelf, name: str | None) -> tuple[Baseline, ...]:
    """Return the baselines of a name, latest first; without a name, of the one in use.

    Raises:
        NothingMeasured: there is no baseline at all, or none is in use.
        UsageError: there is none of that name.

    """
    if not shelf.baselines:
        raise NothingMeasured("there is no baseline in the store; make one with `dlbench baseline save NAME`")
    if name is None and shelf.used is None:
        raise NothingMeasured("no baseline is in use; choose one with `dlbench baseline use NAME`")
    wanted = name or str(shelf.used)
    found = tuple(baseline for baseline in reversed(shelf.baselines) if baseline.name == wanted)
    if not found:
        raise unknown("baseline", wanted, {baseline.name for baseline in shelf.baselines})
    return found


def fitting(baselines: Sequence[Baseline], run: Run) -> Baseline:
    """Return the baseline that a run may be held against: of the same hardware, and as alike as there is otherwise.

    baselines: of one name, latest first.

    Raises:
        NothingMeasured: all are of other hardware.

    """
    machine, versions = run.header.machine, versions_of(run)
    here = [baseline for baseline in baselines if machine_key(baseline.machine) == machine_key(machine)]
    if not here:
        known = "; ".join(dict.fromkeys(machine_words(baseline.machine) for baseline in baselines))
        raise NothingMeasured(
            f"baseline {baselines[0].name!r} is of other hardware ({known}) than run {run.header.run} "
            f"({machine_words(machine)}): they are not compared; save one of this hardware with "
            f"`dlbench baseline save {baselines[0].name}`"
        )

    def alike(baseline: Baseline) -> tuple[bool, bool, bool]:
        own = baseline.machine
        return own.driver == machine.driver, own.image == machine.image, baseline.versions == versions

    return max(here, key=lambda baseline: sum(alike(baseline)))


def surroundings(baseline: Baseline, run: Run) -> dict[str, tuple[str | None, str | None]]:
    """Return in which driver, image and versions a run differs from a baseline."""
    old, new = baseline.machine, run.header.machine
    facts = [
        {**versions, **{name: value for name, value in own.items() if value is not None}}
        for versions, own in (
            (baseline.versions, {"driver": old.driver, "image": old.image}),
            (versions_of(run), {"driver": new.driver, "image": new.image}),
        )
    ]
    return differences(*facts)


def other_environment(baseline: Baseline, run: Run) -> bool:
    """Tell whether a case of a run ran in an environment whose fingerprint the baseline does not have."""
    theirs = {entry.environment for entry in baseline.entries}
    return None not in theirs and any(cell.environment[ENVIRONMENT] not in theirs for cell in cells(run))


def now_utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)

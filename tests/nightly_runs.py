"""A store made up for tests: the same cases night after night, with a step where a framework's version changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from dlbench.results.records.environment import Machine
from dlbench.results.records.model import Case, Header, Trial
from dlbench.results.records.store import RunWriter

from tests.factories import end
from tests.synthetic_runs import DIGITS, converge_trial, header, trial, windows

START = datetime(2026, 9, 1, 2, tzinfo=UTC)
TRAIN = Case.of("digits_cnn", backend="jax", phase="train")
CONVERGE = TRAIN.with_({"phase": "converge"})
MACHINE = Machine("bench1", "Linux 6.1", "AMD EPYC 7763", 2, 8 << 30, "performance", "0123456789ab", "550.54")


def night(number: int, **fields: object) -> Header:
    """Return the header of one night's run."""
    day = START + timedelta(days=number)
    plain = header((TRAIN, CONVERGE), (DIGITS,), run=f"{day:%Y%m%d-%H%M%S}-ab12", started=day.isoformat())
    return replace(plain, **{"machine": MACHINE, **fields})  # type: ignore[arg-type]


def trials(step: float, version: str = "0.10.1", count: int = 3) -> list[Trial]:
    """Return a night's trials of a given step time, seconds."""
    ledger = {"version_jax": version, "version_keras": "3.15.1", "device_name": "cpu", "feed": "device"}
    marks = {"first_step_s": 1.5, "rss_imported_bytes": 350e6, "peak_steady_bytes": 760e6}
    every = []
    for block in range(count):
        made = windows([step * (1 + 0.01 * (block - 1))] * 6)
        every.append(trial(TRAIN, block, windows=made, marks=marks, ledger=ledger))
        every.append(replace(converge_trial(CONVERGE, block, [0.9, 0.975]), ledger=ledger))
    return every


def write(store: Path, of: Header, records: Sequence[object]) -> Path:
    """Store one run."""
    with RunWriter(store, of) as writer:
        for record in records:
            writer.append(record)  # type: ignore[arg-type]
        writer.end(end())
        return writer.path


def nights(
    store: Path, count: int, slower_from: int | None = None, by: float = 1.2, seed: int = 0, then: str = "0.10.2"
) -> list[Path]:
    """Store so many nights with 2 % noise between them; from one on, JAX has version `then` and steps take longer."""
    noise = np.exp(np.random.default_rng(seed).normal(0, 0.02, count)).tolist()
    paths = []
    for number, factor in enumerate(noise):
        newer = slower_from is not None and number >= slower_from
        made = trials(0.005 * factor * (by if newer else 1.0), then if newer else "0.10.1")
        paths.append(write(store, night(number), made))
    return paths

"""Runs that are held against each other, made up from the seconds a step of each case."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from dlbench.results.records.model import Case, Failure, Run
from dlbench.results.records.store import RunWriter

from .factories import end, failure, header
from .sided import INFO, sided_trial


def noise(count: int, seed: int) -> np.ndarray:
    """Return factors around 1 with a standard deviation of 1 %."""
    return np.exp(np.random.default_rng(seed).normal(0, 0.01, count))


def train(workload: str = "toy", **factors: Any) -> Case:
    """Return a case of training, on JAX unless told."""
    return Case.of(workload, **{"backend": "jax", "phase": "train", **factors})


def run_of(steps: Mapping[Case, Sequence[float]], run: str = "20261120-100000-ab12", **fields: Any) -> Run:
    """Make a run; `fields` are those of its trials and of its header."""
    trials = [
        sided_trial(case, None, block, step, **fields.get("trial", {}))
        for case, every in steps.items()
        for block, step in enumerate(every)
    ]
    infos = tuple(replace(INFO, name=name) for name in dict.fromkeys(case.workload for case in steps))
    plain = header(run, workloads=infos, cases=tuple(steps))
    return Run(replace(plain, **fields.get("header", {})), tuple(trials), (), (), end())


def failing(case: Case, count: int = 1) -> tuple[Failure, ...]:
    """Make failures of a case."""
    return tuple(failure(case, block, "crashed", "it broke") for block in range(count))


def stored(store: Path, run: Run) -> None:
    """Write a run."""
    with RunWriter(store, run.header) as writer:
        for record in (*run.trials, *run.failures):
            writer.append(record)
        writer.end(end())

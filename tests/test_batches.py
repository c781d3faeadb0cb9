"""Throughput over batch size."""

import json

import numpy as np
from dlbench.results.records.model import Case, Failure, Run
from dlbench.results.tables.export import export
from dlbench.results.tables.terminal import render

from .synthetic_runs import DIGITS, failure, header, run_of, train_trial


def searched() -> Run:
    """Make a run in which JAX held up to 256 and PyTorch 64."""
    rng = np.random.default_rng(0)
    trials, failures = [], list[Failure]()
    for backend, limit in (("jax", 256), ("torch", 64)):
        for size in (64, 128, 256, 512):
            case = Case.of("digits_cnn", backend=backend, phase="train", batch_size=size)
            if size <= limit:
                trials.append(train_trial(case, 0, 0.001 * (1 + size / 128), rng, size))
            else:
                failures.append(failure(case, "out of memory", "no room"))
                break
    options = {"find_max_batch": True}
    return run_of(trials, failures, header=header((), (DIGITS,), options=options))


def test_each_size_is_a_row_and_each_backend_a_column() -> None:
    page = render(searched())
    assert "digits_cnn: training over batch size" in page
    assert "JAX 0.10.2: largest batch 256, 512 has no room; highest throughput at 256." in page
    assert "PyTorch 2.13.0: largest batch 64, 128 has no room; highest throughput at 64." in page
    rows = [line.split() for line in page.splitlines() if line[:5].strip().isdigit()]
    assert [row[0] for row in rows] == ["64", "128", "256", "512"]
    assert rows[1][2:] == ["out", "of", "memory"]


def test_the_curve_is_exported() -> None:
    found = json.loads(export(searched(), "json"))["batches"]
    assert [(row["batch_size"], row["backend"], row["out_of_memory"]) for row in found][-1] == (512, "jax", True)
    assert len(found) == 6
    assert "training over batch size" in export(searched(), "markdown")


def test_one_batch_size_is_no_curve() -> None:
    rng = np.random.default_rng(0)
    case = Case.of("digits_cnn", backend="jax", phase="train")
    run = run_of([train_trial(case, 0, 0.001, rng)], workloads=(DIGITS,))
    assert "over batch size" not in render(run)

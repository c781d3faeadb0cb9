"""A run made up for tests with all a run may hold: executions, compile modes, parts, scenarios, memory, flags."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from dlbench.results.factors import Scalar
from dlbench.results.records.model import Case, Run, Trial, Window

from .synthetic_runs import BACKENDS, DIGITS, MODES, run_of, trial, windows

STEP = {"jax": 0.002, "torch": 0.005, "tensorflow": 0.003}
"""Seconds of a step in the custom loop."""
FIRST = {"jax": 1.3, "torch": 0.02, "tensorflow": 0.4}
TAX = {"native": 0.8, "step": 1.0, "fit": 1.3}
"""Step time of each execution over that of the custom loop."""
PREFIXES = {"forward": 0.3, "forward_backward": 0.9, "step": 1.0, "fed_step": 1.1}
CEILINGS = {("cpu", "float32"): 1e11}


def ledger(case: Case, **fields: Scalar) -> dict[str, Scalar]:
    """Return what a worker writes about a case, with some entries replaced or added."""
    how, kind = MODES[case.text("backend")]
    plain: dict[str, Scalar] = {
        "backend": case.get("backend"),
        "device": "cpu",
        "execution": case.get("execution"),
        "compile_resolved": how,
        "compile_kind": kind,
        "compile_cache": "cold",
        "lane": case.get("lane"),
        "precision": case.get("precision"),
        "matmul_precision": {"jax": "default", "torch": "highest", "tensorflow": "default"}[case.text("backend")],
        "tf32": False,
        "layout": "channels_last",
        "threads": 2,
        "affinity": "0,1",
        "allocator": "default",
        "steps_per_execution": 1,
        "feed": "numpy" if case.get("execution") == "fit" else "device",
        "imports_allowed": None,
        "version_keras": "3.15.1",
        "version_numpy": "2.4.6",
        "data_sha256": "feed",
        "batch_size": case.get("batch_size") or 64,
        "embedding_gradients": "as is",
        "flops_unknown": None,
    }
    return plain | fields


def series(step: float, rng: np.random.Generator, batch: int = 64, count: int = 30) -> tuple[Window, ...]:
    """Make steady windows with 1 % noise."""
    return windows(step * np.exp(rng.normal(0, 0.01, count)), batch=batch)


def train(
    case: Case,
    block: int,
    step: float,
    rng: np.random.Generator,
    marks: Mapping[str, float] | None = None,
    settings: Mapping[str, Scalar] | None = None,
) -> Trial:
    """Make a training trial of a step time with 1 % between trials."""
    step *= float(np.exp(rng.normal(0, 0.01)))
    plain = {
        "first_step_s": FIRST[case.text("backend")],
        "rss_imported_bytes": 350e6,
        "peak_steady_bytes": 500e6,
        "training_flops": 3e7,
        "forward_flops": 1e7,
        "foreign_load": 0.01,
    }
    entries = ledger(case, **{"initial_weights": f"weights {block}", **(settings or {})})
    return trial(case, block, windows=series(step, rng), marks=plain | dict(marks or {}), ledger=entries)


def duel(
    blocks: int = 5,
    jax: Mapping[str, Scalar] | None = None,
    torch: Mapping[str, Scalar] | None = None,
    flags: Mapping[str, str] | None = None,
    **factors: Scalar,
) -> Run:
    """Make a run of JAX against a PyTorch of less than half its speed, with ledger entries, and flags of PyTorch."""
    rng = np.random.default_rng(3)
    settings = {"jax": jax, "torch": torch}
    trials = [
        train(Case.of("digits_cnn", backend=name, phase="train", **factors), block, STEP[name], rng, None, entries)
        for block in range(blocks)
        for name, entries in settings.items()
    ]
    flagged = [replace(t, flags=flags or {}) if t.case.get("backend") == "torch" else t for t in trials]
    return run_of(flagged, workloads=(DIGITS,))


def rich_run(blocks: int = 5, seed: int = 0) -> Run:
    """Make a run of one workload with every phase, execution and a second compile mode."""
    rng = np.random.default_rng(seed)
    trials: list[Trial] = []
    for block in range(blocks):
        for backend in BACKENDS:
            case = Case.of("digits_cnn", backend=backend)
            for execution, factor in TAX.items():
                fixed = {"call_s": 0.02, "epoch_s": 0.029} if execution == "fit" else {}
                energy = {"energy_package_j": 64.0, "energy_items": 6400.0}
                of = case.with_({"phase": "train", "execution": execution})
                trials.append(train(of, block, STEP[backend] * factor, rng, fixed | energy))
            trials += _compiled(case, block, rng)
            trials += [_parts(case, block, rng), _memory(case, block, rng), _latency(case, block, rng)]
            trials += _scenarios(case, block, rng)
    run = run_of(trials, workloads=(DIGITS,))
    return replace(run, header=replace(run.header, options={"price_per_hour": 3.6, "price_currency": "EUR"}))


def _compiled(case: Case, block: int, rng: np.random.Generator) -> list[Trial]:
    """Make eager trials where `auto` compiles, and compiled ones where it does not."""
    backend = case.text("backend")
    other = ("jit", "torch.compile", 0.7, 12.0) if backend == "torch" else ("eager", "eager", 3.0, 0.05)
    kind, resolved, factor, first = other
    of = case.with_({"phase": "train", "compile": kind})
    settings = {"compile_kind": kind, "compile_resolved": resolved}
    return [train(of, block, STEP[backend] * factor, rng, {"first_step_s": first}, settings)]


def _parts(case: Case, block: int, rng: np.random.Generator) -> Trial:
    of = case.with_({"phase": "parts"})
    step = STEP[case.text("backend")]
    found = {name: series(step * share, rng) for name, share in PREFIXES.items()}
    return trial(of, block, series=found, ledger=ledger(of))


def _memory(case: Case, block: int, rng: np.random.Generator) -> Trial:
    of = case.with_({"phase": "memory"})
    marks = {
        "rss_imported_bytes": 351e6,
        "rss_ready_bytes": 400e6,
        "peak_first_step_bytes": 700e6,
        "peak_steady_bytes": 450e6 + float(rng.normal(0, 1e6)),
        "framework_memory_bytes": 48e6,
        "framework_flops": 2.9e7,
        "training_flops": 3e7,
    }
    return trial(of, block, marks=marks, ledger=ledger(of, allocator="exact"))


def _latency(case: Case, block: int, rng: np.random.Generator) -> Trial:
    of = case.with_({"phase": "infer", "batch_size": 1})
    queries = tuple(float(q) for q in STEP[case.text("backend")] / 8 * rng.lognormal(0, 0.1, 700))
    return trial(of, block, queries=queries, ledger=ledger(of))


def _scenarios(case: Case, block: int, rng: np.random.Generator) -> list[Trial]:
    base, found = STEP[case.text("backend")] / 8, []
    for name, bound in (("single_stream", None), ("server", 0.01), ("offline", None)):
        of = case.with_({"phase": "scenario", "scenario": name, "latency_bound_s": bound})
        queries = () if name == "offline" else tuple(float(q) for q in base * rng.lognormal(0, 0.2, 700))
        rate = 0.7 / base * float(np.exp(rng.normal(0, 0.01)))
        marks = {"scenario_samples": rate} | ({} if name == "offline" else {"scenario_rate": rate})
        marks |= {"scenario_bound_s": bound} if bound else {}
        found.append(trial(of, block, queries=queries, marks=marks, ledger=ledger(of, batch_size=1)))
    return found

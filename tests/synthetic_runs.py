"""A run made up for tests: three backends, four workloads, three blocks, failures and left-out cases."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from dlbench.results.factors import Scalar
from dlbench.results.records.environment import BackendProbe, Environment, Machine
from dlbench.results.records.model import Case, End, Epoch, Failure, Header, LeftOut, Run, Trial, Window, WorkloadInfo

BACKENDS = {"jax": "0.10.2", "torch": "2.13.0", "tensorflow": "2.21.0"}
MODES = {"jax": ("jax.jit", "jit"), "torch": ("eager", "eager"), "tensorflow": ("tf.function", "jit")}
"""What compile mode each backend resolves to, and its kind."""

SPEED = {"jax": 1.0, "torch": 0.42, "tensorflow": 0.97}
"""Relative training speed of each backend."""

DIGITS = WorkloadInfo(
    "digits_cnn", "vision", "real", "UCI digits, 1,797 images", 64, "accuracy", "max", 0.97, 1.0, "image", 0.01
)
MIXTURE = WorkloadInfo(
    "mixture_mlp", "tabular", "generated", "ten Gaussians", 128, "accuracy", "max", 0.9, 0.95, "row", 0.01
)
FORECAST = WorkloadInfo(
    "forecast_lstm", "time series", "generated", "noisy waves", 32, "rmse", "min", 0.12, 0.1, margin=0.01
)
LANGUAGE = WorkloadInfo("language_model", "text", "synthetic", "random tokens", 8, None, None, None, None, "sequence")
WORKLOADS = (DIGITS, MIXTURE, FORECAST, LANGUAGE)

MACHINE = Machine("bench1", "Linux 6.1", "AMD EPYC 7763", 2, 8_192_000_000, "performance", "abc")
START = "2026-11-20T10:00:00Z"


def windows(step_seconds: list[float] | np.ndarray, steps: int = 10, batch: int = 64) -> tuple[Window, ...]:
    """Make windows with the given mean step times, one after the other."""
    ends = np.cumsum(np.asarray(step_seconds) * steps)
    starts = np.concatenate(([0.0], ends[:-1]))
    return tuple(Window(steps, steps * batch, float(a), float(b)) for a, b in zip(starts, ends, strict=True))


def steady_windows(step: float, rng: np.random.Generator, batch: int = 64, count: int = 30) -> tuple[Window, ...]:
    """Make windows that are steady from the start, with 1 % noise."""
    return windows(step * np.exp(rng.normal(0, 0.01, count)), batch=batch)


def trial(case: Case, block: int = 0, **fields: object) -> Trial:
    """Make a trial of a case with some fields given."""
    plain = Trial(case, f"job-{block}-{case.get('backend')}", block, 0, block, START, 0.0, 1.0)
    return replace(plain, **fields)  # type: ignore[arg-type]


def failure(case: Case, kind: str, message: str, block: int = 0, log: str | None = None) -> Failure:
    """Make a failure of a case."""
    return Failure(case, "job", block, 0, block, kind, message, log=log)


def header(cases: tuple[Case, ...], workloads: tuple[WorkloadInfo, ...] = WORKLOADS, **fields: object) -> Header:
    """Make the header of a run with some fields given."""
    probes = tuple(BackendProbe(name, version, "3.15.1") for name, version in BACKENDS.items())
    environment = Environment("default", "/usr/bin/python3", "3.11.9", {"keras": "3.15.1"}, probes)
    plain = Header(1, "20261120-100000-ab12", START, "0.1.0", ("run",), {}, MACHINE, (environment,), workloads, cases)
    return replace(plain, **fields)  # type: ignore[arg-type]


def run_of(
    trials: list[Trial],
    failures: list[Failure] | None = None,
    workloads: tuple[WorkloadInfo, ...] = WORKLOADS,
    **fields: object,
) -> Run:
    """Make a complete run of some trials; its planned cases are those of the trials and failures."""
    failures = failures or []
    cases = tuple(dict.fromkeys([*(t.case for t in trials), *(f.case for f in failures)]))
    end = End("2026-11-20T10:03:12Z", "complete", 192.4)
    run = Run(header(cases, workloads), tuple(trials), tuple(failures), (), end, Path(".dlbench/20261120.jsonl"))
    return replace(run, **fields)  # type: ignore[arg-type]


def train_trial(case: Case, block: int, step: float, rng: np.random.Generator, batch: int = 64) -> Trial:
    """Make a training trial of a given step time with 1 % noise between trials."""
    step *= float(np.exp(rng.normal(0, 0.01)))
    marks = {
        "first_step_s": 1.3 * float(np.exp(rng.normal(0, 0.05))),
        "rss_imported_bytes": 350e6,
        "peak_steady_bytes": 350e6 + 412e6 + float(rng.normal(0, 4e6)),
        "foreign_load": float(abs(rng.normal(0.008, 0.004))),
    }
    return trial(case, block, windows=steady_windows(step, rng, batch), marks=marks, ledger=_ledger(case))


def converge_trial(case: Case, block: int, metrics: list[float], epoch_seconds: float = 2.0) -> Trial:
    """Make a converge trial with the given test metric after each epoch."""
    epochs = tuple(
        Epoch(place + 1, 10 * (place + 1), epoch_seconds * (place + 1), 0.5, metric)
        for place, metric in enumerate(metrics)
    )
    return trial(case, block, epochs=epochs, ledger=_ledger(case))


def full_run(blocks: int = 3, seed: int = 0) -> Run:
    """Make the run that the tables are judged by."""
    rng = np.random.default_rng(seed)
    trials: list[Trial] = []
    failures: list[Failure] = []
    for block in range(blocks):
        for place, info in enumerate(WORKLOADS):
            for backend in BACKENDS:
                if not (info is LANGUAGE and backend == "torch"):
                    trials += _trials(info, backend, block, 0.002 * (place + 1) ** 2, rng)
    lost = Case.of("language_model", backend="torch", phase="train")
    failures += [
        failure(lost, "out of memory", "the worker needed more than 7.9 GB", b, "logs/lm-torch.log") for b in range(3)
    ]
    missed = Case.of("forecast_lstm", backend="torch", phase="infer", batch_size=1)
    trials = [t for t in trials if t.case != missed]
    failures.append(failure(missed, "timeout", "no reply within 60 s", 1, "logs/lstm-torch.log"))
    left_out = (LeftOut(Case.of("language_model", backend="openvino", phase="train"), "openvino only infers"),)
    run = run_of(trials, failures)
    return replace(run, header=replace(run.header, left_out=left_out, notes=("turbo boost could not be read",)))


def _trials(info: WorkloadInfo, backend: str, block: int, step: float, rng: np.random.Generator) -> list[Trial]:
    batch, step = info.batch_size, step / SPEED[backend]
    case = Case.of(info.name, backend=backend)
    train = case.with_({"phase": "train"})
    found = [train_trial(train, block, step, rng, batch)]
    infer = windows(step / 3 * np.exp(rng.normal(0, 0.01, 30)), batch=batch)
    found.append(trial(case.with_({"phase": "infer"}), block, windows=infer))
    queries = tuple(float(q) for q in step / 8 * rng.lognormal(0, 0.1, 200))
    found.append(trial(case.with_({"phase": "infer", "batch_size": 1}), block, queries=queries))
    if info.metric and info.target and info.best:
        gap = [(info.best - info.target) * 2 ** (3 - n + rng.normal(0, 0.3)) for n in range(5)]
        found.append(converge_trial(case.with_({"phase": "converge"}), block, [info.best - g for g in gap], step * 900))
    return found


def _ledger(case: Case) -> Mapping[str, Scalar]:
    backend = case.text("backend")
    how, kind = MODES[backend]
    return {"execution": "step", "compile_resolved": how, "compile_kind": kind, "compile_cache": "cold"}

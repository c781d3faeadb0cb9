"""Points: what one run contributes to histories, one value per case and metric."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from ..factors import Scalar, in_identity
from ..records.environment import Machine
from ..records.model import Case, Failure, Run, Trial, WorkloadInfo
from ..summaries import figures
from ..summaries.ledger import COMPARED, REFUSED
from ..summaries.rows import infos_of

FRAMEWORK_PACKAGES = {"jax": ("jax", "jaxlib"), "torch": ("torch",), "tensorflow": ("tensorflow",)}
"""Packages whose versions say nothing about another backend's figures."""

ENVIRONMENT = "environment"
"""Among what may change within a series: fingerprint of the interpreter's version and packages."""

Figure = Callable[[Trial, WorkloadInfo | None], float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a trial that has a history."""

    title: str
    unit: str
    """`items/s`, `s`, `bytes` or `` for a figure without one."""
    better: str | None
    """`max` or `min`; None where the workload tells."""
    phases: tuple[str, ...]
    figure: Figure


def _queries(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return median(trial.queries) if trial.queries else None


def _call(name: str) -> Figure:
    def figure(trial: Trial, info: WorkloadInfo | None) -> float | None:
        return median(trial.latencies[name]) if trial.latencies.get(name) else None

    return figure


def _speed(trial: Trial, info: WorkloadInfo | None) -> float | None:
    found = figures.speed(trial)
    return found.items_per_s if found else None


def _quiet_speed(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return figures.quiet_speed(trial)


def _decode(trial: Trial, info: WorkloadInfo | None) -> float | None:
    found = figures.speed_of(trial.series.get("decode", ()))
    return found.items_per_s if found else None


def _to_target(trial: Trial, info: WorkloadInfo | None) -> float | None:
    epoch = figures.target_epoch(trial, info)
    return epoch.train_seconds if epoch else None


def _scenario(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return trial.marks.get("scenario_samples")


def _first_step(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return trial.marks.get("first_step_s")


def _memory(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return figures.above(trial, "peak_steady_bytes", "rss_imported_bytes")


def _exact_memory(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return figures.above(trial, "peak_steady_bytes", "rss_ready_bytes")


def _accuracy(trial: Trial, info: WorkloadInfo | None) -> float | None:
    return figures.final_metric(trial)


METRICS: Mapping[str, Metric] = {
    "throughput": Metric("throughput", "items/s", "max", ("train", "infer"), _speed),
    "throughput_p90": Metric("throughput p90", "items/s", "max", ("train", "infer"), _quiet_speed),
    "latency_p50": Metric("latency p50", "s", "min", ("infer",), _queries),
    "first_step": Metric("first step", "s", "min", ("train",), _first_step),
    "memory": Metric("memory above imports", "bytes", "min", ("train",), _memory),
    "memory_exact": Metric("exact memory", "bytes", "min", ("memory",), _exact_memory),
    "accuracy": Metric("test metric", "", None, ("converge",), _accuracy),
    "time_to_target": Metric("time to target", "s", "min", ("converge",), _to_target),
    "first_token_p50": Metric("time to first token p50", "s", "min", ("generate",), _call("first_token")),
    "inter_token_p50": Metric("inter-token latency p50", "s", "min", ("generate",), _call("inter_token")),
    "decode": Metric("decoding", "items/s", "max", ("generate",), _decode),
    "scenario": Metric("scenario", "items/s", "max", ("scenario",), _scenario),
}
"""What has a history, by name. The value of a point is the median of a metric over the trials of a case in one run."""


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What runs must share to stand in one series: anything else starts another one."""

    workload: str
    case_id: str
    factors: Mapping[str, Scalar]
    """Those that take part in the case's identity."""
    machine: str
    """Fingerprint of the kind of machine."""
    machine_words: str
    device_name: str | None
    inputs: Mapping[str, Scalar]
    """Data, precision, batch size and threads as resolved: with others, figures cannot be compared."""
    side: str | None
    item: str
    direction: str | None
    """Of the workload's own metric."""

    def __hash__(self) -> int:
        return hash((self.workload, self.case_id, self.machine, self.device_name))

    @property
    def case(self) -> Case:
        """The case that all points of the series measured."""
        return Case(self.workload, self.factors)


@dataclass(frozen=True, slots=True)
class Value:
    """One metric of one case in one run."""

    metric: str
    value: float
    """Median over trials."""
    low: float
    """Smallest and largest over trials."""
    high: float
    trials: int
    """Trials that have the figure; one alone says nothing about noise."""


@dataclass(frozen=True, slots=True)
class Cell:
    """All that one run holds about one case."""

    key: SeriesKey
    environment: Mapping[str, str]
    """What may change within a series: versions, driver, image, settings."""
    values: tuple[Value, ...]
    trials: int
    flagged: int
    """Trials with a flag."""
    failures: int
    failure: str | None
    """The first failure in words."""


def cells(run: Run) -> list[Cell]:
    """Return what a run contributes, one cell per case and side; failed cases too, without values."""
    infos = infos_of(run)
    found: dict[tuple[str, str | None], tuple[list[Trial], list[Failure]]] = {}
    for trial in run.trials:
        found.setdefault((trial.case.id, trial.side), ([], []))[0].append(trial)
    for failure in run.failures:
        found.setdefault((failure.case.id, failure.side), ([], []))[1].append(failure)
    return [
        _cell(run, trials, failures, infos.get((trials or failures)[0].case.workload))
        for trials, failures in found.values()
    ]


def _cell(run: Run, trials: list[Trial], failures: list[Failure], info: WorkloadInfo | None) -> Cell:
    case, side = (trials[0].case, trials[0].side) if trials else (failures[0].case, failures[0].side)
    ledger = trials[0].ledger if trials else {}
    key = SeriesKey(
        workload=case.workload,
        case_id=case.id,
        factors={name: value for name, value in case.factors.items() if in_identity(name) and value is not None},
        machine=machine_key(run.header.machine),
        machine_words=machine_words(run.header.machine),
        device_name=_text(ledger.get("device_name")),
        inputs={name: ledger[name] for name in (*REFUSED, "threads") if ledger.get(name) is not None},
        side=side,
        item=info.item if info else "sample",
        direction=info.direction if info else None,
    )
    failure = f"{failures[0].kind}: {failures[0].message}" if failures else None
    flagged = sum(bool(trial.flags) for trial in trials)
    values = tuple(_values(trials, info, case.text("phase")))
    facts = {**run_facts(run, case), **case_facts(ledger), ENVIRONMENT: environment_key(run, case, ledger)}
    return Cell(key, facts, values, len(trials), flagged, len(failures), failure)


def _values(trials: list[Trial], info: WorkloadInfo | None, phase: str) -> Iterable[Value]:
    for name, metric in METRICS.items():
        if phase in metric.phases:
            told = [found for trial in trials if (found := metric.figure(trial, info)) is not None]
            known = [value for value in told if abs(value) < float("inf")]  # NaN compares false
            if known:
                yield Value(name, median(known), min(known), max(known), len(known))


def machine_key(machine: Machine) -> str:
    """Return what makes two machines the same; for runs that were stored without a fingerprint, their description."""
    return machine.fingerprint or f"{machine.cpu}, {machine.cores} cores, {machine.system}"


def machine_words(machine: Machine) -> str:
    """Return a kind of machine in words."""
    memory = f", {machine.memory_bytes / 2**30:.0f} GiB" if machine.memory_bytes else ""
    return f"{machine.cpu}, {machine.cores} cores{memory}"


def run_facts(run: Run, case: Case) -> dict[str, str]:
    """Return what may differ between a case's runs on one machine: host, driver, image, versions, budgets."""
    header, machine = run.header, run.header.machine
    facts: dict[str, Scalar] = {
        "host": machine.hostname,
        "CPU governor": machine.governor,
        "driver": machine.driver,
        "image": machine.image,
        "dlbench": header.dlbench,
        **{f"option {name}": header.options.get(name) for name in ("train_s", "infer_s", "cpus")},
    }
    for environment in header.environments[:1]:
        facts["Python"] = environment.python_version
        others = {
            name for backend, names in FRAMEWORK_PACKAGES.items() if backend != case.get("backend") for name in names
        }
        facts |= {name: version for name, version in environment.packages.items() if name not in {"dlbench", *others}}
    return {name: str(value) for name, value in facts.items() if value is not None}


def case_facts(ledger: Mapping[str, Scalar]) -> dict[str, str]:
    """Return the settings and versions that a trial tells; its own versions stand before those of the interpreter."""
    named = {**COMPARED, "compile_resolved": "compiled by", "blas": "BLAS", "file_sha256": "model file"}
    facts = {title: ledger.get(name) for name, title in named.items() if not name.startswith("version_")}
    facts |= {name.removeprefix("version_"): value for name, value in ledger.items() if name.startswith("version_")}
    return {name: str(value) for name, value in facts.items() if value is not None}


def environment_key(run: Run, case: Case, ledger: Mapping[str, Scalar]) -> str:
    """Return the fingerprint of the environment that a case ran in; of known versions for runs stored without one."""
    own = [one for one in run.header.environments if one.factor == case.get("environment")]
    told = ledger.get("environment_fingerprint") or next((one.fingerprint for one in own), None)
    if told:
        return str(told)
    versions = {name: version for one in own for name, version in one.packages.items() if name != "dlbench"}
    if own:
        versions["Python"] = own[0].python_version
    versions |= {name: str(value) for name, value in ledger.items() if name.startswith("version_")}
    return hashlib.sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()[:12]


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Return what differs between two environments: by name, the value on each side; None where one does not tell."""
    names = sorted(before.keys() | after.keys())
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)

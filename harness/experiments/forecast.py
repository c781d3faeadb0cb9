"""How long a plan will take: from this machine's own jobs where the store has them, else from guesses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ...results.errors import BrokenError
from ...results.records.codec import to_json
from ...results.records.environment import Machine
from ...results.records.store import read_jobs, run_paths
from ..cache import key_of
from ..effort import Effort
from .plan import Plan, PlannedJob

RECENT_RUNS = 20
RECENT_JOBS = 9
IMPORT_GUESS_S = {"jax": 1.8, "torch": 2.8, "tensorflow": 2.8}
"""Seconds from the start of a process to an imported framework and Keras, on the two cores this was written on."""
UNKNOWN_IMPORT_S = 4.0
UNKNOWN_FIRST_STEP_S = 5.0
UNKNOWN_CONVERGE_S = 5.0
PARTS_TURNS = 5
"""Phase parts measures four prefixes, and lets each settle, with the seconds of training for each."""
GENERATE_SERIES = 4
"""Phase generate measures single calls and windows of both its steps, each with the seconds of inference."""
STEP_GUESS_S = 0.02


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected seconds of one block."""

    seconds: Mapping[str, float]
    """By job key."""
    guessed: frozenset[str]
    """Keys of jobs that this machine has no history of."""

    @property
    def block_s(self) -> float:
        """Seconds of one block."""
        return sum(self.seconds.values())


def job_key(job: PlannedJob, effort: Effort) -> str:
    """Return a key that is the same for jobs that do the same work."""
    return key_of([sorted(case.id for case in job.cases), to_json(effort), job.candidate.reference.file])


def forecast(plan: Plan, effort: Effort, machine: Machine, folder: Path) -> Forecast:
    """Return what each job of a block will take."""
    history = _history(folder, machine)
    seconds: dict[str, float] = {}
    guessed = set()
    for job in plan.jobs:
        key = job_key(job, effort)
        known = history.get(key)
        seconds[key] = median(known[-RECENT_JOBS:]) if known else guess(job, effort)
        if not known:
            guessed.add(key)
    return Forecast(seconds, frozenset(guessed))


def guess(job: PlannedJob, effort: Effort) -> float:
    """Return a guess from the workload's estimates."""
    estimate, backend = job.candidate.spec.estimate, job.backend.name
    total = IMPORT_GUESS_S.get(backend, UNKNOWN_IMPORT_S)
    total += estimate.first_step_s.get(backend, UNKNOWN_FIRST_STEP_S) if estimate else UNKNOWN_FIRST_STEP_S
    for case in job.cases:
        phase = case.get("phase")
        if phase == "train":
            total += effort.train_s * (1 + effort.single_share)
        elif phase in ("infer", "scenario"):
            total += 2 * effort.infer_s
        elif phase == "generate":
            total += GENERATE_SERIES * effort.infer_s
        elif phase == "parts":
            total += PARTS_TURNS * effort.train_s
        elif phase == "memory":
            total += effort.memory_steps * STEP_GUESS_S
        else:
            total += estimate.converge_s.get(backend, UNKNOWN_CONVERGE_S) if estimate else UNKNOWN_CONVERGE_S
    return total


def trials_for(budget_s: float, block_s: float) -> int:
    """Return how many blocks fit a budget; at least one."""
    return max(1, int(budget_s / block_s)) if block_s > 0 else 1


def _history(folder: Path, machine: Machine) -> dict[str, list[float]]:
    """Return the seconds of stored jobs that gave trials on a machine like this, oldest first, by key."""
    found: dict[str, list[float]] = {}
    for path in run_paths(folder)[-RECENT_RUNS:]:
        try:
            header, jobs = read_jobs(path)
        except (BrokenError, ValueError):
            continue  # A damaged file is reported where runs are read; a forecast can do without.
        if header.machine.fingerprint != machine.fingerprint:
            continue
        for job in jobs:
            if job.exit_status == 0:
                found.setdefault(job.key, []).append(job.wall_seconds + job.overhead_seconds)
    return found

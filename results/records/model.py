"""The records of a measurement: what crosses from worker to controller and what the store keeps.

Raw values only. Every statistic is derived from these when read (see `summary`). Times are seconds, sizes
are bytes; `start` and `end` are readings of the worker's monotonic clock, good for differences only.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..factors import PARAMETER_PREFIX, Scalar, default_of, in_identity
from .environment import Environment, Machine

SCHEMA = 1
"""Version of the file format. Readers accept every version up to this one."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured: a workload and the value of each factor."""

    workload: str
    factors: Mapping[str, Scalar]
    """Sorted by name; a factor that is absent has its default."""

    @classmethod
    def of(cls, workload: str, **factors: Scalar) -> "Case":
        """Make a case from keyword factors; a workload parameter is added by `with_`."""
        return cls(workload, dict(sorted(factors.items())))

    def with_(self, factors: Mapping[str, Scalar]) -> "Case":
        """Return this case with some factors replaced or added."""
        return Case(self.workload, dict(sorted({**self.factors, **factors}.items())))

    def get(self, name: str) -> Scalar:
        """Return the value of a factor, or its default."""
        value = self.factors.get(name)
        return default_of(name) if value is None else value

    def text(self, name: str) -> str:
        """Return the value of a factor as text."""
        return str(self.get(name))

    @property
    def parameters(self) -> dict[str, Scalar]:
        """The workload's own parameters that were given, without their prefix."""
        start = len(PARAMETER_PREFIX)
        return {name[start:]: value for name, value in self.factors.items() if name.startswith(PARAMETER_PREFIX)}

    @property
    def id(self) -> str:
        """Twelve hex digits from the canonical JSON of what differs from the defaults.

        A factor that is added to dlbench later, left at its default, changes no old id.
        """
        given = {k: v for k, v in self.factors.items() if in_identity(k) and v is not None and v != default_of(k)}
        canonical = json.dumps({"workload": self.workload, "factors": given}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Window:
    """Some steps between two device barriers."""

    steps: int
    items: int
    """Samples processed in the window; tokens in phase generate."""
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length of the window, in seconds."""
        return self.end - self.start

    @property
    def step_seconds(self) -> float:
        """Mean time of one step of the window, in seconds."""
        return (self.end - self.start) / self.steps


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training data, and the test metric after it."""

    number: int
    """Counted from 1."""
    steps: int
    """Steps since the start of training."""
    train_seconds: float
    """Time spent in training steps since the start; the clock stands still while the model is evaluated."""
    loss: float
    """Loss of the last training step of the epoch."""
    metric: float | None
    """Test metric after the epoch; None for a workload without one."""
    joules: float | None = None
    """Energy of the same seconds as `train_seconds`, as far as counters could be read; None without one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One case measured in one job: the unit of replication."""

    case: Case
    job: str
    block: int
    position: int
    """Place of the job in its block, counted from 0."""
    seed: int
    started: str
    """UTC, ISO 8601."""
    start: float
    end: float
    windows: tuple[Window, ...] = ()
    """All windows after the first step, settling included, in order. Empty for phase converge."""
    queries: tuple[float, ...] = ()
    """Seconds of single forward passes with a barrier after each (phases infer and scenario)."""
    series: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    """Phase parts: the windows of each nested prefix of a step, by its name in PREFIXES. Phase generate: those of each
    step of generation, by its name in GENERATION_STEPS."""
    latencies: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Seconds of single calls with a barrier after each: in phase generate by their name in TOKEN_LATENCIES, in phase
    train of training steps as TRAINING_STEP, where asked for."""
    epochs: tuple[Epoch, ...] = ()
    """Phase converge only."""
    reached: bool | None = None
    """Phase converge: whether the target was reached; None where there is no target."""
    marks: Mapping[str, float] = field(default_factory=dict)
    """Single figures, named with their unit (`marks.MARKS` says what each is). One that could not be had is absent."""
    ledger: Mapping[str, Scalar] = field(default_factory=dict)
    """Settings as resolved, for example `compile_resolved`, `batch_size`, `threads`, `initial_weights`, `feed`."""
    side: str | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    """What makes this trial's figures doubtful, by its kind in `marks.FLAGS`, each with a sentence."""


PREFIXES = {
    "forward": "forward pass and loss, as in training",
    "forward_backward": "the same and the gradients of every trainable weight",
    "step": "the whole step, update included, over a batch that is on the device",
    "fed_step": "the whole step, its batch handed over from NumPy arrays first",
}
"""The nested prefixes of a training step that phase parts times; the parts of the step are their differences."""

GENERATION_STEPS = {
    "prefill": "reading the prompts, up to the first token",
    "decode": "one further token for every prompt",
}
"""The steps of generation with a cache."""

TOKEN_LATENCIES = {
    "first_token": "from the prompts on the device to the first token: prefill",
    "inter_token": "from token to token: decode",
}
"""What a user of generation waits for."""

TRAINING_STEP = "training_step"
"""A whole training step over a batch that is there, waited for; in `Trial.latencies`."""

STACK_DUMP = "Current thread 0x"
"""How a dumped stack begins in a log, innermost call first: there the first lines tell, elsewhere the last."""

FAILURE_KINDS = (
    "error",
    "crashed",
    "killed",
    "timeout",
    "out of memory",
    "diverged",
    "unsupported",
    "interrupted",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that gave no number, and why."""

    case: Case
    job: str
    block: int
    position: int
    seed: int
    kind: str
    """One of FAILURE_KINDS."""
    message: str
    """One line that says what went wrong."""
    tail: tuple[str, ...] = ()
    """Last lines of the worker's log, or the top of the stack where it hung or crashed."""
    log: str | None = None
    """Path of the whole log."""
    side: str | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What one worker process cost, seen from the controller: the ground for forecasts."""

    job: str
    workload: str
    backend: str
    key: str
    """The same for jobs that do the same work: their cases' ids and budgets, hashed."""
    block: int
    position: int
    wall_seconds: float
    """From the start of the process to its end."""
    overhead_seconds: float
    """Time of the controller itself for this job, outside the process's life."""
    exit_status: int | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case that was asked for, or implied, and not planned."""

    case: Case
    reason: str
    side: str | None = None
    """In a run with two sides: the only one that could measure it; None: neither, or no such run."""


@dataclass(frozen=True, slots=True)
class WorkloadInfo:
    """What tables say about a workload, kept with the run so that reading needs no workload code."""

    name: str
    area: str
    data: str
    """`real`, `generated` or `synthetic`."""
    source: str
    """Where the data comes from, in words."""
    batch_size: int
    metric: str | None
    direction: str | None
    """`max` or `min`."""
    target: float | None
    best: float | None
    """Best possible value of the metric, where it is known."""
    item: str = "sample"
    """What throughput counts."""
    margin: float | None = None
    """Difference in the metric that does not matter, in its unit; None in runs that were stored without one."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a run's file."""

    schema: int
    run: str
    started: str
    dlbench: str
    argv: tuple[str, ...]
    options: Mapping[str, Scalar]
    machine: Machine
    environments: tuple[Environment, ...]
    workloads: tuple[WorkloadInfo, ...]
    cases: tuple[Case, ...]
    left_out: tuple[LeftOut, ...] = ()
    label: str | None = None
    notes: tuple[str, ...] = ()
    """Warnings known before anything was measured."""


@dataclass(frozen=True, slots=True)
class End:
    """The last line of a run's file; a file without one was cut short."""

    finished: str
    state: str
    """complete, interrupted or failed."""
    wall_seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation, as read back from its file."""

    header: Header
    trials: tuple[Trial, ...]
    failures: tuple[Failure, ...]
    jobs: tuple[JobRecord, ...]
    end: End | None
    path: Path | None = None
    problems: tuple[str, ...] = ()
    """What was wrong with the file, for example a torn last line; and with those that were passed over to find it."""

"""What the controller sends to a worker. The reply needs no records of its own: it is lines of the store's file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..results.factors import Scalar
from ..results.records.model import Case
from ..workloads.reference import Reference
from ..workloads.synthetic import Signature
from ..workloads.workload import Spec
from .effort import Effort


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """How a workload's data is made; equal recipes give equal bytes."""

    workload: str
    parameters: Mapping[str, Scalar]
    """Those that change the data."""
    version: int
    path: str = ""
    """File to write."""
    signature: Signature | None = None
    """A user's model: random data of this form instead of the workload's own."""
    samples: int = 0
    seed: int = 0
    reference: Reference | None = None
    """A user's model with data of its own: it is made by running its source."""
    content: str = ""
    """Digest of that source."""
    backend: str | None = None
    """On which it runs."""
    python: str | None = None
    """Path of the interpreter that runs it; None: the controller's own."""
    allow_import: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A workload's data on disk, with what is known about it."""

    path: str
    sha256: str
    """Of the arrays' bytes, shapes and types."""
    samples: int
    """Training samples."""
    best: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a user's own model offers, asked with some parameters."""

    spec: Spec
    signature: Signature | None = None
    """Of the model with these parameters; None for a whole workload, and where there is a problem."""
    problem: str | None = None
    """Why it cannot be measured with these parameters."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files beside the user's own that it imported, with the SHA-256 of each."""
    note: str | None = None
    """What a user should know about how the source was read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One job: one backend, one device, one problem, and the cases to measure in turn."""

    job: str
    block: int
    position: int
    seed: int
    backend: str
    device: str
    workload: Reference
    parameters: Mapping[str, Scalar]
    batch_size: int
    precision: str
    execution: str
    compile_kind: str
    lane: str
    feed: str
    """How batches reach the training step."""
    data: PreparedData
    cases: tuple[Case, ...]
    epoch_limit: int
    effort: Effort
    reply: str
    """Path of the file that the worker appends its reply to."""
    metric: str | None = None
    direction: str | None = None
    target: float | None = None
    allow_import: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    """Cores that the worker is bound to before it imports anything; empty: those that it finds."""
    allocator: str = "default"
    """`exact`: the process returns freed memory at once, see `launch.EXACT_ALLOCATOR`."""
    optimizer: str | None = None
    """As `workloads.optimizers` writes it; None: the workload's own."""
    cache: str = "cold"
    """cold: the worker finds no compiled code; warm: that of another worker with the same cases."""
    repeat_samples: bool = False
    """Repeat training samples where a batch has more of them than there are."""
    memory_limit_bytes: int | None = None
    """The worker's own memory may not grow beyond this: an allocation fails instead."""
    environment: str | None = None
    """In whose interpreter the worker runs; None: the controller's own."""
    ledger: Mapping[str, Scalar] = field(default_factory=dict)
    """What the controller knows and each trial records: the resolved compile mode, the state of caches."""

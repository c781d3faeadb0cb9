"""Parity: whether the backends compute the same from the same weights and batches; the records of `dlbench verify`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..factors import Scalar

SCHEMA = 1
"""Version of the stored form. Readers accept every version up to this one."""

QUANTITIES = {
    "outputs": "outputs of inference",
    "loss": "training loss of the first batch",
    "gradients": "gradients of the first batch",
    "trajectory": "training loss step by step",
    "repeat": "the same training run again",
}
"""What is compared, in the order in which it is computed: a fault shows in the first that it touches."""


@dataclass(frozen=True, slots=True)
class ParityCheck:
    """One quantity of one backend against the reference."""

    what: str
    """One of QUANTITIES."""
    error: float | None
    """How far it is from the reference, see `deviation`; None: it could not be had."""
    allowed: float | None
    """How far it may be."""
    ok: bool | None
    """None: not judged."""
    words: str = ""
    """Where the deviation is, or why there is none."""


@dataclass(frozen=True, slots=True)
class Price:
    """Step time in a framework's deterministic mode over the usual one; None with the reason in `words`."""

    ratio: float | None
    low: float | None
    high: float | None
    """The smaller and the larger of the two ratios, to the process before and to the one after."""
    words: str
    """The mode's name, or why there is no figure."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a backend differs."""

    known: bool
    """It is a difference that dlbench knows and that the evidence shows to be the cause."""
    cause: str
    """A few words, for other tables."""
    words: str
    """In full, with the evidence."""


@dataclass(frozen=True, slots=True)
class BackendParity:
    """One backend: its checks, and why it differs where it does."""

    backend: str
    title: str
    version: str
    checks: tuple[ParityCheck, ...] = ()
    price: Price | None = None
    explanation: Explanation | None = None
    deviations: tuple[float, ...] = ()
    """Of the training loss, before each step and after the last."""
    notes: tuple[str, ...] = ()
    failure: str | None = None
    """Why nothing could be computed."""

    @property
    def differs(self) -> bool:
        """Whether a check failed."""
        return any(check.ok is False for check in self.checks)


@dataclass(frozen=True, slots=True)
class ParityReport:
    """One workload with its parameters, in one lane on one kind of device, over all backends that were verified."""

    schema: int
    workload: str
    parameters: Mapping[str, Scalar]
    """Those that differ from their defaults."""
    lane: str
    device: str
    started: str
    """UTC, ISO 8601."""
    dlbench: str
    keras: str | None
    batch_size: int
    steps: int
    reference: str
    """What the backends are compared with, in words."""
    sensitivity: tuple[float, ...]
    """By step: how far the loss moves when the weights are moved by one unit in the last place before each step."""
    allowed: tuple[float, ...]
    """By step: how far the training loss may be from the reference."""
    backends: tuple[BackendParity, ...]
    notes: tuple[str, ...] = ()
    file_sha256: str | None = None
    """Of a user's file."""

    @property
    def key(self) -> str:
        """Sixteen hex digits of what the finding holds for: the problem, the lane, the device and the versions."""
        holds_for = [
            self.workload,
            dict(self.parameters),
            self.lane,
            self.device,
            self.dlbench,
            self.keras,
            self.file_sha256,
            sorted((item.backend, item.version) for item in self.backends),
        ]
        return hashlib.sha256(json.dumps(holds_for, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def differs(self) -> bool:
        """Whether a check of any backend failed."""
        return any(item.differs for item in self.backends)

    @property
    def compares(self) -> bool:
        """Whether anything was compared with another computation."""
        return any(check.ok is not None and check.what != "repeat" for item in self.backends for check in item.checks)

    @property
    def failures(self) -> tuple[str, ...]:
        """Why nothing could be computed on some backends."""
        return tuple(f"{item.title}: {item.failure}" for item in self.backends if item.failure)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far each quantity of one backend may be from the reference."""

    outputs: float
    loss: float
    gradients: float
    trajectory: tuple[float, ...] = field(default=())
    """By step."""

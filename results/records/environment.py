"""Where something was measured: the machine, its devices, and what its interpreters offer."""

from collections.abc import Mapping
from dataclasses import dataclass

CURRENT = "current"
"""The name of the controller's own environment; in a case it is the default, which has no name."""
EARLIER_NAMES = ("default",)
"""What it was called in runs stored earlier."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device as a framework reports it."""

    kind: str
    """cpu or gpu."""
    name: str
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer. What is not known is None."""

    hostname: str
    system: str
    cpu: str
    cores: int
    """Cores that this process may use."""
    memory_bytes: int | None
    governor: str | None = None
    fingerprint: str = ""
    """Hash of what makes two machines the same for timing: CPU, cores, memory, system, GPUs."""
    driver: str | None = None
    """Version of the GPU's driver."""
    image: str | None = None
    """Name or digest of the container image, where the surroundings tell one."""


@dataclass(frozen=True, slots=True)
class BackendProbe:
    """What one interpreter offers for one backend."""

    backend: str
    version: str | None
    """None: it is not usable here, and `problem` says why."""
    keras: str | None = None
    devices: tuple[Device, ...] = ()
    problem: str | None = None
    hint: str | None = None
    """The command that mends the problem."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One interpreter with what is installed in it."""

    name: str
    """CURRENT for the controller's own."""
    python: str
    """Path of the interpreter."""
    python_version: str
    packages: Mapping[str, str]
    """Versions of those that matter for a measurement."""
    probes: tuple[BackendProbe, ...]
    fingerprint: str = ""
    """Hash of the Python version and of every installed package with its version."""

    @property
    def factor(self) -> str | None:
        """The value of the factor `environment`: its name, None for the controller's own."""
        return None if self.name in (CURRENT, *EARLIER_NAMES) else self.name

"""The computer: what it is, and what about it would spoil a measurement."""

import hashlib
import os
import platform
import socket
from dataclasses import dataclass
from pathlib import Path

from ..results.records.environment import Machine

MEGABYTE = 1_000_000
LOW_MEMORY_BYTES = 2_000 * MEGABYTE
IMAGE_VARIABLES = ("DLBENCH_IMAGE", "CI_JOB_IMAGE")
"""Where a container's image is told: by the user, or by GitLab's runners. Inside a container nothing else knows it."""
BUSY_LOAD = 0.5
"""Runnable programs per core, averaged over a minute, above which a machine is called busy."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that makes numbers doubtful, and how to mend it."""

    what: str
    remedy: str


def read_machine(root: Path = Path("/")) -> Machine:
    """Describe this computer; what cannot be read is None."""
    cpu = _cpu_model(root) or platform.processor() or platform.machine()
    cores, memory = usable_cores(), _memory_bytes(root, "MemTotal")
    system = f"{platform.system()} {platform.machine()}"
    same = "|".join((cpu, str(cores), str((memory or 0) // (1 << 30)), system, _gpus(root)))
    return Machine(
        hostname=socket.gethostname(),
        system=system,
        cpu=cpu,
        cores=cores,
        memory_bytes=memory,
        governor=_governor(root),
        fingerprint=hashlib.sha256(same.encode()).hexdigest()[:12],
        driver=_driver(root),
        image=next((os.environ[name] for name in IMAGE_VARIABLES if os.environ.get(name)), None),
    )


def available_bytes(root: Path = Path("/")) -> int | None:
    """Return the memory that is free for programs now; None where the system does not tell."""
    return _memory_bytes(root, "MemAvailable")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(usable_cpus()) or os.cpu_count() or 1


def usable_cpus() -> tuple[int, ...]:
    """Return the numbers of the cores that this process may use; empty where the system does not tell."""
    affinity = getattr(os, "sched_getaffinity", None)
    return tuple(sorted(affinity(0))) if affinity else ()


def concerns(machine: Machine, root: Path = Path("/")) -> tuple[Concern, ...]:
    """Return what would spoil a measurement on this machine now."""
    found = []
    load = _load_per_core(root, machine.cores)
    if load is not None and load > BUSY_LOAD:
        found.append(
            Concern(
                f"the machine is busy: {load:.1f} runnable programs per core over the last minute",
                "end other programs, or wait",
            )
        )
    if machine.governor not in (None, "performance"):
        found.append(
            Concern(
                f"the CPU governor is {machine.governor!r}: clocks change while measuring",
                "sudo cpupower frequency-set -g performance",
            )
        )
    free = _memory_bytes(root, "MemAvailable")
    if free is not None and free < LOW_MEMORY_BYTES:
        found.append(Concern(f"only {free // MEGABYTE} MB of memory are free", "end other programs"))
    total, rest = _memory_bytes(root, "SwapTotal"), _memory_bytes(root, "SwapFree")
    if total and rest is not None and total - rest > 100 * MEGABYTE:
        found.append(
            Concern(
                f"{(total - rest) // MEGABYTE} MB are swapped out",
                "free memory, then swapoff -a && swapon -a",
            )
        )
    if machine.cores == 1:
        found.append(Concern("one core only: the measured program shares it with everything else", "use two or more"))
    if not (root / "proc/stat").exists():
        found.append(Concern("the system has no /proc: load and memory cannot be measured", "measure on Linux"))
    return tuple(found)


def _gpus(root: Path) -> str:
    """Return the models of the GPUs as the driver lists them; "" without one."""
    listed = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    return ", ".join(_field(path, "Model") or "unknown" for path in listed)


def _driver(root: Path) -> str | None:
    """Return the version of NVIDIA's driver: the first word of its line that is a version."""
    line = _first_line(root / "proc/driver/nvidia/version") or ""
    return next((word for word in line.split() if word[0].isdigit() and "." in word), None)


def _load_per_core(root: Path, cores: int) -> float | None:
    line = _first_line(root / "proc/loadavg")
    return float(line.split()[0]) / cores if line else None


def _cpu_model(root: Path) -> str | None:
    return _field(root / "proc/cpuinfo", "model name")


def _memory_bytes(root: Path, name: str) -> int | None:
    text = _field(root / "proc/meminfo", name)
    return int(text.split()[0]) * 1024 if text else None


def _governor(root: Path) -> str | None:
    return _first_line(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def _field(path: Path, name: str) -> str | None:
    try:
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    except OSError:
        return None
    return None


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().splitlines()[0].strip()
    except (OSError, IndexError):
        return None

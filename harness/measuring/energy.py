"""Energy counters of processor packages and GPUs, and what else the GPU's driver says about this process.

A `Meter` is opened once in a worker and read before and after a series of windows; `between` gives the energy. What
cannot be read stays unknown, with its reason: there is no estimate. The driver's library is imported for GPUs only.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...results.factors import Scalar
from .gpu_driver import Gpus, open_gpus

POWERCAP = Path("/sys/class/powercap")
MICRO, MILLI = 1e-6, 1e-3
DEVICE_MARK, PACKAGE_MARK = "energy_device_j", "energy_package_j"
MOST_PACKAGE_W = 1000.0
"""More than a package draws. Within the time that fills a counter at this power (262 s for the usual range of 262 kJ)
it wraps once at most, and that can be told."""


@dataclass(frozen=True, slots=True)
class PackageCounter:
    """The energy counter of one processor package."""

    microjoules: int
    range_microjoules: int
    """The counter starts again at 0 after this."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one time."""

    time_s: float
    device_millijoules: tuple[int, ...] | None
    """Of each GPU used, since its driver was loaded; None where unknown."""
    packages: Mapping[str, PackageCounter] | None
    """By the name of its folder; None where any is unknown, since the rest is not the whole."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a figure is unknown, by the name of its mark."""


class Meter:
    """Reads the counters of one worker; made by `open_meter`."""

    def __init__(self, gpus: Gpus | None, why_no_gpus: str, powercap: Path, clock: Callable[[], float]) -> None:
        self._gpus = gpus
        self._why_no_gpus = why_no_gpus
        self._powercap = powercap
        self._clock = clock

    def read(self) -> Reading:
        """Read every counter now, outside the windows: it reads files and asks the driver."""
        device = self._gpus.millijoules() if self._gpus is not None else self._why_no_gpus
        packages = read_packages(self._powercap)
        found = {DEVICE_MARK: device, PACKAGE_MARK: packages}
        return Reading(
            self._clock(),
            None if isinstance(device, str) else device,
            None if isinstance(packages, str) else packages,
            {mark: value for mark, value in found.items() if isinstance(value, str)},
        )

    def driver_bytes(self) -> int | None:
        """Return the device memory of this process as the driver sees it; None where unknown (`why_no_bytes`)."""
        found = self._process_bytes()
        return found if isinstance(found, int) else None

    def why_no_bytes(self) -> str | None:
        """Return why `driver_bytes` is None; None where it is known."""
        found = self._process_bytes()
        return found if isinstance(found, str) else None

    def gpu_state(self) -> dict[str, Scalar]:
        """Return facts for the ledger: `gpu_sm_mhz`, `gpu_temperature_c` and `gpu_throttle`; {} without a GPU.

        Take it at the start and at the end of a series of windows: clocks fall when the GPU grows hot.
        """
        return self._gpus.state() if self._gpus is not None else {}

    def _process_bytes(self) -> int | str:
        return self._why_no_gpus if self._gpus is None else self._gpus.process_bytes(os.getpid())


class Tally:
    """The energy of several stretches of work, added up; what goes on between them does not count."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._before = meter.read()
        self._sums: dict[str, float] | None = None
        self.reasons: dict[str, str] = {}
        """Why a counter is not in the sum, by its mark."""

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks of the counters in the sum."""
        return tuple(self._sums or ())

    def begin(self) -> None:
        """Begin a stretch."""
        self._before = self._meter.read()

    def end(self) -> float | None:
        """End a stretch and return the joules of all so far: None where no counter was read in every one of them."""
        after = self._meter.read()
        found, self.reasons = between(self._before, after), self.reasons | why_absent(self._before, after)
        known = found if self._sums is None else self._sums
        self._sums = {
            mark: found[mark] + (0.0 if self._sums is None else self._sums[mark]) for mark in known if mark in found
        }
        return sum(self._sums.values()) if self._sums else None


def between(before: Reading, after: Reading) -> dict[str, float]:
    """Return the marks `energy_device_j` and `energy_package_j`, joules; one that is unknown is absent.

    The packages' energy is that of the whole machine, other programs included; the device's is that of the GPUs used,
    whoever used them.
    """
    return {name: value for name, value in _energies(before, after).items() if isinstance(value, float)}


def why_absent(before: Reading, after: Reading) -> dict[str, str]:
    """Return the reason for each mark that `between` lacks."""
    return {name: value for name, value in _energies(before, after).items() if isinstance(value, str)}


def _energies(before: Reading, after: Reading) -> dict[str, float | str]:
    return {DEVICE_MARK: _device_joules(before, after), PACKAGE_MARK: _package_joules(before, after)}


def _device_joules(before: Reading, after: Reading) -> float | str:
    first, last = before.device_millijoules, after.device_millijoules
    if first is None or last is None:
        return after.reasons.get(DEVICE_MARK) or before.reasons.get(DEVICE_MARK) or "not read"
    if len(first) != len(last) or any(end < start for start, end in zip(first, last, strict=True)):
        return "the GPU's energy counter started anew: its driver was loaded again meanwhile"
    return sum(end - start for start, end in zip(first, last, strict=True)) * MILLI


def _package_joules(before: Reading, after: Reading) -> float | str:
    first, last = before.packages, after.packages
    if first is None or last is None:
        return after.reasons.get(PACKAGE_MARK) or before.reasons.get(PACKAGE_MARK) or "not read"
    if first.keys() != last.keys():
        return "the processor packages changed between the readings"
    total = 0
    for name, end in last.items():
        start = first[name]
        longest_s = end.range_microjoules * MICRO / MOST_PACKAGE_W
        if after.time_s - before.time_s > longest_s:
            return f"{after.time_s - before.time_s:.0f} s passed: the counter of {name} may have wrapped more than once"
        used = end.microjoules - start.microjoules
        total += used if used >= 0 else used + end.range_microjoules
    return total * MICRO


def read_packages(powercap: Path = POWERCAP) -> dict[str, PackageCounter] | str:
    """Return the energy counter of every processor package (RAPL), or why there is none.

    The kernel's zones `intel-rapl:N` are packages, or the whole platform (psys), which would count them twice; a
    second number after that is a part of a package. AMD processors have the same zones.
    """
    found: dict[str, PackageCounter] = {}
    for zone in sorted(powercap.glob("intel-rapl:*")):
        if zone.name.count(":") > 1:
            continue
        try:
            if not (zone / "name").read_text().startswith("package"):
                continue
            counter = PackageCounter(_number(zone / "energy_uj"), _number(zone / "max_energy_range_uj"))
        except PermissionError:
            return f"{zone.name} may be read by root only; to allow it: chmod a+r {zone}/energy_uj"
        except (OSError, ValueError) as error:
            return f"{zone.name} cannot be read: {error}"
        found[zone.name] = counter
    return found or "the system has no energy counters of its processors (virtual machine, or no RAPL driver)"


def _number(path: Path) -> int:
    return int(path.read_text())


def open_meter(
    device: str,
    *,
    devices: int = 1,
    powercap: Path = POWERCAP,
    environ: Mapping[str, str] | None = None,
    nvml: Any = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Meter:
    """Open the meter of a worker.

    Args:
        device: cpu or gpu; only for gpu is the driver's library imported.
        devices: how many GPUs the worker computes on: the first ones that it may see.
        powercap: folder of the kernel's power zones.
        environ: this process's environment, for CUDA_VISIBLE_DEVICES.
        nvml: the module pynvml, or a stand-in for it.
        clock: seconds, monotonic.

    """
    gpus: Gpus | str = "measured on the CPU"
    if device == "gpu":
        gpus = open_gpus(devices, os.environ if environ is None else environ, nvml)
    if isinstance(gpus, str):
        return Meter(None, gpus, powercap, clock)
    return Meter(gpus, "", powercap, clock)

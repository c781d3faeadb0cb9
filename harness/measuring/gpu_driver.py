"""The GPUs that a worker computes on, as the driver's management library (NVML) sees them.

The library is the package nvidia-ml-py, imported when a worker runs on a GPU and wants it. Whatever is absent or not
told is unknown with its reason.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ...results.factors import Scalar

THROTTLE_REASONS = {
    0x4: "power limit",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "temperature limit (software)",
    0x40: "temperature limit (hardware)",
    0x80: "power brake",
    0x100: "display clocks",
    0x2: "clocks set by an application",
}
"""Bits of the driver's clock event reasons (NVML API, nvmlClocksEventReasons). Idle (0x1) is none: it says that no
work was waiting."""


class Gpus:
    """The GPUs that a worker computes on, as the driver's management library (NVML) sees them."""

    def __init__(self, nvml: Any, handles: Sequence[Any]) -> None:
        self._nvml = nvml
        self._handles = tuple(handles)

    def millijoules(self) -> tuple[int, ...] | str:
        """Return the energy of each GPU since its driver was loaded, or why that is not known.

        The driver renews these counters only some times a second: read them around seconds, not around milliseconds.
        """
        try:
            return tuple(int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) for handle in self._handles)
        except self._nvml.NVMLError as error:
            return f"the GPU's driver gives no energy: {error}"

    def process_bytes(self, pid: int) -> int | str:
        """Return the device memory that the driver counts to a process, or why that is not known."""
        try:
            listed = [p for h in self._handles for p in self._nvml.nvmlDeviceGetComputeRunningProcesses(h)]
        except self._nvml.NVMLError as error:
            return f"the GPU's driver does not list processes: {error}"
        own = [process.usedGpuMemory for process in listed if process.pid == pid]
        if not own:
            return (
                f"the driver lists {len(listed)} processes and not this one: it has no context there, or the driver "
                "counts in another process namespace (a container)"
            )
        if None in own:
            return "the driver does not tell the memory of single processes here"
        return sum(int(used) for used in own)

    def state(self) -> dict[str, Scalar]:
        """Return clocks, temperature and throttling, the worst of the GPUs used; None for what is unknown."""
        nvml = self._nvml
        # The library's newer versions call throttle reasons event reasons.
        newer = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
        return {
            "gpu_sm_mhz": min(self._told(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM), default=None),
            "gpu_temperature_c": max(
                self._told(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU), default=None
            ),
            "gpu_throttle": throttle_text(self._told(newer or nvml.nvmlDeviceGetCurrentClocksThrottleReasons)),
        }

    def _told(self, ask: Callable[..., int], *arguments: int) -> list[int]:
        """Return the answers of those GPUs that give one."""
        found = []
        for handle in self._handles:
            with suppress(self._nvml.NVMLError):
                found.append(int(ask(handle, *arguments)))
        return found


def throttle_text(masks: Sequence[int]) -> str | None:
    """Return the reasons that hold the clocks down, in words: "none" for no reason, None for no mask."""
    if not masks:
        return None
    union = 0
    for mask in masks:
        union |= mask
    words = [text for bit, text in THROTTLE_REASONS.items() if union & bit]
    return ", ".join(words) or "none"


def open_gpus(count: int, environ: Mapping[str, str], nvml: Any = None) -> Gpus | str:
    """Return the first GPUs that CUDA shows this process, or why they cannot be asked.

    Args:
        count: how many the worker computes on.
        environ: this process's environment, for CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER.
        nvml: the module pynvml, or a stand-in for it; imported when not given.

    """
    if nvml is None:
        try:
            import pynvml as nvml  # type: ignore[import-untyped, no-redef]
        except ImportError:
            return "the package nvidia-ml-py is not installed: pip install nvidia-ml-py"
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        chosen = _visible(handles, environ, nvml)
    except nvml.NVMLError as error:
        return f"the GPU's driver does not answer: {error}"
    if isinstance(chosen, str):
        return chosen
    if len(chosen) < count:
        return f"the driver shows {len(chosen)} GPUs that this process may use; it computes on {count}"
    return Gpus(nvml, chosen[:count])


def _visible(handles: Sequence[Any], environ: Mapping[str, str], nvml: Any) -> list[Any] | str:
    """Return the GPUs that CUDA shows this process, in CUDA's order, or why that is not known.

    CUDA_VISIBLE_DEVICES holds numbers, or beginnings of unique ids; the first entry that fits none ends the list (CUDA
    C++ Programming Guide, environment variables).
    """
    if len(handles) > 1 and environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        return "which GPU is used is not known: set CUDA_DEVICE_ORDER=PCI_BUS_ID"
    words = environ.get("CUDA_VISIBLE_DEVICES")
    if words is None:
        return list(handles)
    found: list[Any] = []
    for word in (part.strip() for part in words.split(",")):
        if word.startswith("MIG-"):
            found.append(nvml.nvmlDeviceGetHandleByUUID(word))
        elif word.isdecimal() and int(word) < len(handles):
            found.append(handles[int(word)])
        else:
            fitting = [h for h in handles if word.startswith("GPU-") and _uuid(nvml, h).startswith(word)]
            if len(fitting) != 1:
                break
            found += fitting
    return found


def _uuid(nvml: Any, handle: Any) -> str:
    uuid = nvml.nvmlDeviceGetUUID(handle)
    return uuid.decode() if isinstance(uuid, bytes) else str(uuid)

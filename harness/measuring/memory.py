"""Resident memory of this process, from /proc; on systems without it every figure is None."""

import ctypes
import gc
import re
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"


def resident_bytes(status: Path = STATUS) -> int | None:
    """Return the memory that is resident now."""
    return _field("VmRSS", status)


def peak_bytes(status: Path = STATUS) -> int | None:
    """Return the highest resident memory since the process started or since `reset_peak`."""
    return _field("VmHWM", status)


def reset_peak(clear_refs: Path = CLEAR_REFS) -> bool:
    """Set the peak to what is resident now; False where the system cannot."""
    try:
        clear_refs.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def give_back_freed() -> None:
    """Return freed memory to the system, where the C library can: what is resident then is what is in use."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _field(name: str, status: Path) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None

"""Ceilings, on the controller's side: each framework is asked in a process of its own, one after the other."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ...backends.backend import Backend
from ...backends.ceilings import PRECISIONS
from ...results import units
from ...results.calibration.records import MEMORY, Ceiling
from ...results.errors import BrokenError
from ...results.records.codec import from_json, to_json
from ...results.records.environment import BackendProbe
from ..children.child import Child
from ..children.launch import child_environ
from ..roles.ceiling import CeilingRequest

MEBIBYTE = 1 << 20
SIDES = {"cpu": (256, 512, 1024, 2048, 4096), "gpu": (2048, 4096, 8192, 16384)}
"""Of the square matrices, by kind of device."""
GPU_VECTOR_BYTES = 1024 * MEBIBYTE
"""Far more than any GPU's caches hold."""
LEAST_VECTOR_BYTES = 64 * MEBIBYTE
CACHES = 4
"""A vector is so many times as large as all last-level caches (the rule of the STREAM benchmark, McCalpin 1995)."""
MEMORY_SHARE = 8
"""A vector takes at most so much of the free memory: one part in eight."""


@dataclass(frozen=True, slots=True)
class CeilingSettings:
    """How ceilings are measured."""

    seconds: float = 0.4
    """For each size."""
    timeout_s: float = 300.0
    """For each process; what it had measured until then is kept."""
    sides: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: SIDES)
    vector_bytes: Mapping[str, int] = field(default_factory=dict)
    """By kind of device; absent: by the caches."""


Ask = Callable[[Backend, CeilingRequest, float], str | None]
"""Runs a request to its end, within so many seconds; returns what went wrong with the process, or None."""


def in_child(child: Child) -> Ask:
    """Return what runs requests in child processes of this machine."""

    def ask(backend: Backend, request: CeilingRequest, timeout_s: float) -> str | None:
        folder = Path(request.reply).parent
        log = folder / "log.txt"
        ended = child.run(
            "ceiling",
            to_json(request),
            python=sys.executable,
            environ=child_environ(backend, request.device, folder),
            log=log,
            timeout_s=timeout_s,
        )
        if ended.status == 0:
            return None
        how = f"hung for {timeout_s:.0f} s" if ended.timed_out else f"ended with status {ended.status}"
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        return f"the process {how}: {last[0][:200]}"

    return ask


def read_ceilings(
    usable: Sequence[tuple[Backend, BackendProbe]],
    device: str,
    ask: Ask,
    settings: CeilingSettings,
    note: Callable[[str], None],
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Ceiling, ...]:
    """Return the ceilings of every framework on a kind of device, or on all that it sees.

    Args:
        usable: the backends that work here.
        device: cpu, gpu or auto: all kinds that a backend sees.
        ask: runs a request.
        settings: how they are measured.
        note: is told what is measured next.
        stopped: tells whether the user wants to end; what was measured until then is returned.

    """
    found: list[Ceiling] = []
    for backend, probe in usable:
        for kind in dict.fromkeys(each.kind for each in probe.devices):
            if kind not in PRECISIONS or device not in ("auto", kind):
                continue
            if stopped():
                return tuple(found)
            note(f"ceilings of {backend.title} on the {kind}")
            found += _of_one(backend, f"{backend.title} {probe.version}", kind, ask, settings)
    return tuple(found)


def _of_one(backend: Backend, framework: str, device: str, ask: Ask, settings: CeilingSettings) -> Iterator[Ceiling]:
    with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
        reply = Path(folder) / "reply.jsonl"
        request = CeilingRequest(
            backend.name,
            framework,
            device,
            PRECISIONS[device],
            settings.sides[device],
            settings.vector_bytes.get(device) or vector_bytes(device),
            settings.seconds,
            str(reply),
        )
        problem = ask(backend, request, settings.timeout_s)
        answered = {(found.kind, found.precision): found for found in _replies(reply)}
    for kind, precision in request.wanted():
        lost = request.ceiling(kind, precision, problem=problem or "the process gave no answer")
        yield answered.get((kind, precision), lost)


def _replies(reply: Path) -> Iterator[Ceiling]:
    """Yield the ceilings of a reply file; a line that the process did not finish is left out."""
    lines = reply.read_text(encoding="utf-8").splitlines() if reply.exists() else []
    for line in lines:
        with suppress(ValueError, BrokenError):
            yield from_json(Ceiling, json.loads(line))


def worries(ceilings: Sequence[Ceiling], most_foreign_load: float, cache: int | None) -> tuple[str, ...]:
    """Return what makes ceilings doubtful: other programs, vectors that fit into a cache of so many bytes."""
    found = []
    busy = [c for c in ceilings if c.foreign_load is not None and c.foreign_load > most_foreign_load]
    if busy:
        worst = max(c.foreign_load or 0.0 for c in busy)
        found.append(
            f"other programs took up to {units.percent(worst)} of the cores in {len(busy)} of {len(ceilings)} "
            "ceilings: these may be too low"
        )
    sizes = [c.size for c in ceilings if c.kind == MEMORY and c.device == "cpu" and c.size]
    if cache and sizes and min(sizes) < CACHES * cache:
        found.append(
            f"vectors of {units.size(min(sizes))} are less than {CACHES} times the last-level caches "
            f"({units.size(cache)}): the memory's rate may hold some of theirs"
        )
    found += [f"{c.framework} on the {c.device}, {c.kind} {c.precision}: {c.problem}" for c in ceilings if c.problem]
    return tuple(found)


def vector_bytes(device: str, root: Path = Path("/")) -> int:
    """Return how long the vectors are that memory is measured with."""
    if device == "gpu":
        return GPU_VECTOR_BYTES
    wanted = max(CACHES * (cache_bytes(root) or 0), LEAST_VECTOR_BYTES)
    free = _free_bytes(root)
    return wanted if free is None else min(wanted, max(free // MEMORY_SHARE, MEBIBYTE))


def cache_bytes(root: Path = Path("/")) -> int | None:
    """Return the size of all last-level caches together; None where the system does not tell."""
    found: dict[tuple[int, str], int] = {}
    for index in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cache/index[0-9]*"):
        with suppress(OSError, ValueError):
            level = int((index / "level").read_text())
            shared = (index / "shared_cpu_list").read_text().strip()
            size = (index / "size").read_text().strip()
            found[level, shared] = int(size.removesuffix("K")) * 1024
    last = max((level for level, _ in found), default=None)
    return sum(size for (level, _), size in found.items() if level == last) if last else None


def _free_bytes(root: Path) -> int | None:
    with suppress(OSError, ValueError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None

"""How busy other programs keep the cores that a measurement uses."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
GROUP, TIMES = 2, slice(11, 15)
"""Fields of /proc/PID/stat after the name: the process group; user and system time, own and of ended children."""


@dataclass(frozen=True, slots=True)
class LoadReading:
    """Processor time up to now, in seconds."""

    busy: float
    """Time that the usable cores were not idle, all programs together."""
    own: float
    """Time that this process and those it started used."""
    total: float
    """Time that the usable cores existed: busy and idle."""


def read_load(stat: Path = STAT, cores: frozenset[int] | None = None, own: float | None = None) -> LoadReading | None:
    """Read the counters; None where the system has no /proc/stat."""
    try:
        lines = stat.read_text().splitlines()
        cores = frozenset(os.sched_getaffinity(0)) if cores is None else cores
    except (OSError, AttributeError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    busy = total = 0.0
    for line in lines:
        name, *counts = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            user, nice, system, idle, waiting, irq, softirq, stolen, *_ = (int(count) for count in counts)
            work = user + nice + system + irq + softirq + stolen
            busy += work / tick
            total += (work + idle + waiting) / tick
    return LoadReading(busy, group_seconds() if own is None else own, total)


def group_seconds(processes: Path = Path("/proc")) -> float:
    """Return the processor time of this process's group: it and what it started, ended or not, in seconds."""
    group, ticks = os.getpgrp(), 0
    for entry in processes.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # A process may end while it is looked at.
                # The name in parentheses may hold spaces; the fields after it are numbers.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[GROUP]) == group:
                    ticks += sum(int(field) for field in fields[TIMES])
    return ticks / os.sysconf("SC_CLK_TCK")


SHORTEST_S = 0.1
"""Processor time below which a share means little: the kernel counts in ticks of 10 milliseconds."""


def foreign_load(before: LoadReading | None, after: LoadReading | None) -> float | None:
    """Return the share of the cores' time that other programs took, 0 to 1.

    None where it is not known or where too little time passed.
    """
    if before is None or after is None or after.total - before.total < SHORTEST_S:
        return None
    foreign = (after.busy - before.busy) - (after.own - before.own)
    return min(max(foreign / (after.total - before.total), 0.0), 1.0)

"""What is known beside a run: about its machine, from `calibrate`, and about its workloads, from `verify`."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Background:
    """Known before or after the run, and not part of its file."""

    ceilings: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Highest measured rate of matrix products, FLOP/s, by (device, precision)."""
    notes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Lines for the foot of the tables, by label."""


NOTHING_KNOWN = Background()

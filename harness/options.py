"""What the user asked for, as plain records; parsed from text here, checked against the catalogs in `plan`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..results.errors import UsageError, unknown
from ..workloads.workload import PHASES

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
EXECUTIONS = ("step",)
DEVICES = ("auto", "cpu", "gpu")
DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases: the product of these. An empty tuple leaves the choice to dlbench."""

    workloads: tuple[str, ...] = ()
    """Names from the catalog, or files: `my_model.py` or `my_model.py:function`."""
    backends: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    batch_sizes: tuple[int, ...] = ()
    devices: tuple[str, ...] = ("auto",)
    executions: tuple[str, ...] = ("step",)
    compiles: tuple[str, ...] = ("auto",)
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allow_import: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Everything about one `dlbench run` beside the selection."""

    suite: str = "quick"
    trials: int | None = None
    budget_s: float | None = None
    timeout_s: float = 600.0
    fail_fast: bool = False
    label: str | None = None
    store: str | None = None


def split(values: Iterable[str]) -> tuple[str, ...]:
    """Return the items of comma lists, each once, in order."""
    items = [item.strip() for value in values for item in value.split(",")]
    return tuple(dict.fromkeys(item for item in items if item))


def choose(option: str, values: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the items of comma lists; each must be one of `allowed`.

    Raises:
        UsageError: an item is not; the message gives the near ones and the list.

    """
    names = tuple(allowed)
    items = split(values)
    for item in items:
        if item not in names:
            raise unknown(option, item, names)
    return items


def parse_batch_sizes(values: Iterable[str]) -> tuple[int, ...]:
    """Return batch sizes from comma lists."""
    sizes = []
    for item in split(values):
        if not item.isascii() or not item.isdigit() or not 1 <= int(item) <= 10**9:
            raise UsageError(f"--batch-size takes whole numbers from 1 to 1000000000; received {item!r}")
        sizes.append(int(item))
    return tuple(dict.fromkeys(sizes))


def parse_parameters(values: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return `NAME=V1,V2` pairs as a mapping."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        name, equals, items = value.partition("=")
        if not equals or not name.strip() or not split([items]):
            raise UsageError(f"-p takes NAME=VALUE or NAME=V1,V2; received {value!r}")
        found[name.strip()] = tuple(dict.fromkeys((*found.get(name.strip(), ()), *split([items]))))
    return found


def parse_duration(option: str, text: str | None) -> float | None:
    """Return seconds from `90`, `90s`, `10m`, `1h30m`; None for None.

    Raises:
        UsageError: the text is no duration, or not more than zero.

    """
    if text is None:
        return None
    match = DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise UsageError(f"{option} takes a duration such as 90s, 10m or 1h30m; received {text!r}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= 30 * 24 * 3600:
        raise UsageError(f"{option} takes more than zero and at most 30 days; received {text!r}")
    return total


def parse_phases(values: Iterable[str]) -> tuple[str, ...]:
    """Return phases in the order in which a job measures them."""
    wanted = choose("phase", values, PHASES)
    return tuple(phase for phase in PHASES if phase in wanted)

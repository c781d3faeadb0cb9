"""What the user asked for, as plain records; parsed from text here, checked against the catalogs in `plan`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..results.errors import UsageError, unknown
from ..results.records.environment import CURRENT, EARLIER_NAMES
from ..workloads.optimizers import parse_optimizer
from ..workloads.workload import PHASES

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
EXECUTIONS = ("fit", "step", "native")
LANES = ("default", "matched")
CACHES = ("cold", "warm")
FEEDS = ("device", "numpy", "pydataset", "tfdata", "dataloader")
SCENARIOS = ("single_stream", "multi_stream", "server", "offline")
"""How queries arrive in phase scenario, as MLPerf Inference names it."""
DEVICES = ("auto", "cpu", "gpu")
SIDED_SUITE = "pairs"
"""Whose effort and workloads `ab`, `gate` and `bisect` take, if none is named."""
ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What the name of an environment may be: it stands in names of files and beside a framework's in tables."""
RESERVED_ENVIRONMENTS = (CURRENT, *EARLIER_NAMES)
DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
MILLISECONDS = re.compile(r"(\d+(?:\.\d+)?)ms")
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(kB|MB|GB|TB)", re.IGNORECASE)
RESERVED_LABEL = re.compile(r"$|latest(~\d*)?$|\d{8}")
"""What `show` would take for something else."""
MOST_EPOCHS = 1_000_000
SIZE_UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases: the product of these. An empty tuple leaves the choice to dlbench."""

    workloads: tuple[str, ...] = ()
    """Names from the catalog, or the user's own: `my_model.py`, `my_model.py:function`, `model.keras`,
    `keras.applications:NAME`, or a name that an installed package adds."""
    backends: tuple[str, ...] = ()
    environments: Mapping[str, str | None] = field(default_factory=dict)
    """By name the path of the interpreter; None: it is looked up by the name. Empty: the controller's own."""
    phases: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    batch_sizes: tuple[int, ...] = ()
    devices: tuple[str, ...] = ("auto",)
    executions: tuple[str, ...] = ("step",)
    compiles: tuple[str, ...] = ("auto",)
    lanes: tuple[str, ...] = ("default",)
    caches: tuple[str, ...] = ("cold",)
    feeds: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    optimizers: tuple[str, ...] = ()
    """As `workloads.optimizers` writes them; empty: each workload's own."""
    scenarios: tuple[str, ...] = ()
    latency_bound_s: float | None = None
    epochs: int | None = None
    """Of phase converge, which then does not stop at the target."""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allow_import: tuple[str, ...] = ()
    allow_code: bool = False
    """Whether code within saved models may run."""


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
    cpus: tuple[int, ...] = ()
    """Cores to measure on; empty: all usable ones."""
    memory_limit_bytes: int | None = None
    price_per_hour: float | None = None
    accuracy_margin: float | None = None
    """Difference in the test metric that does not matter, in its unit; None: the metric's own."""
    find_max_batch: bool = False
    effort: Mapping[str, float] = field(default_factory=dict)
    """Fields of Effort that replace the suite's."""


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


def parse_environments(values: Iterable[str]) -> dict[str, str | None]:
    """Return environments by name, from comma lists of names and from `NAME=PATH`, whose path is taken whole.

    Raises:
        UsageError: a name cannot be one, or stands for two interpreters.

    """
    found: dict[str, str | None] = {}
    for value in values:
        name, equals, path = value.partition("=")
        pairs: list[tuple[str, str | None]] = (
            [(name.strip(), path.strip())] if equals else [(item, None) for item in split([value])]
        )
        for item, given in pairs:
            if given == "" or not ENVIRONMENT.fullmatch(item) or (given and item in RESERVED_ENVIRONMENTS):
                raise UsageError(
                    f"--env takes NAME, NAME=/path/to/python or current, the name of letters, digits, '.', '_' and '-';"
                    f" received {value!r}"
                )
            if item in found and found[item] != given:
                raise UsageError(f"--env {item} is given twice; each interpreter needs a name of its own")
            found[item] = given
    return found


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
    """Return seconds from `50ms`, `90`, `90s`, `10m`, `1h30m`; None for None.

    Raises:
        UsageError: the text is no duration, or not more than zero.

    """
    if text is None:
        return None
    short = MILLISECONDS.fullmatch(text.strip().lower())
    if short and float(short[1]) > 0:
        return float(short[1]) / 1000
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


def parse_optimizers(values: Iterable[str]) -> tuple[str, ...]:
    """Return optimizers from comma lists, each in its shortest words.

    Raises:
        UsageError: there is no such optimizer, or an argument is malformed.

    """
    return tuple(dict.fromkeys(parse_optimizer(item).text for item in split(values)))


def parse_threads(values: Iterable[str], usable: int) -> tuple[int, ...]:
    """Return numbers of threads from comma lists.

    Raises:
        UsageError: one is no whole number from 1 to the usable cores.

    """
    found = []
    for item in split(values):
        if not item.isascii() or not item.isdigit() or not 1 <= int(item) <= usable:
            raise UsageError(f"--threads takes 1 to {usable}, the cores that are usable here; received {item!r}")
        found.append(int(item))
    return tuple(dict.fromkeys(found))


def parse_cpus(text: str | None, usable: Iterable[int]) -> tuple[int, ...]:
    """Return core numbers from a list such as `0-3,6`; empty for None.

    Raises:
        UsageError: it is no such list, or a core is not usable here.

    """
    known = tuple(usable)
    found: list[int] = []
    for item in split([text] if text is not None else []):
        first, dash, last = item.partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() for end in ends) or int(ends[0]) > int(ends[1]):
            raise UsageError(f"--cpus takes core numbers and ranges such as 0-3,6; received {item!r}")
        if int(ends[1]) > max(known, default=0):
            raise UsageError(f"--cpus {item}: usable here are {', '.join(map(str, known)) or 'none'}")
        found += range(int(ends[0]), int(ends[1]) + 1)
    missing = [core for core in found if core not in known]
    if missing or (text is not None and not found):
        raise UsageError(f"--cpus {text}: usable here are {', '.join(map(str, known)) or 'none'}")
    return tuple(dict.fromkeys(found))


def parse_size(option: str, text: str | None) -> int | None:
    """Return bytes from `800MB` or `4GB`, in decimal units; None for None.

    Raises:
        UsageError: the text is no such size, or not more than zero.

    """
    if text is None:
        return None
    match = SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * SIZE_UNITS[match[2].lower()]) if match else 0
    if size <= 0:
        raise UsageError(f"{option} takes a size such as 800MB or 4GB; received {text!r}")
    return size


def positive(option: str, value: float | None) -> float | None:
    """Return a number that must be more than zero; None for None."""
    if value is not None and not 0 < value < float("inf"):
        raise UsageError(f"{option} takes a number above 0; received {value:g}")
    return value


def check_epochs(count: int | None) -> int | None:
    """Return a number of epochs that is in range. Raises UsageError for another."""
    if count is not None and not 1 <= count <= MOST_EPOCHS:
        raise UsageError(f"--epochs takes 1 to {MOST_EPOCHS}; received {count}")
    return count


def check_label(label: str | None) -> str | None:
    """Return a label by which a run can be found again. Raises UsageError for one that reads like something else."""
    if label is not None and RESERVED_LABEL.match(label):
        raise UsageError(f"--label {label!r} reads like a run's id or `latest`; choose another word")
    return label

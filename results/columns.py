"""Columns of the printed table: what each one is called, shows and means."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import units
from .layout import Head, Lines

Record = Mapping[str, Any]
"""One row of the tidy frame as plain values, None for what could not be had."""

NAMES = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow"}
"""Frameworks as their makers write them; others as they are named here."""

NOTHING: Lines = (units.missing(),)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the same for every workload but for words in its heading."""

    name: str
    heading: Callable[[Sequence[Record]], Lines]
    cell: Callable[[Record], Lines]
    figure: str
    """The column of the frame that it stands or falls with: without a value there it is not shown."""
    meaning: str
    """One sentence for the foot of the table."""
    rank: int
    """As in `layout.Head`."""

    def head(self, rows: Sequence[Record]) -> Head:
        """Return the heading over some rows."""
        return Head(self.heading(rows), self.rank, left=self.name == "backend")


def framework(row: Record) -> str:
    """Return the framework of a row with its version."""
    name = NAMES.get(str(row["backend"]), str(row["backend"]))
    return f"{name} {row['framework_version']}" if row["framework_version"] else name


def resolved(row: Record) -> str:
    """Return the execution and compile mode that a row really had."""
    return ", ".join(text for text in (row["execution_resolved"], row["compile_resolved"]) if text)


def modes_differ(rows: Sequence[Record]) -> bool:
    """Tell whether the timed rows of a group resolved to different modes.

    Frameworks have their own names for one mode (jax.jit, tf.function), so its kind counts where it is known.
    """
    timed = [row for row in rows if row["train_throughput_samples_per_s"] is not None]
    modes = {(row["execution_resolved"], row["compile_kind"] or row["compile_resolved"]) for row in timed}
    return len(modes) > 1


def _items(rows: Sequence[Record]) -> str:
    return f"{rows[0]['item'] or 'sample'}s/s"


def _metric(row: Record) -> Lines:
    if row["metric_mean"] is None:
        return NOTHING
    mean, sd = units.with_spread(row["metric_mean"], row["metric_sd"])
    return mean, sd or "1 seed"


def _target(row: Record) -> Lines:
    if row["seeds_reached"] is None:
        return NOTHING
    seconds = row["time_to_accuracy_s"]
    reached = f"{row['seeds_reached']}/{row['seeds']} seeds"
    return units.missing() if seconds is None else units.seconds(seconds), reached


def _throughput(phase: str) -> Callable[[Record], Lines]:
    def cell(row: Record) -> Lines:
        rate, low, high = (row[f"{phase}_throughput{bound}_samples_per_s"] for bound in ("", "_low", "_high"))
        if rate is None:
            return NOTHING
        mark = "~" if row[f"{phase}_unsettled_trials"] else ""
        return mark + units.rate(rate), units.interval(low, high, units.rate) or "no interval"

    return cell


def _ratio(row: Record) -> Lines:
    if row["leads"]:
        return units.ratio(1), "fastest" if row["shown_fastest"] else "reference"
    if row["ratio_to_fastest"] is None:
        return NOTHING
    low, high = row["ratio_to_fastest_low"], row["ratio_to_fastest_high"]
    return units.ratio(row["ratio_to_fastest"]), units.interval(low, high) or "no interval"


def _latency(row: Record) -> Lines:
    if row["latency_p50_s"] is None and row["latency_p90_s"] is None:
        return NOTHING
    both = (row["latency_p50_s"], row["latency_p90_s"])
    return tuple(units.missing() if value is None else units.seconds(value) for value in both)


def _first_step(row: Record) -> Lines:
    return NOTHING if row["first_step_s"] is None else (units.seconds(row["first_step_s"]),)


def _memory(row: Record) -> Lines:
    if row["memory_steady_peak_bytes"] is None:
        return NOTHING
    return (units.size(row["memory_steady_peak_bytes"]),)


def _ratio_heading(rows: Sequence[Record]) -> Lines:
    return ("as each", "framework", "comes") if modes_differ(rows) else ("vs fastest", "95 % CI")


def _cache_heading(rows: Sequence[Record]) -> Lines:
    caches = {str(row["compile_cache"]) for row in rows if row["first_step_s"] and row["compile_cache"]}
    return ("first", "step", f"({'/'.join(sorted(caches))})") if caches else ("first", "step")


COLUMNS = (
    Column(
        "backend",
        lambda _: ("framework", "mode"),
        lambda row: (framework(row), resolved(row)),
        "backend",
        "version; under it how the model is driven, and what the compile mode asked for comes to here",
        0,
    ),
    Column(
        "metric",
        lambda rows: (f"{rows[0]['metric'] or 'metric'}", "± sd"),
        _metric,
        "metric_mean",
        "test metric when training stopped (target met or epoch limit): mean and sample standard deviation over seeds",
        1,
    ),
    Column(
        "time to target",
        lambda _: ("time to", "target", "reached"),
        _target,
        "seeds_reached",
        "steady training time until the test metric met the target: compiling (see first step) and evaluation"
        " not counted; median over seeds, where a miss counts as longer than all",
        3,
    ),
    Column(
        "training",
        lambda rows: ("training", _items(rows), "95 % CI"),
        _throughput("train"),
        "train_throughput_samples_per_s",
        "steady throughput of full training steps, over batches already on the device: geometric mean over trials with"
        " its t interval; ~ a trial did not settle, and its last half was used",
        0,
    ),
    Column(
        "ratio",
        _ratio_heading,
        _ratio,
        "leads",
        "training throughput over that of the quickest row (1.00x), paired within blocks, with its 95 %"
        ' interval; headed "as each framework comes" where the modes differ: defaults are compared',
        2,
    ),
    Column(
        "latency",
        lambda _: ("latency", "p50", "p90"),
        _latency,
        "latency_p50_s",
        "p50 and p90 of single forward passes at batch 1, result awaited; geometric mean over trials",
        4,
    ),
    Column(
        "inference",
        lambda rows: ("inference", _items(rows), "95 % CI"),
        _throughput("infer"),
        "infer_throughput_samples_per_s",
        "steady throughput of forward passes at the batch size above",
        7,
    ),
    Column(
        "first step",
        _cache_heading,
        _first_step,
        "first_step_s",
        "the first training step, compiling included; (cold): no compiled code was cached",
        5,
    ),
    Column(
        "memory",
        lambda _: ("memory", "above", "imports"),
        _memory,
        "memory_steady_peak_bytes",
        "steady peak above the import floor, weights and data included; ± 50 MB in quick runs",
        2,
    ),
    Column(
        "n",
        lambda _: ("n",),
        lambda row: (str(row["trials"]),),
        "trials",
        "trials, each a fresh process",
        6,
    ),
)
"""In the order of the table."""

"""Columns of the printed table: what each one is called, shows and means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..layout import Head, Lines
from . import cells
from .cells import Record


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the same for every workload but for words in its heading."""

    name: str
    heading: Callable[[Sequence[Record]], Lines]
    cell: Callable[[Record], Lines]
    figures: tuple[str, ...]
    """Columns of the frame of which one must have a value: otherwise it is not shown."""
    meaning: str
    """One sentence for the foot of the table."""
    rank: int
    """As in `layout.Head`."""
    unless: str | None = None
    """A column of the frame whose values are shown in its place."""

    def head(self, rows: Sequence[Record]) -> Head:
        """Return the heading over some rows."""
        return Head(self.heading(rows), self.rank, left=self.name == "backend")


COLUMNS = (
    Column(
        "backend",
        lambda _: ("framework", "mode"),
        lambda row: (cells.framework(row), cells.resolved(row)),
        ("backend",),
        "version; under it how the model is driven, and what the compile mode asked for comes to here",
        0,
    ),
    Column(
        "metric",
        lambda rows: (f"{rows[0]['metric'] or 'metric'}", "± sd"),
        cells.metric,
        ("metric_mean",),
        "test metric when training stopped (target met, epoch limit, or the epochs asked for): mean and sample standard"
        " deviation over seeds",
        1,
    ),
    Column(
        "time to target",
        lambda _: ("time to", "target", "reached"),
        cells.target,
        ("seeds_reached",),
        "steady training time until the test metric met the target: compiling (see first step) and evaluation"
        " not counted; median over seeds, where a miss counts as longer than all",
        3,
    ),
    Column(
        "training",
        lambda rows: ("training", cells.items(rows), "95 % CI"),
        cells.throughput("train"),
        ("train_throughput_samples_per_s",),
        "steady throughput of full training steps, over batches already on the device unless a feed is named:"
        " geometric mean over trials with its t interval; ~ a trial did not settle, and its last half was used;"
        " ! a trial is flagged, see under the table",
        0,
    ),
    Column(
        "ratio",
        cells.ratio_heading,
        cells.ratio,
        ("ratio_to_fastest", "not_comparable"),
        "training throughput over that of the quickest row (1.00x), paired within blocks, with its 95 %"
        ' interval; headed "as each framework comes" where the modes differ: defaults are compared;'
        f" {cells.OTHERWISE} the rows differ in more than the framework, {cells.LESS_ACCURATE} the speed buys less"
        " accuracy, see under the table",
        2,
    ),
    Column(
        "latency",
        cells.latency_heading,
        cells.latency,
        ("latency_p50_s",),
        "p50, p90 and, from 662 queries, p99 of single forward passes at batch 1, result awaited; geometric mean over"
        " trials",
        4,
    ),
    Column(
        "inference",
        lambda rows: ("inference", cells.items(rows), "95 % CI"),
        cells.throughput("infer"),
        ("infer_throughput_samples_per_s",),
        "steady throughput of forward passes at the batch size above",
        7,
    ),
    Column(
        "first step",
        cells.cache_heading,
        cells.first_step,
        ("first_step_s",),
        "the first training step, compiling included; (cold): no compiled code was cached",
        5,
    ),
    Column(
        "memory",
        lambda _: ("memory", "± 50 MB"),
        cells.memory,
        ("memory_steady_peak_bytes",),
        "steady peak above the import floor, weights and data included; between processes it varies by up to 50 MB",
        2,
        unless="memory_exact_bytes",
    ),
    Column(
        "exact memory",
        lambda _: ("exact", "memory", "± sd"),
        cells.exact_memory,
        ("memory_exact_bytes",),
        "phase memory: peak over steady steps above what was resident just before the first step, when model and data"
        " were there; mean and standard deviation over trials, see docs/memory.md",
        2,
    ),
    Column(
        "device memory",
        lambda _: ("device", "memory", "driver"),
        cells.device_memory,
        ("device_peak_bytes", "driver_bytes"),
        "peak of the framework's device allocator; under it what the driver says the process holds",
        3,
    ),
    Column(
        "work",
        cells.work_heading,
        cells.work,
        ("achieved_flops_per_s",),
        "floating-point operations of a training step, counted per layer, over its steady time; of ceiling: share of"
        " the highest rate measured on this machine",
        9,
    ),
    Column(
        "energy",
        lambda rows: cells.per_million("joules", rows, "joules_to_accuracy"),
        cells.energy,
        ("joules_per_million_samples",),
        "energy of the device and, where it can be read, the processor packages, per million samples trained on; under"
        " it for the samples until the target",
        8,
    ),
    Column(
        "cost",
        cells.cost_heading,
        cells.cost,
        ("cost_per_million_samples",),
        "price of a million samples trained on at the price per hour given; under it of the time to target",
        8,
    ),
    Column(
        "n",
        lambda _: ("n",),
        lambda row: (str(row["trials"]),),
        ("trials",),
        "trials, each a fresh process",
        6,
    ),
)
"""In the order of the table."""

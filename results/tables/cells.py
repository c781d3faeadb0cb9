"""Cells of the printed table: what each figure of a row looks like, and what stands over it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import units
from ..layout import Lines
from ..names import backend_name

Record = Mapping[str, Any]
"""One row of the tidy frame as plain values, None for what could not be had."""

OTHERWISE = "\N{NOT EQUAL TO}"
"""Stands before a ratio of rows that differ in what is not under comparison."""

LESS_ACCURATE = "\N{DAGGER}"
"""Stands before a ratio whose speed buys less accuracy."""

NOTHING: Lines = (units.missing(),)


def framework(row: Record) -> str:
    """Return the framework of a row with its version, and the environment where the run has several."""
    parts = (
        backend_name(str(row["backend"])),
        row["framework_version"],
        row["environment"] and f"({row['environment']})",
    )
    return " ".join(part for part in parts if part)


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


def items(rows: Sequence[Record]) -> str:
    """Return the unit of throughput."""
    return f"{rows[0]['item'] or 'sample'}s/s"


def metric(row: Record) -> Lines:
    """Show the test metric and its spread over seeds."""
    if row["metric_mean"] is None:
        return NOTHING
    mean, sd = units.with_spread(row["metric_mean"], row["metric_sd"])
    return mean, sd or "1 seed"


def target(row: Record) -> Lines:
    """Show the time to the target, and how many seeds met it."""
    if row["seeds_reached"] is None:
        return NOTHING
    seconds = row["time_to_accuracy_s"]
    reached = f"{row['seeds_reached']}/{row['seeds']} seeds"
    return units.missing() if seconds is None else units.seconds(seconds), reached


def signs(row: Record, part: str) -> str:
    """Return the signs before a figure: ~ a trial did not settle, ! a trial is flagged."""
    unsettled = "~" if row.get(f"{part}_unsettled_trials") else ""
    return unsettled + ("!" if row[f"{part}_flagged_trials"] else "")


def throughput(phase: str) -> Callable[[Record], Lines]:
    """Return the function that shows the throughput of a phase with its interval."""

    def cell(row: Record) -> Lines:
        rate, low, high = (row[f"{phase}_throughput{bound}_samples_per_s"] for bound in ("", "_low", "_high"))
        if rate is None:
            return NOTHING
        return signs(row, phase) + units.rate(rate), units.interval(low, high, units.rate) or "no interval"

    return cell


def ratio(row: Record) -> Lines:
    """Show a row against the quickest one, or why that is not done."""
    less = LESS_ACCURATE if row["accuracy_doubt"] else ""
    if row["leads"]:
        return less + units.ratio(1), "fastest" if row["shown_fastest"] else "reference"
    if row["not_comparable"]:
        return "not", "comparable:", row["not_comparable"]
    if row["ratio_to_fastest"] is None:
        return NOTHING
    low, high = row["ratio_to_fastest_low"], row["ratio_to_fastest_high"]
    sign = less + (OTHERWISE if row["differs_in"] else "")
    return sign + units.ratio(row["ratio_to_fastest"]), units.interval(low, high) or "no interval"


def latency(row: Record) -> Lines:
    """Show the quantiles of single forward passes."""
    values = [row[f"latency_{name}_s"] for name in ("p50", "p90", "p99")]
    if values[0] is None and values[1] is None:
        return NOTHING
    shown = values if values[2] is not None else values[:2]
    first, *others = (units.missing() if value is None else units.seconds(value) for value in shown)
    return signs(row, "latency") + first, *others


def latency_heading(rows: Sequence[Record]) -> Lines:
    """Name the quantiles that are shown."""
    third = any(row["latency_p99_s"] is not None for row in rows)
    return ("latency", "p50", "p90", "p99") if third else ("latency", "p50", "p90")


def first_step(row: Record) -> Lines:
    """Show the time of the first training step."""
    return NOTHING if row["first_step_s"] is None else (units.seconds(row["first_step_s"]),)


def memory(row: Record) -> Lines:
    """Show the peak above the import floor."""
    if row["memory_steady_peak_bytes"] is None:
        return NOTHING
    return (units.size(row["memory_steady_peak_bytes"]),)


def exact_memory(row: Record) -> Lines:
    """Show the exact memory with its spread over trials."""
    if row["memory_exact_bytes"] is None:
        return NOTHING
    size = signs(row, "memory") + units.size(row["memory_exact_bytes"])
    return size, "" if row["memory_exact_sd_bytes"] is None else f"± {units.size(row['memory_exact_sd_bytes'])}"


def device_memory(row: Record) -> Lines:
    """Show the device allocator's peak, and the driver's figure."""
    both = (row["device_peak_bytes"], row["driver_bytes"])
    return tuple(units.missing() if value is None else units.size(value) for value in both)


def work(row: Record) -> Lines:
    """Show floating-point operations per second, and their share of the ceiling."""
    if row["achieved_flops_per_s"] is None:
        return NOTHING
    share = "" if row["utilisation"] is None else units.percent(row["utilisation"])
    return units.rate(row["achieved_flops_per_s"]), share


def work_heading(rows: Sequence[Record]) -> Lines:
    """Name the ceiling where one is known."""
    return ("FLOP/s", "of ceiling") if any(row["utilisation"] is not None for row in rows) else ("FLOP/s",)


def energy(row: Record) -> Lines:
    """Show joules per million samples, and until the target."""
    if row["joules_per_million_samples"] is None:
        return NOTHING
    target = row["joules_to_accuracy"]
    return units.rate(row["joules_per_million_samples"]), "" if target is None else units.rate(target)


def cost(row: Record) -> Lines:
    """Show the price of a million samples, and of the time to the target."""
    if row["cost_per_million_samples"] is None:
        return NOTHING
    target = row["cost_to_accuracy"]
    return units.number(row["cost_per_million_samples"]), "" if target is None else units.number(target)


def cost_heading(rows: Sequence[Record]) -> Lines:
    """Name the currency."""
    currency = next((row["currency"] for row in rows if row["currency"]), "cost")
    return per_million(currency, rows, "cost_to_accuracy")


def per_million(what: str, rows: Sequence[Record], target: str) -> Lines:
    """Return the heading of something that is told per million samples, and until the target where that is known."""
    told = any(row[target] is not None for row in rows)
    return (what, "per 1M", "to target") if told else (what, "per 1M")


def ratio_heading(rows: Sequence[Record]) -> Lines:
    """Tell what the ratios compare: equal modes, or each framework as it comes."""
    if not modes_differ(rows):
        return ("vs fastest", "95 % CI")
    return ("vs fastest", "modes", "differ") if rows[0]["lane"] == "matched" else ("as each", "framework", "comes")


def cache_heading(rows: Sequence[Record]) -> Lines:
    """Name the state of the compile caches."""
    caches = {str(row["compile_cache"]) for row in rows if row["first_step_s"] and row["compile_cache"]}
    return ("first", "step", f"({'/'.join(sorted(caches))})") if caches else ("first", "step")

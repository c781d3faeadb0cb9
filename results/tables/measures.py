"""Measures: the figures of a case that CI systems and benchmark trackers are told, by phase."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..gate.metrics import EXACT_METRICS
from ..records.model import WorkloadInfo
from ..statistics import stats
from ..statistics.stats import Interval, Spread
from ..summaries.figures import quiet_speed
from ..summaries.latency import Latency, latencies
from ..summaries.summary import RowSummary
from .scenarios import marked

Taken = Callable[[RowSummary], Interval | None]

QUANTILES = ("p50", "p90", "p99")
"""Of latencies, as the tables have them."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a phase."""

    stem: str
    """Its name without the unit."""
    unit: str
    """A base unit in words, such as `samples_per_second`; empty for a count or a share."""
    better: str | None
    """`max` or `min`; None where nobody has said."""
    phases: tuple[str, ...]
    take: Taken
    """From the summary of a row that has trials of one phase alone: the estimate that the tables show, with its
    interval where they have one."""
    meaning: str
    steady: bool = False
    """Whether it comes from a steady state, which a trial may not have reached."""
    exact: bool = False
    """Whether it does not vary from one process to the next, whatever else the machine did."""

    @property
    def name(self) -> str:
        """The name with its unit: `latency_p50_seconds`."""
        return f"{self.stem}_{self.unit}" if self.unit else self.stem


def measures_of(phase: str, info: WorkloadInfo | None) -> list[Measure]:
    """Return what is told of a phase of a workload; the test metric is named as the workload names it."""
    found = [measure for measure in MEASURES if phase in measure.phases]
    if phase == "converge" and info and info.metric:
        meaning = f"test {info.metric} when training stopped, mean over seeds"
        found.append(Measure(f"test_{info.metric}", "", info.direction, (phase,), _test_metric, meaning))
    return found


def _test_metric(row: RowSummary) -> Interval | None:
    return _mean(row.accuracy.metric) if row.accuracy else None


def _to_target(row: RowSummary) -> Interval | None:
    learnt = row.accuracy
    if learnt is None or learnt.seconds_to_target is None:
        return None
    return Interval(learnt.seconds_to_target, None, None, learnt.seeds)


def _mean(found: Spread | None) -> Interval | None:
    """Return a mean that the tables tell with a standard deviation: it has no interval."""
    return Interval(found.mean, None, None, found.n) if found else None


def _exact(name: str) -> Taken:
    """Return what takes a figure that should not vary; trials that do not agree on it give none."""

    def take(row: RowSummary) -> Interval | None:
        told = [value for trial in row.row.trials if (value := EXACT_METRICS[name](trial)) is not None]
        return Interval(told[0], None, None, len(told)) if len(set(told)) == 1 else None

    return take


def _counted(of: Callable[[RowSummary], float | None]) -> Taken:
    """Return what takes a count of operations, which all trials have in common."""

    def take(row: RowSummary) -> Interval | None:
        found = of(row)
        return None if found is None else Interval(found, None, None, row.trials)

    return take


def _quantiles(
    stem: str, phase: str, of: Callable[[RowSummary], Mapping[str, Latency]], meaning: str
) -> tuple[Measure, ...]:
    def taken(quantile: str) -> Taken:
        return lambda row: found.over_trials if (found := of(row).get(quantile)) else None

    return tuple(
        Measure(f"{stem}_{quantile}", "seconds", "min", (phase,), taken(quantile), f"{quantile} of {meaning}")
        for quantile in QUANTILES
    )


def _quiet(row: RowSummary) -> Interval | None:
    told = [quiet_speed(trial) for trial in row.row.train or row.row.infer]
    return stats.geometric_mean([value for value in told if value])


def _scenario_samples(row: RowSummary) -> Interval | None:
    return marked(row.row.scenario, "scenario_samples")


MEASURES: Sequence[Measure] = (
    Measure(
        "throughput",
        "samples_per_second",
        "max",
        ("train", "infer"),
        lambda row: row.train or row.infer,
        "steady throughput of full training steps or of forward passes",
        steady=True,
    ),
    Measure(
        "throughput_p90",
        "samples_per_second",
        "max",
        ("train", "infer"),
        _quiet,
        "ninth decile of the throughput of single steps, which other programs hardly disturb",
    ),
    *_quantiles("latency", "infer", lambda row: row.latencies, "single forward passes at batch size 1"),
    Measure(
        "first_step",
        "seconds",
        "min",
        ("train",),
        lambda row: row.first_step,
        "the first training step, compiling included",
    ),
    Measure(
        "memory_peak",
        "bytes",
        "min",
        ("train",),
        lambda row: _mean(row.memory.steady),
        "steady peak above the import floor, which varies by up to 50 MB between processes",
    ),
    Measure(
        "memory_exact",
        "bytes",
        "min",
        ("memory",),
        lambda row: _mean(row.memory.exact),
        "peak over steady steps above what was resident before the first",
    ),
    Measure(
        "memory_planned",
        "bytes",
        "min",
        ("memory",),
        _exact("planned_memory"),
        "memory of one step by the framework's own account",
        exact=True,
    ),
    Measure(
        "device_memory_peak",
        "bytes",
        "min",
        ("train", "memory"),
        lambda row: _mean(row.memory.device_peak),
        "peak of the framework's device allocator",
    ),
    Measure(
        "energy_per_million_samples",
        "joules",
        "min",
        ("train",),
        lambda row: row.cost.joules_per_million,
        "energy of the counters that could be read, per million samples trained on",
    ),
    Measure(
        "time_to_target",
        "seconds",
        "min",
        ("converge",),
        _to_target,
        "steady training time until the target, median over seeds, where a miss counts as longer than all",
    ),
    Measure(
        "scenario_throughput",
        "samples_per_second",
        "max",
        ("scenario",),
        _scenario_samples,
        "samples per second reached in the scenario",
    ),
    *_quantiles(
        "query_latency", "scenario", lambda row: latencies(row.row.scenario), "queries, from when each was due"
    ),
    Measure(
        "prefill_throughput",
        "tokens_per_second",
        "max",
        ("generate",),
        lambda row: row.generation.prefill if row.generation else None,
        "tokens of prompts read per second",
        steady=True,
    ),
    Measure(
        "decode_throughput",
        "tokens_per_second",
        "max",
        ("generate",),
        lambda row: row.generation.decode if row.generation else None,
        "tokens generated per second after the first ones",
        steady=True,
    ),
    *_quantiles(
        "first_token",
        "generate",
        lambda row: row.generation.first_token if row.generation else {},
        "the time to first token",
    ),
    *_quantiles(
        "inter_token",
        "generate",
        lambda row: row.generation.inter_token if row.generation else {},
        "the time from token to token",
    ),
    Measure("parameters", "", "min", ("train",), _exact("parameters"), "weights of the model", exact=True),
    Measure(
        "training",
        "flops",
        "min",
        ("train",),
        _counted(lambda row: row.work.training),
        "floating-point operations of a training step, counted per layer",
        exact=True,
    ),
    Measure(
        "forward",
        "flops",
        "min",
        ("infer",),
        _counted(lambda row: row.work.forward),
        "floating-point operations of a forward pass over a batch, counted per layer",
        exact=True,
    ),
    Measure(
        "recompilations",
        "",
        "min",
        ("train", "infer"),
        _exact("recompilations"),
        "times something was compiled within the measured windows",
        exact=True,
    ),
    Measure("graph_breaks", "", "min", ("train",), _exact("graph_breaks"), "breaks of the compiled graph", exact=True),
)
"""In the order in which they are told. The geometric means over trials have an interval, the others none."""

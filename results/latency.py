"""Latency: quantiles of single forward passes, over the trials of a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import figures, stats
from .model import Trial
from .stats import Interval

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Latency:
    """One quantile, seconds."""

    over_trials: Interval
    """Geometric mean over trials, with its t interval."""
    trial_low: float | None
    """How well one trial tells it: the bounds from order statistics, at 99 % confidence, geometric means over
    trials. None where the queries do not suffice for bounds."""
    trial_high: float | None


def latencies(trials: Sequence[Trial]) -> Mapping[str, Latency]:
    """Return each quantile that the trials have queries enough for."""
    return {name: found for name, q in QUANTILES.items() if (found := quantile_of(trials, q))}


def quantile_of(trials: Sequence[Trial], q: float) -> Latency | None:
    """Return one quantile; None where no trial has queries enough."""
    told = [found for trial in trials if (found := figures.latency(trial, q)) and found.estimate > 0]
    over_trials = stats.geometric_mean([found.estimate for found in told])
    if over_trials is None:
        return None
    lows = [found.low for found in told if found.low is not None and found.low > 0]
    highs = [found.high for found in told if found.high is not None]
    bounded = len(lows) == len(highs) == len(told)
    low, high = (stats.geometric_mean(side) if bounded else None for side in (lows, highs))
    return Latency(over_trials, low.estimate if low else None, high.estimate if high else None)


def note(trials: Sequence[Trial]) -> str | None:
    """Return which quantiles need more queries than the trials have; None where none does, or without trials."""
    if not trials:
        return None
    most = max(len(trial.queries) for trial in trials)
    lacking = [f"{name} needs {fewest}" for name, q in QUANTILES.items() if (fewest := stats.fewest_queries(q)) > most]
    return f"{most} queries, {', '.join(lacking)}" if lacking else None

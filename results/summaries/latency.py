"""Latency: quantiles of single forward passes, or of other single calls, over the trials of a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..records.model import Trial
from ..statistics import stats
from ..statistics.stats import Interval

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
    return latencies_over([trial.queries for trial in trials])


def latencies_over(trials: Sequence[Sequence[float]]) -> Mapping[str, Latency]:
    """Return each quantile that the calls of every trial suffice for; seconds."""
    return {name: found for name, q in QUANTILES.items() if (found := _quantile(trials, q))}


def quantile_of(trials: Sequence[Trial], q: float) -> Latency | None:
    """Return one quantile; None where a trial has too few queries for it."""
    return _quantile([trial.queries for trial in trials], q)


def _quantile(trials: Sequence[Sequence[float]], q: float) -> Latency | None:
    made = [calls for calls in trials if calls]
    told = [found for calls in made if (found := stats.quantile(calls, q)) and found.estimate > 0]
    if len(told) < len(made):
        return None  # from other trials than the lower quantiles it could not be held against them
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
    return note_over([trial.queries for trial in trials])


def note_over(trials: Sequence[Sequence[float]], calls: str = "queries") -> str | None:
    """Return the same for the seconds of each trial's calls, which are called so."""
    if not trials:
        return None
    least = min((len(calls) for calls in trials if calls), default=0)
    lacking = [f"{name} needs {fewest}" for name, q in QUANTILES.items() if (fewest := stats.fewest_queries(q)) > least]
    return f"{least} {calls}, {', '.join(lacking)}" if lacking else None

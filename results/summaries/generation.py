"""Generation: what a row's trials of phase generate come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..records.model import GENERATION_STEPS, TOKEN_LATENCIES, Trial
from ..statistics import stats
from ..statistics.stats import Interval
from . import figures, flags, latency
from .figures import Speed
from .latency import Latency


@dataclass(frozen=True, slots=True)
class Generation:
    """The figures of greedy generation with a cache. Intervals are over trials; None is what could not be had."""

    prompt: int | None
    """Tokens of a prompt."""
    new_tokens: int | None
    """Tokens generated after it."""
    prefill: Interval | None
    """Tokens of prompts read per second, all prompts of the batch together."""
    decode: Interval | None
    """Tokens generated per second after the first ones, all prompts of the batch together."""
    unsettled: int
    """Trials in which either did not settle."""
    first_token: Mapping[str, Latency]
    """Quantiles of the time to first token."""
    inter_token: Mapping[str, Latency]
    """Quantiles of the time from token to token."""
    first_prefill: Interval | None
    """Seconds of the first call, tracing and compiling included."""
    first_decode: Interval | None
    prefill_flops: float | None
    """Floating-point operations of reading the prompts of the batch once."""
    decode_flops: float | None
    """Those of one decoding step."""
    notes: tuple[str, ...]
    """Which quantiles are absent, and what they need."""


def generation(trials: Sequence[Trial]) -> Generation | None:
    """Return the figures of trials of phase generate; None without any."""
    if not trials:
        return None
    calls = {name: [trial.latencies.get(name, ()) for trial in trials] for name in TOKEN_LATENCIES}
    quantiles = {name: latency.latencies_over(each) for name, each in calls.items()}
    said = {name: latency.note_over(each, "calls") for name, each in calls.items()}
    return Generation(
        prompt=_told(trials, "prompt"),
        new_tokens=_told(trials, "new_tokens"),
        prefill=_over_trials(trials, lambda trial: tokens_per_s(trial, "prefill")),
        decode=_over_trials(trials, lambda trial: tokens_per_s(trial, "decode")),
        unsettled=sum(_unsettled(trial) for trial in trials),
        first_token=quantiles["first_token"],
        inter_token=quantiles["inter_token"],
        first_prefill=_over_trials(trials, lambda trial: trial.marks.get("first_prefill_s")),
        first_decode=_over_trials(trials, lambda trial: trial.marks.get("first_decode_s")),
        prefill_flops=_mark(trials, "prefill_flops"),
        decode_flops=_mark(trials, "decode_flops"),
        notes=tuple(f"{name.replace('_', ' ')}: {note}" for name, note in said.items() if note),
    )


def tokens_per_s(trial: Trial, step: str) -> float | None:
    """Return the steady throughput of a step of generation, tokens per second."""
    found = _speed(trial, step)
    return found.items_per_s if found else None


def _speed(trial: Trial, step: str) -> Speed | None:
    return figures.speed_of(trial.series.get(step, ()))


def _unsettled(trial: Trial) -> bool:
    speeds = [found for step in GENERATION_STEPS if (found := _speed(trial, step))]
    return flags.UNSETTLED in trial.flags or not all(found.settled for found in speeds)


def _over_trials(trials: Sequence[Trial], figure: Callable[[Trial], float | None]) -> Interval | None:
    return stats.geometric_mean([found for trial in trials if (found := figure(trial)) and found > 0])


def _told(trials: Sequence[Trial], name: str) -> int | None:
    """Return a length that the ledgers agree on."""
    values = {trial.ledger.get(name) for trial in trials}
    value = values.pop() if len(values) == 1 else None
    return value if isinstance(value, int) else None


def _mark(trials: Sequence[Trial], name: str) -> float | None:
    return next((trial.marks[name] for trial in trials if name in trial.marks), None)

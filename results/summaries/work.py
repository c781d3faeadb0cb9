"""Work: floating-point operations of a step, how fast they were done, and how far that is from the ceiling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..factors import Scalar
from ..records.model import Trial
from ..statistics.stats import Interval
from .rows import Row

Ceilings = Mapping[tuple[str, str], float]
"""Highest floating-point operations per second that this machine was seen to do, by device and precision."""

UNKNOWN = "flops_unknown"
"""Ledger entry: the layers that the count does not know, as a comma list."""


@dataclass(frozen=True, slots=True)
class Work:
    """Floating-point operations; None for what is not known."""

    training: float | None
    """One training step, counted per layer."""
    forward: float | None
    """One forward pass over a batch, counted the same way."""
    framework: float | None
    """One training step by the framework's own counter, which has gaps of its own."""
    achieved: Interval | None
    """Per second: of one training step over its steady time."""
    note: str | None
    """Why there is no count: the layers that it does not know."""
    kinds: tuple[tuple[str, str], ...]
    """Where to look for the ceiling, the nearest first: device and precision."""


def work(row: Row, step: Interval | None) -> Work:
    """Return the work of a row whose training step takes so many seconds."""
    trials = row.train or row.parts or row.memory or row.infer
    unknown = dict.fromkeys(
        layer.strip() for trial in trials for layer in str(trial.ledger.get(UNKNOWN) or "").split(",") if layer.strip()
    )
    training = None if unknown else _agreed(trials, "training_flops")
    return Work(
        training,
        None if unknown else _agreed(trials, "forward_flops"),
        _agreed(trials, "framework_flops"),
        _per_second(training, step) if training and row.train else None,
        f"not counted: {', '.join(unknown)}" if unknown else None,
        _kinds(trials[0]) if trials else (),
    )


def utilisation(found: Work, ceilings: Ceilings | None) -> float | None:
    """Return the achieved rate over the machine's own measured ceiling; None where either is not known."""
    if found.achieved is None or not ceilings:
        return None
    ceiling = next((ceilings[kind] for kind in found.kinds if ceilings.get(kind)), None)
    return found.achieved.estimate / ceiling if ceiling else None


def _agreed(trials: Sequence[Trial], name: str) -> float | None:
    """Return a count on which all trials that have one agree; None where they do not."""
    values = {trial.marks[name] for trial in trials if name in trial.marks}
    return values.pop() if len(values) == 1 else None


def _per_second(flops: float, step: Interval | None) -> Interval | None:
    if step is None:
        return None
    low = None if step.high is None else flops / step.high
    high = None if step.low is None else flops / step.low
    return Interval(flops / step.estimate, low, high, step.n)


def _kinds(trial: Trial) -> tuple[tuple[str, str], ...]:
    """Return where a trial's ceiling may stand: a policy computes in its second word (mixed_bfloat16)."""
    device, policy = trial.case.text("device"), str(trial.ledger.get("precision") or trial.case.get("precision"))
    computed = policy.removeprefix("mixed_")
    reduced: Scalar = trial.ledger.get("tf32")
    names = ["tf32"] if computed == "float32" and reduced in {True, "on", "true"} else []
    return tuple((device, name) for name in dict.fromkeys([*names, computed, policy]))

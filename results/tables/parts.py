"""Parts of a training step: forward, backward, update and feed, from the differences of nested prefixes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from .. import units
from ..layout import Entry, Head, Lines
from ..records.model import Trial
from ..section import Fact, Section
from ..statistics import stats
from ..summaries import figures
from .cells import NOTHING, framework, resolved
from .member import Member, gathered, signs
from .words import settings

DIFFERENCES = {
    "forward": ("forward", None),
    "backward": ("forward_backward", "forward"),
    "update": ("step", "forward_backward"),
    "feed": ("fed_step", "step"),
}
"""Each part as one of `model.PREFIXES` less the one before it."""

RESIDUAL = 0.1
"""Share of the step that a residual may reach before it is marked."""


CAPTION = (
    "Differences of steady step times: forward (with the loss) + backward + update = whole step; feed is what handing"
    " over the batch from NumPy adds"
)


@dataclass(frozen=True, slots=True)
class Part:
    """The time of one part, seconds, over trials."""

    estimate: float
    """Median; negative where the longer prefix was the quicker one."""
    low: float
    high: float
    """Bounds of the median: order statistics at 95 %, the extremes for fewer than six trials."""
    confidence: float
    """That the bounds hold the median."""
    n: int


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a row's step."""

    parts: Mapping[str, Part]
    """By their names in DIFFERENCES; one that no trial has the prefixes for is absent."""
    step: float | None
    """Median of the whole step over the same trials, seconds."""
    train_step: float | None
    """The step in phase train, seconds; None without that phase."""

    @property
    def residual(self) -> float | None:
        """What the step took in phase train beyond the whole step here, as a share of the former."""
        if self.step is None or self.train_step is None:
            return None
        return 1 - self.step / self.train_step

    @property
    def doubts(self) -> tuple[str, ...]:
        """The parts that are negative."""
        return tuple(name for name, part in self.parts.items() if part.estimate < 0)

    @property
    def unexplained(self) -> bool:
        """Whether the residual is too large."""
        return self.residual is not None and abs(self.residual) > RESIDUAL


def split(trials: Sequence[Trial], train_step_s: float | None = None) -> Split | None:
    """Return the parts of a step from trials of phase parts; None without any."""
    steps = [_prefixes(trial) for trial in trials]
    found: dict[str, Part] = {}
    for name, (prefix, before) in DIFFERENCES.items():
        values = [s[prefix] - (s[before] if before else 0.0) for s in steps if prefix in s and (before or prefix) in s]
        if values:
            found[name] = _part(values)
    whole = [s["step"] for s in steps if "step" in s]
    step = median(whole) if whole else None
    return Split(found, step, train_step_s) if found else None


def parts(rows: Sequence[Member]) -> list[Section]:
    """Return a table per group of a workload that has trials of phase parts."""
    having = [row for row in rows if row.summary.row.parts]
    return [_section(alike) for alike in gathered(having, lambda row: row.key)]


def _prefixes(trial: Trial) -> dict[str, float]:
    """Return the steady step time of each prefix of a trial, seconds."""
    found = {name: figures.speed_of(windows) for name, windows in trial.series.items()}
    return {name: speed.step_seconds for name, speed in found.items() if speed}


def _part(values: list[float]) -> Part:
    found, n = stats.median(values), len(values)
    if found is None or found.low is None or found.high is None:
        return Part(median(values), min(values), max(values), 1 - 2.0 ** (1 - n), n)
    return Part(found.estimate, found.low, found.high, stats.CONFIDENCE, n)


def _section(rows: Sequence[Member]) -> Section:
    splits = [(row, found) for row in rows if (found := _split(row))]
    heads = [
        Head(("framework", "mode"), 0, left=True),
        *(Head((name, "ms, share", "bounds"), 0) for name in ("forward", "backward", "update")),
        Head(("whole", "step", "ms"), 1),
        Head(("feed", "ms, share", "bounds"), 2),
        Head(("residual",), 3),
    ]
    entries = []
    for row, found in splits:
        cells: list[Lines] = [(framework(row.record), resolved(row.record))]
        cells += [_cell(found, name) for name in ("forward", "backward", "update")]
        cells += [NOTHING if found.step is None else (signs(row.summary.row.parts, None) + _ms(found.step),)]
        cells += [_cell(found, "feed"), _residual(found)]
        entries.append(Entry(cells, ["bold", *[""] * 6], remarks=_remarks(found)))
    first = rows[0]
    return Section(
        "parts",
        first.key.workload,
        "parts of a training step",
        settings(first.record),
        heads,
        entries,
        _notes(splits),
        [_fact(row, found) for row, found in splits],
    )


def _split(row: Member) -> Split | None:
    step = row.summary.train_step
    return split(row.summary.row.parts, step.estimate if step else None)


def _cell(found: Split, name: str) -> Lines:
    part = found.parts.get(name)
    if part is None:
        return NOTHING
    share = f", {units.percent(part.estimate / found.step)}" if found.step else ""
    sign = "!" if part.estimate < 0 else ""
    bounds = f"{_ms(part.low)}{' to ' if part.low < 0 else units.DASH}{_ms(part.high)}" if part.n > 1 else "1 trial"
    return f"{sign}{_ms(part.estimate)}{share}", bounds


def _ms(seconds: float) -> str:
    return units.number(seconds * 1e3)


def _residual(found: Split) -> Lines:
    if found.residual is None:
        return NOTHING
    return (f"{'!' if found.unexplained else ''}{units.percent(found.residual)}",)


def _remarks(found: Split) -> list[str]:
    said = [
        f"! {name} is negative: the prefix that contains it was quicker than the one before; it is less than the noise,"
        " or the compiler made something else of the prefix"
        for name in found.doubts
    ]
    if found.unexplained and found.train_step is not None and found.step is not None:
        train, here = units.seconds(found.train_step), units.seconds(found.step)
        said.append(f"! the step took {train} in phase train and {here} here: the parts do not explain it")
    return said


def _notes(splits: Sequence[tuple[Member, Split]]) -> list[str]:
    every = [part for _, found in splits for part in found.parts.values()]
    least = min(every, key=lambda part: part.confidence, default=None)
    bounds = ""
    if least is not None and least.n > 1:
        exact = least.confidence == stats.CONFIDENCE
        kind = "its 95 % bounds" if exact else f"lowest and highest ({units.percent(least.confidence)} hold the median)"
        bounds = f", median over {units.plural(least.n, 'trial')} with {kind}"
    return [f"{CAPTION}{bounds}. Residual: step in phase train less the whole step here."]


def _fact(row: Member, found: Split) -> Fact:
    record = row.record
    told: dict[str, Any] = {
        name: record[name] for name in ("workload", "backend", "environment", "batch_size", "precision", "device")
    }
    told |= {name: record[name] for name in ("execution", "compile", "lane", "threads", "compile_resolved")}
    for name in DIFFERENCES:
        part = found.parts.get(name)
        told[f"{name}_s"] = part.estimate if part else None
        told[f"{name}_low_s"] = part.low if part and part.n > 1 else None
        told[f"{name}_high_s"] = part.high if part and part.n > 1 else None
        told[f"{name}_confidence"] = part.confidence if part and part.n > 1 else None
    trials = max((part.n for part in found.parts.values()), default=0)
    doubts = [*found.doubts, *(["residual"] if found.unexplained else [])]
    return told | {
        "step_s": found.step,
        "residual_share": found.residual,
        "trials": trials,
        "doubtful": "; ".join(doubts) or None,
    }

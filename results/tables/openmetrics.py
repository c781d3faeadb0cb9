"""OpenMetrics: the readings of a run as the text that GitLab's metrics reports and Prometheus read.

The format is version 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/. What could not be had has no line.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..factors import PARAMETER_PREFIX
from ..records.model import Run
from .readings import Subject, subjects

PREFIX = "dlbench_"
PARAMETER_LABEL = "p_"
"""A workload's parameter `depth` is the label `p_depth`."""
ESCAPED = "U__"
PLAIN = re.compile(rf"(?!{ESCAPED})[A-Za-z][A-Za-z0-9_]*")
"""Names that stand for themselves."""
WHOLE = 2.0**53
"""Whole numbers below this are told without a decimal point: a double has each of them."""

COUNTS: Mapping[str, tuple[Callable[[Subject], int | None], str]] = {
    "trials": (lambda one: one.trials, "trials, each a fresh process"),
    "unsettled_trials": (lambda one: one.unsettled, "trials without a steady state: their last half was used"),
    "flagged_trials": (lambda one: one.flagged, "trials with a flag that makes them doubtful"),
    "failed_trials": (lambda one: one.failed, "processes that gave no figures"),
}
"""What is told of every case beside its figures."""


@dataclass(frozen=True, slots=True)
class _Family:
    """The samples of one name."""

    unit: str
    meaning: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)


def as_openmetrics(run: Run) -> str:
    """Return a gauge per measure with a sample for each case and side, in base units."""
    families: dict[str, _Family] = {}
    every = subjects(run)
    for subject in every:
        for reading in subject.readings:
            measure = reading.measure
            name = PREFIX + identifier(measure.stem) + (f"_{measure.unit}" if measure.unit else "")
            family = families.setdefault(name, _Family(measure.unit, measure.meaning))
            family.samples.append((subject.labels, reading.value))
    for name, (count, meaning) in COUNTS.items():
        told = [(subject.labels, found) for subject in every if (found := count(subject)) is not None]
        if told:
            families[PREFIX + name] = _Family("", meaning, [(labels, float(found)) for labels, found in told])
    lines = [line for name, family in families.items() for line in _lines(name, family)]
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def identifier(name: str) -> str:
    """Return a name that metrics and labels may have, a different one for each name.

    A plain name stays; another one is escaped as in Prometheus' scheme `values`: `U__` before it, underscores doubled,
    and any other character as its code point in hex between underscores.
    """
    return name if PLAIN.fullmatch(name) else _spelt(name)


def label_name(factor: str) -> str:
    """Return the label of a factor; a parameter of the workload has one that begins with `p_`."""
    if factor.startswith(PARAMETER_PREFIX):
        return PARAMETER_LABEL + identifier(factor.removeprefix(PARAMETER_PREFIX))
    return _spelt(factor) if factor.startswith(PARAMETER_LABEL) else identifier(factor)


def escaped(text: str) -> str:
    """Return a text as it stands in a label's quotes or in a line of help."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _lines(name: str, family: _Family) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    if family.unit:
        yield f"# UNIT {name} {family.unit}"
    yield f"# HELP {name} {escaped(family.meaning)}"
    for labels, value in family.samples:
        inner = ",".join(f'{label_name(factor)}="{escaped(told)}"' for factor, told in labels.items())
        yield f"{name}{{{inner}}} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < WHOLE else repr(value)


def _spelt(name: str) -> str:
    def letter(character: str) -> str:
        if character == "_":
            return "__"
        return character if character.isascii() and character.isalnum() else f"_{ord(character):x}_"

    return ESCAPED + "".join(map(letter, name))

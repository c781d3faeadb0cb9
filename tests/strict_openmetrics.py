"""A strict reader of OpenMetrics 1.0, as far as gauges go: what the specification forbids is an error."""

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')
NUMBER = re.compile(r"[+-]?(\d+|(\d+\.\d*|\d*\.\d+)(e[+-]?\d+)?|\d+e[+-]?\d+)")
METADATA = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.*)", re.DOTALL)
SAMPLE = re.compile(rf"({NAME})\{{(.*)\}} ([^ ]+)", re.DOTALL)
UNESCAPED = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}
ORDER = ("TYPE", "UNIT", "HELP")

Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    """The metadata and the samples of one name."""

    metadata: dict[str, str] = field(default_factory=dict)
    samples: dict[Labels, float] = field(default_factory=dict)


def read_openmetrics(text: str) -> dict[str, Family]:
    """Return the families of an exposition by name; ValueError for what is not allowed."""
    *lines, last, rest = text.split("\n")
    if (last, rest) != ("# EOF", ""):
        raise ValueError("an exposition ends with # EOF and a line feed")
    families: dict[str, Family] = {}
    current = ""
    for line in lines:
        if found := METADATA.fullmatch(line):
            kind, name, value = found.groups()
            if name != current and name in families:
                raise ValueError(f"{name} is told in two places")
            current, family = name, families.setdefault(name, Family())
            if family.samples or [*family.metadata, kind] != [k for k in ORDER if k in {*family.metadata, kind}]:
                raise ValueError(f"metadata out of order: {line}")
            family.metadata[kind] = value
            _check(name, kind, value)
        elif found := SAMPLE.fullmatch(line):
            name, inner, value = found.groups()
            if name != current or not NUMBER.fullmatch(value):
                raise ValueError(f"not a sample of {current}: {line}")
            labels = _labels(inner)
            if labels in families[name].samples:
                raise ValueError(f"told twice: {line}")
            families[name].samples[labels] = float(value)
        else:
            raise ValueError(f"neither metadata nor a sample: {line!r}")
    return families


def _check(name: str, kind: str, value: str) -> None:
    if kind == "TYPE" and value != "gauge":
        raise ValueError(f"unexpected type {value}")
    if kind == "UNIT" and not name.endswith(f"_{value}"):
        raise ValueError(f"{name} does not end in its unit {value}")
    if kind == "HELP" and re.sub(r'\\[\\n"]', "", value).count("\\"):
        raise ValueError(f"bad escape in {value!r}")


def _labels(inner: str) -> Labels:
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(inner):
        one = LABEL.match(inner, place)
        if one is None:
            raise ValueError(f"not a label: {inner[place:]!r}")
        found.append((one[1], re.sub(r'\\[\\n"]', lambda escape: UNESCAPED[escape[0]], one[2])))
        place = one.end()
        if place < len(inner) and inner[place] != ",":
            raise ValueError(f"no comma at {inner[place:]!r}")
        place += 1
    if inner.endswith(",") or len({name for name, _ in found}) < len(found):
        raise ValueError(f"bad labels: {inner!r}")
    return frozenset(found)

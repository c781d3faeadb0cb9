"""A side of a comparison as typed: an environment, package versions, a git revision, or values of factors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...backends.backend import COMPILE_MODES
from ...backends.catalog import BACKENDS
from ...results.errors import UsageError, unknown
from ...results.factors import PARAMETER_PREFIX
from .. import options as parse
from ..host import usable_cores
from ..options import Selection

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?\s*(==|>=|<=|~=|!=|<|>|@).+")
"""A requirement as pip takes it, such as keras==3.14."""
ENVIRONMENT, REVISION = "env", "rev"
CHOICES = {
    "backend": tuple(backend.name for backend in BACKENDS),
    "device": parse.DEVICES,
    "execution": parse.EXECUTIONS,
    "compile": COMPILE_MODES,
    "cache": parse.CACHES,
    "lane": parse.LANES,
    "feed": parse.FEEDS,
    "precision": parse.PRECISIONS,
}
"""Factors with a list of values."""
FIELDS = {
    "backend": "backends",
    "device": "devices",
    "execution": "executions",
    "compile": "compiles",
    "cache": "caches",
    "lane": "lanes",
    "feed": "feeds",
    "precision": "precisions",
    "threads": "threads",
    "batch_size": "batch_sizes",
    "optimizer": "optimizers",
}
"""Where each factor stands in a Selection."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison."""

    text: str
    """As typed."""
    factors: Mapping[str, str]
    """Values of factors, and of parameters by their name with the prefix `p.`."""
    environment: str | None = None
    """NAME or a path."""
    packages: tuple[str, ...] = ()
    """Requirements of an environment that is to be made."""
    revision: str | None = None

    @property
    def compared(self) -> frozenset[str]:
        """The factors of a case that this side sets."""
        return frozenset({*self.factors, *({"environment"} if self.environment or self.packages else ())})


def parse_side(option: str, values: tuple[str, ...]) -> Side:
    """Return a side from texts such as `env=new`, `keras==3.14,jax==0.10.1`, `rev=main`, `compile=eager`.

    Raises:
        UsageError: it sets nothing, twice the same, or what no side can set.

    """
    items = parse.split(values)
    if not items:
        raise UsageError(
            f"{option} takes what to compare, such as env=NAME, keras==3.14, rev=main or precision=float32"
        )
    factors: dict[str, str] = {}
    places: dict[str, str] = {}
    packages = []
    for item in items:
        if VERSION.fullmatch(item):
            packages.append(item)
            continue
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not name or not value:
            raise UsageError(
                f"{option} {item}: write NAME=VALUE, such as precision=mixed_bfloat16, or a package==VERSION"
            )
        target = places if name in (ENVIRONMENT, REVISION) else factors
        key = name if name in FIELDS or target is places else f"{PARAMETER_PREFIX}{name.removeprefix(PARAMETER_PREFIX)}"
        if key in target:
            raise UsageError(f"{option} sets {name} twice")
        target[key] = _checked(option, name, value)
    if packages and ENVIRONMENT in places:
        raise UsageError(f"{option} names an environment and packages; packages make an environment of their own")
    return Side(",".join(items), factors, places.get(ENVIRONMENT), tuple(packages), places.get(REVISION))


def _checked(option: str, name: str, value: str) -> str:
    if name in CHOICES and value not in CHOICES[name]:
        raise unknown(f"{option} {name}", value, CHOICES[name])
    if name == "optimizer":
        return parse.parse_optimizers([value])[0]
    return value


def selection_of(side: Side, base: Selection, environment: Mapping[str, str | None]) -> Selection:
    """Return what a side measures: the choices of both, with its own in their place.

    Args:
        side: what it sets.
        base: what both sides have in common.
        environment: by name the interpreter of this side; empty: that of the base.

    """
    changes: dict[str, object] = {}
    parameters = dict(base.parameters)
    for name, value in side.factors.items():
        if name.startswith(PARAMETER_PREFIX):
            parameters[name.removeprefix(PARAMETER_PREFIX)] = (value,)
        elif name == "batch_size":
            changes[FIELDS[name]] = parse.parse_batch_sizes([value])
        elif name == "threads":
            changes[FIELDS[name]] = parse.parse_threads([value], usable_cores())
        else:
            changes[FIELDS[name]] = (value,)
    if environment:
        changes["environments"] = environment
    return replace(base, parameters=parameters, **changes)  # type: ignore[arg-type]

"""Which workloads the user named, with every combination of the parameters asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from ...backends.backend import Backend
from ...results.errors import UsageError
from ...results.factors import Scalar
from ...workloads import catalog
from ...workloads.metrics import METRICS, why_unreachable
from ...workloads.reference import Reference
from ...workloads.workload import Spec
from ..cache import key_of
from ..environments.interpreters import Interpreter, own_interpreter
from ..options import Selection
from ..progress import Observer
from ..wire import Description
from .described import content_of, describe_own, is_own, parse_reference
from .plan import Candidate, check_parameters, combinations

Maker = tuple[Backend, Interpreter]
"""What can run a user's file."""


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates, what is worth saying about them, and what is broken."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    broken: tuple[str, ...]


def find_candidates(
    names: Sequence[str],
    defaults: Mapping[str, Sequence[str]],
    backends: Sequence[Backend],
    selection: Selection,
    observer: Observer,
    interpreters: Mapping[str, Interpreter] = MappingProxyType({}),
) -> Found:
    """Return the workloads named; a user's file is described by a child process on the first backend that can.

    Args:
        names: workloads and files.
        defaults: parameters of the suite, for those workloads that have them.
        backends: on which a user's file is run to be described, in order of preference.
        selection: parameters that the user gave, and what files may import.
        observer: is told when a file is run.
        interpreters: what runs a user's file, by backend, where that is not the controller's own.

    Raises:
        UsageError: a name is unknown, a parameter fits none, or every workload asked for is broken.

    """
    notes: list[str] = []
    makers = [(backend, interpreters.get(backend.name, own_interpreter())) for backend in backends]
    hints = {name: values[0] for name, values in selection.parameters.items()}
    known, broken = _know_all(names, hints, makers, selection, observer)
    if not known:
        raise UsageError("; ".join(broken))
    notes += check_parameters([item.spec for item in known], selection.parameters)
    notes += [item.first.note for item in known if item.first and item.first.note]
    lacking = [name for name in defaults if all(name not in item.spec.names for item in known)]
    notes += [f"the suite's parameter {name!r} fits no chosen workload" for name in lacking]
    parameters = {**defaults, **selection.parameters}
    candidates: list[Candidate] = []
    for item in known:
        for full, given in combinations(item.spec, parameters):
            try:
                candidates.append(_candidate(item, full, given, hints, makers, selection))
            except UsageError as error:
                values = ", ".join(f"{name}={value}" for name, value in given.items())
                broken.append(f"{error} (with {values})" if values else str(error))
    if not candidates:
        raise UsageError("; ".join(broken))
    return Found(tuple(candidates), tuple(notes), tuple(broken))


@dataclass(frozen=True, slots=True)
class _Known:
    reference: Reference
    spec: Spec
    first: Description | None = None
    """Of a user's model with the first of the values given."""
    maker: Maker | None = None
    """That described it."""


def _candidate(
    item: _Known,
    full: Mapping[str, Scalar],
    given: Mapping[str, Scalar],
    hints: Mapping[str, str],
    makers: Sequence[Maker],
    selection: Selection,
) -> Candidate:
    """Return a workload with values for its parameters; a user's own is asked again where they are others.

    Raises:
        UsageError: it cannot be measured with these values.

    """
    if item.first is None:
        return Candidate(item.reference, item.spec, full, given)
    maker, described = item.maker, item.first
    asked = {name: value for name, value in hints.items() if name in item.spec.names}
    if {name: str(value) for name, value in given.items()} != asked:
        maker, described = _describe(item.reference, given, makers, selection)
    if described.problem:
        raise UsageError(described.problem)
    content = key_of([content_of(item.reference), dict(described.files)])
    on, by = (maker[0].name, None if maker[1].own else maker[1].python) if maker else (None, None)
    return Candidate(item.reference, described.spec, full, given, described.signature, content, on, by)


def _know_all(
    names: Sequence[str],
    hints: Mapping[str, str],
    makers: Sequence[Maker],
    selection: Selection,
    observer: Observer,
) -> tuple[list[_Known], list[str]]:
    """Return the workloads of those names, and what is wrong with the others."""
    known: list[_Known] = []
    broken: list[str] = []
    for name in names:
        try:
            found = _know(name, hints, makers, selection, observer, [item.reference.name for item in known])
        except UsageError as error:
            if not is_own(name) or len(names) == 1:
                raise
            broken.append(str(error))
            continue
        spec = found.spec
        known_metric = spec.metric is not None and spec.metric in METRICS  # A user's own has no known bounds.
        why = why_unreachable(str(spec.metric), spec.direction, spec.target, None) if known_metric else None
        if why is None:
            known.append(found)
        else:
            broken.append(f"{spec.source if found.reference.own else spec.name}: {why}")
    return known, broken


def _know(
    name: str,
    hints: Mapping[str, str],
    makers: Sequence[Maker],
    selection: Selection,
    observer: Observer,
    taken: Sequence[str],
) -> _Known:
    if name in catalog.names() or not is_own(name):
        return _Known(Reference(name), catalog.get(name).spec)
    reference = parse_reference(name, allow_code=selection.allow_code)
    if reference.name in (*taken, *catalog.names()):
        # Two files of one name, or one named like a workload of the catalog: told apart by their path.
        reference = replace(reference, name=name.removesuffix(".py"))
    observer.note(f"reading {name}")
    maker, described = _describe(reference, hints, makers, selection)
    return _Known(reference, described.spec, described, maker)


def _describe(
    reference: Reference, given: Mapping[str, Scalar], makers: Sequence[Maker], selection: Selection
) -> tuple[Maker, Description]:
    """Ask one backend after the other: a model that fails on one of them is that row's failure, not the run's.

    Returns:
        the backend that could, with its interpreter, and what it found.

    Raises:
        UsageError: it fails on all; the message is the first one's.

    """
    first: UsageError | None = None
    for backend, interpreter in makers:
        try:
            return (backend, interpreter), describe_own(reference, given, backend, selection.allow_import, interpreter)
        except UsageError as error:
            first = first or error
    raise first or UsageError("no backend to describe a model with")

"""Which workloads the user named, with every combination of the parameters asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..backends.backend import Backend
from ..results.errors import UsageError
from ..results.factors import Scalar
from ..workloads import catalog
from ..workloads.reference import Reference
from ..workloads.synthetic import Signature
from ..workloads.workload import Spec
from .described import describe_file, is_file_reference, parse_reference
from .options import Selection
from .plan import Candidate, check_parameters, combinations
from .progress import Observer
from .wire import Description


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
) -> Found:
    """Return the workloads named; a user's file is described by a child process on the first backend that can.

    Args:
        names: workloads and files.
        defaults: parameters of the suite, for those workloads that have them.
        backends: on which a user's file is run to be described, in order of preference.
        selection: parameters that the user gave, and what files may import.
        observer: is told when a file is run.

    Raises:
        UsageError: a name is unknown, a parameter fits none, or the only workload asked for is broken.

    """
    known: list[_Known] = []
    broken: list[str] = []
    for name in names:
        try:
            known.append(_know(name, backends, selection, observer, [item.reference.name for item in known]))
        except UsageError as error:
            if not is_file_reference(name) or len(names) == 1:
                raise
            broken.append(str(error))
    if not known:
        raise UsageError("; ".join(broken))
    notes = check_parameters([item.spec for item in known], selection.parameters)
    lacking = [name for name in defaults if all(name not in item.spec.defaults() for item in known)]
    notes += tuple(f"the suite's parameter {name!r} fits no chosen workload" for name in lacking)
    parameters = {**defaults, **selection.parameters}
    candidates: list[Candidate] = []
    for item in known:
        for full, given in combinations(item.spec, parameters):
            signature = item.signature
            if item.reference.file is not None and given:
                try:
                    signature = _describe(item.reference, given, backends, selection).signature
                except UsageError as error:
                    values = ", ".join(f"{name}={value}" for name, value in given.items())
                    broken.append(f"{error} (with {values})")
                    continue
            candidates.append(Candidate(item.reference, item.spec, full, given, signature))
    if not candidates:
        raise UsageError("; ".join(broken))
    return Found(tuple(candidates), notes, tuple(broken))


@dataclass(frozen=True, slots=True)
class _Known:
    reference: Reference
    spec: Spec
    signature: Signature | None = None
    """Of a user's model at its default parameters."""


def _know(
    name: str, backends: Sequence[Backend], selection: Selection, observer: Observer, taken: Sequence[str]
) -> _Known:
    if not is_file_reference(name):
        return _Known(Reference(name), catalog.get(name).spec)
    reference = parse_reference(name)
    if reference.name in (*taken, *catalog.names()):
        # Two files of one name, or one named like a workload of the catalog: told apart by their path.
        reference = replace(reference, name=name.removesuffix(".py"))
    observer.note(f"reading {name}")
    described = _describe(reference, {}, backends, selection)
    return _Known(reference, described.spec, described.signature)


def _describe(
    reference: Reference, given: Mapping[str, Scalar], backends: Sequence[Backend], selection: Selection
) -> Description:
    """Ask one backend after the other: a model that fails on one of them is that row's failure, not the run's.

    Raises:
        UsageError: it fails on all; the message is the first one's.

    """
    first: UsageError | None = None
    for backend in backends:
        try:
            return describe_file(reference, given, backend, selection.allow_import)
        except UsageError as error:
            first = first or error
    raise first or UsageError("no backend to describe a file with")

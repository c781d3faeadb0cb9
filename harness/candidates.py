"""Which workloads the user named, with every combination of the parameters asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..backends.backend import Backend
from ..results.errors import UsageError
from ..workloads import catalog
from ..workloads.reference import Reference
from ..workloads.workload import Spec
from .described import describe_file, is_file_reference, parse_reference
from .options import Selection
from .plan import Candidate, check_parameters, combinations
from .progress import Observer


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates, what is worth saying about them, and what is broken."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    broken: tuple[str, ...]


def find_candidates(
    names: Sequence[str],
    defaults: Mapping[str, Sequence[str]],
    backend: Backend,
    selection: Selection,
    observer: Observer,
) -> Found:
    """Return the workloads named; a user's file is described by a child process on `backend`.

    Args:
        names: workloads and files.
        defaults: parameters of the suite, for those workloads that have them.
        backend: on which a user's file is run to be described.
        selection: parameters that the user gave, and what files may import.
        observer: is told when a file is run.

    Raises:
        UsageError: a name is unknown, a parameter fits none, or the only workload asked for is broken.

    """
    known: list[tuple[Reference, Spec]] = []
    broken: list[str] = []
    for name in names:
        if not is_file_reference(name):
            known.append((Reference(name), catalog.get(name).spec))
            continue
        try:
            reference = parse_reference(name)
            observer.note(f"reading {reference.file}")
            known.append((reference, describe_file(reference, {}, backend, selection.allow_import).spec))
        except UsageError as error:
            if len(names) == 1:
                raise
            broken.append(str(error))
    if not known:
        raise UsageError("; ".join(broken))
    notes = check_parameters([spec for _, spec in known], selection.parameters)
    parameters = {**defaults, **selection.parameters}
    candidates: list[Candidate] = []
    for reference, spec in known:
        for full, given in combinations(spec, parameters):
            if reference.file is None:
                candidates.append(Candidate(reference, spec, full, given))
                continue
            described = describe_file(reference, full, backend, selection.allow_import)
            candidates.append(Candidate(reference, described.spec, full, given, described.signature))
    return Found(tuple(candidates), notes, tuple(broken))

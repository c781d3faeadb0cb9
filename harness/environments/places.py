"""Places: which backends run in which environments, and what is told about those that do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...backends.backend import Backend
from ...results.errors import NothingMeasured, UsageError
from ...results.records.environment import BackendProbe, Environment
from .interpreters import Interpreter, own_interpreter, read_environment


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs can run: a backend in an environment."""

    backend: Backend
    probe: BackendProbe
    """One that found a problem leaves out the jobs of this place, with the reason."""
    environment: str | None = None
    """None: the controller's own."""
    fingerprint: str = ""
    """Of the environment."""


def read_environments(
    interpreters: Sequence[Interpreter], backends: Sequence[Backend]
) -> tuple[tuple[Environment, ...], tuple[str, ...]]:
    """Return what each interpreter offers, and a note for each one that cannot run workers; each is probed once.

    Raises:
        UsageError: none of them can; the message says why of each.

    """
    found, notes = [], []
    for interpreter in interpreters:
        try:
            found.append(read_environment(backends, interpreter))
        except UsageError as error:
            notes.append(str(error))
    if not found:
        raise UsageError("; ".join(notes))
    return tuple(found), tuple(f"{note}; left out" for note in notes)


def usable_places(
    backends: Sequence[Backend], environments: Sequence[Environment], *, named: bool
) -> tuple[list[Place], tuple[str, ...]]:
    """Return each backend in each environment that has it, and a note for each of the others.

    Where the backends were asked for by name and one works in some environments only, its places in the others are
    returned too: their cases are left out, with the reason beside the figures.

    Raises:
        UsageError: a backend that was asked for by name works in no environment, or none works in the environments,
            which were asked for by name.
        NothingMeasured: none works in the controller's own environment.

    """
    if [environment.factor for environment in environments] == [None]:
        usable, notes = usable_backends(backends, environments[0].probes, named=named)
        return [_place(backend, probe, environments[0]) for backend, probe in usable], notes
    every = [
        _place(backend, probe, environment)
        for environment in environments
        for backend, probe in zip(backends, environment.probes, strict=True)
    ]
    working = {place.backend.name for place in every if place.probe.version}
    missing = [place for place in every if place.backend.name not in working]
    if missing and (named or not working):
        problems = [f"{place.probe.problem}{remedy(place.probe)}" for place in missing]
        raise UsageError("; ".join(dict.fromkeys(problems)))
    if named:
        return every, ()
    notes = tuple(f"{place.probe.problem}; left out" for place in every if not place.probe.version)
    return [place for place in every if place.probe.version], notes


def usable_backends(
    backends: Sequence[Backend], probes: Sequence[BackendProbe], *, named: bool
) -> tuple[list[tuple[Backend, BackendProbe]], tuple[str, ...]]:
    """Return the backends that work here, and a note for each one that does not.

    Raises:
        UsageError: one that was asked for by name does not work.
        NothingMeasured: none works.

    """
    usable, notes = [], []
    for backend, probe in zip(backends, probes, strict=True):
        if probe.version is not None:
            usable.append((backend, probe))
            continue
        if named:
            raise UsageError(f"{probe.problem}{remedy(probe)}")
        notes.append(f"{probe.problem}; left out{remedy(probe)}")
    if not usable:
        raise NothingMeasured("no backend works here: " + " | ".join(notes))
    return usable, tuple(notes)


def remedy(probe: BackendProbe) -> str:
    """Return what to do about a backend that does not work, to be read after the problem."""
    return f"; to add it: {probe.hint}" if probe.hint else "; see `dlbench doctor`"


def describers(places: Sequence[Place], environments: Sequence[Environment]) -> dict[str, Interpreter]:
    """Return what runs users' files, by backend, where that is not the controller's own interpreter.

    The controller's own comes first, also where it is not among the environments that are measured; it is the first
    environment that has the backend where the controller's lacks it.
    """
    working = [place for place in places if place.probe.version]
    backends = list({place.backend.name: place.backend for place in working}.values())
    known = next((environment for environment in environments if environment.factor is None), None)
    own = known or read_environment(backends, own_interpreter())
    here = {probe.backend for probe in own.probes if probe.version}
    pythons = {environment.factor: environment.python for environment in environments}
    found: dict[str, Interpreter] = {}
    for place in working:
        if place.backend.name not in here and place.environment is not None:
            found.setdefault(place.backend.name, Interpreter(place.environment, pythons[place.environment]))
    return found


def _place(backend: Backend, probe: BackendProbe, environment: Environment) -> Place:
    return Place(backend, probe, environment.factor, environment.fingerprint)

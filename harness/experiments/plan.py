"""From options to jobs: which cases are measured in which process, and why others are left out. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ...backends.backend import Backend, CompileMode
from ...results.errors import UsageError, unknown
from ...results.factors import PARAMETER_PREFIX, Scalar
from ...results.records.environment import BackendProbe
from ...results.records.model import Case, LeftOut
from ...workloads.catalog import parameters_for
from ...workloads.reference import Reference
from ...workloads.synthetic import Signature
from ...workloads.workload import Spec
from ..environments.places import Place
from ..options import SCENARIOS, Selection
from ..setting import ALONE, Setting, settings

SINGLE = 1
"""Batch size at which latency is measured, beside the workload's own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A workload with values for its parameters."""

    reference: Reference
    spec: Spec
    parameters: Mapping[str, Scalar]
    """All of them."""
    given: Mapping[str, Scalar]
    """Those that differ from their defaults."""
    signature: Signature | None = None
    """For a user's model: the form of its inputs and labels."""
    content: str = ""
    """Digest of a user's source and of what it imports."""
    described_on: str | None = None
    """The backend on which a user's source was run; its data is made there too."""
    described_by: str | None = None
    """Path of the interpreter that ran it; None: the controller's own."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedJob:
    """One process to come: everything but the block, the seed and the data. Compared by identity."""

    candidate: Candidate
    backend: Backend
    setting: Setting
    batch_size: int
    cases: tuple[Case, ...]
    allow_import: tuple[str, ...] = ()
    environment: str | None = None
    """As in `Place`."""
    fingerprint: str = ""

    @property
    def mode(self) -> CompileMode:
        """What the compile mode comes to."""
        return self.setting.mode(self.backend)

    @property
    def measures_memory(self) -> bool:
        """Whether this process measures memory, and nothing else."""
        return any(case.get("phase") == "memory" for case in self.cases)


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of one block, and what is not measured."""

    jobs: tuple[PlannedJob, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every case once."""
        return tuple(dict.fromkeys(case for job in self.jobs for case in job.cases))


def combinations(
    spec: Spec, wanted: Mapping[str, Sequence[str]]
) -> Iterator[tuple[dict[str, Scalar], dict[str, Scalar]]]:
    """Yield (all parameters, those that differ from the defaults) for each combination that a workload takes."""
    own = {parameter.name for parameter in spec.parameters}
    names = [name for name in wanted if name in own]
    defaults = spec.defaults()
    for values in product(*(wanted[name] for name in names)):
        parameters = parameters_for(spec, dict(zip(names, values, strict=True)))
        yield dict(parameters), {name: v for name, v in parameters.items() if v != defaults.get(name)}


def check_parameters(specs: Sequence[Spec], wanted: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return a note per workload that lacks a parameter asked for.

    Raises:
        UsageError: no chosen workload has it.

    """
    notes: list[str] = []
    for name in wanted if specs else ():
        lacking = [spec.name for spec in specs if name not in spec.names]
        if len(lacking) == len(specs):
            known = {parameter for spec in specs for parameter in spec.names}
            raise unknown(f"parameter of {', '.join(lacking)}:", name, known)
        notes += [f"{spec} has no parameter {name!r}; it is measured as it is" for spec in lacking]
    return tuple(notes)


def resolve_devices(wanted: Sequence[str], probes: Sequence[BackendProbe]) -> tuple[str, ...]:
    """Return the kinds of device: `auto` is the best that every usable backend has."""
    kinds = [{device.kind for device in probe.devices} for probe in probes]
    best = "gpu" if kinds and all("gpu" in kind for kind in kinds) else "cpu"
    devices = tuple(dict.fromkeys(best if device == "auto" else device for device in wanted))
    for device in devices:
        if kinds and not any(device in kind for kind in kinds):
            found = ", ".join(sorted(set().union(*kinds)))
            raise UsageError(
                f"--device {device}: no chosen backend sees one here (found: {found}); see `dlbench doctor`"
            )
    return devices


def make_plan(
    candidates: Sequence[Candidate],
    places: Sequence[Place],
    selection: Selection,
    suite_phases: Sequence[str],
    notes: Sequence[str] = (),
) -> Plan:
    """Return the jobs of a block: per place, problem and setting, one for the usual phases and one for each other.

    A phase that the user named and that cannot be measured is left out with the reason; one that only the suite
    names is no loss, where others are measured.
    """
    phases = selection.phases or suite_phases
    jobs: list[PlannedJob] = []
    left_out: list[LeftOut] = []
    taken: set[Case] = set()
    devices = resolve_devices(selection.devices, [place.probe for place in places if place.probe.version])
    every = list(settings(selection, devices))
    for candidate, place, setting in product(candidates, places, every):
        backend, probe = place.backend, place.probe
        given: dict[str, Scalar] = {
            "backend": backend.name,
            **({"environment": place.environment} if place.environment else {}),
            **setting.factors(),
            **{f"{PARAMETER_PREFIX}{name}": value for name, value in candidate.given.items()},
        }
        if selection.allow_import:
            given["allow_import"] = ",".join(selection.allow_import)
        reason = probe.problem or setting.why_not(backend, probe)
        for batch_size in selection.batch_sizes or (None,):
            fitting, lacking = [], []
            for phase in phases:
                why = setting.why_no_phase(
                    candidate.spec, candidate.parameters, backend, phase, catalog=not candidate.reference.own
                )
                if why is None:
                    fitting.append(phase)
                else:
                    lacking.append(LeftOut(Case.of(candidate.spec.name, **{**given, "phase": phase}), why))
            told = [item for item in lacking if item.case.get("phase") in (*selection.phases, "train")]
            left_out += told or ([] if fitting else lacking[:1])
            cases = _cases(candidate, given, batch_size, fitting, taken, selection)
            if reason:
                left_out += [LeftOut(case, reason) for case in cases]
                continue
            size = batch_size or candidate.spec.batch_size
            jobs += [
                PlannedJob(
                    candidate,
                    backend,
                    setting,
                    size,
                    group,
                    selection.allow_import,
                    place.environment,
                    place.fingerprint,
                )
                for group in _jobs(cases)
            ]
    return Plan(tuple(jobs), tuple(left_out), tuple(notes))


def _jobs(cases: Sequence[Case]) -> list[tuple[Case, ...]]:
    """Return the cases of each process: the usual phases share one, each other case has its own."""
    shared = tuple(case for case in cases if case.get("phase") not in ALONE)
    alone: list[tuple[Case, ...]] = [(case,) for case in cases if case.get("phase") in ALONE]
    return [shared, *alone] if shared else alone


def _cases(
    candidate: Candidate,
    given: Mapping[str, Scalar],
    batch_size: int | None,
    phases: Sequence[str],
    taken: set[Case],
    selection: Selection,
) -> tuple[Case, ...]:
    """Return the cases of a problem, in the order of measuring; each case belongs to the first job that has it."""
    own = batch_size is None or batch_size == candidate.spec.batch_size
    sized = dict(given) if own else {**given, "batch_size": batch_size}
    found = []
    for phase in phases:
        variants: list[dict[str, Scalar]] = [sized]
        if phase in ("infer", "generate") and not (own and candidate.spec.batch_size == SINGLE):
            variants.append({**given, "batch_size": SINGLE})
        elif phase == "scenario":
            bound = selection.latency_bound_s
            variants = [
                {**sized, "scenario": name, **({"latency_bound_s": bound} if bound and name == "server" else {})}
                for name in selection.scenarios or SCENARIOS
            ]
        elif phase == "converge" and selection.epochs is not None:
            variants = [{**sized, "epochs": selection.epochs}]
        for variant in variants:
            case = Case.of(candidate.spec.name, **{**variant, "phase": phase})
            if case not in taken:
                taken.add(case)
                found.append(case)
    return tuple(found)

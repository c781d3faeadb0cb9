"""Verify one workload: the processes that compute it on each backend, and the report that comes of them."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ... import __version__
from ...backends.backend import Backend
from ...backends.determinism import DeterministicMode, deterministic_mode
from ...results import units
from ...results.parity.computation import Computation
from ...results.parity.judgement import (
    Setup,
    chaos_note,
    explain,
    judge,
    judge_repeat,
    judge_trajectory,
    price,
    tolerances,
)
from ...results.parity.records import (
    QUANTITIES,
    SCHEMA,
    BackendParity,
    Explanation,
    ParityCheck,
    ParityReport,
    Price,
    Tolerances,
)
from ...results.records.environment import BackendProbe
from ...results.statistics.deviation import losses_deviation
from ..effort import Effort
from ..experiments.plan import Candidate
from ..progress import Observer
from ..roles.parity_wire import ParityRequest
from ..setting import Setting
from ..wire import PreparedData, Request
from .parity_process import Answer, Asker

REFERENCES = ("jax", "tensorflow")
"""Backends that can compute in float64, in order of preference.

Keras on TensorFlow rounds Python constants, an optimizer's 0.999 for example, to float32 on the way: its losses are
off by 6e-7 over ten steps, well below the tolerance. Keras on PyTorch multiplies matrices in float32.
"""
DOUBLE_ENVIRONMENT = {"jax": {"JAX_ENABLE_X64": "1"}}
PERTURBATIONS = 3
TIMED_S = 0.5
SEED = 0
LEAVES_SLICES = "tensorflow"
"""The backend on which the gradients of embeddings reach the optimizer as slices, unless the lane is matched."""
COMPARED = tuple(what for what in QUANTITIES if what != "repeat")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is verified: a workload with its parameters, its data, and how its steps are made."""

    candidate: Candidate
    data: PreparedData
    setting: Setting
    steps: int
    cpus: tuple[int, ...] = ()
    allow_import: tuple[str, ...] = ()
    determinism: bool = True
    """Also train in a second process and in the deterministic mode."""


class Verification:
    """One subject on several backends."""

    def __init__(self, subject: Subject, asker: Asker, folder: Path, observer: Observer) -> None:
        self._subject = subject
        self._asker = asker
        self._folder = folder
        self._observer = observer
        self._asked = 0
        self._answers: dict[str, Answer] = {}

    def report(
        self, backends: Sequence[tuple[Backend, BackendProbe]], references: Sequence[Backend], notes: Sequence[str] = ()
    ) -> ParityReport:
        """Compute everything and judge it.

        Args:
            backends: those to verify, each with what it offers here.
            references: those that may give the float64 reference, in order of preference.
            notes: what is worth saying already.

        """
        subject, said = self._subject, list(notes)
        standard, words = self._reference(references, said)
        if standard is None:
            for backend, _ in backends:
                answer = self._computed(backend, perturbations=PERTURBATIONS)
                if not answer.computation.error:
                    standard = answer
                    words = f"{backend.title} in float32: {words}, so a difference may be on either side"
                    break
        rows = [self._row(backend, probe, standard) for backend, probe in backends]
        known = standard.computation if standard else Computation()
        allowed = tolerances(known.sensitivity, Setup("", "", known.layers, subject.steps)).trajectory
        if known.calmed:
            said.append(f"Dropout and noise were set to 0 in {', '.join(known.calmed)}: backends draw other numbers.")
        if standard and (chaos := chaos_note(known.sensitivity)):
            said.append(chaos)
        spec, file = subject.candidate.spec, subject.candidate.reference.file
        return ParityReport(
            schema=SCHEMA,
            workload=subject.candidate.reference.name if file else spec.name,
            parameters=dict(subject.candidate.given),
            lane=subject.setting.lane,
            device=subject.setting.device,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            dlbench=__version__,
            keras=next((probe.keras for _, probe in backends if probe.keras), None),
            batch_size=spec.batch_size,
            steps=subject.steps,
            reference=words,
            sensitivity=known.sensitivity.trajectory if known.sensitivity else (),
            allowed=allowed,
            backends=tuple(rows),
            notes=tuple(said),
            file_sha256=hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None,
        )

    def _reference(self, references: Sequence[Backend], notes: list[str]) -> tuple[Answer | None, str]:
        """Return the float64 computation and what it is in words; None and why where no backend gives one."""
        for backend in references:
            answer = self._ask(backend, "float64 reference", reference=True, perturbations=PERTURBATIONS)
            if not answer.computation.error:
                return answer, f"float64 on {backend.title}"
            notes.append(f"no float64 reference from {backend.title}: {answer.computation.error}")
        return None, "no backend here can compute in float64"

    def _computed(self, backend: Backend, perturbations: int = 0) -> Answer:
        """Return what a backend computes; asked once."""
        if backend.name not in self._answers:
            self._answers[backend.name] = self._ask(backend, "float32", perturbations=perturbations, timing_s=TIMED_S)
        return self._answers[backend.name]

    def _row(self, backend: Backend, probe: BackendProbe, standard: Answer | None) -> BackendParity:
        name = (backend.name, backend.title, probe.version or "")
        ours = self._computed(backend)
        if ours.computation.error or standard is None:
            return BackendParity(*name, failure=ours.computation.error or "nothing to compare with")
        price_, again = self._determinism(backend, ours.computation)
        kind = self._subject.setting.mode(backend).kind
        setup = Setup(backend.name, kind, ours.computation.layers, self._subject.steps)
        allowed = tolerances(standard.computation.sensitivity, setup)
        if ours is standard:
            why = "the others are compared with it"
            checks = tuple(ParityCheck(what, None, None, None, why) for what in COMPARED)
        else:
            checks = judge(ours.computation, ours.tensors, standard.computation, standard.tensors, allowed)
        checks = (*checks, judge_repeat(ours.computation, again, allowed.trajectory))
        notes = (
            [] if ours.computation.own_weights else ["it drew other initial weights, and was given those of the rest"]
        )
        comparable = not ours.computation.random
        return BackendParity(
            *name,
            checks=checks,
            price=price_,
            explanation=self._explanation(backend, checks, ours, standard, allowed),
            deviations=tuple(losses_deviation(ours.computation.losses, standard.computation.losses))
            if comparable
            else (),
            notes=tuple(notes),
        )

    def _determinism(self, backend: Backend, before: Computation) -> tuple[Price | None, Computation | None]:
        """Return what the deterministic mode costs, and what a second process computes.

        The mode is timed between the two processes without it, so that a drift of the machine shows.
        """
        if not self._subject.determinism:
            return None, None
        mode = deterministic_mode(backend.name, self._subject.setting.device)
        found = None
        if isinstance(mode, DeterministicMode):
            what = {"only_trajectory": True, "deterministic": True}
            found = self._ask(backend, "deterministic mode", mode.environment, timing_s=TIMED_S, **what).computation
        again = self._ask(backend, "float32 again", only_trajectory=True, timing_s=TIMED_S).computation
        if not isinstance(mode, DeterministicMode) or found is None:
            return Price(None, None, None, str(mode)), again
        return price(mode.how, before, found, again), again

    def _explanation(
        self,
        backend: Backend,
        checks: Sequence[ParityCheck],
        ours: Answer,
        standard: Answer,
        allowed: Tolerances,
    ) -> Explanation | None:
        """Return why a backend differs; where embeddings may be the cause, train once more without that cause."""
        failed = [check.what for check in checks if check.ok is False]
        has_embedding = any(item.embedding for item in ours.computation.variables)
        summed = None
        if (
            failed == ["trajectory"]
            and has_embedding
            and (backend.name, self._subject.setting.lane) == (LEAVES_SLICES, "default")
        ):
            answer = self._ask(backend, "float32, embedding gradients summed", only_trajectory=True, matched=True)
            if not answer.computation.error:
                summed = judge_trajectory(answer.computation, standard.computation, allowed.trajectory)
        return explain(checks, ours.computation, ours.tensors, standard.tensors, summed)

    def _ask(
        self,
        backend: Backend,
        what: str,
        environment: Mapping[str, str] | None = None,
        *,
        reference: bool = False,
        matched: bool | None = None,
        perturbations: int = 0,
        only_trajectory: bool = False,
        deterministic: bool = False,
        timing_s: float = 0.0,
    ) -> Answer:
        """Run one parity process, and tell the observer."""
        subject = self._subject
        self._asked += 1
        place = self._folder / f"parity-{self._asked:02d}"
        request = ParityRequest(
            job=self._job(backend, place, reference=reference),
            weights=str(self._folder / "weights.npz"),
            arrays=str(place.with_suffix(".npz")),
            steps=subject.steps,
            matched=reference or (subject.setting.lane == "matched" if matched is None else matched),
            reference=reference,
            perturbations=perturbations,
            only_trajectory=only_trajectory,
            deterministic=deterministic,
            timing_s=timing_s,
        )
        extra = DOUBLE_ENVIRONMENT.get(backend.name, {}) if reference else {}
        start = time.perf_counter()
        answer = self._asker.ask(request, {**extra, **(environment or {})})
        ended = answer.computation.error or units.seconds(time.perf_counter() - start)
        self._observer.note(f"{subject.candidate.spec.name} {backend.title} {what}: {ended}")
        return answer

    def _job(self, backend: Backend, place: Path, *, reference: bool) -> Request:
        subject, setting = self._subject, self._subject.setting
        lane = "matched" if reference else setting.lane
        kind = replace(setting, lane=lane).mode(backend).kind
        return Request(
            job=place.name,
            block=0,
            position=0,
            seed=SEED,
            backend=backend.name,
            device=setting.device,
            workload=subject.candidate.reference,
            parameters=subject.candidate.parameters,
            batch_size=subject.candidate.spec.batch_size,
            precision="float64" if reference else setting.precision,
            execution=setting.execution,
            compile_kind=kind,
            lane=lane,
            feed="device",
            data=subject.data,
            cases=(),
            epoch_limit=1,
            effort=Effort(),
            reply=str(place.with_suffix(".json")),
            allow_import=subject.allow_import,
            cpus=subject.cpus if setting.lane == "matched" else (),
        )

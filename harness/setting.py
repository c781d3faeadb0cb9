"""A setting: one value of each factor that the user may vary, and why a phase cannot be measured with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ..backends.backend import Backend, CompileMode
from ..backends.native.catalog import has_twin
from ..results.factors import Scalar, default_of
from ..results.records.environment import BackendProbe
from ..workloads import generation
from ..workloads.workload import Parameters, Spec
from .options import Selection

USUAL_FEED = {"fit": "numpy", "step": "device", "native": "device"}
"""How batches reach the step when the user does not say, by execution."""
FEED_NAMES = {"tfdata": "tf.data", "dataloader": "torch's DataLoader"}
MATCHED_COMPILE = "jit"
"""What `auto` comes to in the matched lane: compiled as a whole, the one mode that every framework has."""
ALONE = ("parts", "memory", "scenario", "generate")
"""Phases measured in processes of their own: what they do would show in the others' figures, or theirs in it."""

TRAINING = ("train", "converge", "parts", "memory")
"""Phases in which the optimizer takes part."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One combination of the factors that are not the workload's."""

    device: str
    execution: str
    compile: str
    precision: str
    lane: str
    feed: str | None
    threads: int | None
    cache: str = "cold"
    optimizer: str | None = None
    """As `workloads.optimizers` writes it; None: the workload's own."""

    def factors(self) -> dict[str, Scalar]:
        """Return the factors that differ from their defaults."""
        every: dict[str, Scalar] = {
            "device": self.device,
            "execution": self.execution,
            "compile": self.compile,
            "precision": self.precision,
            "lane": self.lane,
            "feed": self.feed,
            "threads": self.threads,
            "cache": self.cache,
            "optimizer": self.optimizer,
        }
        return {name: value for name, value in every.items() if value is not None and value != default_of(name)}

    def mode(self, backend: Backend) -> CompileMode:
        """Return what the compile mode comes to on a backend that has it."""
        return backend.resolve_compile(self._compile(), self.device)

    @property
    def resolved_feed(self) -> str:
        """The feed asked for, or the usual one of the execution."""
        return self.feed or USUAL_FEED[self.execution]

    def why_not(self, backend: Backend, probe: BackendProbe) -> str | None:
        """Return why nothing can be measured on a backend with this setting; None where it can."""
        if self._compile() in backend.refused:
            return f"{backend.title}: {backend.refused[self._compile()]}"
        if self.device not in {found.kind for found in probe.devices}:
            return f"{backend.title} sees no {self.device} here"
        if self.feed in FEED_NAMES and self.feed != backend.feed:
            return f"{FEED_NAMES[self.feed]} belongs to another framework than {backend.title}"
        if self.feed == "device" and self.execution == "fit":
            return "fit fetches its batches itself; use --feed numpy or pydataset"
        if self.cache == "warm" and not backend.warm_cache:
            return f"{backend.title} keeps no compiled code from one process to the next"
        if self.lane == "matched" and self.execution == "fit":
            return "fit is Keras' own loop, whose semantics cannot be matched; use --execution step"
        return None

    def why_no_phase(
        self, spec: Spec, parameters: Parameters, backend: Backend, phase: str, *, catalog: bool = True
    ) -> str | None:
        """Return why a phase of a workload cannot be measured with this setting; None where it can.

        Args:
            spec: the workload's.
            parameters: the workload's, all of them.
            backend: where it would run.
            phase: what would be measured.
            catalog: whether it is a workload of the catalog: a user's model of the same name has no twin.

        """
        if reason := _why_not_offered(spec, parameters, phase):
            return reason
        if self.execution == "native" and (reason := self._why_no_twin(spec, backend, phase, catalog=catalog)):
            return reason
        if self.execution == "fit" and phase in ("converge", "parts", "scenario", "generate"):
            return f"phase {phase} drives single steps, which fit does not offer; use --execution step"
        if self.feed is not None and phase != "train":
            return f"--feed changes training alone, not phase {phase}"
        if self.optimizer is not None and phase not in TRAINING:
            return f"--optimizer changes training alone, not phase {phase}"
        return None

    def _why_no_twin(self, spec: Spec, backend: Backend, phase: str, *, catalog: bool) -> str | None:
        twin = f"the twin of {spec.name} in {backend.title}"
        if not (has_twin(backend.name, spec.name) if catalog else backend.name in spec.natives):
            how = "" if catalog else f"; write one as 'def native_{backend.name}(...)' beside the model"
            return f"{spec.name} has no twin written in {backend.title}{how}"
        if self.precision != "float32":
            return f"{twin} is written for float32"
        if self.optimizer is not None:
            return f"{twin} trains with the optimizer that it is written with"
        if phase == "parts":
            return "a twin's step is not split into parts; use --execution step"
        if phase == "generate":
            return "twins have no cache to generate with; use --execution step"
        if phase == "memory" and not catalog:
            return f"{twin} keeps its weights beside those of the Keras model; the memory of either is not told apart"
        return None

    def _compile(self) -> str:
        return MATCHED_COMPILE if self.lane == "matched" and self.compile == "auto" else self.compile


def _why_not_offered(spec: Spec, parameters: Parameters, phase: str) -> str | None:
    """Return why a workload lacks a phase, whatever the setting; None where it has it."""
    if "train" not in spec.phases and phase in TRAINING:
        return (
            f"{spec.name} has a train_step or compute_loss of its own, which dlbench does not run; give the model "
            "a loss of (targets, outputs), and it is trained alike on every backend"
        )
    if phase not in (*spec.phases, *ALONE):
        return f"{spec.name} has no phase {phase}: it has no data of its own, so no accuracy target"
    if phase == "generate" and (reason := generation.why_not(spec, parameters)):
        return reason
    return None


def settings(selection: Selection, devices: tuple[str, ...]) -> Iterator[Setting]:
    """Yield every combination that a selection asks for."""
    choices = (
        devices,
        selection.executions,
        selection.compiles,
        selection.precisions,
        selection.lanes,
        selection.feeds or (None,),
        selection.threads or (None,),
        selection.caches,
        selection.optimizers or (None,),
    )
    for values in product(*choices):
        yield Setting(*values)

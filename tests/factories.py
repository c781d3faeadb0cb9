"""Small made-up records and stand-ins for tests: no framework, no process, no real clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlbench.backends.backend import Backend, CompileMode, Runtime
from dlbench.harness.children.launch import Reply
from dlbench.harness.environments.places import Place
from dlbench.harness.experiments.plan import Candidate, Plan, combinations, make_plan
from dlbench.harness.options import Selection
from dlbench.harness.wire import Request
from dlbench.results.records.environment import BackendProbe, Device, Environment, Machine
from dlbench.results.records.model import Case, End, Epoch, Failure, Header, JobRecord, Trial, Window
from dlbench.workloads.reference import Reference
from dlbench.workloads.workload import Estimate, Parameter, Spec

STARTED = "2026-11-20T10:00:00+00:00"
MACHINE = Machine("bench1", "Linux x86_64", "AMD EPYC 7763", 2, 8 << 30, "performance", "0123456789ab")
CASE = Case.of("toy", backend="jax", phase="train")
MODES = {
    "auto": CompileMode("eager", "eager"),
    "eager": CompileMode("eager", "eager"),
    "jit": CompileMode("jit", "toy.jit"),
}
NO_XLA = "it has no XLA"


def trial(case: Case = CASE, block: int = 0, **fields: Any) -> Trial:
    """Make a trial with two windows."""
    windows = (Window(1, 32, 0.5, 0.75), Window(4, 128, 0.75, 1.75))
    plain = Trial(case, f"b{block}-00", block, 0, block, STARTED, 0.0, 2.0, windows, marks={"build_s": 0.1})
    return replace(plain, **fields)


def failure(case: Case = CASE, block: int = 0, kind: str = "error", message: str = "it broke") -> Failure:
    """Make a failure."""
    return Failure(case, f"b{block}-00", block, 0, block, kind, message)


def job_record(key: str = "k", wall_seconds: float = 2.0, **fields: Any) -> JobRecord:
    """Make the record of what a job cost."""
    plain = JobRecord("b0-00", "toy", "jax", key, 0, 0, wall_seconds, 0.0, 0)
    return replace(plain, **fields)


def header(run: str = "20261120-100000-ab12", **fields: Any) -> Header:
    """Make the header of a run."""
    environment = Environment("default", "/usr/bin/python3", "3.11.9", {"keras": "3.15.1"}, ())
    plain = Header(1, run, STARTED, "0.1.0", ("run",), {}, MACHINE, (environment,), (), (CASE,))
    return replace(plain, **fields)


def end(state: str = "complete") -> End:
    """Make the end line of a run."""
    return End("2026-11-20T10:03:00+00:00", state, 180.0)


def epochs(*metrics: float) -> tuple[Epoch, ...]:
    """Make epochs of two seconds with the given metrics."""
    return tuple(Epoch(n, 10 * n, 2.0 * n, 0.5, metric) for n, metric in enumerate(metrics, start=1))


def _no_runtime(device: str) -> Runtime:
    raise AssertionError(f"a test must not open a runtime on {device}")


def backend(name: str = "jax", refused: Mapping[str, str] | None = None) -> Backend:
    """Make a backend as the controller sees it; it has no XLA unless told otherwise."""
    return Backend(
        name=name,
        title=name.title(),
        distribution=name,
        modules=(name,),
        environment={"cpu": {}, "gpu": {}, "any": {}},
        warm_cache={"CACHE": "{}/cache"},
        thread_variables=(f"{name.upper()}_THREADS",),
        feed={"torch": "dataloader", "tensorflow": "tfdata"}.get(name, ""),
        compile_counter="toy compilations",
        compile_modes={"cpu": MODES, "gpu": MODES},
        refused={"xla": NO_XLA} if refused is None else refused,
        open_runtime=_no_runtime,
    )


def probe(name: str = "jax", *kinds: str) -> BackendProbe:
    """Make what a backend offers here: the given kinds of device, a CPU for none."""
    devices = tuple(Device(kind, f"{kind} of {name}") for kind in kinds or ("cpu",))
    return BackendProbe(name, "1.0", "3.15.1", devices)


def backends(*names: str) -> list[Place]:
    """Make places: backends in the controller's own environment, each with a CPU."""
    return [Place(backend(name), probe(name)) for name in names]


def spec(name: str = "toy", **fields: Any) -> Spec:
    """Make a workload's spec: batch size 32, parameters depth (2) and width (8)."""
    plain = Spec(
        name=name,
        area="tabular",
        summary="made up",
        data="generated",
        source="made up",
        batch_size=32,
        metric="accuracy",
        direction="max",
        target=0.9,
        epochs=7,
        parameters=(Parameter("depth", 2, "layers", 1, 100), Parameter("width", 8, "units", 1, 100)),
        estimate=Estimate({"jax": 2.0}, {"jax": 3.0}),
    )
    return replace(plain, **fields)


def candidate(of: Spec | None = None, **parameters: str) -> Candidate:
    """Make a workload with some parameters given, as text."""
    of = of or spec()
    full, given = next(combinations(of, {name: (value,) for name, value in parameters.items()}))
    return Candidate(Reference(of.name), of, full, given)


def plan(*workloads: str, on: Sequence[str] = ("jax",), phases: Sequence[str] = ("train", "infer"), **of: Any) -> Plan:
    """Make a plan of some workloads on some backends."""
    candidates = [candidate(spec(name, **of)) for name in workloads or ("toy",)]
    return make_plan(candidates, backends(*on), Selection(), phases)


def trials_of(request: Request) -> Reply:
    """Answer a request with a trial for each case, after two seconds."""
    trials = tuple(
        Trial(case, request.job, request.block, request.position, request.seed, STARTED, 0.0, 1.0)
        for case in request.cases
    )
    return Reply(trials, (), 2.0, 0)


def failures_of(request: Request, kind: str = "crashed") -> Reply:
    """Answer a request with a failure for each case."""
    failures = tuple(
        Failure(case, request.job, request.block, request.position, request.seed, kind, "it broke")
        for case in request.cases
    )
    return Reply((), failures, 2.0, 1)


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class FakeStep:
    """A training or inference step whose cost is known exactly.

    Asynchronous, the cost of what was dispatched is paid at the barrier, as on a GPU.
    """

    def __init__(self, clock: FakeClock, cost_s: float, *, asynchronous: bool = False) -> None:
        self.clock = clock
        self.cost_s = cost_s
        self.asynchronous = asynchronous
        self.steps = 0
        self.fed: list[Any] = []
        self.losses: Callable[[int], float] = lambda steps: 1.0 / steps
        self._owed_s = 0.0

    def run(self, x: Any = None, y: Any = None) -> None:
        self.steps += 1
        self.fed.append((x, y))
        self._owed_s += self.cost_s
        if not self.asynchronous:
            self.wait()

    def wait(self) -> None:
        self.clock.spend(self._owed_s)
        self._owed_s = 0.0

    def loss(self) -> float:
        return self.losses(self.steps)

    def restart(self, values: Any = ()) -> None:
        self.steps = 0

    def sync(self) -> None:
        """Nothing to write back."""

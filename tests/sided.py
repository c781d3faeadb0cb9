"""Runs with two sides, made up: launchers whose figures depend on the side, and runs from given ratios."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from dlbench.harness.children.launch import Reply
from dlbench.harness.comparing.pair_plan import PairPlan, pair_jobs
from dlbench.harness.effort import Effort
from dlbench.harness.experiments.execute import Bench
from dlbench.harness.experiments.experiment import Experiment
from dlbench.harness.experiments.forecast import Forecast, job_key
from dlbench.harness.experiments.plan import make_plan
from dlbench.harness.experiments.runner import Schedule, Stop
from dlbench.harness.options import Selection
from dlbench.harness.progress import Silence, Step
from dlbench.harness.wire import PreparedData, Request
from dlbench.results.comparing.sides import Terms, options_of
from dlbench.results.factors import Scalar
from dlbench.results.records.model import TRAINING_STEP, Case, Run, Trial, Window, WorkloadInfo

from .factories import MACHINE, FakeClock, backends, candidate, end, failures_of, header, spec

EFFORT = Effort()
JOB_S = 2.0
INFO = WorkloadInfo("toy", "tabular", "generated", "made up", 32, "accuracy", "max", 0.9, None, margin=0.01)
CASE = Case.of("toy", backend="jax", phase="train")
Speed = Callable[[str, int], float | None]
"""Side and pair -> seconds a step; None: the process fails."""


def noisy(ratio: float, sd: float = 0.02, seed: int = 0) -> Speed:
    """Return steps of a millisecond, of side b so many times as long, with noise of its own in each process."""
    random = np.random.default_rng(seed)
    return lambda side, pair: 1e-3 * (ratio if side == "b" else 1.0) * math.exp(random.normal(0, sd))


def sided_trial(case: Case, side: str | None, pair: int, step_s: float, **fields: Any) -> Trial:
    """Make a trial with windows of steps that take so long."""
    windows = tuple(Window(10, 320, 10 * n * step_s, 10 * (n + 1) * step_s) for n in range(20))
    plain = Trial(case, f"b{pair}-{side}", pair, 0, pair, MACHINE.hostname, 0.0, 1.0, windows, side=side)
    return replace(plain, latencies={TRAINING_STEP: (step_s,) * 20}, **fields)


def sided_run(
    speeds: Mapping[str, Sequence[float]],
    case: Case = CASE,
    options: Mapping[str, Scalar] | None = None,
    terms: Terms | None = None,
    **fields: Mapping[str, Any],
) -> Run:
    """Make a run from the seconds a step of each side; `fields` are those of the trials, by side."""
    trials = [
        sided_trial(case, side, pair, step_s, **fields.get(side, {}))
        for side, every in speeds.items()
        for pair, step_s in enumerate(every)
    ]
    kept = {**options_of(terms or Terms("env=old", "env=new", ("environment",))), **(options or {})}
    return Run(header(options=kept, workloads=(INFO,), cases=(case,)), tuple(trials), (), (), end())


class Told(Silence):
    """Remembers notes and steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[Step] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def started(self, step: Step) -> None:
        self.steps.append(step)


class SidedBench:
    """Two sides of toy workloads with everything around them made up."""

    def __init__(self, speed: Mapping[str, Speed], terms: Terms | None = None, **schedule: Any) -> None:
        self.terms = terms or Terms("p.depth=2", "p.depth=3", ("p.depth",), verdicts=2 * len(speed))
        self.speed = speed
        self.clock = FakeClock(100.0)
        self.kept: list[Any] = []
        self.order: list[tuple[str, str, int]] = []
        self.told = Told()
        self.stop = Stop()
        self.pairs = toy_pairs(*speed)
        expected = Forecast({job_key(job, EFFORT): JOB_S for job in self.pairs.plan.jobs}, frozenset())
        plan = self.pairs.plan
        limits = Schedule(self.terms.most_pairs, EFFORT, 60.0, **schedule)
        self.experiment = Experiment(plan, limits, expected, (), MACHINE, (), ())
        data = {job: PreparedData("/data.npz", "0" * 64, 1024, target=0.9) for job in plan.jobs}
        infos = tuple(replace(INFO, name=name) for name in speed)
        self.bench = Bench(data, infos, self, self, self.told, self.stop, lambda name: f"/replies/{name}.jsonl")

    def append(self, record: Any) -> None:
        self.kept.append(record)

    def launch(self, request: Request, timeout_s: float | None) -> Reply:
        case = request.cases[0]
        side = "a" if case.get("p.depth") is None else "b"
        self.order.append((case.workload, side, request.block))
        self.clock.spend(JOB_S)
        step_s = self.speed[case.workload](side, request.block)
        if step_s is None:
            return failures_of(request)
        return Reply(tuple(sided_trial(one, None, request.block, step_s) for one in request.cases), (), JOB_S, 0)


def toy_pairs(*names: str, phases: Sequence[str] = ("train",)) -> PairPlan:
    """Return workloads that are compared at a depth of two, the default, and of three."""
    plans = {
        side: make_plan([candidate(spec(name), **given) for name in names], backends("jax"), Selection(), phases)
        for side, given in (("a", {}), ("b", {"depth": "3"}))
    }
    return pair_jobs(plans, ("p.depth",))

"""What a gate looks at: the figures of each phase, with the policy that each has unless the user says otherwise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..comparing.sides import A, B, SidedCase, metrics_of
from ..errors import UsageError, unknown
from ..history.points import METRICS
from ..records.model import Case, Trial, WorkloadInfo
from .policy import EXACT, GATE, MUST_NOT_WORSEN, REPORT, MetricPolicy, MetricSamples

Exact = Callable[[Trial], float | None]
Figure = Callable[[Trial | None], float | None]


def _mark(name: str) -> Exact:
    return lambda trial: trial.marks.get(name)


def _graph_breaks(trial: Trial) -> float | None:
    found = trial.ledger.get("graph_breaks")
    return float(found) if isinstance(found, int | float) else None


EXACT_METRICS: Mapping[str, Exact] = {
    "parameters": _mark("parameters"),
    "training_flops": _mark("training_flops"),
    "forward_flops": _mark("forward_flops"),
    "recompilations": _mark("compilations"),
    "graph_breaks": _graph_breaks,
    "planned_memory": _mark("framework_memory_bytes"),
}
"""Figures that do not vary from one process to the next; the less of each, the better."""
EXACT_OF_PHASE = {
    "train": ("parameters", "training_flops", "recompilations", "graph_breaks"),
    "infer": ("forward_flops", "recompilations"),
    "memory": ("planned_memory",),
}
"""Each is told once, where it belongs."""

ACCURACY = "accuracy"
USUAL_KINDS = {"memory": REPORT, "time_to_target": REPORT, ACCURACY: MUST_NOT_WORSEN}
"""Of figures that are not GATE: memory of quick runs varies by up to 50 MB, time to target by whole epochs."""
ASKED_LIKE = {"throughput_p90": "throughput"}
"""Of a figure that has no table of its own, as much is asked as of the other: whoever allows 3 % less means both."""
SETTINGS = {"kind", "margin"}


@dataclass(frozen=True, slots=True)
class Policies:
    """What the user's `dlbench.toml` says about metrics, by name: kind, margin, or both."""

    given: Mapping[str, Mapping[str, object]]

    def of(self, name: str, info: WorkloadInfo | None) -> MetricPolicy:
        """Return the policy of a metric on a workload.

        Accuracy without a margin has the workload's. If that has none, accuracy is reported: that it did not worsen
        cannot be shown.

        """
        own = self.given.get(name, self.given.get(ASKED_LIKE.get(name, name), {}))
        kind, margin = str(own.get("kind", usual_kind(name))), own.get("margin")
        if kind == MUST_NOT_WORSEN and margin is None:
            margin = info.margin if info else None
            if margin is None:
                kind = REPORT
        larger = METRICS[name].better if name in METRICS else "min"
        if larger is None:
            larger = info.direction if info else "max"
        return MetricPolicy(kind, larger == "max", float(margin) if isinstance(margin, int | float) else 0.0)


def usual_kind(name: str) -> str:
    """Return what is asked of a metric unless the user says otherwise."""
    return EXACT if name in EXACT_METRICS else USUAL_KINDS.get(name, GATE)


def policies_of(table: Mapping[str, object], where: str) -> Policies:
    """Return the policies of a configuration's table `gate.metrics`.

    Raises:
        UsageError: it names a metric or a setting that does not exist, or a value does not fit.

    """
    known = (*METRICS, *EXACT_METRICS)
    found: dict[str, Mapping[str, object]] = {}
    for name, given in table.items():
        if name not in known:
            raise unknown(f"metric in {where}", name, known)
        if not isinstance(given, Mapping):
            raise UsageError(f'{where}.{name} must be a table, such as {{ kind = "gate", margin = 0.02 }}')
        for key in given:
            if key not in SETTINGS:
                raise unknown(f"key of {where}.{name}", str(key), SETTINGS)
        margin = given.get("margin", 0.0)
        if isinstance(margin, bool) or not isinstance(margin, int | float):
            raise UsageError(f"{where}.{name}: margin takes a number such as 0.02; received {margin!r}")
        kind = str(given.get("kind", usual_kind(name)))
        if kind == MUST_NOT_WORSEN and name != ACCURACY and "margin" not in given:
            raise UsageError(
                f"{where}.{name}: {kind} needs a margin, in the unit of {name}: no workload has a usual one"
            )
        workloads_own = kind == MUST_NOT_WORSEN and "margin" not in given
        try:
            MetricPolicy(kind, margin=1.0 if workloads_own else float(margin))
        except UsageError as error:
            raise UsageError(f"{where}.{name}: {error}") from error
        found[name] = dict(given)
    return Policies(found)


def samples(cases: Sequence[SidedCase], policies: Policies, pairs: range) -> list[MetricSamples]:
    """Return the values of every metric, named with its phase, of every case, of some of the pairs.

    Cases whose sides cannot be compared have no values: what is not comparable does not pass. Of the figures that no
    trial has, those without which a case says nothing are there too.

    Args:
        cases: of a run with two sides.
        policies: what is asked of each metric.
        pairs: those of the stage that is judged.

    """
    found = []
    for case in cases:
        tried = {item.block for item in case.trials} | {item.block for item in case.failures}
        blocks = sorted(tried & set(pairs))
        for name, figure in _figures(case).items():
            values = {side: [figure(trial) for trial in _of_side(case, side, blocks)] for side in (A, B)}
            told = any(value is not None for side in values.values() for value in side)
            if case.refused:
                values = {side: [None] * len(blocks) for side in (A, B)}
            if told or name in _essential(case):
                policy = policies.of(name, case.info)
                told_name = f"{case.case.text('phase')} {name}"
                name_of = case_name(case.case)
                found.append(MetricSamples(told_name, _array(values[B]), _array(values[A]), policy, name_of))
    return found


def case_name(case: Case) -> str:
    """Return a case in words, but for its phase: what is learnt there belongs to what is trained there."""
    given = sorted(item for item in case.factors.items() if item[0] != "phase")
    factors = [f"{name.removeprefix('p.')}={value}" for name, value in given]
    return " ".join([case.workload, *factors])


def _essential(case: SidedCase) -> tuple[str, ...]:
    """Return the figures that a case must have: without a value on either side they are not passed over."""
    trained = case.case.get("phase") == "converge" and case.info is not None and case.info.metric is not None
    return (*metrics_of(case.case)[:1], *((ACCURACY,) if trained else ()))


def _figures(case: SidedCase) -> dict[str, Figure]:
    """Return the figures of a case's phase by name; at batch size 1 inference has its latency, not its throughput."""
    phase = case.case.text("phase")
    names = [name for name, metric in METRICS.items() if phase in metric.phases]
    if phase == "infer":
        names = list(metrics_of(case.case))
    exact = EXACT_OF_PHASE.get(phase, ())
    return {**{name: _usual(name, case.info) for name in names}, **{name: _exact(name) for name in exact}}


def _usual(name: str, info: WorkloadInfo | None) -> Figure:
    return lambda trial: None if trial is None else METRICS[name].figure(trial, info)


def _exact(name: str) -> Figure:
    return lambda trial: None if trial is None else EXACT_METRICS[name](trial)


def _of_side(case: SidedCase, side: str, blocks: Sequence[int]) -> list[Trial | None]:
    of = {trial.block: trial for trial in case.trials if trial.side == side}
    return [of.get(block) for block in blocks]


def _array(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

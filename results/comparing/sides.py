"""Two sides of one run, measured alternately: which trials are pairs, and what each pair's ratio is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..history.points import METRICS, case_facts, differences
from ..records.model import Case, Failure, Run, Trial, WorkloadInfo
from ..statistics.sequential import Decision, decide
from ..statistics.sequential_design import LOOKS, SequentialDesign, sequential_design
from ..summaries.ledger import REFUSED
from ..summaries.rows import infos_of

A, B = "a", "b"
"""The baseline and the candidate, as trials of a run with two sides are marked."""
SIDES = (A, B)
METRICS_OF_PHASE = {
    "train": ("throughput", "throughput_p90"),
    "infer": ("throughput", "throughput_p90"),
    "converge": ("time_to_target",),
    "memory": ("memory_exact",),
    "scenario": ("scenario",),
    "generate": ("decode",),
}
"""What two sides of a phase are compared by, the figure that every trial has first; inference at batch size 1 is
compared by its latency. Throughput sees what happens now and then; the ninth decile of that of single steps sees little
of what other programs do. A slowdown may show in either."""
SINGLE = 1
ALPHA = 0.025
"""Chance to call equals worse anywhere in a run; the same for better. Each verdict gets its part of it (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run compares its sides, kept in its header."""

    side_a: str
    """As the user wrote it."""
    side_b: str
    compared: tuple[str, ...]
    """Factors that the sides set: what is under comparison."""
    most_pairs: int = LOOKS[-1]
    margin: float | None = None
    """Share by which sides may differ and are still the same."""
    verdicts: int = 1
    """Figures that are decided, each on its own, over all cases."""
    every_figure: bool = True
    """Whether a case is decided by every figure of its phase, or by the first alone, as in runs of earlier versions."""

    @property
    def design(self) -> SequentialDesign:
        """After which pairs is looked, and the bounds there."""
        looks = tuple(look for look in LOOKS if look <= self.most_pairs)
        return sequential_design(looks, alpha=ALPHA / self.verdicts)

    def metrics_of(self, case: Case) -> tuple[str, ...]:
        """Return the names of the figures that a case is decided by."""
        return metrics_of(case) if self.every_figure else metrics_of(case)[:1]


@dataclass(frozen=True, slots=True)
class SidedCase:
    """One figure of one case on both sides, and what its pairs show."""

    case: Case
    """Without the factors under comparison."""
    metric: str
    info: WorkloadInfo | None
    values: Mapping[str, Mapping[int, float]]
    """By side, by pair."""
    trials: tuple[Trial, ...]
    failures: tuple[Failure, ...]
    flagged: Mapping[str, int]
    """Trials with a flag, by side."""
    differs: Mapping[str, tuple[str | None, str | None]]
    """Versions and settings in which the sides differ."""
    refused: str | None
    """Why the sides cannot be compared."""
    decision: Decision

    def typical(self, side: str) -> float | None:
        """Return the median of a side."""
        found = list(self.values[side].values())
        return median(found) if found else None


def terms_of(run: Run) -> Terms | None:
    """Return how a run compares two sides; None for a run without sides."""
    options = run.header.options
    if options.get("side_a") is None:
        return None
    margin, most, verdicts = options.get("side_margin"), options.get("most_pairs"), options.get("sided_cases")
    return Terms(
        str(options["side_a"]),
        str(options["side_b"]),
        tuple(filter(None, str(options.get("sides_set") or "").split(","))),
        int(most) if isinstance(most, int | float) else LOOKS[-1],
        float(margin) if isinstance(margin, int | float) else None,
        int(verdicts) if isinstance(verdicts, int | float) else 1,
        options.get("sided_figures") == "every",
    )


def options_of(terms: Terms) -> dict[str, str | int | float | None]:
    """Return the header's options that `terms_of` reads."""
    return {
        "side_a": terms.side_a,
        "side_b": terms.side_b,
        "sides_set": ",".join(terms.compared),
        "most_pairs": terms.most_pairs,
        "side_margin": terms.margin,
        "sided_cases": terms.verdicts,
        "sided_figures": "every" if terms.every_figure else "first",
    }


def broken_options(broken: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Return the header's options that `broken_of` reads: what of each side could not be planned since it is broken."""
    return {f"broken_{side}": "; ".join(broken[side]) or None for side in SIDES}


def broken_of(run: Run) -> dict[str, str]:
    """Return what was broken before anything was measured, by side."""
    found = {side: run.header.options.get(f"broken_{side}") for side in SIDES}
    return {side: str(words) for side, words in found.items() if words}


def common_case(case: Case, compared: Sequence[str]) -> Case:
    """Return a case without the factors under comparison: the same for both sides."""
    return Case(case.workload, {name: value for name, value in case.factors.items() if name not in compared})


def metrics_of(case: Case) -> tuple[str, ...]:
    """Return the names of the figures that a case is compared by; none for a phase without one."""
    if case.get("phase") == "infer" and case.get("batch_size") == SINGLE:
        return ("latency_p50",)
    return METRICS_OF_PHASE.get(case.text("phase"), ())


def sided_cases(run: Run, terms: Terms, *, ended: bool = True) -> list[SidedCase]:
    """Return what a run's sides show, an entry for each figure of each case, in the order of the plan.

    A further figure that a side does not have (the decile where no single steps were measured) has no entry, nor has
    one of sides that are refused.

    Args:
        run: one with two sides.
        terms: how it compares them.
        ended: whether no more pairs will come.

    """
    infos = infos_of(run)
    trials: dict[Case, list[Trial]] = {}
    failures: dict[Case, list[Failure]] = {}
    for trial in run.trials:
        trials.setdefault(common_case(trial.case, terms.compared), []).append(trial)
    for failure in run.failures:
        failures.setdefault(common_case(failure.case, terms.compared), []).append(failure)
    planned = [common_case(case, terms.compared) for case in run.header.cases]
    every = dict.fromkeys([*planned, *trials, *failures])
    return [
        one
        for case in every
        for one in sided(
            case, trials.get(case, ()), failures.get(case, ()), infos.get(case.workload), terms, ended=ended
        )
    ]


def sided(
    case: Case,
    trials: Sequence[Trial],
    failures: Sequence[Failure],
    info: WorkloadInfo | None,
    terms: Terms,
    *,
    ended: bool = False,
) -> list[SidedCase]:
    """Return what the trials of one case show, an entry for each figure that it is decided by."""
    of = {side: [trial for trial in trials if trial.side == side] for side in SIDES}
    firsts = [of[side][0].ledger if of[side] else {} for side in SIDES]
    differs = differences(*(case_facts(ledger) for ledger in firsts)) if all(firsts) else {}
    ignored = {"precision", "batch_size"} & set(terms.compared)
    refused = [
        words
        for name, words in REFUSED.items()
        if name not in ignored and all(firsts) and firsts[0].get(name) != firsts[1].get(name)
    ]
    if len({first["metric"] for first in firsts if first.get("metric") is not None}) > 1:
        refused.append("another test metric")
    lost = {side: any(failure.side == side for failure in failures) for side in SIDES}
    found = []
    for place, metric in enumerate(terms.metrics_of(case)):
        values = {side: _values(of[side], metric, info) for side in SIDES}
        if place and (refused or not all(values.values())):
            continue
        decision = decide(
            terms.design,
            log_ratios(values),
            larger_is_better=METRICS[metric].better == "max",
            margin=terms.margin,
            candidate_lost=lost[B],
            baseline_lost=lost[A],
            ended=ended,
        )
        flagged = {side: sum(bool(trial.flags) for trial in of[side]) for side in SIDES}
        words = "; ".join(refused) or None
        found.append(
            SidedCase(case, metric, info, values, tuple(trials), tuple(failures), flagged, differs, words, decision)
        )
    return found


def _values(trials: Sequence[Trial], metric: str, info: WorkloadInfo | None) -> dict[int, float]:
    """Return the values of a figure by pair."""
    figure = METRICS[metric].figure
    return {trial.block: value for trial in trials if (value := figure(trial, info)) is not None}


def log_ratios(values: Mapping[str, Mapping[int, float]]) -> list[float]:
    """Return log(b / a) of each pair in the order of measuring; NaN where a side has no value above 0."""
    found = []
    for pair in sorted(values[A].keys() | values[B].keys()):
        a, b = values[A].get(pair), values[B].get(pair)
        found.append(math.log(b / a) if a and b and a > 0 and b > 0 else math.nan)
    return found

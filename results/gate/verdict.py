"""What a gate says: of each metric, and of the change as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import units
from ..names import listed
from ..statistics.stats import Interval
from .policy import GATE, MUST_NOT_WORSEN

PASSED = "passed"
"""No worsening beyond the margin was shown; for MUST_NOT_WORSEN, it was shown that there is none."""
REGRESSION = "regression"
"""Shown to be worse, by fresh pairs, among all suspects; or exactly, where nothing varies."""
SUSPECT = "suspect"
"""The first stage found it worse: it is to be measured again."""
INCONCLUSIVE = "inconclusive"
"""Neither shown to be worse nor fit to pass."""
NOTHING_COMPARABLE = "nothing comparable"
"""There is no pair of values."""
REPORTED = "reported"
"""Not asked to pass."""
BROKEN = "broken"
"""Of a whole change: what was to be measured broke, so that nothing can be said of it."""

EXIT_STATUS = {PASSED: 0, REGRESSION: 1, NOTHING_COMPARABLE: 3, BROKEN: 4, INCONCLUSIVE: 5}
"""Of the verdict on a whole change."""


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """What is said of one metric."""

    case: str
    name: str
    kind: str
    verdict: str
    """PASSED, REGRESSION, SUSPECT, INCONCLUSIVE, NOTHING_COMPARABLE or REPORTED."""
    words: str
    """Why, for the user."""
    p: float | None = None
    """One-sided, of the stage that decided."""
    adjusted_p: float | None = None
    """Among the suspects (Holm); None in the first stage."""
    effect: Interval | None = None
    """Worsening, above 0 is worse: a share, or in the unit of the metric for MUST_NOT_WORSEN."""
    smallest: float | None = None
    """Smallest worsening that these pairs find with a power of 80 %, in the same unit."""
    better: bool = False
    """Shown to be better, at 2.5 %, not corrected for the number of metrics."""
    lacking: bool = False
    """Open for want of values, which is no matter of noise."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by in both stages."""
        return self.case, self.name


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What is said of a change."""

    verdict: str
    """PASSED, REGRESSION, BROKEN, INCONCLUSIVE or NOTHING_COMPARABLE."""
    words: str
    metrics: tuple[MetricVerdict, ...]
    """In the order given, each as decided by its last stage."""
    broken: tuple[str, ...] = ()
    """What broke, each in words."""

    @property
    def exit_status(self) -> int:
        """The exit status of a command that says this."""
        return EXIT_STATUS[self.verdict]

    @property
    def only_noise(self) -> bool:
        """Whether it is inconclusive though every metric has its values: more pairs would decide it."""
        return self.verdict == INCONCLUSIVE and not any(metric.lacking for metric in self.metrics)


def gate_verdict(metrics: Sequence[MetricVerdict], broken: Sequence[str] = ()) -> GateVerdict:
    """Return the verdict on a change from those on its metrics.

    One regression fails it. Else what broke leaves nothing to be said. Else one metric that can not be passed
    (inconclusive, nothing comparable, or suspected and not measured again) leaves it inconclusive. It passes if all
    that are asked to have passed, and there is one.

    Args:
        metrics: each as decided by its last stage.
        broken: what broke while measuring, or could not be begun on the candidate's side, each in words.

    """
    asked = [metric for metric in metrics if metric.verdict != REPORTED]
    worse = [metric for metric in asked if metric.verdict == REGRESSION]
    open_ones = [metric for metric in asked if metric.verdict != PASSED]
    lacking = [metric for metric in open_ones if metric.lacking]
    count = units.plural(len(asked), "metric")
    if worse:
        return GateVerdict(REGRESSION, _regression(worse, asked), tuple(metrics), tuple(broken))
    if broken:
        return GateVerdict(BROKEN, "; ".join(broken), tuple(metrics), tuple(broken))
    if all(metric.verdict == NOTHING_COMPARABLE for metric in asked):
        words = "no metric has values on both sides" if asked else "no metric is asked to pass"
        return GateVerdict(NOTHING_COMPARABLE, words, tuple(metrics))
    if open_ones:
        words = f"{len(open_ones)} of {count} could not be decided: {_names(open_ones)}"
        if lacking:
            words += f"; for want of values, not for noise: {_names(lacking)}"
        return GateVerdict(INCONCLUSIVE, words, tuple(metrics))
    return GateVerdict(PASSED, f"no regression shown in {count}", tuple(metrics))


def _regression(worse: Sequence[MetricVerdict], asked: Sequence[MetricVerdict]) -> str:
    less_accurate = [metric.case for metric in worse if metric.kind == MUST_NOT_WORSEN]
    faster = any(metric.better and metric.kind == GATE and metric.case in less_accurate for metric in asked)
    words = f"{len(worse)} of {units.plural(len(asked), 'metric')} worse: {_names(worse)}"
    return f"faster but less accurate; {words}" if faster else words


def _names(metrics: Sequence[MetricVerdict]) -> str:
    return listed([f"{metric.case} {metric.name}".strip() for metric in metrics])

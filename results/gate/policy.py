"""What a gate asks of each metric, and the numbers that it is asked about."""

import math
from dataclasses import dataclass

from ..errors import UsageError, unknown
from ..statistics.worsening import Measured

GATE = "gate"
"""Fails where it is shown to be worse by more than the margin: times, rates, memory that varies."""
MUST_NOT_WORSEN = "must_not_worsen"
"""Passes only where it is shown to be worse by less than the margin: accuracy, on paired seeds."""
EXACT = "exact"
"""Compared without a test, since it does not vary: operations, parameters, recompilations, planned memory."""
REPORT = "report"
"""Told and never decisive."""
KINDS = (GATE, MUST_NOT_WORSEN, EXACT, REPORT)


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """What is asked of a metric. Raises UsageError for a kind or a margin that does not exist."""

    kind: str = GATE
    larger_is_better: bool = False
    margin: float = 0.0
    """Worsening that does not matter. A share (0.05: takes 1.05 times as long) for GATE and EXACT; in the unit of the
    metric for MUST_NOT_WORSEN, which needs one above 0."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of metric", self.kind, KINDS)
        if not 0 <= self.margin < math.inf:
            raise UsageError(f"a margin is at least 0; received {self.margin}")
        if self.kind == MUST_NOT_WORSEN and not self.margin:
            raise UsageError(
                "a metric that must not worsen needs a margin above 0, in its own unit: no number of seeds shows that "
                "a difference is 0"
            )

    @property
    def differences(self) -> bool:
        """Whether its values are subtracted and not divided."""
        return self.kind == MUST_NOT_WORSEN


@dataclass(frozen=True, slots=True)
class MetricSamples:
    """The values of one metric of one case on both sides: one per process, or per seed."""

    name: str
    candidate: Measured
    """Paired with the baseline by place; None or NaN where there is no value."""
    baseline: Measured
    policy: MetricPolicy = MetricPolicy()
    case: str = ""
    """What it was measured on."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by in both stages."""
        return self.case, self.name


@dataclass(frozen=True, slots=True)
class GatePlan:
    """The two stages of a gate. Only what the first suspects is measured again, and only that can fail.

    Raises ValueError for numbers with which it could not tell a regression.
    """

    screen_pairs: int = 7
    """Pairs that the first stage is meant to have; told, not enforced."""
    screen_alpha: float = 0.05
    """A metric is suspected below this one-sided p-value, not corrected for how many there are."""
    screen_effect: float = 0.02
    """And if it is worse by at least this share on average. Not asked of MUST_NOT_WORSEN."""
    confirm_pairs: int = 12
    """Fresh pairs for the suspects."""
    alpha: float = 0.05
    """Chance that a change without any regression fails, over all metrics."""
    fewest_pairs: int = 5
    """With fewer, a metric that is not found to be worse is not passed either."""

    def __post_init__(self) -> None:
        for name in ("screen_alpha", "alpha"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"expected {name} between 0 and 1; received {getattr(self, name)}")
        if not 0 <= self.screen_effect < math.inf:
            raise ValueError(f"expected screen_effect of at least 0; received {self.screen_effect}")
        for name in ("screen_pairs", "confirm_pairs", "fewest_pairs"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"expected {name} of at least 1; received {getattr(self, name)}")

"""What a gate may be asked."""

import math

import pytest
from dlbench.results.errors import UsageError
from dlbench.results.gate.policy import EXACT, MUST_NOT_WORSEN, GatePlan, MetricPolicy, MetricSamples


def test_an_unknown_kind_is_named_with_the_near_ones() -> None:
    with pytest.raises(UsageError, match="unknown kind of metric 'exakt'; did you mean 'exact'"):
        MetricPolicy("exakt")


@pytest.mark.parametrize("margin", [-0.01, math.inf, math.nan])
def test_a_margin_is_a_number_from_0_on(margin: float) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        MetricPolicy(EXACT, margin=margin)


def test_accuracy_needs_a_margin() -> None:
    with pytest.raises(UsageError, match="margin above 0, in its own unit"):
        MetricPolicy(MUST_NOT_WORSEN, larger_is_better=True)


@pytest.mark.parametrize(
    "given",
    [
        {"screen_alpha": math.nan},
        {"screen_alpha": -0.05},
        {"alpha": math.nan},
        {"alpha": 1.0},
        {"screen_effect": math.nan},
        {"screen_effect": math.inf},
        {"fewest_pairs": 0},
    ],
)
def test_a_plan_that_would_pass_anything_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"expected {next(iter(given))} "):
        GatePlan(**given)  # type: ignore[arg-type]


def test_a_metric_is_known_by_its_case_and_name() -> None:
    one, other = (MetricSamples("step time", [1.0], [1.0], case=case) for case in ("cnn", "mlp"))
    assert one.key != other.key
    assert one.key == MetricSamples("step time", [], [], case="cnn").key

"""Two groups that are no pairs: against SciPy, and what must hold for any values."""

import math

import numpy as np
import pytest
from dlbench.results.statistics.welch import unpaired
from hypothesis import given
from hypothesis import strategies as st

positive = st.lists(st.floats(0.5, 2.0), min_size=3, max_size=12).filter(
    lambda values: max(values) - min(values) > 1e-3
)


def test_equal_to_scipy() -> None:
    """Scipy 1.17: ttest_ind(equal_var=False) of the logarithms gives p = 0.0145 for 7.9 degrees of freedom."""
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(3)
    a, b = random.lognormal(0, 0.05, 7), random.lognormal(0.08, 0.08, 6)
    found = unpaired(b, a)
    expected = stats.ttest_ind(np.log(b), np.log(a), equal_var=False)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(math.exp(np.log(b).mean() - np.log(a).mean()))
    # Degrees of freedom are rounded down, so that p is a little larger.
    assert found.p is not None
    assert expected.pvalue <= found.p <= expected.pvalue * 1.1


@given(positive, positive, st.floats(0.01, 100.0))
def test_the_unit_does_not_matter(a: list[float], b: list[float], scale: float) -> None:
    plain, scaled = unpaired(b, a), unpaired([v * scale for v in b], [v * scale for v in a])
    assert plain.p == pytest.approx(scaled.p, rel=1e-6, abs=1e-9)


@given(positive, positive)
def test_sides_exchanged_give_the_inverse(a: list[float], b: list[float]) -> None:
    one, other = unpaired(b, a), unpaired(a, b)
    assert one.effect is not None
    assert other.effect is not None
    assert one.effect.estimate == pytest.approx(1 / other.effect.estimate)
    assert one.effect.low == pytest.approx(1 / (other.effect.high or math.nan))
    assert one.p == pytest.approx(other.p)


@given(positive, positive)
def test_intervals_are_nested(a: list[float], b: list[float]) -> None:
    found = unpaired(b, a)
    assert found.effect is not None
    assert found.inner is not None
    assert (found.effect.low or 0) <= (found.inner.low or 0) <= found.effect.estimate
    assert found.effect.estimate <= (found.inner.high or 0) <= (found.effect.high or 0)


def test_what_cannot_be_tested_has_no_p() -> None:
    assert unpaired([], [1.0]).effect is None
    assert unpaired([2.0], [1.0, 1.1]).p is None
    assert "one value" in (unpaired([2.0], [1.0, 1.1]).reason or "")
    one = unpaired([2.0], [1.0, 1.0]).effect
    assert one is not None
    assert (one.estimate, one.low) == (2.0, None)


def test_differences_may_be_below_zero() -> None:
    found = unpaired([-1.0, -1.1, -0.9], [1.0, 1.1, 0.9], differences=True)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(-2.0)
    assert found.p is not None
    assert found.p < 0.01


def test_the_level_is_held() -> None:
    random = np.random.default_rng(11)
    hits = 0
    for _ in range(600):
        a, b = random.lognormal(0, 0.05, 5), random.lognormal(0, 0.10, 7)
        hits += (unpaired(b, a).p or 1.0) <= 0.05
    assert hits <= 600 * 0.05 + 3 * math.sqrt(600 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("candidate", "p"), [([120] * 4, 2 / math.comb(8, 4)), ([80] * 4, 2 / math.comb(8, 4)), ([100] * 4, 1.0)]
)
def test_what_does_not_vary_has_an_exact_test(candidate: list[int], p: float) -> None:
    for baseline in ([100] * 4, np.full(4, 100), np.full(4, 100, np.float32)):
        found = unpaired(candidate, baseline)  # type: ignore[arg-type]
        assert (found.p, found.error) == (p, None)
        assert found.effect is not None
        assert (found.effect.low, found.effect.n) == (None, 4)
        assert "no value varies within its side" in (found.reason or "")
    # 0.1 + 0.1 + 0.1 is not 0.3 in binary: a spread of rounding is none.
    assert unpaired([0.2] * 3, [0.1] * 3, differences=True).p == 2 / math.comb(6, 3)


@pytest.mark.parametrize("wrong", [[1.0, math.nan], [1.0, 0.0], [1.0, -1.0], [math.inf, 1.0], [[1.0, 2.0]], 1.0])
def test_values_that_have_no_ratio_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        unpaired(wrong, [1.0, 2.0])  # type: ignore[arg-type]


def test_a_ratio_beyond_any_number_has_no_effect() -> None:
    assert unpaired([1e300, 1e301], [1e-300, 1e-301]).effect is None
    tiny = unpaired([1e-200, 2e-200, 3e-200], [1e-200, 5e-200, 4e-200], differences=True)
    assert tiny.p is not None

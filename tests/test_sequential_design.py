"""Sequential designs: what is spent, and the error rates on noise that the bounds were not made from."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from dlbench.results.errors import UsageError
from dlbench.results.statistics import stats
from dlbench.results.statistics.sequential_design import LOOKS, SequentialDesign, _simulated, sequential_design, spent
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

CASES = 40_000


def _claimed(design: SequentialDesign, slowdown: float = 0.0, *, binding: bool = True) -> tuple[int, float]:
    """Return how many of CASES were called worse, with pairs of standard deviation 1, and the pairs they took."""
    values = np.random.default_rng(7).normal(slowdown, 1, (CASES, design.most_pairs))
    going, worse, used = np.ones(CASES, dtype=bool), 0, 0.0
    for pairs, claim, futile in zip(design.looks, design.claims, design.futility, strict=True):
        part = values[:, :pairs]
        t = part.mean(axis=1) / (part.std(ddof=1, axis=1) / math.sqrt(pairs))
        worse += int((going & (t >= claim)).sum())
        ends = (np.abs(t) >= claim) | (binding & (np.abs(t) < futile)) | (pairs == design.most_pairs)
        used += float(pairs * (going & ends).sum())
        going &= ~ends
    return worse, used / CASES


def _in_bounds(count: int, share: float) -> bool:
    # The bounds themselves are simulated, right to 0.0003.
    least, most = binom.ppf(1e-3, CASES, share - 3e-4), binom.ppf(1 - 1e-3, CASES, share + 3e-4)
    return bool(least <= count <= most)


@pytest.mark.parametrize(
    "design",
    [
        sequential_design(futility_beta=0),
        sequential_design(LOOKS[:5], futility_beta=0, claim_shape=-4.0),
        sequential_design((3, 5, 20), futility_beta=0, claim_shape=1.0, alpha=0.05),
    ],
    ids=["default", "late", "early"],
)
def test_false_alarms_over_all_looks_are_the_level(design: SequentialDesign) -> None:
    assert _in_bounds(_claimed(design)[0], design.alpha)


def test_the_default_has_no_more_false_alarms_than_its_level_and_not_far_fewer() -> None:
    count, pairs = _claimed(sequential_design())
    assert 0.02 * CASES <= count <= binom.ppf(1 - 1e-3, CASES, 0.0253)
    assert pairs < 9


def test_designs_that_forget_the_looks_or_the_few_pairs_have_too_many() -> None:
    right = sequential_design(futility_beta=0)
    single = tuple(stats.t_quantile(1 - right.alpha, pairs - 1) for pairs in right.looks)
    assert _claimed(replace(right, claims=single))[0] > 0.05 * CASES
    # The right levels for normal noise, as if its standard deviation were known.
    levels = [float(stats.t_tail(claim, pairs - 1)) for pairs, claim in zip(right.looks, right.claims, strict=True)]
    known = tuple(NormalDist().inv_cdf(1 - level) for level in levels)
    assert _claimed(replace(right, claims=known))[0] > 0.04 * CASES


def test_binding_futility_is_part_of_the_level() -> None:
    design = sequential_design((4, 6, 8, 10, 12, 14), claim_shape=-4.0, futility_beta=0.2)
    assert _claimed(design, binding=False)[0] > _claimed(design)[0]


def test_what_giving_up_saves_is_given_back_to_the_last_bounds() -> None:
    strict, lenient = (sequential_design((4, 8, 12), futility_beta=beta, claim_shape=1.0) for beta in (0.1, 0))
    assert strict.claims[0] == lenient.claims[0]
    assert strict.claims[-1] < lenient.claims[-1] - 0.1
    # Nothing is left unspent.
    assert _in_bounds(_claimed(strict)[0], strict.alpha)


def test_a_difference_of_the_stated_size_is_given_up_as_often_as_stated() -> None:
    design = sequential_design((4, 8, 12, 40), futility_beta=0.05, futility_effect=0.8)
    values = np.random.default_rng(8).normal(0.8, 1, (CASES, 12))
    going, given_up = np.ones(CASES, dtype=bool), 0
    for pairs, claim, futile in list(zip(design.looks, design.claims, design.futility, strict=True))[:-1]:
        part = values[:, :pairs]
        t = np.abs(part.mean(axis=1) / (part.std(ddof=1, axis=1) / math.sqrt(pairs)))
        given_up += int((going & (t < futile)).sum())
        going &= (t >= futile) & (t < claim)
    assert _in_bounds(given_up, spent(12 / 40, 0.05, -1.0))


def test_giving_up_costs_no_more_power_than_it_may() -> None:
    effect = 1.35
    (with_it, _), (without, _) = (_claimed(sequential_design(futility_beta=beta), effect) for beta in (0.01, 0))
    assert without - with_it <= 0.012 * CASES


def test_sameness_at_the_margin_is_claimed_no_more_often_than_its_level() -> None:
    design = sequential_design()
    # Being inside the margin needs this one-sided test and its twin, so this is the most.
    found = replace(design, claims=design.equivalence)
    values = np.random.default_rng(9).standard_normal((CASES, design.most_pairs))
    ever = np.zeros(CASES, dtype=bool)
    for pairs, bound in zip(found.looks, found.claims, strict=True):
        part = values[:, :pairs]
        ever |= part.mean(axis=1) / (part.std(ddof=1, axis=1) / math.sqrt(pairs)) >= bound
    assert _in_bounds(int(ever.sum()), 0.05)


def test_a_difference_takes_at_every_look_what_a_single_look_takes_and_falls() -> None:
    design = sequential_design()
    single = [stats.t_quantile(0.975, pairs - 1) for pairs in design.looks]
    assert all(claim >= bound for claim, bound in zip(design.claims, single, strict=True))
    assert sorted(design.claims, reverse=True) == list(design.claims)
    assert all(futile <= claim for futile, claim in zip(design.futility, design.claims, strict=True))
    assert design.futility[-1] == design.claims[-1]
    assert all(pairs % 2 == 0 for pairs in LOOKS)  # whole ABBA blocks


def test_the_same_arguments_give_the_same_bounds() -> None:
    first = sequential_design((4, 8))
    _simulated.cache_clear()
    assert sequential_design([4, 8]) == sequential_design(np.array([4, 8])) == first


def test_one_look_is_the_t_test() -> None:
    design = sequential_design((12,))
    assert design.claims[0] == pytest.approx(stats.t_quantile(0.975, 11), abs=0.03)
    assert design.equivalence[0] == pytest.approx(stats.t_quantile(0.95, 11), abs=0.03)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-8, 8))
def test_spending_rises_from_nothing_to_all(one: float, other: float, shape: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= spent(low, 0.05, shape) <= spent(high, 0.05, shape) + 1e-15
    assert spent(1, 0.05, shape) == pytest.approx(0.05)
    assert spent(0, 0.05, shape) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"looks": ()}, "from 2 on"),
        ({"looks": (1, 4)}, "from 2 on"),
        ({"looks": (4, 4)}, r"received \(4, 4\)"),
        ({"looks": (4.0, 6.5)}, "from 2 on"),
        ({"looks": 4}, "from 2 on"),
        ({"alpha": math.nan}, "received alpha nan"),
        ({"futility_effect": math.nan}, "futility_effect nan"),
        ({"claim_shape": math.inf}, "claim_shape inf"),
        ({"alpha": 0.0}, "received alpha 0.0"),
        ({"futility_beta": 1.0}, "futility_beta 1.0"),
        ({"equivalence_alpha": 0.6}, "equivalence_alpha 0.6"),
    ],
)
def test_what_is_no_design_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sequential_design(**wrong)  # type: ignore[arg-type]

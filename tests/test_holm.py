"""Holm's correction: its definition, what must not change it, and how often it is wrong."""

import numpy as np
import pytest
from dlbench.results.statistics.holm import holm
from hypothesis import given
from hypothesis import strategies as st

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_an_example_by_hand() -> None:
    # 0.01 x 4, 0.02 x 3, 0.03 x 2 is below the one before it, 0.5 x 1.
    assert holm([0.03, 0.5, 0.01, 0.02]).tolist() == pytest.approx([0.06, 0.5, 0.04, 0.06])


@given(p_values)
def test_no_value_shrinks_and_none_exceeds_one_or_bonferroni(raw: list[float]) -> None:
    found = holm(raw)
    assert (found >= raw).all()
    assert (found <= np.minimum(1, np.asarray(raw) * len(raw) * (1 + 1e-12))).all()


@given(p_values, st.randoms(use_true_random=False))
def test_order_is_kept_and_does_not_matter(raw: list[float], random: object) -> None:
    found = holm(raw)
    order = np.argsort(raw, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    shuffled = np.random.default_rng(len(raw)).permutation(len(raw))
    assert holm(np.asarray(raw)[shuffled]).tolist() == found[shuffled].tolist()


@given(p_values, st.floats(0.001, 0.2))
def test_findings_are_those_of_the_step_down_rule(raw: list[float], alpha: float) -> None:
    rejected = 0
    for place, p in enumerate(sorted(raw)):
        if p * (len(raw) - place) > alpha:
            break
        rejected += 1
    assert int((holm(raw) <= alpha).sum()) == rejected


@given(p_values)
def test_one_metric_more_never_helps_the_others(raw: list[float]) -> None:
    assert (holm([*raw, 1.0])[:-1] >= holm(raw)).all()


def test_no_metric_is_no_finding() -> None:
    assert holm([]).size == 0


@pytest.mark.parametrize("wrong", [[0.1, float("nan")], [1.1], [-0.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm(wrong)


def test_the_chance_of_a_false_finding_among_many_is_the_level() -> None:
    raw = np.random.default_rng(1).random((2000, 20))
    share = np.mean([(holm(row) <= 0.05).any() for row in raw])
    # Binomial, 2,000 cases of 5 %, but for one in a thousand on each side; uncorrected it would be 64 %.
    assert 0.035 <= share <= 0.066

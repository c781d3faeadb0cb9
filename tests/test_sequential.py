"""Sequential decisions: when they stop, what they say, and that nothing later changes them."""

import math

import numpy as np
import pytest
from dlbench.results.statistics.equivalence import BETTER, WORSE
from dlbench.results.statistics.sequential import SAME, UNSURE, Decision, decide
from dlbench.results.statistics.sequential_design import sequential_design
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

DESIGN = sequential_design()
logs = st.lists(st.floats(-0.3, 0.3), min_size=0, max_size=20)
ratios = st.lists(st.integers(-3000, 3000).map(lambda value: value / 10_000), min_size=4, max_size=16)
nan = math.nan


def _noise(seed: int, ratio: float = 1.0, sd: float = 0.03, pairs: int = 16) -> list[float]:
    return (math.log(ratio) + np.random.default_rng(seed).normal(0, sd, pairs)).tolist()


def _step_by_step(values: list[float], **how: object) -> Decision:
    """Call it after each pair, as a command does."""
    for count in range(1, len(values) + 1):
        found = decide(DESIGN, values[:count], **how)  # type: ignore[arg-type]
        if found.stop:
            break
    return found


@given(ratios, st.sampled_from([None, 0.02, 0.2]))
def test_pairs_after_the_end_change_nothing(values: list[float], margin: float | None) -> None:
    at_end, all_at_once = _step_by_step(values, margin=margin), decide(DESIGN, values, margin=margin)
    assert (at_end.verdict, at_end.stop, at_end.reason) == (all_at_once.verdict, all_at_once.stop, all_at_once.reason)
    assert at_end.interval == all_at_once.interval


@given(ratios, st.sampled_from([None, 0.02, 0.2]))
def test_swapped_sides_and_the_other_direction_flip_the_verdict(values: list[float], margin: float | None) -> None:
    flipped = {WORSE: BETTER, BETTER: WORSE}
    plain = decide(DESIGN, values, margin=margin)
    swapped = decide(DESIGN, [-value for value in values], margin=margin)
    rate = decide(DESIGN, values, margin=margin, larger_is_better=True)
    assert swapped.verdict == rate.verdict == flipped.get(plain.verdict, plain.verdict)
    assert plain.stop == swapped.stop == rate.stop


@given(ratios, st.floats(0.1, 10))
def test_without_a_margin_only_the_noise_sets_the_scale(values: list[float], scale: float) -> None:
    plain, scaled = decide(DESIGN, values), decide(DESIGN, [value * scale for value in values])
    if np.ptp(values) > 1e-6:
        assert (plain.verdict, plain.stop) == (scaled.verdict, scaled.stop)


@given(logs)
def test_claims_agree_with_their_interval(values: list[float]) -> None:
    found = decide(DESIGN, values)
    if found.verdict == WORSE:
        assert found.interval is not None
        if np.ptp(values[: found.interval.n]) > 1e-12:
            assert found.interval.low is not None
            assert found.interval.low >= 1 - 1e-12
    if found.stop and found.verdict == UNSURE and found.interval is not None and found.interval.low is not None:
        assert found.interval.high is not None
        assert found.interval.low < 1 < found.interval.high


def test_a_clear_difference_ends_at_the_first_look() -> None:
    found = _step_by_step(_noise(1, ratio=1.2, sd=0.01))
    assert (found.verdict, found.stop, found.pairs, found.most_pairs) == (WORSE, True, 4, 16)
    assert found.reason == "the candidate is worse, after 4 pairs"
    assert found.interval is not None
    assert found.interval.estimate == pytest.approx(1.2, rel=0.02)


@given(ratios)
def test_the_interval_has_the_bound_of_its_look(values: list[float]) -> None:
    found = decide(DESIGN, values[:4])
    logs_so_far = np.asarray(values[:4])
    if found.interval is not None and found.interval.low is not None:
        half = DESIGN.claims[0] * logs_so_far.std(ddof=1) / 2
        assert math.log(found.interval.low) == pytest.approx(logs_so_far.mean() - half, abs=1e-9)
        assert found.interval.estimate == pytest.approx(math.exp(logs_so_far.mean()))


def test_between_looks_nothing_is_decided() -> None:
    values = _noise(1, ratio=1.2, sd=0.01)
    before = decide(DESIGN, values[:3])
    assert (before.verdict, before.stop, before.interval) == (UNSURE, False, None)
    assert before.reason == "next look after 4 of at most 16 pairs"


def test_what_looks_equal_is_given_up_and_stays_so() -> None:
    equal = [0.03, -0.03, 0.029, -0.029]
    found = decide(DESIGN, equal)
    assert (found.verdict, found.stop) == (UNSURE, True)
    assert found.reason == "no difference shown by 4 pairs; 12 more pairs would hardly show one"
    assert decide(DESIGN, equal + [0.3, 0.31] * 6).verdict == UNSURE


def test_sameness_is_waited_for_where_the_margin_can_be_met_but_no_difference_is_claimed_then() -> None:
    equal = [0.011, -0.011, 0.0109, -0.0109]
    assert decide(DESIGN, equal).stop
    waiting = decide(DESIGN, equal, margin=0.02)
    assert (waiting.verdict, waiting.stop) == (UNSURE, False)
    shown = decide(DESIGN, [*equal, 0.001, -0.001, 0.0, 0.001], margin=0.02)
    assert (shown.verdict, shown.stop) == (SAME, True)
    assert shown.reason.startswith("the sides are the same: -")
    assert "inside \N{PLUS-MINUS SIGN}2.0 %" in shown.reason


def test_after_giving_up_on_a_difference_none_is_claimed_while_sameness_is_waited_for() -> None:
    apart = [*(0.08, -0.08) * 3, *[0.1] * 10]
    assert decide(DESIGN, apart[:4]).stop
    found = decide(DESIGN, apart, margin=0.1)
    assert (found.verdict, found.stop) == (UNSURE, True)
    assert found.reason == "no difference shown by 4 pairs; 2 more pairs would hardly show sameness"
    assert found.interval is not None
    assert found.interval.n == 14
    assert found.interval.low is not None
    assert found.interval.low > 1  # a design that did not give up would have claimed it


def test_at_the_last_look_it_says_what_was_not_shown() -> None:
    weak = np.random.default_rng(77).normal(0.02, 0.03, 16)  # strong enough to go on, too weak to claim
    assert decide(DESIGN, weak).reason == "no difference shown by 16 pairs"
    assert not decide(DESIGN, weak[:14]).stop
    equal = np.random.default_rng(99).normal(0, 0.03, 16)
    assert decide(DESIGN, equal, margin=0.02).reason == "no difference shown by 6 pairs, nor sameness by 16"


def test_a_small_difference_inside_the_margin_is_the_same() -> None:
    assert decide(DESIGN, _noise(2, ratio=1.01, sd=0.001), margin=0.05).verdict == SAME
    assert decide(DESIGN, _noise(2, ratio=1.01, sd=0.001)).verdict == WORSE


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "no pair has a value on both sides"),
        ([nan, math.inf, None], "no pair has a value on both sides"),
        ([0.01, 0.02], "ended after 2 pairs; the design goes on to 16"),
        ([0.1] * 5, "the ratio is the same in 4 pairs: without spread it takes 8 to show a difference"),
        ([0.0] * 5, "ended after 5 pairs"),
    ],
)
def test_what_ends_early_is_unsure(values: list[float | None], reason: str) -> None:
    found = decide(DESIGN, values, margin=0.02, ended=True)
    assert (found.verdict, found.stop) == (UNSURE, True)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(("ratio", "verdict"), [(1.2, WORSE), (0.8, BETTER), (1.000001, WORSE)])
def test_a_ratio_that_is_the_same_in_all_pairs_has_the_sign_test(ratio: float, verdict: str) -> None:
    found = _step_by_step([math.log(ratio)] * 16)
    assert (found.verdict, found.stop, found.pairs) == (verdict, True, 8)
    assert found.interval is not None
    assert (found.interval.estimate, found.interval.low) == (pytest.approx(ratio), None)
    # One verdict among fifty needs pairs whose sign test is as sure; fewer looks may never be.
    among = sequential_design(alpha=0.025 / 50)
    assert decide(among, [math.log(ratio)] * 10).verdict == UNSURE
    assert decide(among, [math.log(ratio)] * 16).verdict == verdict
    few = decide(sequential_design((4,)), [math.log(ratio)] * 4)
    assert (few.verdict, few.stop) == (UNSURE, True)
    assert few.reason == ("the ratio is the same in 4 pairs: without spread a sign test of 4 pairs is not sure enough")


@given(st.integers(0, 20), st.sampled_from([None, 0.02]), st.sampled_from([0.0, 1e-14, -1e-14]))
def test_equal_pairs_are_never_a_difference(pairs: int, margin: float | None, value: float) -> None:
    found = decide(DESIGN, [value] * pairs, margin=margin, ended=True)
    assert found.verdict == (SAME if margin and pairs >= 8 else UNSURE)
    assert found.reason
    copies = decide(DESIGN, [value] * pairs, margin=margin, varying=True, ended=True)
    assert (copies.verdict, copies.interval) == (UNSURE, None)


def test_equal_pairs_are_given_up_at_the_first_look_and_waited_for_where_sameness_is_asked() -> None:
    found = _step_by_step([0.0] * 16)
    assert (found.verdict, found.stop, found.pairs) == (UNSURE, True, 4)
    assert found.reason == "no difference shown by 4 pairs; 12 more pairs would hardly show one"
    same = _step_by_step([0.01] * 16, margin=0.02)
    assert (same.verdict, same.pairs) == (SAME, 8)
    assert same.reason.startswith("the sides are the same: 1.0 % in all pairs, inside")
    assert _step_by_step([0.1] * 16, margin=0.02).verdict == WORSE


def test_a_constant_ratio_of_values_that_vary_is_a_copy() -> None:
    for value in (0.0, 0.2):
        found = decide(DESIGN, [value] * 16, margin=0.05, varying=True)
        assert (found.verdict, found.stop, found.interval) == (UNSURE, True, None)
        assert found.reason.startswith("the ratio is the same in every pair: these are no measurements")


def test_the_sign_test_adds_no_more_than_its_own_chance() -> None:
    rng = np.random.default_rng(12)
    level = 0.5**8
    for steps in ([-0.01, 0.01], [-0.01, 0.0, 0.01], [-0.02, -0.01, 0.01, 0.02]):
        found = [decide(DESIGN, row) for row in rng.choice(steps, (2000, 16))]
        constant = [one for one in found if one.interval is not None and one.interval.low is None]
        for verdict in (WORSE, BETTER):
            assert sum(one.verdict == verdict for one in constant) <= binom.ppf(1 - 1e-3, 2000, level)


def test_equals_whose_noise_has_steps_are_called_different_no_more_often_than_the_level() -> None:
    noise = np.random.default_rng(13).normal(0, 0.04, (2000, 16))
    for step in (0.02, 0.04):
        found = [decide(DESIGN, row).verdict for row in np.round(noise / step) * step]
        most = binom.ppf(1 - 1e-3, 2000, 0.025)
        assert found.count(WORSE) <= most
        assert found.count(BETTER) <= most


def test_lost_pairs_count_for_no_look() -> None:
    values = _noise(1, ratio=1.2, sd=0.01)
    found = decide(DESIGN, [values[0], nan, *values[1:3]])
    assert (found.stop, found.pairs, found.lost) == (False, 3, 1)
    assert decide(DESIGN, [values[0], nan, *values[1:4]]).verdict == WORSE


def test_nothing_is_claimed_for_a_side_that_lost_processes() -> None:
    faster, slower, equal = _noise(1, 0.8, 0.01), _noise(1, 1.25, 0.01), _noise(3, 1, 0.002)
    for values, how in (
        (faster, {"candidate_lost": True}),
        (slower, {"baseline_lost": True}),
        (equal, {"candidate_lost": True}),
    ):
        found = decide(DESIGN, values, margin=0.02, **how)
        assert (found.verdict, found.stop) == (UNSURE, True)
        assert found.reason.endswith("the processes that failed are not in the difference")
    assert decide(DESIGN, slower, candidate_lost=True).verdict == WORSE


@pytest.mark.parametrize("kind", [list, np.asarray, np.float32])
def test_lists_and_arrays_of_any_number_are_log_ratios(kind: type) -> None:
    values = [0.25, 0.125, 0.1875, 0.15625]
    assert decide(DESIGN, kind(values)).interval == decide(DESIGN, values).interval
    masked = np.ma.array([*values, 9.0], mask=[False] * 4 + [True])
    assert decide(DESIGN, masked).lost == 1
    assert decide(DESIGN, np.array([1, 2, 1, 2])).pairs == 4


@pytest.mark.parametrize("wrong", [0.1, [[0.1, 0.2]], ["a"]])
def test_what_is_not_one_row_of_numbers_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        decide(DESIGN, wrong)  # type: ignore[arg-type]


def test_a_ratio_beyond_any_number_has_no_interval() -> None:
    found = decide(DESIGN, [800.0, 801.0, 800.0, 801.0])
    assert (found.verdict, found.interval) == (WORSE, None)


def test_a_margin_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        decide(DESIGN, [0.1, 0.2], margin=0.0)


def test_equals_are_called_different_no_more_often_than_the_level() -> None:
    rows = np.random.default_rng(11).normal(0, 0.04, (2000, 16))
    found = [decide(DESIGN, row).verdict for row in rows]
    most = binom.ppf(1 - 1e-3, 2000, 0.025)
    assert found.count(WORSE) <= most
    assert found.count(BETTER) <= most
    assert found.count(WORSE) + found.count(BETTER) >= 40

"""Judging the metrics of a gate: what is suspected, what fresh pairs decide, and what never passes."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from dlbench.results.gate.judgement import judge, screen, suspected
from dlbench.results.gate.policy import EXACT, MUST_NOT_WORSEN, REPORT, GatePlan, MetricPolicy, MetricSamples
from dlbench.results.gate.verdict import (
    INCONCLUSIVE,
    NOTHING_COMPARABLE,
    PASSED,
    REGRESSION,
    REPORTED,
    SUSPECT,
    GateVerdict,
    MetricVerdict,
)
from dlbench.results.statistics.holm import holm
from dlbench.results.statistics.worsening import Measured, p_worse
from hypothesis import given
from hypothesis import strategies as st

from .bench.noise_profiles import PROFILES, interleaved

ACCURACY = MetricPolicy(MUST_NOT_WORSEN, larger_is_better=True, margin=0.01)
PLAN = GatePlan()
nan = math.nan


def _samples(name: str, ratio: float, seed: int = 0, pairs: int = 7, sd: float = 0.01, **how: str) -> MetricSamples:
    """Return step times of which the candidate takes so many times as long."""
    rng = np.random.default_rng(seed)
    baseline = rng.lognormal(0, 0.1, pairs)
    return MetricSamples(name, baseline * ratio * rng.lognormal(0, sd, pairs), baseline, **how)


def _one(candidate: Measured, baseline: Measured, policy: MetricPolicy | None = None) -> MetricVerdict:
    (found,) = screen([MetricSamples("metric", candidate, baseline, policy or MetricPolicy())])
    return found


def _gate(first: Sequence[MetricSamples], fresh: Sequence[MetricSamples]) -> GateVerdict:
    """Judge in two stages; of the fresh samples only those of suspects are used, as a command measures them."""
    found = screen(first)
    chosen = {one.key for one in found if one.verdict == SUSPECT}
    return judge(found, [one for one in fresh if one.key in chosen])


def test_a_slow_metric_is_suspected_and_fails_by_fresh_pairs() -> None:
    first = screen([_samples("slow", 1.1), _samples("equal", 1.0, seed=1)])
    assert [one.verdict for one in first] == [SUSPECT, PASSED]
    assert "worse by" in first[0].words
    found = judge(first, [_samples("slow", 1.1, seed=2, pairs=12)])
    assert (found.verdict, found.exit_status) == (REGRESSION, 1)
    slow, equal = found.metrics
    assert slow.verdict == REGRESSION
    assert slow.adjusted_p is not None
    assert slow.adjusted_p < 0.001
    assert "12 fresh pairs" in slow.words
    assert equal.verdict == PASSED
    assert equal.smallest is not None
    assert "would be found four times in five" in equal.words


def test_a_suspect_that_fresh_pairs_do_not_show_passes() -> None:
    found = _gate([_samples("metric", 1.1)], [_samples("metric", 1.0, seed=3, pairs=12)])
    assert found.verdict == PASSED
    assert found.metrics[0].words.startswith("suspected at first, not shown by fresh pairs")


def test_the_first_stage_alone_never_fails_nor_passes_a_suspect() -> None:
    found = judge(screen([_samples("metric", 1.5)]), [])
    assert (found.verdict, found.exit_status) == (INCONCLUSIVE, 5)
    assert found.metrics[0].words.endswith("not measured again")


def test_many_suspects_need_more_to_fail_than_one() -> None:
    def fresh(name: str) -> MetricSamples:
        return _samples(name, 1.02, seed=6, pairs=12, sd=0.035)

    alone = _gate([_samples("metric", 1.1)], [fresh("metric")]).metrics[0]
    names = [f"metric {number}" for number in range(40)]
    among = _gate([_samples(name, 1.1) for name in names], [fresh(name) for name in names]).metrics[0]
    assert alone.p == among.p == alone.adjusted_p
    assert (alone.verdict, among.verdict) == (REGRESSION, PASSED)
    assert among.adjusted_p == pytest.approx(min(1, 40 * float(alone.p or 0)))


def test_suspects_without_fresh_pairs_still_count_among_the_suspects() -> None:
    names = [f"metric {number}" for number in range(10)]
    first = screen([_samples(name, 1.1) for name in names])
    only = judge(first, [_samples(names[0], 1.1, seed=5, pairs=12)]).metrics[0]
    assert only.adjusted_p == pytest.approx(10 * float(only.p or 0))


def test_a_difference_below_the_smallest_share_or_the_margin_is_not_suspected() -> None:
    small = [_samples("metric", 1.01, sd=0.001)]
    (passed,) = screen(small)
    assert passed.verdict == PASSED
    assert "less than the 2.0 % from which it is suspected" in passed.words
    assert 0.02 < (passed.smallest or 0.0) < 0.021
    assert screen(small, GatePlan(screen_effect=0.005))[0].verdict == SUSPECT
    wide = MetricPolicy(margin=0.2)
    slow = _samples("metric", 1.1)
    assert _one(slow.candidate, slow.baseline, wide).verdict == PASSED
    barely = _samples("metric", 1.27, sd=0.05)
    assert _one(barely.candidate, barely.baseline).verdict == SUSPECT
    beyond = _one(barely.candidate, barely.baseline, wide)
    assert beyond.effect is not None
    assert (beyond.verdict, beyond.effect.estimate > 0.2) == (PASSED, True)  # but not shown to be
    slower = _samples("metric", 1.3)
    assert _one(slower.candidate, slower.baseline, wide).verdict == SUSPECT


def test_a_rate_is_worse_where_it_is_lower() -> None:
    rate = MetricPolicy(larger_is_better=True)
    faster = _samples("metric", 1.2)
    assert _one(faster.baseline, faster.candidate, rate).verdict == SUSPECT
    found = _one(faster.candidate, faster.baseline, rate)
    assert (found.verdict, found.better) == (PASSED, True)


@pytest.mark.parametrize(
    ("candidate", "baseline", "verdict", "words"),
    [
        ([], [], NOTHING_COMPARABLE, "there are no pairs"),
        ([nan] * 7, [1.0] * 7, NOTHING_COMPARABLE, "the candidate has no value"),
        ([1.0] * 7, [None] * 7, NOTHING_COMPARABLE, "the baseline has no value"),
        ([0.0] * 7, [1.0] * 7, NOTHING_COMPARABLE, "none above 0"),
        ([1.0], [1.0], INCONCLUSIVE, "one pair"),
        ([1.0, 2.0, 3.0] * 2, [1.0, 2.0, 3.0] * 2, INCONCLUSIVE, "no measurements"),
        ([1.0, 1.1, 1.2, 1.1, 1.0, None, 1.1], [1.1, 1.0, 1.2, 1.1, 1.1, 1.0, 1.1], INCONCLUSIVE, "in 1 pair"),
        ([1.0, 1.1, 1.2, 1.0], [1.1, 1.0, 1.2, 1.1], INCONCLUSIVE, "4 pairs of 4 left; 5 are needed"),
        ([1.0] * 4, [1.0] * 4, INCONCLUSIVE, "5 are needed"),
        ([1.0, 1.1, 1.2, 1.1, 1.0], [1.1, 1.0, 1.2, 1.1, 1.1], PASSED, "no worsening shown"),
        ([512.0] * 7, [512.0] * 7, PASSED, "no worsening shown"),
        ([600.0] * 7, [512.0] * 7, SUSPECT, "worse by 17 %"),
    ],
)
def test_what_the_first_stage_says(
    candidate: list[float | None], baseline: list[float | None], verdict: str, words: str
) -> None:
    found = _one(candidate, baseline)
    assert found.verdict == verdict
    assert words in found.words


def test_fresh_pairs_that_cannot_be_compared_never_pass_a_suspect() -> None:
    for candidate, verdict in (
        ([None] * 12, NOTHING_COMPARABLE),
        ([1.0] + [None] * 11, INCONCLUSIVE),
        ([1.0, 1.1, 0.9, 1.0, 1.1, 1.0, None, 1.0, 0.9, 1.1, 1.0, 1.0], INCONCLUSIVE),
    ):
        fresh = MetricSamples("metric", candidate, [1.0, 1.05] * 6)
        found = judge(screen([_samples("metric", 1.2)]), [fresh])
        assert found.metrics[0].verdict == verdict
        assert found.verdict in (INCONCLUSIVE, NOTHING_COMPARABLE)


def test_a_candidate_that_lost_processes_can_still_be_shown_to_be_worse() -> None:
    slow = _samples("metric", 1.3, seed=6, pairs=12)
    candidate = [*np.asarray(slow.candidate)[:-1].tolist(), None]
    assert _gate([_samples("metric", 1.3)], [MetricSamples("metric", candidate, slow.baseline)]).verdict == REGRESSION


@pytest.mark.parametrize(
    ("candidate", "verdict", "words"),
    [
        ([0.960, 0.951, 0.971, 0.962, 0.950], PASSED, "within the margin of 0.0100"),
        ([0.980, 0.972, 0.991, 0.979, 0.970], PASSED, "within the margin"),
        ([0.900, 0.890, 0.911, 0.901, 0.889], SUSPECT, "worse by"),
        ([0.980, 0.930, 0.990, 0.940, 0.950], INCONCLUSIVE, "it takes more seeds"),
        ([0.960, 0.950, 0.970, 0.960, None], INCONCLUSIVE, "in 1 pair"),
        ([0.960, 0.950, 0.970, 0.960, 0.950], PASSED, "within the margin"),
        ([0.950, 0.940, 0.960, 0.950, 0.940], SUSPECT, "worse by 0.01"),
        ([0.960, None, None, None, None], INCONCLUSIVE, "one pair"),
    ],
)
def test_accuracy_passes_only_where_it_is_shown_to_be_no_worse(
    candidate: list[float | None], verdict: str, words: str
) -> None:
    found = _one(candidate, [0.960, 0.950, 0.970, 0.960, 0.950], ACCURACY)
    assert found.verdict == verdict
    assert words in found.words


def test_two_seeds_that_agree_do_not_show_that_accuracy_is_kept() -> None:
    assert _one([0.96, 0.95], [0.96, 0.95], ACCURACY).verdict == INCONCLUSIVE


def test_a_loss_is_an_accuracy_that_is_better_when_smaller() -> None:
    loss = MetricPolicy(MUST_NOT_WORSEN, margin=0.01)
    worse, better = [0.31, 0.32, 0.305, 0.33, 0.31], [0.2, 0.21, 0.19, 0.21, 0.2]
    assert _one(worse, better, loss).verdict == SUSPECT
    assert _one(better, worse, loss).verdict == PASSED


def test_faster_but_less_accurate_fails() -> None:
    accurate, less = [0.96, 0.951, 0.97, 0.96, 0.952], [0.90, 0.89, 0.911, 0.90, 0.889]
    first = [
        _samples("step time", 0.7, case="cnn"),
        MetricSamples("accuracy", less, accurate, ACCURACY, "cnn"),
    ]
    found = _gate(first, [MetricSamples("accuracy", less, accurate, ACCURACY, "cnn")])
    assert found.verdict == REGRESSION
    assert found.words.startswith("faster but less accurate; 1 of 2 metrics worse: cnn accuracy")
    elsewhere = _gate([_samples("step time", 0.7, case="mlp"), first[1]], first[1:])
    assert elsewhere.verdict == REGRESSION
    assert not elsewhere.words.startswith("faster")


def test_seeds_that_the_baseline_lost_are_no_proof_against_the_candidate() -> None:
    less: list[float | None] = [0.90, 0.89, 0.911, 0.90, 0.889]
    accurate: list[float | None] = [0.96, 0.951, 0.97, 0.96, None]
    first = [MetricSamples("accuracy", less, accurate, ACCURACY)]
    found = _gate(first, first)
    assert found.verdict == INCONCLUSIVE
    assert "the baseline lost" in found.metrics[0].words


@pytest.mark.parametrize(
    ("candidate", "baseline", "margin", "verdict", "words"),
    [
        ([101.0], [100.0], 0.0, REGRESSION, "exactly: 100 to 101"),
        ([101.0], [100.0], 0.01, PASSED, "exactly: 100 to 101"),
        ([99.0], [100.0], 0.0, PASSED, "exactly: 100 to 99"),
        ([1.0], [0.0], 0.5, REGRESSION, "exactly: 0 to 1"),
        ([0.0, 0.0], [0.0], 0.0, PASSED, "exactly 0 on both sides"),
        ([8_540_000_001.0], [8_540_000_000.0], 0.0, REGRESSION, "8,540,000,000 to 8,540,000,001"),
        ([5.0, 6.0], [5.0, 5.0], 0.0, INCONCLUSIVE, "varies between trials"),
        ([7.0, 6.0], [5.0, 4.0], 0.0, REGRESSION, "exactly: 5 to 6"),
        ([5.0, None], [5.0, 5.0], 0.0, INCONCLUSIVE, "no value in 1 trial"),
        ([], [5.0], 0.0, NOTHING_COMPARABLE, "no value of the candidate"),
        ([nan], [None], 0.0, NOTHING_COMPARABLE, "no value of the candidate and the baseline"),
    ],
)
def test_what_does_not_vary_is_compared_exactly(
    candidate: list[float | None], baseline: list[float | None], margin: float, verdict: str, words: str
) -> None:
    found = _one(candidate, baseline, MetricPolicy(EXACT, margin=margin))
    assert found.verdict == verdict
    assert words in found.words
    assert found.p is None


def test_an_exact_metric_that_is_better_when_larger() -> None:
    exact = MetricPolicy(EXACT, larger_is_better=True)
    fewer, more = _one([99.0], [100.0], exact), _one([101.0], [100.0], exact)
    assert (fewer.verdict, fewer.better, fewer.words) == (REGRESSION, False, "exactly: 100 to 99")
    assert (more.verdict, more.better, more.words) == (PASSED, True, "exactly: 100 to 101")
    assert fewer.effect is not None
    assert fewer.effect.estimate == pytest.approx(0.01)


def test_what_cannot_be_told_is_never_cleared() -> None:
    for p, worse in ((math.nan, 0.5), (0.001, math.nan), (np.array([0.001, math.nan]), 0.5)):
        with pytest.raises(ValueError, match="leave out those that have none"):
            suspected(p, worse, PLAN)
    with pytest.raises(ValueError, match="one row of values"):
        screen([MetricSamples("flops", [[1.0] * 5], [1.0], MetricPolicy(EXACT))])  # type: ignore[list-item]
    first = screen([_samples("metric", 1.3)])
    assert first[0].verdict == SUSPECT
    with pytest.raises(ValueError, match="received some twice"):
        judge(first, [_samples("metric", 1.3, pairs=12), _samples("metric", 1.0, pairs=12)])


def test_what_is_only_reported_decides_nothing() -> None:
    slow = _samples("metric", 2.0)
    told = MetricSamples("metric", slow.candidate, slow.baseline, MetricPolicy(REPORT))
    lost = MetricSamples("lost", [None], [1.0], MetricPolicy(REPORT))
    found = screen([told, lost])
    assert [one.verdict for one in found] == [REPORTED, REPORTED]
    assert judge(found, []).verdict == NOTHING_COMPARABLE
    assert judge(screen([told, lost, _samples("equal", 1.0)]), []).verdict == PASSED


def test_a_metric_that_comes_twice_and_one_that_is_no_suspect_are_refused() -> None:
    with pytest.raises(ValueError, match="'cnn metric' several times"):
        screen([_samples("metric", 1.0, case="cnn")] * 2)
    with pytest.raises(ValueError, match="suspects only; received 'metric'"):
        judge(screen([_samples("metric", 1.0)]), [_samples("metric", 1.0)])


@given(st.integers(0, 1000), st.floats(0.5, 2))
def test_units_of_a_metric_do_not_matter(seed: int, unit: float) -> None:
    plain = _samples("metric", 1.03, seed=seed, sd=0.03)
    scaled = MetricSamples("metric", np.asarray(plain.candidate) * unit, np.asarray(plain.baseline) * unit)
    assert screen([scaled])[0].verdict == screen([plain])[0].verdict


def test_records_and_arrays_decide_alike_on_a_change_of_many_metrics() -> None:
    """A simulator that uses the functions on arrays sees what the command sees."""
    rng = np.random.default_rng(12)
    slowdown = np.where(np.arange(120) < 10, math.log(1.1), 0)[:, None]
    first, fresh = (interleaved(PROFILES["M"], rng, 120, pairs) + slowdown for pairs in (7, 12))
    chosen = suspected(p_worse(first), np.expm1(first.mean(axis=1)), PLAN)
    failed = np.flatnonzero(chosen)[holm(p_worse(fresh[chosen])) <= PLAN.alpha]

    def samples(logs: np.ndarray) -> list[MetricSamples]:
        return [MetricSamples(str(number), np.exp(row), np.ones(row.size)) for number, row in enumerate(logs)]

    found = _gate(samples(first), samples(fresh))
    assert [int(one.name) for one in found.metrics if one.verdict == REGRESSION] == failed.tolist()
    assert failed.size >= 5


def test_clean_changes_fail_no_more_often_than_the_level() -> None:
    rng = np.random.default_rng(13)
    failed = 0
    for _ in range(1000):
        first, fresh = rng.normal(0, 0.04, (50, 7)), rng.normal(0, 0.04, (50, 12))
        chosen = suspected(p_worse(first), np.expm1(first.mean(axis=1)), PLAN)
        failed += bool((holm(p_worse(fresh[chosen])) <= PLAN.alpha).any())
    # Binomial, 5 % of 1,000, but for one in a thousand; the first stage alone would alarm four fifths.
    assert failed <= 72

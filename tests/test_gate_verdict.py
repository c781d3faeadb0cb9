"""The verdict on a change from those on its metrics."""

import itertools
from dataclasses import replace

import pytest
from dlbench.results.gate.policy import GATE
from dlbench.results.gate.verdict import (
    BROKEN,
    EXIT_STATUS,
    INCONCLUSIVE,
    NOTHING_COMPARABLE,
    PASSED,
    REGRESSION,
    REPORTED,
    SUSPECT,
    MetricVerdict,
    gate_verdict,
)

ALL = (PASSED, REGRESSION, SUSPECT, INCONCLUSIVE, NOTHING_COMPARABLE, REPORTED)


def _metrics(verdicts: tuple[str, ...]) -> list[MetricVerdict]:
    return [MetricVerdict("cnn", str(number), GATE, verdict, "") for number, verdict in enumerate(verdicts)]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_change_passes_only_if_all_that_is_asked_passed(count: int) -> None:
    for verdicts in itertools.product(ALL, repeat=count):
        found = gate_verdict(_metrics(verdicts))
        asked = [verdict for verdict in verdicts if verdict != REPORTED]
        assert (found.verdict == PASSED) == (bool(asked) and set(asked) == {PASSED})
        assert (found.verdict == REGRESSION) == (REGRESSION in asked)
        assert (found.verdict == NOTHING_COMPARABLE) == (set(asked) <= {NOTHING_COMPARABLE})
        assert found.exit_status == EXIT_STATUS[found.verdict]
        assert len(found.metrics) == count


def test_words_name_what_decided() -> None:
    assert gate_verdict([]).words == "no metric is asked to pass"
    assert gate_verdict(_metrics((PASSED, PASSED))).words == "no regression shown in 2 metrics"
    assert gate_verdict(_metrics((PASSED, REGRESSION))).words == "1 of 2 metrics worse: cnn 1"
    assert gate_verdict(_metrics((PASSED, SUSPECT))).words == "1 of 2 metrics could not be decided: cnn 1"
    assert gate_verdict(_metrics((NOTHING_COMPARABLE,))).words == "no metric has values on both sides"


def test_what_broke_is_no_pass_and_no_excuse_for_a_regression() -> None:
    broke = ["side b: no such file"]
    found = gate_verdict(_metrics((PASSED, INCONCLUSIVE)), broke)
    assert (found.verdict, found.exit_status, found.words) == (BROKEN, 4, "side b: no such file")
    assert gate_verdict([], broke).verdict == BROKEN
    assert gate_verdict(_metrics((REGRESSION,)), broke).exit_status == 1


def test_only_noise_is_told_from_a_want_of_values() -> None:
    noisy, passed = _metrics((INCONCLUSIVE, PASSED))
    assert gate_verdict([noisy, passed]).only_noise
    assert not gate_verdict([passed]).only_noise
    lacking = replace(noisy, name="lost", lacking=True)
    found = gate_verdict([noisy, lacking, passed])
    assert not found.only_noise
    assert found.words.endswith("for want of values, not for noise: cnn lost")

"""Parts of a step: differences with a known truth, and doubts that are shown."""

import re
from collections.abc import Mapping

import numpy as np
import pytest
from dlbench.results.records.model import PREFIXES, Case, Trial
from dlbench.results.section import section_lines
from dlbench.results.tables.parts import DIFFERENCES, parts, split
from dlbench.results.tables.terminal import rows_of_run

from .rich_runs import ledger, rich_run, series, train
from .synthetic_runs import DIGITS, run_of, trial

CASE = Case.of("digits_cnn", backend="jax", phase="parts")
PLAIN = {"forward": 0.003, "forward_backward": 0.009, "step": 0.010, "fed_step": 0.011}


def _trials(prefixes: Mapping[str, float] = PLAIN, count: int = 7) -> list[Trial]:
    rng = np.random.default_rng(0)
    return [
        trial(CASE, block, series={name: series(step, rng) for name, step in prefixes.items()}, ledger=ledger(CASE))
        for block in range(count)
    ]


def test_the_differences_are_of_the_prefixes_that_workers_time() -> None:
    named = {name for pair in DIFFERENCES.values() for name in pair if name}
    assert named == set(PREFIXES)


def test_parts_are_differences_and_sum_to_the_step() -> None:
    found = split(_trials(), 0.0101)
    assert found is not None
    expected = {"forward": 0.003, "backward": 0.006, "update": 0.001, "feed": 0.001}
    for name, seconds in expected.items():
        assert found.parts[name].estimate == pytest.approx(seconds, abs=1e-4)
        assert found.parts[name].low <= found.parts[name].estimate <= found.parts[name].high
        assert found.parts[name].confidence == 0.95
    assert found.step == pytest.approx(0.010, rel=0.01)
    assert found.residual == pytest.approx(0.01, abs=0.01)
    assert not found.doubts
    assert not found.unexplained


def test_few_trials_have_their_extremes_and_say_how_sure_these_are() -> None:
    found = split(_trials(count=3))
    assert found is not None
    assert found.parts["forward"].confidence == pytest.approx(0.75)
    assert found.residual is None


def test_a_negative_part_is_shown_and_marked() -> None:
    trials = _trials(PLAIN | {"step": 0.008})
    found = split(trials)
    assert found is not None
    assert found.doubts == ("update",)
    (section,) = parts(rows_of_run(run_of(trials, workloads=(DIGITS,))))
    text = "\n".join(line.plain for line in section_lines(section, 100))
    assert re.search(r"!-(1\.0\d|0\.9\d\d), -1\d %", text)
    assert "update is negative" in text
    assert section.facts[0]["update_s"] < 0
    assert section.facts[0]["doubtful"] == "update"


@pytest.mark.parametrize("step", [0.013, 0.007])
def test_a_step_that_the_parts_do_not_explain_is_marked(step: float) -> None:
    rng = np.random.default_rng(1)
    timed = [train(CASE.with_({"phase": "train"}), block, step, rng) for block in range(7)]
    (section,) = parts(rows_of_run(run_of([*_trials(), *timed], workloads=(DIGITS,))))
    text = " ".join(" ".join(line.plain for line in section_lines(section, 100)).split())
    assert re.search(r"! the step took \d+\.\d+ ms in phase train and \d+\.\d+ ms here", text)
    assert section.facts[0]["doubtful"] == "residual"


def test_prefixes_that_are_missing_leave_gaps() -> None:
    found = split(_trials({"forward": 0.003, "step": 0.010}))
    assert found is not None
    assert list(found.parts) == ["forward"]
    assert split([trial(CASE)]) is None


def test_each_backend_is_a_row() -> None:
    (section,) = parts(rows_of_run(rich_run()))
    assert [fact["backend"] for fact in section.facts] == ["jax", "torch", "tensorflow"]
    assert all(fact["trials"] == 5 for fact in section.facts)
    assert max(len(line.plain) for line in section_lines(section, 100)) <= 100

"""Scenarios: rates, percentiles and whether the rules were met."""

from typing import Any

import pytest
from dlbench.results.factors import Scalar
from dlbench.results.records.model import Case, Trial
from dlbench.results.section import section_lines
from dlbench.results.tables.scenarios import held, scenarios
from dlbench.results.tables.terminal import rows_of_run

from .rich_runs import STEP, rich_run
from .synthetic_runs import DIGITS, run_of, trial

SERVER = Case.of("digits_cnn", backend="jax", phase="scenario", scenario="server", latency_bound_s=0.01)


def _trial(over: int, count: int = 662, **ledger: Scalar) -> Trial:
    queries = (0.02,) * over + (0.001,) * (count - over)
    return trial(SERVER, queries=queries, marks={"scenario_bound_s": 0.01}, ledger=ledger)


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (_trial(1), True),
        (_trial(2), False),
        (_trial(0, 600), None),
        (_trial(1, valid=False), False),
        (_trial(2, valid=True), True),
        (trial(SERVER.with_({"scenario": "offline"}), marks={"scenario_samples": 1e3}), None),
    ],
)
def test_the_bound_is_held_by_the_generators_word_or_by_its_rule(found: Trial, met: bool | None) -> None:
    assert held(found) is met


def _facts(**fields: Any) -> dict[str, Any]:
    (section,) = scenarios(rows_of_run(run_of([trial(SERVER, block, **fields) for block in range(3)])))
    (fact,) = section.facts
    return dict(fact)


def test_quantiles_need_enough_queries() -> None:
    fact = _facts(queries=(0.001,) * 100, marks={"scenario_rate": 500.0})
    assert (fact["latency_p90_s"], fact["latency_p99_s"]) == (pytest.approx(0.001), None)
    assert fact["queries_per_s"] == pytest.approx(500)
    assert fact["bound_s"] is None


def test_reasons_are_told() -> None:
    trials = [trial(SERVER, ledger={"valid": False, "reason": "no rate held the bound"})]
    (section,) = scenarios(rows_of_run(run_of(trials, workloads=(DIGITS,))))
    assert section.facts[0]["reasons"] == "no rate held the bound"
    assert "no rate held the bound" in "\n".join(line.plain for line in section_lines(section, 100))
    assert section.facts[0]["trials_that_met_the_rules"] == 0


def test_each_scenario_of_each_backend_is_a_row() -> None:
    (section,) = scenarios(rows_of_run(rich_run()))
    found = [(fact["scenario"], fact["backend"]) for fact in section.facts]
    backends = ("jax", "torch", "tensorflow")
    assert found == [(name, backend) for name in ("single_stream", "server", "offline") for backend in backends]
    server = next(fact for fact in section.facts if fact["scenario"] == "server")
    assert server["bound_s"] == pytest.approx(0.01)
    assert (server["trials_that_met_the_rules"], server["trials_judged"], server["trials"]) == (5, 5, 5)
    assert server["queries_per_s"] == pytest.approx(0.7 / (STEP["jax"] / 8), rel=0.02)
    lines = [line.plain for line in section_lines(section, 100)]
    assert max(map(len, lines)) <= 100


def test_bounds_are_kept_apart() -> None:
    loose = SERVER.with_({"latency_bound_s": 0.1})
    (section,) = scenarios(rows_of_run(run_of([trial(SERVER), trial(loose)], workloads=(DIGITS,))))
    assert len(section.facts) == 2

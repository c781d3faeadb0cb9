"""Break-even: when compiling pays, by arithmetic and in the table."""

import math
from dataclasses import replace

import pytest
from dlbench.results.records.model import Run
from dlbench.results.section import section_lines
from dlbench.results.tables.breakeven import break_even, breakeven
from dlbench.results.tables.terminal import rows_of_run
from hypothesis import given
from hypothesis import strategies as st

from .rich_runs import FIRST, STEP, duel, rich_run

seconds = st.floats(1e-4, 100)


@given(seconds, seconds, seconds, seconds)
def test_break_even_is_where_the_times_cross(first_c: float, first_e: float, step_c: float, step_e: float) -> None:
    found = break_even((first_c, first_e), (step_c, step_e))

    def spent(first: float, step: float, steps: float) -> float:
        return first + (steps - 1) * step

    if found.seconds is None:
        assert step_c >= step_e
        assert found.steps == math.inf
        return
    assert found.seconds == pytest.approx(spent(first_c, step_c, found.steps))
    slack = 1e-9 * found.steps * (step_c + step_e) + 1e-9
    assert spent(first_c, step_c, found.steps) <= spent(first_e, step_e, found.steps) + slack
    if found.steps > 1:
        before = found.steps - 1
        assert spent(first_c, step_c, before) > spent(first_e, step_e, before) - slack


def test_each_backend_is_compared_with_its_own_eager_mode() -> None:
    (section,) = breakeven(rows_of_run(rich_run()))
    found = {fact["backend"]: fact for fact in section.facts}
    assert [fact["compile_resolved"] for fact in section.facts] == ["jax.jit", "torch.compile", "tf.function"]
    for backend, compiled, eager in (("jax", 1.0, 3.0), ("torch", 0.7, 1.0), ("tensorflow", 1.0, 3.0)):
        fact, step = found[backend], STEP[backend]
        firsts = (12.0, FIRST["torch"]) if backend == "torch" else (FIRST[backend], 0.05)
        assert fact["break_even_steps"] == pytest.approx(1 + (firsts[0] - firsts[1]) / (step * (eager - compiled)), 0.1)
        assert fact["break_even_steps_low"] <= fact["break_even_steps"] <= fact["break_even_steps_high"]
        assert fact["overtakes"]
    lines = [line.plain for line in section_lines(section, 100)]
    assert max(map(len, lines)) <= 100
    assert any("steps, " in line for line in lines)


def _slower(run: Run, factor: float) -> Run:
    """Return a run whose compiled PyTorch steps take longer."""

    def stretched(trial: object) -> object:
        if trial.ledger.get("compile_resolved") != "torch.compile":  # type: ignore[attr-defined]
            return trial
        windows = [replace(w, start=w.start * factor, end=w.end * factor) for w in trial.windows]  # type: ignore[attr-defined]
        return replace(trial, windows=tuple(windows))  # type: ignore[type-var]

    return replace(run, trials=tuple(stretched(trial) for trial in run.trials))  # type: ignore[misc]


def test_what_is_no_faster_never_overtakes() -> None:
    (section,) = breakeven(rows_of_run(_slower(rich_run(), 2)))
    fact = next(fact for fact in section.facts if fact["backend"] == "torch")
    assert (fact["overtakes"], fact["break_even_steps"], fact["break_even_s"]) == (False, None, None)
    assert any("never" in line.plain for line in section_lines(section, 100))


def test_a_gain_within_the_noise_has_no_upper_bound() -> None:
    (section,) = breakeven(rows_of_run(_slower(rich_run(), 0.998 / 0.706)))
    fact = next(fact for fact in section.facts if fact["backend"] == "torch")
    assert fact["compiled_over_eager_high"] > 1
    assert fact["break_even_steps_high"] is None
    assert fact["break_even_steps_low"] is not None


def test_without_an_eager_row_there_is_no_table() -> None:
    run = duel()
    kept = tuple(trial for trial in run.trials if trial.case.get("backend") == "jax")
    assert breakeven(rows_of_run(replace(run, trials=kept))) == []

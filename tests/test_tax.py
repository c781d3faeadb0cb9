"""The Keras tax: executions side by side, with ratios that are known."""

from dataclasses import replace

import pytest
from dlbench.results.records.model import Run, Trial
from dlbench.results.section import Section, section_lines
from dlbench.results.tables.tax import tax
from dlbench.results.tables.terminal import rows_of_run

from .rich_runs import TAX, duel, rich_run


@pytest.fixture(scope="module")
def run() -> Run:
    return rich_run()


def _text(section: Section, width: int = 100) -> str:
    return "\n".join(line.plain for line in section_lines(section, width))


def _changed(run: Run, execution: str, **fields: dict) -> Run:
    def change(trial: Trial) -> Trial:
        if trial.case.get("execution") != execution or trial.case.get("phase") != "train":
            return trial
        return replace(trial, **{name: {**getattr(trial, name), **values} for name, values in fields.items()})

    return replace(run, trials=tuple(change(trial) for trial in run.trials))


def test_each_backend_is_a_row_with_paired_ratios(run: Run) -> None:
    (section,) = tax(rows_of_run(run))
    assert [fact["backend"] for fact in section.facts] == ["jax", "torch", "tensorflow"]
    for fact in section.facts:
        for a, b in (("step", "native"), ("fit", "step"), ("fit", "native")):
            assert fact[f"{a}_over_{b}"] == pytest.approx(TAX[a] / TAX[b], rel=0.02)
            assert fact[f"{a}_over_{b}_low"] < fact[f"{a}_over_{b}"] < fact[f"{a}_over_{b}_high"]
        assert fact["fit_call_s"] == pytest.approx(0.02)
        assert fact["fit_epoch_s"] == pytest.approx(0.029)


def test_the_feeding_in_fit_is_told(run: Run) -> None:
    text = " ".join(_text(tax(rows_of_run(run))[0]).split())
    assert "for native from device, step from device, fit from numpy: fit's step contains its feeding" in text
    assert "digits_cnn: the Keras tax" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_it_fits_the_terminal(run: Run, width: int) -> None:
    assert max(map(len, _text(tax(rows_of_run(run))[0], width).splitlines())) <= width


def test_one_execution_has_no_tax() -> None:
    assert tax(rows_of_run(duel())) == []


def test_other_data_give_no_ratio(run: Run) -> None:
    (section,) = tax(rows_of_run(_changed(run, "native", ledger={"data_sha256": "other"})))
    fact = section.facts[0]
    assert fact["step_over_native"] is None
    assert fact["step_over_native_not_comparable"] == "other data"
    assert fact["fit_over_step"] is not None
    assert "step / native: not comparable: other data" in _text(section)


def test_other_modes_and_settings_are_marked(run: Run) -> None:
    other = {"compile_kind": "xla", "compile_resolved": "XLA", "threads": 1}
    (section,) = tax(rows_of_run(_changed(run, "native", ledger=other)))
    text = _text(section)
    assert "\N{NOT EQUAL TO}1.26x" in text
    assert "compiled otherwise: native XLA, step jax.jit, fit jax.jit" in text
    assert "other threads: native 1, step 2, fit 2" in text
    assert section.facts[0]["step_over_native_settings_differ"]
    assert not section.facts[0]["fit_over_step_settings_differ"]


def test_flagged_trials_are_marked(run: Run) -> None:
    (section,) = tax(rows_of_run(_changed(run, "fit", flags={"disturbed": "so it was"})))
    assert "!2.59" in _text(section)


def test_a_missing_twin_leaves_a_gap(run: Run) -> None:
    kept = [t for t in run.trials if (t.case.get("execution"), t.case.get("backend")) != ("native", "jax")]
    (section,) = tax(rows_of_run(replace(run, trials=tuple(kept))))
    found = {fact["backend"]: fact for fact in section.facts}
    assert (found["jax"]["native_step_s"], found["jax"]["fit_over_native"]) == (None, None)
    assert found["jax"]["fit_over_step"] is not None
    assert found["torch"]["fit_over_native"] is not None

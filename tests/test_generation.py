"""Generation: figures with a known truth, the table and the exports."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dlbench.results.records.model import Case, Run, Trial, WorkloadInfo
from dlbench.results.section import Section, section_lines
from dlbench.results.summaries.generation import generation, tokens_per_s
from dlbench.results.tables.export import export
from dlbench.results.tables.frame import tidy
from dlbench.results.tables.generation import generations
from dlbench.results.tables.terminal import render, rows_of_run

from .rich_runs import ledger
from .synthetic_runs import BACKENDS, run_of, trial, windows

GPT = WorkloadInfo("grammar_gpt", "generative", "generated", "Markov source", 16, "cross_entropy", "min", 1.5, 1.0)
DECODE_S = {"jax": 0.001, "torch": 0.004, "tensorflow": 0.002}
"""Seconds of a decoding step; reading the prompts takes eight times as long."""
PREFILL = 8
PROMPT, NEW_TOKENS = 12, 20


def _trial(case: Case, block: int, rng: np.random.Generator, calls: int = 700, **fields: Any) -> Trial:
    batch = int(case.get("batch_size") or GPT.batch_size)
    step = DECODE_S[case.text("backend")] * float(np.exp(rng.normal(0, 0.01)))

    def series(seconds: float, tokens: int) -> tuple[Any, ...]:
        return windows(seconds * np.exp(rng.normal(0, 0.01, 30)), batch=tokens)

    plain = trial(
        case,
        block,
        series={"prefill": series(PREFILL * step, batch * PROMPT), "decode": series(step, batch)},
        latencies={
            "first_token": tuple(float(s) for s in PREFILL * step * rng.lognormal(0, 0.1, calls)),
            "inter_token": tuple(float(s) for s in step * rng.lognormal(0, 0.1, calls)),
        },
        marks={"first_prefill_s": 0.5, "first_decode_s": 0.25, "prefill_flops": 8e6, "decode_flops": 1e6},
        ledger=ledger(case, batch_size=batch, prompt=PROMPT, new_tokens=NEW_TOKENS),
    )
    return replace(plain, **fields)


def _run(blocks: int = 5, sizes: tuple[int | None, ...] = (1, None), calls: int = 700, **fields: Any) -> Run:
    rng = np.random.default_rng(0)
    trials = [
        _trial(
            Case.of("grammar_gpt", backend=backend, phase="generate", **({"batch_size": size} if size else {})),
            block,
            rng,
            calls,
            **fields,
        )
        for block in range(blocks)
        for backend in BACKENDS
        for size in sizes
    ]
    return run_of(trials, workloads=(GPT,))


@pytest.fixture(scope="module")
def run() -> Run:
    return _run()


def _text(section: Section, width: int = 100) -> str:
    return "\n".join(line.plain for line in section_lines(section, width))


def _facts(run: Run) -> dict[tuple[str, int], Mapping[str, Any]]:
    (section,) = generations(rows_of_run(run))
    return {(fact["backend"], fact["batch_size"]): fact for fact in section.facts}


def test_throughput_counts_tokens_of_all_prompts(run: Run) -> None:
    for (backend, batch), fact in _facts(run).items():
        step = DECODE_S[backend]
        assert fact["decode_throughput_tokens_per_s"] == pytest.approx(batch / step, rel=0.02)
        assert fact["prefill_throughput_tokens_per_s"] == pytest.approx(batch * PROMPT / (PREFILL * step), rel=0.02)
        for name in ("decode", "prefill"):
            low, high = (fact[f"{name}_throughput_{bound}_tokens_per_s"] for bound in ("low", "high"))
            assert low < fact[f"{name}_throughput_tokens_per_s"] < high


def test_latencies_are_of_their_calls(run: Run) -> None:
    for (backend, _), fact in _facts(run).items():
        assert fact["inter_token_p50_s"] == pytest.approx(DECODE_S[backend], rel=0.03)
        assert fact["first_token_p50_s"] == pytest.approx(PREFILL * DECODE_S[backend], rel=0.03)
        for name in ("first_token", "inter_token"):
            assert fact[f"{name}_p50_s"] < fact[f"{name}_p90_s"] < fact[f"{name}_p99_s"]
            assert fact[f"{name}_p99_trial_low_s"] < fact[f"{name}_p99_s"] < fact[f"{name}_p99_trial_high_s"]
        assert (fact["first_prefill_s"], fact["first_decode_s"]) == pytest.approx((0.5, 0.25))


def test_a_quantile_that_one_trial_is_too_short_for_is_refused() -> None:
    run = _run(sizes=(None,))
    first, *others = run.trials
    short = replace(first, latencies={**first.latencies, "inter_token": first.latencies["inter_token"][:100]})
    fact = _facts(replace(run, trials=(short, *others)))[first.case.text("backend"), 16]
    assert fact["inter_token_p99_s"] is None
    assert fact["inter_token_p90_s"] is not None
    assert fact["first_token_p99_s"] is not None
    assert fact["notes"] == "inter token: 100 calls, p95 needs 130, p99 needs 662"


def test_ratios_are_to_the_highest_rate_of_the_same_batch(run: Run) -> None:
    facts = _facts(run)
    for batch in (1, 16):
        assert facts["jax", batch]["leads"]
        assert facts["jax", batch]["decode_over_leader"] is None
        for backend in ("torch", "tensorflow"):
            fact = facts[backend, batch]
            assert fact["decode_over_leader"] == pytest.approx(DECODE_S["jax"] / DECODE_S[backend], rel=0.03)
            assert fact["decode_over_leader_low"] < fact["decode_over_leader"] < fact["decode_over_leader_high"]
            assert not fact["leads"]


def test_lines_come_by_lengths_and_batch(run: Run) -> None:
    longer = tuple(
        replace(t, case=t.case.with_({"p.prompt": 24}), ledger={**t.ledger, "prompt": 24}) for t in run.trials
    )
    both = run_of([*longer, *run.trials], workloads=(GPT,))
    (section,) = generations(rows_of_run(both))
    found = [(fact["prompt_tokens"], fact["batch_size"], fact["backend"]) for fact in section.facts]
    assert found == [(p, b, name) for p in (PROMPT, 24) for b in (1, 16) for name in BACKENDS]
    assert "prompt" not in section.settings


def test_other_settings_are_another_table(run: Run) -> None:
    half = tuple(replace(t, case=t.case.with_({"precision": "mixed_bfloat16"})) for t in run.trials)
    sections = generations(rows_of_run(run_of([*run.trials, *half], workloads=(GPT,))))
    assert [section.settings for section in sections] == ["float32 · cpu", "mixed_bfloat16 · cpu"]


def test_other_data_give_no_ratio_and_other_threads_a_sign(run: Run) -> None:
    def changed(**entries: Any) -> Run:
        trials = [
            replace(t, ledger={**t.ledger, **entries}) if t.case.get("backend") == "torch" else t for t in run.trials
        ]
        return replace(run, trials=tuple(trials))

    fact = _facts(changed(data_sha256="other"))["torch", 1]
    assert (fact["decode_over_leader"], fact["not_comparable"]) == (None, "other data")
    fact = _facts(changed(threads=1))["torch", 1]
    assert (fact["decode_over_leader"] is None, fact["differs_in"]) == (False, "threads")
    (section,) = generations(rows_of_run(changed(threads=1)))
    assert "\N{NOT EQUAL TO}0.25" in _text(section)
    assert "\N{NOT EQUAL TO} other threads" in _text(section)


def test_the_table_shows_what_was_measured(run: Run) -> None:
    (section,) = generations(rows_of_run(run))
    text = _text(section)
    for words in ("grammar_gpt: generation", "first token", "tokens/s", "reference", "500 ms", "250 ms", "p99"):
        assert words in text
    assert "as each" in text  # JAX and TensorFlow are compiled here, PyTorch is not
    assert "samples/s" not in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_it_fits_the_terminal(run: Run, width: int) -> None:
    assert max(map(len, _text(generations(rows_of_run(run))[0], width).splitlines())) <= width


def test_flagged_trials_are_marked_and_explained() -> None:
    (section,) = generations(rows_of_run(_run(flags={"recompiled": "3 compilations in 100 measured steps"})))
    text = " ".join(_text(section).split())
    assert "!1.00k" in text or "!999" in text
    assert "! recompiled: 5 of 5 in generation (3 compilations in 100 measured steps)" in text


def test_what_could_not_be_measured_is_not_zero() -> None:
    found = generation([trial(Case.of("grammar_gpt", backend="jax", phase="generate"))])
    assert found is not None
    assert (found.prefill, found.decode, found.prompt, found.decode_flops) == (None, None, None, None)
    assert (found.first_token, found.inter_token) == ({}, {})
    (section,) = generations(rows_of_run(_run(blocks=1, series={}, latencies={}, marks={})))
    assert {fact["decode_throughput_tokens_per_s"] for fact in section.facts} == {None}
    assert " 0 " not in _text(section).splitlines()[6]
    assert "n/a" in _text(section)


def test_no_trials_are_no_generation(run: Run) -> None:
    assert generation([]) is None
    assert tokens_per_s(trial(Case.of("grammar_gpt", backend="jax", phase="train")), "decode") is None


def test_tokens_have_columns_of_their_own(run: Run) -> None:
    frame = tidy(run).set_index(["backend", "batch_size"])
    row = frame.loc[("torch", 16)]
    assert row["decode_throughput_tokens_per_s"] == pytest.approx(16 / DECODE_S["torch"], rel=0.02)
    assert (row["prompt_tokens"], row["new_tokens"]) == (PROMPT, NEW_TOKENS)
    assert row["first_token_p99_s"] > row["first_token_p50_s"]
    assert (row["prefill_flops"], row["decode_flops"]) == (8e6, 1e6)
    for name in ("train_throughput_samples_per_s", "infer_throughput_samples_per_s", "latency_p50_s"):
        assert frame[name].isna().all()


def test_exports_and_page_tell_it(run: Run) -> None:
    assert len(json.loads(export(run, "json"))["generation"]) == 6
    assert "#### grammar_gpt: generation" in export(run, "markdown")
    assert "decode_throughput_tokens_per_s" in export(run, "csv").splitlines()[0]
    page = render(run)
    assert "grammar_gpt: generation" in page
    assert "samples/s" not in page


def test_unsettled_generation_is_warned_of() -> None:
    rng = np.random.default_rng(1)
    run = _run(blocks=2, sizes=(None,))
    ramp = windows(0.001 * np.linspace(1, 3, 40) * np.exp(rng.normal(0, 0.001, 40)), batch=16)
    trials = tuple(replace(t, series={**t.series, "decode": ramp}) for t in run.trials)
    page = " ".join(render(replace(run, trials=trials)).split())
    assert "generation did not settle in every trial (~) of 3 of 3 rows" in page

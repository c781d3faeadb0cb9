"""The printed tables: what a reader must find in them, and at which widths."""

from dataclasses import replace

import numpy as np
import pytest
from dlbench.results.names import BACKENDS as NAMES
from dlbench.results.records.model import Case, End, LeftOut, Run
from dlbench.results.tables.background import Background
from dlbench.results.tables.terminal import render

from .rich_runs import CEILINGS, duel, rich_run
from .synthetic_runs import MACHINE, failure, full_run, header, run_of, train_trial, trial, windows

JAX = Case.of("digits_cnn", backend="jax", phase="train")
TORCH = JAX.with_({"backend": "torch"})


@pytest.fixture(scope="module")
def page() -> str:
    return render(full_run(), 100)


def _run(jax: float = 0.001, torch: float = 0.002, blocks: int = 3) -> Run:
    rng = np.random.default_rng(0)
    steps = {JAX: jax, TORCH: torch}
    return run_of([train_trial(case, block, step, rng) for block in range(blocks) for case, step in steps.items()])


def _flat(run: Run) -> str:
    return " ".join(render(run, 100).split())


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in render(full_run(), width).splitlines()) <= width


def test_every_workload_and_framework_is_shown(page: str) -> None:
    for name in ("digits_cnn", "mixture_mlp", "forecast_lstm", "language_model"):
        assert f"\n{name} " in f"\n{page}"
    for backend in ("jax", "torch", "tensorflow"):
        assert page.count(NAMES[backend]) >= 4


def test_heading_tells_data_settings_and_goal(page: str) -> None:
    head, settings = page.splitlines()[:2]
    assert head == "digits_cnn · vision · real data: UCI digits, 1,797 images"
    assert settings == "batch 64 · float32 · cpu · test accuracy · target ≥ 0.970 · best possible 1.00"
    assert "target ≤ 0.120" in page
    assert "no accuracy: random data" in page


def test_figures_stand_with_their_intervals(page: str) -> None:
    line, below = page.splitlines()[7:9]
    assert line.split("  ")[0] == "JAX 0.10.2"
    for figure in ("0.987", "9.00 s", "32.0k", "1.00x", "250 µs", "1.30 s", "414 MB"):
        assert f" {figure} " in line
    for figure in ("± 0.002", "3/3 seeds", "31.4k\N{EN DASH}32.6k", "reference", "286 µs"):
        assert f" {figure}" in below


def test_modes_that_differ_change_the_heading() -> None:
    page = render(full_run(), 100)
    digits, language = (
        page.split("mixture_mlp")[0],
        page.split("language_model ·")[1].split("How to read it")[0],
    )
    assert "as each" in digits
    assert "vs fastest" not in digits
    assert "vs fastest" in language
    assert "as each" not in language


def test_the_fastest_is_named_only_when_shown() -> None:
    assert "JAX 0.10.2 trains fastest, each framework as it comes." in _flat(_run())
    near = _flat(_run(torch=0.001))
    assert "No backend is shown to be fastest" in near
    assert "are too close" in near
    one = _flat(_run(blocks=1))
    assert "No backend is shown to be fastest: fewer than two shared blocks" in one
    assert "there are no intervals" in one
    assert "no interval" in one


def test_a_backend_alone_is_not_compared() -> None:
    rng = np.random.default_rng(0)
    page = _flat(run_of([train_trial(JAX, block, 0.001, rng) for block in range(3)]))
    assert "Only JAX 0.10.2 was timed in training" in page
    assert "vs fastest" not in page


def test_what_failed_stands_in_its_row_with_its_log(page: str) -> None:
    (line,) = [line for line in page.splitlines() if "out of memory" in line]
    assert line.startswith("PyTorch 2.13.0")
    assert "n/a (out of memory: the worker needed more than 7.9 GB)" in line
    assert "log of PyTorch 2.13.0: logs/lm-torch.log" in page
    assert "infer: 1 trial failed (timeout: no reply within 60 s)" in page
    assert "n/a (left out: openvino only infers)" in page


def test_only_failures_still_make_a_table() -> None:
    page = render(run_of([], [failure(JAX, "crashed", "signal 11", log="a.log")]), 80)
    assert "JAX 0.10.2  n/a (crashed: signal 11)" in page
    assert "a.log" in page


def test_an_empty_run_says_so() -> None:
    page = render(Run(header(()), (), (), (), None), 80)
    assert page.startswith("nothing was measured")
    assert "cut short" in page


def test_hidden_columns_are_named() -> None:
    assert "Not shown" not in render(full_run(), 100)
    assert "Not shown in 90 columns: inference." in render(full_run(), 90)
    narrow = render(full_run(), 80)
    assert "Not shown in 80 columns: inference, first step and n." in narrow


def test_columns_are_explained_once(page: str) -> None:
    foot = page.split("How to read it")[1]
    for words in (
        "steady peak above the import floor, weights and data included",
        "sample standard deviation",
    ):
        assert " ".join(foot.split()).count(words) == 1
    assert page.count("How to read it") == 1


def test_doubts_are_told() -> None:
    run = _run()
    busy = replace(run.trials[0], marks={**run.trials[0].marks, "foreign_load": 0.2})
    slow = trial(TORCH, 3, windows=windows(list(np.linspace(0.001, 0.002, 40))))
    machine = replace(MACHINE, governor="powersave")
    end = End("2026-11-20T10:00:09Z", "interrupted", 9.0, ("stopped by the user",))
    run = replace(run, trials=(busy, *run.trials[1:], slow), header=replace(run.header, machine=machine), end=end)
    page = _flat(replace(run, problems=("line 9 is torn",)))
    assert "other programs took more than 5.0 % of the cores in 1 of 6 trials" in page
    assert "20 % at worst" in page
    assert "governor powersave" in page
    assert "training did not settle in every trial (~) of 1 of 2 rows" in page
    assert "~" in page
    assert "only 3 trials of some cases: intervals are wide" in page
    assert "interrupted, 9.00 s" in page
    assert "stopped by the user" in page
    assert "line 9 is torn" in page


def test_a_quiet_run_has_no_warnings() -> None:
    page = render(_run(blocks=5), 100)
    assert "Warnings" not in page


def test_the_machine_and_the_place_of_the_run_are_named(page: str) -> None:
    assert "AMD EPYC 7763, 2 cores, 8.19 GB, Linux 6.1, governor performance" in page
    assert "20261120-100000-ab12, complete, 3 min 12 s, stored in .dlbench/20261120.jsonl" in page


def test_colour_is_only_there_when_asked_for(page: str) -> None:
    assert "\x1b[" not in page
    assert "\x1b[" in render(full_run(), 100, color=True)


def test_further_factors_and_reasons_are_named() -> None:
    deep = TORCH.with_({"p.depth": 8, "compile": "xla", "precision": "bfloat16"})
    run = run_of([trial(JAX.with_({"p.depth": 8, "compile": "xla", "precision": "bfloat16"}))])
    run = replace(run, header=replace(run.header, left_out=(LeftOut(deep, "no xla"),)))
    page = render(run, 100)
    assert "bfloat16 · cpu · compile xla · depth 8" in page
    assert "n/a (left out: no xla)" in page


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_everything_fits_the_terminal(width: int) -> None:
    page = render(rich_run(3), width, background=Background(CEILINGS))
    assert max(len(line) for line in page.splitlines()) <= width


def test_further_tables_stand_below_the_blocks_of_their_workload() -> None:
    page = render(rich_run(3), 100)
    titles = (
        "digits_cnn · vision",
        "digits_cnn: the Keras tax",
        "digits_cnn: compiled against eager",
        "digits_cnn: parts of a training step",
        "digits_cnn: MLPerf inference scenarios",
        "How to read it",
    )
    places = [page.index(title) for title in titles]
    assert places == sorted(places)
    assert page.rindex("digits_cnn · vision") < places[1]


def test_a_plain_run_has_no_further_tables(page: str) -> None:
    for title in ("Keras tax", "compiled against eager", "parts of a training step", "scenarios"):
        assert title not in page


def test_exact_memory_stands_in_place_of_the_rough_one() -> None:
    page = render(rich_run(3), 140)
    step = page.split("digits_cnn · vision")[2]
    assert "exact" in step
    assert "± 50 MB" not in step
    assert "± 50 MB" in page.split("digits_cnn · vision")[1]


def test_the_ceiling_is_named_only_where_it_is_known() -> None:
    assert "of ceiling" in _head(render(duel(), 140, background=Background(CEILINGS)))
    assert "of ceiling" not in _head(render(duel(), 140))
    assert "FLOP/s" in _head(render(duel(), 140))


def _head(page: str) -> str:
    return page.split("How to read it", maxsplit=1)[0]


def test_layers_that_are_not_counted_are_named() -> None:
    unknown = {"flops_unknown": "Wavelet"}
    page = _head(render(duel(jax=unknown, torch=unknown), 100))
    assert page.count("FLOP/s") == 1
    assert "FLOP/s: n/a (not counted: Wavelet)." in page


def test_flags_have_a_sign_and_a_sentence() -> None:
    page = render(duel(flags={"recompiled": "4 compilations in 120 measured steps"}), 100)
    assert " !12." in page
    words = "! recompiled, in trials of: PyTorch 2.13.0 5 of 5 in training (4 compilations in 120 measured steps)."
    assert words in " ".join(page.split())
    assert "No backend is shown to be fastest, although the intervals put JAX 0.10.2 ahead" in page
    assert "fastest\n" not in _head(page)
    assert "5 of 10 trials are flagged (!)" in page


def test_other_settings_have_a_sign_and_a_sentence() -> None:
    page = _head(render(duel(torch={"threads": 1}), 100))
    assert "\N{NOT EQUAL TO}0.40" in page
    assert "\N{NOT EQUAL TO} Rows differ in: threads (JAX 2, PyTorch 1)." in page
    assert "\N{NOT EQUAL TO}" not in _head(render(duel(), 100))


def test_other_data_are_not_compared() -> None:
    page = " ".join(_head(render(duel(torch={"data_sha256": "x"}), 100)).split())
    assert "0.40" not in page
    assert "comparable:" in page
    assert "PyTorch 2.13.0 is not comparable (other data)" in page


def test_the_heading_tells_lane_feed_and_threads() -> None:
    page = " ".join(render(duel(lane="matched", threads=2, feed="numpy"), 100).split())
    assert "cpu · 2 threads · feed numpy · matched lane: the same mode" in page
    assert "as each framework comes" not in page.split("How to read it", maxsplit=1)[0]
    assert "matched lane" not in render(duel(), 100)


def test_a_block_without_figures_gives_way_to_the_sections_under_it() -> None:
    run = rich_run(3)
    only = replace(run, trials=tuple(trial for trial in run.trials if trial.case.get("phase") == "scenario"))
    only = replace(only, failures=(), header=replace(run.header, cases=(), left_out=()))
    page = render(only)
    assert "MLPerf inference scenarios" in page
    assert "Rows differ" not in page

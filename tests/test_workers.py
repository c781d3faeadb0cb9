"""Real workers on tiny cases, one backend at a time: everything that a framework must do."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from dlbench.backends.catalog import BACKENDS
from dlbench.results.records.store import read_run, run_paths

from tests.cli import MODELS, dlbench, measure
from tests.strict_openmetrics import read_openmetrics

pytestmark = pytest.mark.workers
NAMES = [backend.name for backend in BACKENDS]


@pytest.fixture(scope="module", params=NAMES)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Any]:
    """One backend, every phase of a catalog workload."""
    folder = tmp_path_factory.mktemp(request.param)
    ended = measure(folder, "-b", request.param, "--report", "openmetrics=metrics.txt")
    assert ended.status == 0, ended.stderr
    return request.param, folder, ended


def test_every_phase_gives_its_figures(measured: tuple[str, Path, Any]) -> None:
    name, _, ended = measured
    (row,) = ended.rows
    assert row["backend"] == name
    for figure in ("train_throughput_samples_per_s", "infer_throughput_samples_per_s", "first_step_s"):
        assert row[figure] > 0
    assert row["memory_steady_peak_bytes"] > 0
    assert 0.5 < row["metric_mean"] <= 1


def test_raw_records_hold_windows_marks_and_ledger(measured: tuple[str, Path, Any]) -> None:
    name, folder, _ = measured
    run = read_run(run_paths(folder / ".dlbench")[0])
    phases = {trial.case.get("phase"): trial for trial in run.trials if trial.case.factors.get("batch_size") != 1}
    train = phases["train"]
    assert all(window.end > window.start and window.items == 32 * window.steps for window in train.windows)
    assert all(later.start >= earlier.end for earlier, later in zip(train.windows, train.windows[1:], strict=False))
    for mark in ("import_s", "build_s", "first_step_s", "peak_steady_bytes", "rss_imported_bytes", "parameters"):
        assert train.marks[mark] > 0
    assert train.ledger["compile_cache"] == "cold"
    assert train.ledger["threads"]
    assert train.ledger[f"version_{name if name != 'torch' else 'torch'}"]
    converge = phases["converge"]
    assert [epoch.number for epoch in converge.epochs] == list(range(1, len(converge.epochs) + 1))
    assert math.isfinite(converge.epochs[-1].loss)
    assert run.end is not None
    assert run.end.state == "complete"
    assert {job.exit_status for job in run.jobs} == {0}


def test_the_run_can_be_shown_again_in_every_format(measured: tuple[str, Path, Any]) -> None:
    _, folder, ended = measured
    assert json.loads(dlbench(folder, "show", "-f", "json").stdout)["rows"] == ended.rows
    assert "cancer_mlp" in dlbench(folder, "show").stdout
    assert "### cancer_mlp" in dlbench(folder, "show", "latest", "-f", "markdown").stdout
    assert dlbench(folder, "show", "-f", "csv", "--phase", "train").status == 0
    metrics = (folder / "metrics.txt").read_text()
    assert dlbench(folder, "show", "-f", "openmetrics").stdout == metrics
    assert {"dlbench_first_step_seconds", "dlbench_test_auc"} <= read_openmetrics(metrics).keys()


def test_the_second_forecast_comes_from_history(measured: tuple[str, Path, Any]) -> None:
    name, folder, _ = measured
    plan = dlbench(folder, "run", "--suite", "tiny", "-b", name, "--dry-run").stdout
    assert "from this machine's own runs" in plan
    assert "a guess" not in plan


def test_reduced_precision_trains(tmp_path: Path) -> None:
    model = str(MODELS / "small.py")
    ended = measure(tmp_path, model, "--phase", "train", "--precision", "mixed_bfloat16,mixed_float16")
    assert ended.status == 0, ended.stderr
    assert sorted(row["backend"] for row in ended.rows) == sorted(2 * NAMES)
    assert all(row["train_throughput_samples_per_s"] > 0 for row in ended.rows)


@pytest.mark.parametrize(
    ("name", "mode", "how"),
    [
        ("jax", "eager", "eager"),
        ("tensorflow", "eager", "eager"),
        ("tensorflow", "xla", "tf.function+XLA"),
    ],
)
def test_compile_modes_are_what_they_say(name: str, mode: str, how: str, tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "small.py"), "-b", name, "--compile", mode)
    assert ended.status == 0, ended.stderr
    (row,) = ended.rows
    assert row["compile_resolved"] == how
    assert row["train_throughput_samples_per_s"] > 0


def test_a_mode_that_a_backend_lacks_is_a_row_with_the_reason(tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "small.py"), "-b", "torch", "--compile", "auto,xla", "--phase", "train")
    assert ended.status == 0, ended.stderr
    lacking = [row for row in ended.rows if row["failure_kind"]]
    assert len(lacking) == 1
    assert "no XLA mode" in lacking[0]["failure_message"]


def test_all_backends_start_from_the_same_weights_and_bytes(tmp_path: Path) -> None:
    ended = measure(tmp_path, "digits_cnn", "--phase", "converge")
    assert ended.status == 0, ended.stderr
    run = read_run(run_paths(tmp_path / ".dlbench")[0])
    assert {trial.ledger["backend"] for trial in run.trials} == set(NAMES)
    assert len({trial.ledger["initial_weights"] for trial in run.trials}) == 1
    assert len({trial.ledger["data_sha256"] for trial in run.trials}) == 1


def test_epochs_asked_for_are_trained_past_the_target_and_compared(tmp_path: Path) -> None:
    words = ("--phase", "converge", "-b", "jax,torch", "-n", "1", "--epochs", "3", "--accuracy-margin", "0.2")
    ended = measure(tmp_path, *words)
    assert ended.status == 0, ended.stderr
    run = read_run(run_paths(tmp_path / ".dlbench")[0])
    assert [len(trial.epochs) for trial in run.trials] == [3] * 2
    assert {trial.ledger["stops_at_target"] for trial in run.trials} == {False}
    assert {trial.ledger["target"] for trial in run.trials} == {0.99}
    assert {trial.ledger["usual_epoch_limit"] for trial in run.trials} == {60}
    jax, torch = ended.rows
    assert (jax["metric_epoch"], jax["epochs_asked"], jax["metric_margin"]) == (3, 3, 0.2)
    assert (torch["metric_reference"], torch["metric_pairs"], torch["metric_verdict"]) == ("jax", 1, None)
    assert torch["metric_verdict_note"] == "one shared seed has no interval"
    assert jax["epoch_s"] > 0
    assert "cancer_mlp: accuracy" in dlbench(tmp_path, "show").stdout


def test_another_framework_cannot_be_imported_unless_allowed(tmp_path: Path) -> None:
    model = str(MODELS / "intruder.py")
    refused = measure(tmp_path, model, "-b", "tensorflow", "--phase", "infer")
    assert refused.status == 2
    assert "torch" in refused.stderr
    assert "--allow-import torch" in refused.stderr
    allowed = measure(tmp_path, model, "-b", "tensorflow", "--phase", "infer", "--allow-import", "torch")
    assert allowed.status == 0, allowed.stderr
    assert allowed.rows[0]["infer_throughput_samples_per_s"] > 0
    assert "torch" in dlbench(tmp_path, "show").stdout


def test_models_with_dictionaries_train_on_every_backend(tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "dicts.py"), "--phase", "train")
    assert ended.status == 0, ended.stderr + ended.stdout
    assert [row["backend"] for row in ended.rows] == NAMES


def test_a_thousand_layers_build_and_train(tmp_path: Path) -> None:
    ended = measure(tmp_path, "-b", "torch", "--phase", "train", "-p", "depth=1000", "-p", "width=4")
    assert ended.status == 0, ended.stderr + ended.stdout


def test_a_damaged_cache_is_made_anew(own_cache: Path, tmp_path: Path) -> None:
    words = ("cancer_mlp", "-b", "jax", "--phase", "infer")
    assert measure(tmp_path, *words).status == 0
    (data,) = (own_cache / "data").glob("cancer_mlp-*.npz")
    data.write_bytes(data.read_bytes()[:1000])
    assert measure(tmp_path, *words).status == 0


def test_a_batch_larger_than_the_data_is_said(tmp_path: Path) -> None:
    ended = measure(tmp_path, "-b", "torch", "--batch-size", "100000", "--phase", "train")
    assert ended.status == 4
    assert "larger than the" in ended.rows[0]["failure_message"]
    assert read_run(run_paths(tmp_path / ".dlbench")[0]).jobs == ()


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text((MODELS / "small.py").read_text() + "\nanother = build_model\n")
    names = ["old/net.py", "new/net.py", "old/net.py:another"]
    ended = measure(tmp_path, *names, "-b", "jax", "--phase", "infer", "-p", "width=4")
    assert ended.status == 0, ended.stderr
    assert [row["workload"] for row in ended.rows] == ["net", "new/net", "net:another"]
    assert all(row["infer_throughput_samples_per_s"] > 0 for row in ended.rows)

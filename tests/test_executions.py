"""Every way of measuring, in real child processes on all three backends, as a user asks for it."""

from pathlib import Path
from typing import Any

import pytest
from dlbench.results.records.model import PREFIXES, Run, Trial
from dlbench.results.records.store import read_run, run_paths
from dlbench.results.summaries.figures import speed

from .cli import MODELS, Ended, measure

BACKENDS = ("jax", "torch", "tensorflow")
pytestmark = pytest.mark.workers


def stored(folder: Path) -> Run:
    """Return the newest run of a folder's store."""
    return read_run(run_paths(folder / ".dlbench")[-1])


def by_backend(trials: tuple[Trial, ...], **factors: Any) -> dict[str, Trial]:
    """Return the one trial of each backend whose case has these factors."""
    found = [trial for trial in trials if all(trial.case.get(name) == value for name, value in factors.items())]
    assert len(found) == len({trial.case.text("backend") for trial in found})
    return {trial.case.text("backend"): trial for trial in found}


@pytest.fixture(scope="module")
def three_ways(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Run]:
    """Train and infer by native twin, step and fit."""
    folder = tmp_path_factory.mktemp("executions")
    ended = measure(folder, "--execution", "native,step,fit", "--phase", "train,infer")
    return ended, stored(folder)


def test_every_backend_is_measured_in_every_way(three_ways: tuple[Ended, Run]) -> None:
    ended, run = three_ways
    assert ended.status == 0, ended.stderr
    for execution in ("native", "step", "fit"):
        trained = by_backend(run.trials, execution=execution, phase="train")
        assert set(trained) == set(BACKENDS)
        assert all(speed(trial) for trial in trained.values())
        inferred = by_backend(run.trials, execution=execution, phase="infer", batch_size=1)
        assert all(trial.queries for trial in inferred.values())


def test_every_way_starts_from_the_same_weights(three_ways: tuple[Ended, Run]) -> None:
    _, run = three_ways
    assert len({trial.ledger["initial_weights"] for trial in run.trials}) == 1


def test_the_ledger_says_how_it_was_measured(three_ways: tuple[Ended, Run]) -> None:
    _, run = three_ways
    for trial in run.trials:
        asked = ("execution", "compile_requested", "compile_resolved", "compile_kind", "lane", "precision")
        measured = ("matmul_precision", "tf32", "layout", "threads", "affinity", "allocator", "feed", "blas")
        assert all(trial.ledger.get(name) is not None for name in (*asked, *measured, "version_keras", "data_sha256"))
    fits = by_backend(run.trials, execution="fit", phase="train")
    assert {trial.ledger["feed"] for trial in fits.values()} == {"numpy"}
    assert all({"call_s", "epoch_s"} <= set(trial.marks) for trial in fits.values())


def test_the_work_of_a_step_is_the_same_however_it_is_driven(three_ways: tuple[Ended, Run]) -> None:
    _, run = three_ways
    trained = [trial for trial in run.trials if trial.case.get("phase") == "train"]
    assert len({trial.marks["training_flops"] for trial in trained}) == 1
    # Two Dense layers, 30 to 16 to 1, of a batch of 32: two operations per weight forward and, for all but the gradient
    # of the data, twice that backward.
    assert trained[0].marks["training_flops"] == 2 * 32 * (2 * 30 * 16 + 3 * 16)


def test_the_keras_tax_is_a_table(three_ways: tuple[Ended, Run]) -> None:
    import json

    ended, _ = three_ways
    rows = json.loads(ended.stdout)["keras_tax"]
    assert {row["backend"] for row in rows} == set(BACKENDS)


def test_nothing_is_compiled_in_the_measured_windows(three_ways: tuple[Ended, Run]) -> None:
    _, run = three_ways
    assert not [trial.case for trial in run.trials if "recompiled" in trial.flags]
    assert all("compilations" in trial.marks for trial in run.trials)


def test_parts_and_exact_memory(tmp_path: Path) -> None:
    ended = measure(tmp_path, "--phase", "parts,memory")
    assert ended.status == 0, ended.stderr
    run = stored(tmp_path)
    for backend, trial in by_backend(run.trials, phase="parts").items():
        assert set(trial.series) == set(PREFIXES), backend
        assert all(trial.series[name] for name in PREFIXES)
    for backend, trial in by_backend(run.trials, phase="memory").items():
        marks = trial.marks
        assert marks["rss_imported_bytes"] <= marks["rss_built_bytes"] <= marks["peak_first_step_bytes"], backend
        assert marks["peak_steady_bytes"] > 0
        assert trial.ledger["allocator"] == "exact"
        assert trial.ledger["framework_note"]
    jax = by_backend(run.trials, phase="memory")["jax"].marks
    # XLA's account holds at least weights, gradients' moments and the batch; its count is near the analytic one.
    assert jax["framework_memory_bytes"] >= 3 * 4 * jax["parameters"]
    assert 0.5 < jax["framework_flops"] / jax["training_flops"] < 3


def test_the_matched_lane_is_compiled_on_every_backend(tmp_path: Path) -> None:
    ended = measure(tmp_path, "--lane", "matched", "--phase", "train", "--threads", "1")
    assert ended.status == 0, ended.stderr
    trained = by_backend(stored(tmp_path).trials, phase="train")
    assert {trial.ledger["compile_kind"] for trial in trained.values()} == {"jit"}
    # torch.compile says how often it left its graph.
    resolved = {row["backend"]: row["compile_resolved"].split(",")[0] for row in ended.rows}
    assert resolved == {"jax": "jax.jit", "torch": "torch.compile", "tensorflow": "tf.function"}
    assert {trial.ledger["lane"] for trial in trained.values()} == {"matched"}
    assert {trial.ledger["threads"] for trial in trained.values()} == {1}
    assert all("," not in str(trial.ledger["affinity"]) for trial in trained.values())
    assert all("threads" not in trial.flags for trial in trained.values())


@pytest.mark.parametrize(
    ("execution", "everywhere"),
    [
        ("step", ("numpy", "pydataset")),
        # From arrays is how fit is fed where nothing is asked for: see above.
        ("fit", ("pydataset",)),
    ],
)
def test_batches_are_fed_in_each_way(tmp_path: Path, execution: str, everywhere: tuple[str, ...]) -> None:
    feeds = ",".join([*everywhere, "tfdata", "dataloader"])
    ended = measure(tmp_path, "--execution", execution, "--feed", feeds, "--phase", "train", "-b", "torch,tensorflow")
    assert ended.status == 0, ended.stderr
    fed = {(trial.case.text("backend"), trial.ledger["feed"]) for trial in stored(tmp_path).trials}
    both = {(backend, feed) for backend in ("torch", "tensorflow") for feed in everywhere}
    assert fed == both | {("torch", "dataloader"), ("tensorflow", "tfdata")}


def test_a_search_for_the_largest_batch_ends_where_memory_does(tmp_path: Path) -> None:
    words = ("--memory-limit", "900MB", "-b", "jax", "-p", "width=4096")
    ended = measure(tmp_path, "--find-max-batch", *words)
    assert ended.status == 0, ended.stderr
    run = stored(tmp_path)
    sizes = [int(trial.ledger["batch_size"] or 0) for trial in run.trials]
    assert sizes
    # Under a limit XLA may also end in an allocation that it, or a library of it, does not check.
    assert "out of memory" in {failure.kind for failure in run.failures} <= {"out of memory", "crashed", "error"}
    smallest = min(int(failure.case.get("batch_size") or 0) for failure in run.failures)
    assert max(sizes) < smallest <= 1.125 * max(sizes)
    assert run.end
    assert any(f"largest batch that trains is {max(sizes)}" in note for note in run.end.notes)


FAULTS = ("none", "recompiles", "slows", "leaks", "frozen", "decays")
FAULTS_IN_FIT = ("leaks", "decays")


def with_faults(folder: Path, faults: tuple[str, ...], *words: str) -> Run:
    """Measure models with planted faults."""
    model = str(MODELS / "faulty.py")
    measure(folder, model, "--phase", "train", "-p", f"fault={','.join(faults)}", "--min-steps", "200", *words)
    return stored(folder)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Measure the step of models with planted faults."""
    return with_faults(tmp_path_factory.mktemp("faults"), FAULTS)


@pytest.fixture(scope="module")
def faulty_fit(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Measure `fit` of models with planted faults."""
    return with_faults(tmp_path_factory.mktemp("fit"), FAULTS_IN_FIT, "--execution", "fit")


def test_a_step_that_recompiles_is_flagged(faulty: Run) -> None:
    found = by_backend(faulty.trials, **{"p.fault": "recompiles"})
    assert {backend for backend, trial in found.items() if "recompiled" in trial.flags} == set(BACKENDS)


def test_a_step_that_slows_down_is_measured_when_it_is_slow(faulty: Run) -> None:
    slow, usual = (by_backend(faulty.trials, **{"p.fault": fault}) for fault in ("slows", None))
    for backend in BACKENDS:
        times = [window.step_seconds for window in slow[backend].windows]
        steady = speed(slow[backend])
        assert steady
        # Each slow step sleeps for 10 ms; the quick ones before them are in the windows and not in the figure.
        assert steady.step_seconds > 0.01, backend
        assert steady.step_seconds - min(times) > 0.008, backend
        assert set(usual[backend].flags) <= {"disturbed"}


@pytest.mark.parametrize("execution", ["faulty", "faulty_fit"])
def test_a_step_that_leaks_is_flagged(execution: str, request: pytest.FixtureRequest) -> None:
    found = by_backend(request.getfixturevalue(execution).trials, **{"p.fault": "leaks"})
    assert {backend for backend, trial in found.items() if "leaking" in trial.flags} == set(BACKENDS)


@pytest.mark.parametrize(
    ("execution", "fault", "words"),
    [
        ("faulty", "frozen", "no weight moved"),
        ("faulty", "decays", "the gradients are not used"),
        ("faulty_fit", "decays", "the gradients are not used"),
    ],
)
def test_a_step_whose_gradients_are_not_used_has_no_time(
    execution: str, fault: str, words: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(execution)
    found = {f.case.text("backend"): f.message for f in run.failures if f.case.get("p.fault") == fault}
    assert set(found) == set(BACKENDS)
    assert all(words in message for message in found.values())

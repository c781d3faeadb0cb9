"""A user's own twins: a model written for one framework beside the Keras one."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from dlbench.backends.native import own_jax
from dlbench.backends.native.own import open_own
from dlbench.results.errors import UsageError
from dlbench.results.records.model import Run, Trial
from dlbench.results.records.store import read_run, run_paths
from dlbench.workloads.own import own_model, python_file

from .cli import MODELS, Ended, measure

BACKENDS = ("jax", "torch", "tensorflow")
os.environ.setdefault("KERAS_BACKEND", next(name for name in BACKENDS if find_spec(name)))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Run]:
    """Twin and Keras model, trained to the target on every backend."""
    folder = tmp_path_factory.mktemp("twins")
    phases = "train,infer,converge"
    ended = measure(folder, str(MODELS / "twin.py"), "--execution", "native,step", "--phase", phases)
    return ended, read_run(run_paths(folder / ".dlbench")[-1])


def chosen(run: Run, execution: str, phase: str) -> dict[str, Trial]:
    """Return a run's trials of one execution and phase, by backend."""
    found = [trial for trial in run.trials if trial.case.get("phase") == phase]
    return {trial.case.text("backend"): trial for trial in found if trial.case.get("execution") == execution}


@pytest.mark.workers
def test_twins_train_to_the_target_beside_the_keras_model(compared: tuple[Ended, Run]) -> None:
    ended, run = compared
    assert ended.status == 0, ended.stderr
    for execution in ("native", "step"):
        trained = chosen(run, execution, "converge")
        assert set(trained) == set(BACKENDS)
        assert all(trial.reached for trial in trained.values())
        assert all(trial.windows for trial in chosen(run, execution, "train").values())


@pytest.mark.workers
def test_what_a_twin_does_not_share_with_keras_is_not_claimed(compared: tuple[Ended, Run]) -> None:
    _, run = compared
    keras = chosen(run, "step", "train")
    assert len({trial.ledger["initial_weights"] for trial in keras.values()}) == 1
    assert all("peak_steady_bytes" in trial.marks for trial in keras.values())
    for backend, trial in chosen(run, "native", "train").items():
        assert trial.ledger["initial_weights"] != keras[backend].ledger["initial_weights"]
        assert trial.ledger["layout"] == "own"
        assert not [name for name in trial.marks if name.endswith("_bytes")]


@pytest.mark.workers
def test_a_twin_of_other_sizes_is_refused(tmp_path: Path) -> None:
    words = ("--execution", "native", "--phase", "train", "-p", "fault=sizes")
    ended = measure(tmp_path, str(MODELS / "twin.py"), *words)
    assert ended.status == 4, ended.stderr
    told = {row["backend"]: row["failure_message"] for row in ended.rows}
    assert set(told) == set(BACKENDS)
    assert "native_jax: 388 trainable weights, and the Keras model has 387" in told["jax"]
    assert "native_torch: 384 trainable weights, and the Keras model has 387" in told["torch"]
    assert "outputs of shape [(2,)], and those of the Keras model are [(3,)]" in told["tensorflow"]


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(f"import keras\ndef model(width=4): return keras.Sequential([keras.Input((2,))])\n{text}")
        return path

    return write_file


def test_twins_are_no_candidates_for_the_model(write: Write) -> None:
    path = write("def native_jax(width): ...\ndef native_torch(seed, depth=2): ...")
    offer = python_file.offer(path)
    assert offer.name == "model"
    assert own_model.spec_of(offer).natives == ("jax", "torch")
    assert [item.name for item in offer.parameters] == ["width"]


def test_a_twin_takes_parameters_of_the_model(write: Write) -> None:
    offer = python_file.offer(write("def native_jax(depth): ..."))
    with pytest.raises(UsageError, match="native_jax takes depth, which model does not"):
        own_model.describe(offer, {})


def test_a_twin_gets_parameters_and_the_seed(write: Write) -> None:
    offer = python_file.offer(write("def native_jax(seed, width): return seed, width"))
    assert own_model.workload(offer).natives["jax"]({"width": 8}, 5) == (5, 8)


@pytest.mark.skipif(find_spec("jax") is None, reason="needs JAX")
@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (None, r"f must return \(weights, forward, loss, optimizer\); it returned a value of type NoneType"),
        ((1, 2, 3), "it returned 3 values"),
        (({}, 1, 2, 3), "forward and loss must be functions"),
        (({}, len, len, "sgd"), "the optimizer must be one of optax; it is a str"),
    ],
)
def test_what_is_no_twin_is_told(parts: Any, told: str) -> None:
    assert own_jax.PARTS == ("weights", "forward", "loss", "optimizer")
    with pytest.raises(UsageError, match=told):
        open_own("jax", "f", parts, None, None, None, None)  # type: ignore[arg-type]

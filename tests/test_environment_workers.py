"""A real worker in another interpreter, in which dlbench and most of its packages are not installed."""

from pathlib import Path

import pytest
from dlbench.backends.catalog import get
from dlbench.harness.children.child import Child
from dlbench.harness.environments.interpreters import Interpreter
from dlbench.harness.experiments.candidates import find_candidates
from dlbench.harness.experiments.prepared import prepare_data, recipe_of
from dlbench.harness.options import Selection
from dlbench.harness.progress import Silence
from dlbench.harness.wire import PreparedData
from dlbench.results.records.store import read_run, run_paths

from tests.cli import dlbench, measure
from tests.interpreters import bare_environment, fake_python

pytestmark = pytest.mark.workers


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an interpreter with Keras, JAX and what these need; no dlbench, typer, pandas or scikit-learn."""
    return bare_environment(tmp_path_factory.mktemp("bare"), "keras", "jax", "numpy")


def test_two_environments_are_measured_into_one_table(bare: Path, tmp_path: Path) -> None:
    words = ("-b", "jax", "--env", "current", "--env", f"bare={bare}", "--env", f"gone={tmp_path}/gone")
    ended = measure(tmp_path, *words, "--phase", "train")
    assert ended.status == 0, ended.stderr
    current, other = sorted(ended.rows, key=lambda row: row["environment"] != "current")
    assert [(row["environment"], row["group"]) for row in (current, other)] == [("current", 0), ("bare", 0)]
    assert all(row["train_throughput_samples_per_s"] > 0 for row in (current, other))
    run = read_run(run_paths(tmp_path / ".dlbench")[0])
    assert [environment.name for environment in run.header.environments] == ["current", "bare"]
    assert any("environment gone: there is no interpreter" in note for note in run.header.notes)
    by_name = {trial.ledger["environment"]: trial.ledger for trial in run.trials}
    prints = [by_name[name]["environment_fingerprint"] for name in ("current", "bare")]
    assert prints == [environment.fingerprint for environment in run.header.environments]
    assert prints[0] != prints[1]
    for name in ("version_python", "version_keras", "version_numpy", "version_jax", "initial_weights", "data_sha256"):
        assert by_name["bare"][name] == by_name["current"][name], name
    text = dlbench(tmp_path, "show").stdout
    assert "(current)" in text
    assert "(bare)" in text


OWN = """
import keras
import numpy as np

def build_model(width=4):
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(keras.layers.Dense(width)(inputs)))

def data():
    x, y = np.ones((64, 3), "float32"), np.zeros(64, "int32")
    return (x, y), (x[:32], y[:32])
"""


def test_a_users_file_is_described_and_its_data_made_there(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    interpreter = {"jax": Interpreter("bare", str(bare))}
    selection = Selection(workloads=(str(tmp_path / "mine.py"),))
    found = find_candidates(selection.workloads, {}, [get("jax")], selection, Silence(), interpreter)
    (candidate,) = found.candidates
    assert (candidate.described_on, candidate.described_by) == ("jax", str(bare))
    recipe = recipe_of(candidate, 32)
    assert recipe.python == str(bare)
    made = prepare_data([recipe], Child(), {})[recipe.path]
    assert isinstance(made, PreparedData), made
    assert made.samples == 64


def test_an_environment_that_was_the_only_one_and_cannot_be_used_is_wrong_use(tmp_path: Path) -> None:
    python = fake_python(tmp_path, {"keras": "3.8.0", "numpy": "2.0"})
    ended = measure(tmp_path, "-b", "jax", "--env", f"old={python}")
    assert (ended.status, ended.stdout) == (2, "")
    assert ended.stderr == "dlbench: environment old: its Keras is 3.8.0; workers need keras>=3.10\n"

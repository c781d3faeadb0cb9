"""`dlbench new workload`: the file runs as it is, and nothing is overwritten."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from dlbench.harness.commands.new import new_command
from dlbench.results.errors import UsageError
from dlbench.workloads.own import own_model, python_file

os.environ.setdefault("KERAS_BACKEND", next(name for name in ("jax", "torch", "tensorflow") if find_spec(name)))


def test_the_file_is_a_working_workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_command("workload", "mine") == "wrote mine.py; measure it with: dlbench run mine.py"
    offer = python_file.offer(tmp_path / "mine.py")
    spec = own_model.describe(offer, {}).spec
    assert spec.defaults() == {"depth": 2, "width": 32, "samples": 4000, "learning_rate": 0.003}
    assert (spec.metric, spec.target, spec.epochs, spec.batch_size) == ("accuracy", 0.9, 30, 32)
    data = own_model.workload(offer).data(spec.defaults())
    assert own_model.workload(offer).build(spec.defaults(), data).model.output_shape == (None, 3)


def test_a_file_is_never_overwritten_and_a_name_must_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("precious")
    with pytest.raises(UsageError, match=r"mine\.py is there already"):
        new_command("workload", "mine.py")
    assert (tmp_path / "mine.py").read_text() == "precious"
    with pytest.raises(UsageError, match="'my model' does not do for a workload"):
        new_command("workload", "my model")

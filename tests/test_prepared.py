"""Prepared data: what is made of downloads, and what happens to the rest where one is not to be had."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dlbench.harness.children.child import Exit
from dlbench.harness.experiments.plan import Candidate, combinations
from dlbench.harness.experiments.prepared import downloads_for, prepare_data, recipe_of
from dlbench.harness.roles import prepare
from dlbench.harness.wire import DataRecipe, PreparedData
from dlbench.workloads import catalog, data_file
from dlbench.workloads.reference import Reference

from .cli import dlbench, measure
from .small_downloads import TRAIN, small_downloads

CLOSED = "http://127.0.0.1:9"
"""A proxy that is not there: no download leaves this machine, wherever the tests run."""


class HereChild:
    """A data process that is this one."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, role: str, request: Any, **settings: Any) -> Exit:
        """Make the data here."""
        assert role == "prepare"
        settings["log"].touch()
        self.runs += 1
        return Exit(prepare.main(request), 0.0, timed_out=False, stopped=False, out_of_memory=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return Keras' folder with the small files in it, and a cache of its own."""
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path / "cache"))
    with small_downloads(tmp_path / "keras") as kept:
        yield kept


def recipe(name: str, **given: str) -> DataRecipe:
    """Return the recipe of a workload's data."""
    spec = catalog.get(name).spec
    full, chosen = next(combinations(spec, {key: (value,) for key, value in given.items()}))
    return recipe_of(Candidate(Reference(name), spec, full, chosen), spec.batch_size)


def made(*recipes: DataRecipe, child: HereChild | None = None, **lacking: str) -> list[PreparedData | str]:
    """Prepare the data of recipes, in order."""
    found = prepare_data(recipes, child or HereChild(), lacking)  # type: ignore[arg-type]
    return [found[item.path] for item in recipes]


def test_data_is_made_of_a_download_once(folder: Path) -> None:
    child, wanted = HereChild(), recipe("mnist_cnn")
    assert downloads_for([wanted, recipe("cancer_mlp"), wanted]) == ["mnist"]
    (data,) = made(wanted, child=child)
    assert isinstance(data, PreparedData)
    assert data.samples == TRAIN
    stored, digest = data_file.read(Path(data.path))
    assert digest == data.sha256
    assert stored.facts["classes"] == 10
    (folder / "mnist.npz").unlink()
    assert downloads_for([wanted]) == []
    assert made(wanted, child=child) == [data]
    assert child.runs == 1


def test_each_size_has_data_of_its_own_and_the_models_size_changes_none(folder: Path) -> None:
    paths = {recipe("imdb_lstm", **given).path for given in ({}, {"length": "20"}, {"samples": "100"}, {"width": "8"})}
    assert len(paths) == 3


def test_what_lacks_its_download_says_why_and_the_others_are_made(folder: Path) -> None:
    lost, fine = made(recipe("mnist_cnn"), recipe("imdb_lstm"), mnist="could not download mnist")
    assert lost == "could not download mnist"
    assert isinstance(fine, PreparedData)


def test_a_damaged_file_is_told_and_the_others_are_made(folder: Path) -> None:
    (folder / "mnist.npz").write_bytes((folder / "mnist.npz").read_bytes()[:-9])
    broken, fine = made(recipe("mnist_cnn"), recipe("cifar10_resnet"))
    assert isinstance(broken, str)
    assert broken.startswith(f"its data could not be made: {folder / 'mnist.npz'} is damaged or incomplete")
    assert "dlbench data fetch mnist" in broken
    assert isinstance(fine, PreparedData)
    assert made(recipe("mnist_cnn")) == [broken]


def test_a_dry_run_tells_what_will_be_downloaded_and_downloads_nothing(tmp_path: Path) -> None:
    words = ("run", "imdb_lstm", "-b", "torch", "--dry-run")
    plan = dlbench(tmp_path, *words, KERAS_HOME=str(tmp_path / "keras"), https_proxy=CLOSED)
    assert plan.status == 0, plan.stderr
    assert "to be downloaded: imdb, 17.5 MB, from https://" in plan.stdout
    assert not (tmp_path / "keras").exists()


@pytest.mark.workers
def test_without_a_network_what_has_its_data_is_measured(
    folder: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLBENCH_CACHE", str(own_cache))  # It knows the backends already.
    names = ("cifar10_resnet", "imdb_lstm")
    assert all(isinstance(data, PreparedData) for data in made(*(recipe(name, samples="200") for name in names)))
    environ = {"KERAS_HOME": str(tmp_path / "empty"), "https_proxy": CLOSED, "no_proxy": ""}
    words = ("-b", "torch", "--phase", "train", "-p", "width=4", "-p", "samples=200", "--progress", "plain")
    ended = measure(tmp_path, "mnist_cnn", *names, *words, **environ)
    assert ended.status == 4
    assert "downloading mnist (" in ended.stderr
    lost, *trained = ended.rows
    assert "Connection refused; fetch it on a machine with internet with" in lost["failure_message"]
    assert str(tmp_path / "empty" / "datasets" / "mnist.npz") in lost["failure_message"]
    assert [row["workload"].split()[0] for row in trained] == list(names)
    assert all(row["train_throughput_samples_per_s"] > 0 for row in trained)

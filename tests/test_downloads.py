"""Downloaded files: the table is that of Keras, a file is read only with the right hash, and read as Keras reads it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlbench.results.errors import BrokenError, UsageError
from dlbench.workloads import catalog, cifar10_resnet, downloads, imdb_lstm, mnist_cnn
from dlbench.workloads.draws import part
from hypothesis import given
from hypothesis import strategies as st

from .small_downloads import FILES, TEST, TRAIN, WORDS, WORKLOADS, cifar10_batches, small_downloads

# Any backend will do; Keras' own default would be TensorFlow, the slowest to import.
INSTALLED = [name for name in ("jax", "torch", "tensorflow") if find_spec(name)]
os.environ.setdefault("KERAS_BACKEND", INSTALLED[0])

every_name = pytest.mark.parametrize("name", sorted(FILES))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return Keras' folder of data sets with the small files in it."""
    with small_downloads(tmp_path) as kept:
        yield kept


class StopHereError(Exception):
    """Ends Keras' loading once it has asked for its file."""


@every_name
def test_address_hash_and_place_are_those_of_the_keras_installed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    utils = import_module("keras.src.utils.file_utils")
    asked: dict[str, Any] = {}

    def retrieve(origin: str, target: str, *rest: object) -> None:
        asked.update(origin=origin, target=Path(target))
        raise StopHereError

    def checked(path: str, **settings: Any) -> str:
        asked.update(settings)
        result: str = get_file(path if "fname" not in settings else None, **settings)
        return result

    get_file = utils.get_file
    module = import_module(f"keras.src.datasets.{name}")
    monkeypatch.setattr(utils, "urlretrieve", retrieve)
    monkeypatch.setattr(module, "get_file", lambda **settings: checked(settings.pop("fname"), **settings))
    monkeypatch.setattr(utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(StopHereError):
        module.load_data()
    download = downloads.get(name)
    assert asked["origin"] == download.address
    assert asked["file_hash"] == download.sha256
    assert asked["target"] == downloads.new_path(download)


def test_the_folder_is_that_of_keras_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", "/mnt/shared")
    assert downloads.folder() == Path("/mnt/shared/datasets")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert downloads.folder() == Path("/home/someone/.keras/datasets")


def test_a_file_that_is_not_here_names_the_command_that_fetches_it(folder: Path) -> None:
    (folder / "mnist.npz").unlink()
    with pytest.raises(BrokenError, match=f"not in {folder}; fetch it with: dlbench data fetch mnist"):
        downloads.read("mnist")


@every_name
@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_file_with_another_hash_is_not_read(name: str, damage: str, folder: Path) -> None:
    path = downloads.path_of(downloads.get(name))
    assert path is not None
    content = path.read_bytes()
    flipped = bytes([content[100] ^ 1])
    kept = {"cut": content[:-1], "changed": content[:100] + flipped + content[101:], "empty": b""}
    path.write_bytes(kept[damage])
    with pytest.raises(BrokenError, match=f"{path} is damaged or incomplete.*dlbench data fetch {name}"):
        catalog.get(WORKLOADS[name]).data(catalog.get(WORKLOADS[name]).spec.defaults())


def test_an_unknown_data_set_answers_with_the_near_ones() -> None:
    with pytest.raises(UsageError, match="did you mean 'cifar10'"):
        downloads.get("cifar")


def test_a_file_under_another_of_its_names_is_found(folder: Path) -> None:
    first, *others = downloads.get("cifar10").files
    for other in others:
        (folder / first).rename(folder / other)
        assert downloads.path_of(downloads.get("cifar10")) == folder / other
        assert downloads.read("cifar10") == FILES["cifar10"]()
        first = other


# The formats


def test_mnist_is_read_as_keras_reads_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("keras.src.datasets.mnist")
    monkeypatch.setattr(module, "get_file", lambda **settings: str(folder / "mnist.npz"))
    (x, y), (test_x, test_y) = module.load_data()
    for ours, theirs in zip(mnist_cnn.images(downloads.read("mnist")), (x, y, test_x, test_y), strict=True):
        assert np.array_equal(ours, theirs)


def test_cifar10_is_in_the_order_of_its_files_with_colours_last(folder: Path) -> None:
    pixels, classes, test_pixels, test_classes = cifar10_resnet.images(downloads.read("cifar10"))
    assert (pixels.shape, test_pixels.shape) == ((TRAIN, 32, 32, 3), (TEST, 32, 32, 3))
    batches = cifar10_batches()
    size = TRAIN // 5
    for number in range(5):
        rows, wanted = batches[f"data_batch_{number + 1}"]
        assert classes[number * size : (number + 1) * size].tolist() == wanted
        for colour in range(3):
            plane = rows[:, colour * 1024 : (colour + 1) * 1024].reshape(-1, 32, 32)
            assert np.array_equal(pixels[number * size : (number + 1) * size, :, :, colour], plane)
    assert test_classes.tolist() == batches["test_batch"][1]


@pytest.mark.parametrize("vocabulary", [4, 20, 1000])
def test_reviews_have_the_numbers_that_keras_gives(
    vocabulary: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("keras.src.datasets.imdb")
    monkeypatch.setattr(module, "get_file", lambda **settings: str(folder / "imdb.npz"))
    (texts, good), _ = module.load_data(num_words=vocabulary)
    own_texts, own_good, _, _ = imdb_lstm.reviews(downloads.read("imdb"))
    own = imdb_lstm.tokens(own_texts, 40, vocabulary)
    # Keras shuffles, so the rows are compared in another order.
    theirs = sorted([0] * (40 - len(text)) + list(text) + [label] for text, label in zip(texts, good, strict=True))
    assert sorted([*row, label] for row, label in zip(own.tolist(), own_good, strict=True)) == theirs


@given(
    st.lists(st.lists(st.integers(1, 50), max_size=12), min_size=1, max_size=5), st.integers(2, 16), st.integers(4, 60)
)
def test_tokens_end_as_the_review_does(texts: list[list[int]], length: int, vocabulary: int) -> None:
    found = imdb_lstm.tokens(texts, length, vocabulary)
    assert found.shape == (len(texts), length)
    assert found.dtype == np.int32
    assert found.max() < max(vocabulary, imdb_lstm.FIRST_WORD)
    for row, text in zip(found.tolist(), texts, strict=True):
        words = [word + 3 if word + 3 < vocabulary else 2 for word in text]
        whole = [1, *words]
        assert row == ([0] * (length - len(whole)) + whole)[-length:]


@given(st.integers(1, 200), st.integers(1, 300), st.integers(0, 5))
def test_a_part_has_no_sample_twice(count: int, most: int, seed: int) -> None:
    chosen = part(count, most, seed)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, most)
    assert set(chosen.tolist()) <= set(range(count))
    assert np.array_equal(chosen, part(count, count, seed)[:most])


@every_name
def test_fewer_samples_are_a_part_of_both_sets(name: str, folder: Path) -> None:
    workload = catalog.get(WORKLOADS[name])
    whole = workload.data(workload.spec.defaults())
    assert (len(whole.train_x[0]), len(whole.test_x[0])) == (TRAIN, TEST)
    some = workload.data(workload.spec.defaults() | {"samples": 100})
    assert {len(array) for array in (*some.train_x, *some.train_y, *some.test_x, *some.test_y)} == {100}
    assert np.array_equal(some.train_x[0], whole.train_x[0][:100])
    # A part of the file's own order would be all of one kind.
    assert len(np.unique(some.train_y[0])) == len(np.unique(whole.train_y[0])) > 1


@every_name
def test_values_are_scaled(name: str, folder: Path) -> None:
    workload = catalog.get(WORKLOADS[name])
    x = workload.data(workload.spec.defaults()).train_x[0]
    limits = {"mnist": (0, 1), "cifar10": (-1, 1), "imdb": (0, WORDS + 2)}
    assert (x.min(), x.max()) == limits[name]


def test_a_download_without_a_known_size_is_allowed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsized = tuple(replace(item, size_bytes=None) for item in downloads.DOWNLOADS)
    monkeypatch.setattr(downloads, "DOWNLOADS", unsized)
    assert downloads.read("mnist") == FILES["mnist"]()

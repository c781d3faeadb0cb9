"""Small files in the layouts of the real data sets, and a table that knows their hashes."""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from dlbench.workloads import catalog, data_file, downloads
from dlbench.workloads.downloads import Download

TRAIN, TEST = 640, 128
WORDS = 60


@cache
def mnist_file() -> bytes:
    """Return an archive of arrays such as mnist.npz."""
    rng = np.random.default_rng(1)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        x_train=rng.integers(0, 256, (TRAIN, 28, 28), dtype=np.uint8),
        y_train=rng.integers(0, 10, TRAIN, dtype=np.uint8),
        x_test=rng.integers(0, 256, (TEST, 28, 28), dtype=np.uint8),
        y_test=rng.integers(0, 10, TEST, dtype=np.uint8),
    )
    return file.getvalue()


@cache
def cifar10_batches() -> dict[str, tuple[np.ndarray, list[int]]]:
    """Return the rows, colours first, and the classes of each file in the archive."""
    rng = np.random.default_rng(2)
    sizes = {f"data_batch_{number}": TRAIN // 5 for number in range(1, 6)} | {"test_batch": TEST}
    return {
        name: (rng.integers(0, 256, (size, 3072), dtype=np.uint8), rng.integers(0, 10, size).tolist())
        for name, size in sizes.items()
    }


@cache
def cifar10_file() -> bytes:
    """Return a compressed archive of pickles such as cifar-10-python.tar.gz: not in order, with other files."""
    members = {"batches.meta": pickle.dumps({b"label_names": [b"airplane"]}, protocol=2), "readme.html": b"<html>"}
    batches = cifar10_batches()
    for name in sorted(batches, reverse=True):
        rows, classes = batches[name]
        members[name] = pickle.dumps({b"batch_label": b"", b"labels": classes, b"data": rows}, protocol=2)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@cache
def imdb_file() -> bytes:
    """Return an archive with lists of different lengths, pickled, such as imdb.npz: the bad reviews come first."""
    rng = np.random.default_rng(3)

    def texts(count: int) -> np.ndarray:
        found = np.empty(count, dtype=object)
        found[:] = [rng.integers(1, WORDS, rng.integers(5, 30)).tolist() for _ in range(count)]
        return found

    file = io.BytesIO()
    np.savez_compressed(
        file,
        x_train=texts(TRAIN),
        y_train=np.repeat([0, 1], TRAIN // 2),
        x_test=texts(TEST),
        y_test=np.repeat([0, 1], TEST // 2),
    )
    return file.getvalue()


FILES: dict[str, Callable[[], bytes]] = {"mnist": mnist_file, "cifar10": cifar10_file, "imdb": imdb_file}
WORKLOADS = {"mnist": "mnist_cnn", "cifar10": "cifar10_resnet", "imdb": "imdb_lstm"}


def small(download: Download, address: str | None = None) -> Download:
    """Return a download of the small file of the same name."""
    content = FILES[download.name]()
    found = hashlib.sha256(content).hexdigest()
    return replace(download, address=address or download.address, sha256=found, size_bytes=len(content))


@contextmanager
def small_downloads(home: Path) -> Iterator[Path]:
    """Put the small files into Keras' folder in `home`, and let the table know them; return that folder."""
    table = tuple(small(download) for download in downloads.DOWNLOADS)
    folder = home / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    for download in table:
        (folder / download.files[0]).write_bytes(FILES[download.name]())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        patch.setattr(downloads, "DOWNLOADS", table)
        yield folder


def write_prepared(folder: Path) -> None:
    """Write the small data of every workload that downloads, prepared for a worker, as WORKLOAD.npz."""
    with small_downloads(folder):
        for name in WORKLOADS.values():
            workload = catalog.get(name)
            data_file.write(folder / f"{name}.npz", workload.data(workload.spec.defaults()))

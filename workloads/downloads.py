"""The files of real data sets that are downloaded: where from, with which SHA-256, and where they lie on this machine.

They lie where `keras.datasets` keeps them, so a file that Keras downloaded is used, and Keras uses those of dlbench.
Addresses and hashes are those of Keras; a test compares them with the Keras that is installed.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..results.errors import BrokenError, unknown

KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


@dataclass(frozen=True, slots=True)
class Download:
    """One file from the internet; the hash decides whether it is the right one."""

    name: str
    files: tuple[str, ...]
    """Names that it may have in the folder of data sets; a download gets the first one, Keras' own."""
    address: str
    sha256: str
    size_bytes: int | None
    """None where it is not known for sure."""
    licence: str
    """Licence, and whom to cite."""


DOWNLOADS = (
    Download(
        "mnist",
        ("mnist.npz",),
        KERAS_ADDRESS + "mnist.npz",
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        11_490_434,
        "CC BY-SA 3.0; LeCun & Cortes",
    ),
    Download(
        "cifar10",
        ("cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz", "cifar-10-python.tar.gz"),
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        170_498_071,
        "no licence stated; Krizhevsky 2009",
    ),
    Download(
        "imdb",
        ("imdb.npz",),
        KERAS_ADDRESS + "imdb.npz",
        "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
        17_464_789,
        "no licence stated; Maas et al. 2011",
    ),
)


def names() -> tuple[str, ...]:
    """Return the names of all data sets that are downloaded."""
    return tuple(download.name for download in DOWNLOADS)


def get(name: str) -> Download:
    """Return a download by the name of its data set."""
    for download in DOWNLOADS:
        if download.name == name:
            return download
    raise unknown("data set", name, names())


def folder() -> Path:
    """Return Keras' folder of data sets: in $KERAS_HOME, else in `.keras` of the home folder."""
    home = os.environ.get("KERAS_HOME")
    return Path(home or "~/.keras").expanduser() / "datasets"


def new_path(download: Download) -> Path:
    """Return where a download is put."""
    return folder() / download.files[0]


def path_of(download: Download) -> Path | None:
    """Return where the file lies, under any of its names; None: it is not here."""
    return next((path for name in download.files if (path := folder() / name).is_file()), None)


def read(name: str) -> bytes:
    """Return the content of a data set's file, once its hash is found right: only then is it safe to unpickle.

    Raises:
        BrokenError: the file is not here, cannot be read, or is not the right one.

    """
    download = get(name)
    path = path_of(download)
    if path is None:
        raise BrokenError(f"data set {name} is not in {folder()}; fetch it with: dlbench data fetch {name}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BrokenError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != download.sha256:
        raise BrokenError(damaged(download, path))
    return content


def damaged(download: Download, path: Path) -> str:
    """Return what to say of a file that does not have the right hash."""
    return (
        f"{path} is damaged or incomplete (its SHA-256 is not that of {download.name}); "
        f"fetch it anew with: dlbench data fetch {download.name}"
    )

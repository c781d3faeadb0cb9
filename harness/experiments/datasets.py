"""The downloaded files on this machine: in which state they are, and getting those that are missing."""

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ...results import units
from ...results.errors import BrokenError
from ...workloads import downloads
from ...workloads.downloads import Download
from ..cache import load_entry, save_entry, stamp_of
from ..progress import Observer
from .fetch import fetch

VERIFIED, UNVERIFIED, DAMAGED, ABSENT = "verified", "not yet verified", "damaged", "not here"
"""States of a file. Verified: its hash was right, and neither size nor time of change are others since."""
CHECKS = "downloads"
"""Kind of cache entry that keeps what a check found."""
NEWS_S = 10.0
"""Seconds between two lines about one download."""


def look(download: Download) -> str:
    """Return the state of a file without reading it."""
    path = downloads.path_of(download)
    if path is None:
        return ABSENT
    stamp = stamp_of(path)
    if stamp is not None and download.size_bytes not in (None, stamp[0]):
        return DAMAGED
    entry = load_entry(CHECKS, download.name)
    if not isinstance(entry, dict) or entry.get("file") != [str(path), stamp]:
        return UNVERIFIED
    return VERIFIED if entry.get("sha256") == download.sha256 else DAMAGED


def check(download: Download) -> str:
    """Return the state of a file from its hash, and remember it.

    Raises:
        BrokenError: the file cannot be read.

    """
    path = downloads.path_of(download)
    if path is None:
        return ABSENT
    stamp = stamp_of(path)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BrokenError(f"cannot read {path}: {error.strerror or error}") from error
    save_entry(CHECKS, download.name, {"file": [str(path), stamp], "sha256": found})
    return VERIFIED if found == download.sha256 else DAMAGED


def obtain(download: Download, observer: Observer, clock: Callable[[], float] = time.monotonic) -> Path:
    """Download a file; say so before it begins, every ten seconds, and at the end.

    Raises:
        BrokenError: see `fetch`.

    """
    observer.note(f"downloading {download.name} ({known_size(download)}) from {download.address}")
    said = clock()

    def report(came: int, total: int | None) -> None:
        nonlocal said
        if clock() - said >= NEWS_S:
            said = clock()
            observer.note(f"{download.name}: {units.size(came)}{f' of {units.size(total)}' if total else ''}")

    path = fetch(download, report)
    check(download)
    observer.note(f"{download.name}: verified, kept in {path}")
    return path


def obtain_all(names: Iterable[str], observer: Observer) -> dict[str, str]:
    """Download data sets that are not here; return by name why one could not be had."""
    lacking = {}
    for name in names:
        download = downloads.get(name)
        if downloads.path_of(download) is not None:
            continue
        try:
            obtain(download, observer)
        except BrokenError as error:
            lacking[name] = str(error)
            observer.note(str(error))
    return lacking


def known_size(download: Download) -> str:
    """Return a file's size for people."""
    return units.size(download.size_bytes) if download.size_bytes is not None else "size unknown"

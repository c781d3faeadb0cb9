"""Download the file of a data set.

Not by `keras.utils.get_file`: importing Keras loads a framework (its NumPy backend imports JAX) and takes seconds; and
`get_file` writes under the file's final name and waits for ever where a connection stalls. Here a download has a name
of its own until its hash is found right.
"""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO

from ...results import units
from ...results.errors import BrokenError
from ...workloads import downloads
from ...workloads.downloads import Download

STALL_S = 30.0
"""A connection that brings nothing for so long is given up."""
CHUNK_BYTES = 1 << 18
Report = Callable[[int, int | None], None]
"""Is told the bytes that have come, and how many there will be (None: the server does not say)."""


def fetch(download: Download, report: Report, stall_s: float = STALL_S) -> Path:
    """Download a file to where Keras keeps it, and return its path; a damaged one there is replaced.

    Raises:
        BrokenError: it cannot be reached, stalls, or what comes is not the file; nothing is left behind.

    """
    target = downloads.new_path(download)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            came, found = _copy(download, file, report, stall_s)
        if found != download.sha256:
            raise BrokenError(_failed(download, _wrong(download, came)))
        part.replace(target)
    except OSError as error:
        raise BrokenError(
            f"cannot write {target}: {error.strerror or error}; choose another folder with KERAS_HOME"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return target


def _copy(download: Download, file: IO[bytes], report: Report, stall_s: float) -> tuple[int, str]:
    """Write what comes to a file; return its size in bytes and its SHA-256."""
    came, digest = 0, hashlib.sha256()
    with _reached(download, stall_s):
        response = urllib.request.urlopen(download.address, timeout=stall_s)  # noqa: S310 - from the table
    with response:
        said = response.headers.get("Content-Length")
        total = int(said) if said and said.isdecimal() else download.size_bytes
        for chunk in _chunks(download, response, stall_s):
            came += len(chunk)
            if download.size_bytes is not None and came > download.size_bytes:
                break
            digest.update(chunk)
            file.write(chunk)
            report(came, total)
    return came, digest.hexdigest()


def _chunks(download: Download, response: IO[bytes], stall_s: float) -> Iterator[bytes]:
    while True:
        with _reached(download, stall_s):
            chunk = response.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


@contextmanager
def _reached(download: Download, stall_s: float) -> Iterator[None]:
    """Say of every fault of the network what it was and what can be done."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise BrokenError(_failed(download, f"the server answered {error.code} {error.reason}")) from error
    except (OSError, HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            raise BrokenError(_failed(download, f"nothing came for {units.seconds(stall_s)}")) from error
        text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise BrokenError(_failed(download, text)) from error


def _wrong(download: Download, came: int) -> str:
    if download.size_bytes is not None and came < download.size_bytes:
        return f"it ended after {came:,} of {download.size_bytes:,} bytes"
    return "what came is not the file (another SHA-256); a proxy or a log-in page may have answered"


def _failed(download: Download, why: str) -> str:
    return (
        f"could not download {download.name} from {download.address}: {why}; fetch it on a machine with internet with "
        f"`dlbench data fetch {download.name}` and copy the file to {downloads.new_path(download)}"
    )

"""The cache folder: prepared data, probes and descriptions, all of which can be made anew."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ..results.errors import UsageError


def cache_path() -> Path:
    """Return the cache's folder: $DLBENCH_CACHE, else `dlbench` in the user's cache folder."""
    given = os.environ.get("DLBENCH_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dlbench"


def key_of(data: Any) -> str:
    """Return sixteen hex digits from the canonical JSON of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def load_entry(kind: str, key: str) -> Any | None:
    """Return a cached entry; None where there is none or it is damaged."""
    try:
        return json.loads((cache_path() / kind / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def save_entry(kind: str, key: str, data: Any) -> None:
    """Keep an entry of plain JSON data; another process sees the whole entry or none."""
    folder = cache_path() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, key, json.dumps(data))
    except OSError as error:
        raise UsageError(
            f"cannot write to the cache {str(cache_path())!r}: {error.strerror or error}; "
            "choose another folder with DLBENCH_CACHE"
        ) from error


def stamp_of(path: Path) -> list[int] | None:
    """Return a file's size in bytes and its time of change in nanoseconds; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _write(folder: Path, key: str, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(folder / f"{key}.json")

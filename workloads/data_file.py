"""Prepared data on disk: one `.npz` per recipe, the same bytes for every worker."""

import hashlib
import json
import tempfile
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..results.errors import BrokenError
from .workload import Arrays, Data

PARTS = ("train_x", "train_y", "test_x", "test_y")
FACTS = "facts"


def digest(data: Data) -> str:
    """Return the SHA-256 of the arrays: their names, types, shapes and bytes."""
    total = hashlib.sha256()
    for part in PARTS:
        for index, array in enumerate(getattr(data, part)):
            total.update(f"{part}_{index} {array.dtype.str} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def write(path: Path, data: Data) -> None:
    """Write data to a file; another process sees the whole file or none."""
    arrays = {f"{part}_{i}": array for part in PARTS for i, array in enumerate(getattr(data, part))}
    known = json.dumps({"best": data.best, "target": data.target, "facts": dict(data.facts), "sha256": digest(data)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.savez(file, **{FACTS: np.array(known)}, **arrays)  # type: ignore[arg-type]
    Path(file.name).replace(path)


def read(path: Path) -> tuple[Data, str]:
    """Read data and the digest it was written with.

    Raises:
        BrokenError: the file is missing or damaged.

    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            known = json.loads(str(stored[FACTS]))
            parts = {part: _arrays(stored, part) for part in PARTS}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BrokenError(f"the prepared data {path} cannot be read ({error}); delete the file") from error
    data = Data(best=known["best"], target=known["target"], facts=known["facts"], **parts)
    return data, known["sha256"]


def _arrays(stored: "np.lib.npyio.NpzFile", part: str) -> Arrays:
    names = [name for name in stored.files if name.rpartition("_")[0] == part]
    return tuple(stored[f"{part}_{index}"] for index in range(len(names)))

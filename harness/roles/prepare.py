"""The prepare role: make the data of workloads, once, in the controller's environment."""

import json
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...backends import catalog as backends
from ...results.errors import DlbenchError
from ...results.records.codec import from_json, to_json
from ...workloads import catalog, data_file, synthetic
from ...workloads.reference import Reference, resolve
from ...workloads.workload import Data
from ..wire import DataRecipe, PreparedData
from .describe import import_keras
from .isolation import hide


def main(data: Mapping[str, Any]) -> int:
    """Make one file per recipe; the reply is one JSON line each, data or error."""
    status = 0
    with Path(data["reply"]).open("w", encoding="utf-8") as reply:
        for item in data["recipes"]:
            recipe = from_json(DataRecipe, item)
            try:
                start = time.perf_counter()
                answer = to_json(prepare(recipe))
                answer["seconds"] = time.perf_counter() - start
            except Exception as error:  # noqa: BLE001 - one workload's failure, the others go on
                traceback.print_exc()
                text = " ".join(str(error).split())
                answer = {"error": text if isinstance(error, DlbenchError) else f"{type(error).__name__}: {text}"}
                status = 1
            reply.write(json.dumps(answer) + "\n")
            reply.flush()
    return status


def prepare(recipe: DataRecipe) -> PreparedData:
    """Make and write the data of one recipe."""
    made = _make(recipe)
    path = Path(recipe.path)
    data_file.write(path, made)
    return PreparedData(recipe.path, data_file.digest(made), len(made.train_x[0]), made.best, made.target)


def _make(recipe: DataRecipe) -> Data:
    if recipe.reference is not None:
        return _own(recipe, recipe.reference)
    if recipe.signature is not None:
        return synthetic.make(recipe.signature, recipe.samples, recipe.seed)
    return catalog.get(recipe.workload).data(recipe.parameters)


def _own(recipe: DataRecipe, reference: Reference) -> Data:
    """Return the data of a user's own source, which runs as it does in a worker, on one backend."""
    if recipe.backend is not None:
        finder = hide(backends.foreign_modules(recipe.backend) - set(recipe.allow_import))
        import_keras(finder, recipe.allow_import)
    return resolve(reference).data(recipe.parameters)

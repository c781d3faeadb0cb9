"""The prepare role: make the data of workloads, once, in the controller's environment."""

import json
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..results.codec import from_json, to_json
from ..results.errors import DlbenchError
from ..workloads import catalog, data_file, synthetic
from ..workloads.workload import Data
from .wire import DataRecipe, PreparedData


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
    if recipe.signature is not None:
        return synthetic.make(recipe.signature, recipe.samples, recipe.seed)
    return catalog.get(recipe.workload).data(recipe.parameters)

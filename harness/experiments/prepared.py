"""Prepared data on the controller's side: what is in the cache is used, the rest is made in one data process."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...backends import catalog as backends
from ...results.errors import BrokenError
from ...results.records.codec import from_json, to_json
from ...workloads import catalog
from ...workloads.synthetic import sample_count
from ..cache import cache_path, key_of, load_entry, save_entry, stamp_of
from ..children.child import Child
from ..children.launch import child_environ
from ..wire import DataRecipe, PreparedData
from .plan import Candidate

PREPARE_TIMEOUT_S = 1800.0
SYNTHETIC_SEED = 20_265
OWN = "own"
"""The kind of data that a user's source gives itself."""
DataRecipeKey = str
"""Path of the file that a recipe's data belongs in."""


def recipe_of(candidate: Candidate, batch_size: int) -> DataRecipe:
    """Return the recipe of a workload's data: its own, or random data of a user's model's form, a batch at least."""
    spec, signature = candidate.spec, candidate.signature
    if signature is not None and spec.data != OWN:
        samples = max(sample_count(signature), batch_size)
        recipe = DataRecipe(spec.name, {}, spec.version, signature=signature, samples=samples, seed=SYNTHETIC_SEED)
    elif candidate.reference.own:
        # What its source does with the model's parameters is not known here: any of them may change the data.
        recipe = DataRecipe(
            spec.name,
            dict(candidate.parameters),
            spec.version,
            reference=candidate.reference,
            content=candidate.content,
            backend=candidate.described_on,
            python=candidate.described_by,
        )
    else:
        wanted = {item.name: candidate.parameters[item.name] for item in spec.parameters if item.data}
        recipe = DataRecipe(spec.name, wanted, spec.version)
    key = key_of(to_json(recipe))
    return replace(recipe, path=str((cache_path() / "data" / f"{candidate.reference.slug}-{key}.npz").resolve()))


def downloads_for(recipes: Iterable[DataRecipe]) -> list[str]:
    """Return the names of the downloads that data is made of which the cache does not have."""
    wanted = (_download_of(recipe) for recipe in recipes if _cached(recipe) is None)
    return list(dict.fromkeys(name for name in wanted if name is not None))


def prepare_data(
    recipes: Sequence[DataRecipe], child: Child, lacking: Mapping[str, str]
) -> dict[DataRecipeKey, PreparedData | str]:
    """Return the prepared data of each recipe by its path, or the reason why there is none.

    Args:
        recipes: what is needed; what the cache has is not made again.
        child: runs the data process; stopped, it leaves the rest without data.
        lacking: why a download could not be had, by its name.

    """
    found: dict[DataRecipeKey, PreparedData | str] = {}
    missing: dict[DataRecipeKey, DataRecipe] = {}
    for recipe in recipes:
        known = _cached(recipe)
        download = _download_of(recipe)
        if known is not None:
            found[recipe.path] = known
        elif download is not None and download in lacking:
            found[recipe.path] = lacking[download]
        else:
            missing[recipe.path] = recipe
    for group in _processes(missing.values()):
        found |= _make(group, child)
    return found


def _processes(recipes: Iterable[DataRecipe]) -> list[list[DataRecipe]]:
    """Return which recipes share a process: all of dlbench's own; each of a user's source has one."""
    own = [[recipe] for recipe in recipes if recipe.reference is not None]
    shared = [recipe for recipe in recipes if recipe.reference is None]
    return [shared, *own] if shared else own


def _download_of(recipe: DataRecipe) -> str | None:
    own = recipe.signature is not None or recipe.reference is not None
    return None if own else catalog.get(recipe.workload).spec.download


def _cached(recipe: DataRecipe) -> PreparedData | None:
    """Return what the cache has, if the file is still the one that was written."""
    entry = load_entry("data", Path(recipe.path).stem)
    if entry is None or entry.get("file") != stamp_of(Path(recipe.path)):
        return None
    try:
        return from_json(PreparedData, entry)
    except BrokenError:
        return None


def _environ(backend: str | None, folder: Path, *, own: bool) -> dict[str, str]:
    """Return the environment of a data process; data sets that Keras fetches stay in the user's own folder."""
    if backend is None:
        return dict(os.environ)
    environ = child_environ(backends.get(backend), "cpu", folder, own=own)
    environ.pop("KERAS_HOME")
    return environ | ({"KERAS_HOME": os.environ["KERAS_HOME"]} if "KERAS_HOME" in os.environ else {})


def _make(recipes: Sequence[DataRecipe], child: Child) -> dict[DataRecipeKey, PreparedData | str]:
    with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
        reply, log = Path(folder) / "reply.jsonl", Path(folder) / "log.txt"
        request = {"recipes": [to_json(recipe) for recipe in recipes], "reply": str(reply)}
        python = recipes[0].python
        environ = _environ(recipes[0].backend, Path(folder), own=python is None)
        child.run(
            "prepare", request, python=python or sys.executable, environ=environ, log=log, timeout_s=PREPARE_TIMEOUT_S
        )
        lines = reply.read_text(encoding="utf-8").splitlines() if reply.exists() else []
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
    answers = [json.loads(line) for line in lines]
    found: dict[DataRecipeKey, PreparedData | str] = {}
    for index, recipe in enumerate(recipes):
        if index >= len(answers):
            found[recipe.path] = f"the data process ended early: {last[0][:200]}"
        elif "error" in answers[index]:
            found[recipe.path] = f"its data could not be made: {answers[index]['error']}"
        else:
            save_entry("data", Path(recipe.path).stem, {**answers[index], "file": stamp_of(Path(recipe.path))})
            found[recipe.path] = from_json(PreparedData, answers[index])
    return found

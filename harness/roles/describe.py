"""The describe role: what a user's own model offers, found by making it in a child process of one backend."""

import hashlib
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...backends import catalog
from ...results.errors import DlbenchError, UsageError
from ...results.records.codec import from_json, to_json
from ...workloads.catalog import parameters_for
from ...workloads.own import own_model
from ...workloads.reference import Reference, offer_of
from ...workloads.workload import Workload
from ..wire import Description
from .isolation import OPTIONAL_FOR_KERAS, HidingFinder, also_hidden, hide


def main(data: Mapping[str, Any]) -> int:
    """Write a Description, or `{"error": …}`, as JSON to the file `reply`."""
    finder = hide(catalog.foreign_modules(data["backend"]) - set(data["allow_import"]))
    reference = from_json(Reference, data["reference"])
    try:
        import_keras(finder, data["allow_import"])
        answer = to_json(describe(reference, data["parameters"]))
    except DlbenchError as error:
        answer = {"error": f"{error}{hint(error.__cause__, finder)}"}
    except Exception as error:  # noqa: BLE001 - whatever a user's file raises is the answer
        traceback.print_exc()
        answer = {"error": f"{reference.source}: {type(error).__name__}: {' '.join(str(error).split())}"}
    Path(data["reply"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def import_keras(finder: HidingFinder, allow_import: Sequence[str]) -> None:
    """Import Keras as a worker does, without the packages that it only looks at."""
    with also_hidden(finder, set(OPTIONAL_FOR_KERAS) - set(allow_import)):
        import keras
    keras.config.set_dtype_policy("float32")


def hint(cause: BaseException | None, finder: HidingFinder) -> str:
    """Return what to do about an import that failed because dlbench hides the package; else nothing."""
    missing = (cause.name or "").partition(".")[0] if isinstance(cause, ModuleNotFoundError) else ""
    if missing not in finder.hidden:
        return ""
    return f"; workers of other backends hide it: allow it with --allow-import {missing}"


def describe(reference: Reference, parameters: Mapping[str, Any]) -> Description:
    """Return what a user's own model offers with some parameters, the rest at their defaults.

    Names that it does not know are passed over: one command may give parameters to several workloads.
    """
    found = offer_of(reference)
    if isinstance(found, Workload):
        return Description(replace(found.spec, name=reference.name))
    backends = [backend.name for backend in catalog.BACKENDS]
    for name in set(found.natives) - set(backends):
        raise UsageError(f"{found.source}: native_{name}: no backend {name!r}; the backends are {', '.join(backends)}")
    spec = own_model.spec_of(found)
    sizes = own_model.sizes_for(parameters)
    known = replace(spec, parameters=(*spec.parameters, *(item for item in sizes if item.name not in spec.names)))
    given = {name: value for name, value in parameters.items() if name in known.names}
    described = own_model.describe(found, parameters_for(known, given))
    return Description(
        replace(described.spec, name=reference.name),
        described.signature,
        described.problem,
        imported_beside(reference),
        found.note,
    )


def imported_beside(reference: Reference) -> dict[str, str]:
    """Return the SHA-256 of each file beside the user's own that running it imported."""
    if reference.file is None:
        return {}
    folder, own = Path(reference.file).resolve().parent, Path(reference.file).resolve()
    found: dict[str, str] = {}
    for module in list(sys.modules.values()):
        # Modules of some packages name no file that is there: torch.ops has the bare "_ops.py".
        given = Path(getattr(module, "__file__", None) or "/")
        path = given.resolve()
        inside = given.is_absolute() and path.is_relative_to(folder) and path != own and path.suffix == ".py"
        if inside and not any(part in ("site-packages", "dist-packages") for part in path.parts):
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found

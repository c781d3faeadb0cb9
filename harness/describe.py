"""The describe role: what a user's file offers, found by running it in a child process of one backend."""

import json
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..backends import catalog
from ..results.codec import from_json, to_json
from ..results.errors import DlbenchError
from ..workloads.reference import Reference
from ..workloads.workload import Data
from .isolation import OPTIONAL_FOR_KERAS, HidingFinder, also_hidden, hide
from .wire import Description


def main(data: Mapping[str, Any]) -> int:
    """Write a Description, or `{"error": …}`, as JSON to the file `reply`."""
    finder = hide(catalog.foreign_modules(data["backend"]) - set(data["allow_import"]))
    try:
        with also_hidden(finder, set(OPTIONAL_FOR_KERAS) - set(data["allow_import"])):
            import keras
        keras.config.set_dtype_policy("float32")
        answer = to_json(describe(from_json(Reference, data["reference"]), data["parameters"]))
    except DlbenchError as error:
        answer = {"error": f"{error}{_hint(error.__cause__, finder)}"}
    except Exception as error:  # noqa: BLE001 - whatever a user's file raises is the answer
        traceback.print_exc()
        answer = {"error": f"{data['reference']['file']}: {type(error).__name__}: {' '.join(str(error).split())}"}
    Path(data["reply"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def _hint(cause: BaseException | None, finder: HidingFinder) -> str:
    missing = (cause.name or "").partition(".")[0] if isinstance(cause, ModuleNotFoundError) else ""
    if missing not in finder.hidden:
        return ""
    return f"; workers of other backends hide it: allow it with --allow-import {missing}"


def describe(reference: Reference, parameters: Mapping[str, Any]) -> Description:
    """Return what a file offers, its model built with some parameters, the rest at their defaults."""
    from ..workloads import user_model

    made = user_model.workload(Path(reference.file or ""), reference.function)
    nothing = Data((), (), (), ())
    problem = made.build({**made.spec.defaults(), **parameters}, nothing)
    return Description(replace(made.spec, name=reference.name), user_model.problem_signature(problem))

"""The probe role: what one interpreter offers for one backend, found by opening it in a child process."""

import traceback
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...backends import catalog
from ...results.records.codec import to_json
from ...results.records.environment import BackendProbe
from .isolation import OPTIONAL_FOR_KERAS, hide


def main(data: Mapping[str, Any]) -> int:
    """Write a BackendProbe as JSON to the file `reply`."""
    import json

    backend = catalog.get(data["backend"])
    hide({*catalog.foreign_modules(backend.name), *OPTIONAL_FOR_KERAS})
    try:
        runtime = backend.open_runtime("any")
        import keras

        probe = BackendProbe(
            backend.name, version(backend.distribution), keras=keras.__version__, devices=runtime.devices()
        )
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is the answer
        traceback.print_exc()
        probe = BackendProbe(
            backend.name, None, problem=f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        )
    Path(data["reply"]).write_text(json.dumps(to_json(probe)), encoding="utf-8")
    return 0

"""What users' files offer, on the controller's side: asked of a child process, kept by the file's hash."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..backends.backend import Backend
from ..results.codec import from_json, to_json
from ..results.errors import BrokenError, UsageError
from ..results.factors import Scalar
from ..workloads.reference import Reference
from .cache import key_of, load_entry, save_entry
from .child import Child
from .launch import child_environ
from .wire import Description

DESCRIBE_TIMEOUT_S = 300.0


def is_file_reference(name: str) -> bool:
    """Tell whether a name means a file: `model.py`, `model.py:function` or anything with a slash."""
    return name.partition(":")[0].endswith(".py") or "/" in name


def parse_reference(name: str) -> Reference:
    """Return the reference of `FILE` or `FILE:FUNCTION`.

    Raises:
        UsageError: there is no such file.

    """
    file, _, function = name.partition(":")
    path = Path(file)
    if not path.is_file():
        near = ", ".join(sorted(found.name for found in path.parent.glob("*.py"))[:8]) if path.parent.is_dir() else ""
        there = f" (Python files there: {near})" if near else ""
        raise UsageError(f"no file {file!r}{there}")
    return Reference(f"{path.stem}:{function}" if function else path.stem, str(path.resolve()), function or None)


def describe_file(
    reference: Reference, parameters: Mapping[str, Scalar], backend: Backend, allow_import: Sequence[str]
) -> Description:
    """Return what a file offers with some parameters; from the cache while the file is the same.

    Raises:
        UsageError: the file offers no usable model; the message says why.

    """
    content = hashlib.sha256(Path(reference.file or "").read_bytes()).hexdigest()
    key = key_of([content, to_json(reference), dict(parameters), backend.name, sys.executable, list(allow_import)])
    entry = load_entry("descriptions", key)
    if entry is not None:
        try:
            return from_json(Description, entry)
        except BrokenError:
            pass  # Written by another version of dlbench: asked anew.
    answer = _ask(reference, parameters, backend, allow_import)
    if "error" in answer:
        raise UsageError(str(answer["error"]))
    with suppress(UsageError):  # Without a cache the next command asks again; doctor says so.
        save_entry("descriptions", key, answer)
    return from_json(Description, answer)


def _ask(
    reference: Reference, parameters: Mapping[str, Scalar], backend: Backend, allow_import: Sequence[str]
) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="dlbench-") as folder:
        reply, log = Path(folder) / "reply.json", Path(folder) / "log.txt"
        request = {
            "backend": backend.name,
            "reference": to_json(reference),
            "parameters": dict(parameters),
            "allow_import": list(allow_import),
            "reply": str(reply),
        }
        ended = Child().run(
            "describe",
            request,
            python=sys.executable,
            environ=child_environ(backend, "cpu", Path(folder)),
            log=log,
            timeout_s=DESCRIBE_TIMEOUT_S,
        )
        if reply.exists():
            answer: dict[str, object] = json.loads(reply.read_text(encoding="utf-8"))
            return answer
        how = f"hung for {DESCRIBE_TIMEOUT_S:.0f} s" if ended.timed_out else f"ended with status {ended.status}"
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        return {"error": f"{reference.file}: running it {how}: {last[0][:200]}"}

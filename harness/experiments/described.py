"""What users' own models offer, on the controller's side: asked of a child process, kept by the files' hashes."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...backends.backend import Backend
from ...results.errors import BrokenError, UsageError
from ...results.factors import Scalar
from ...results.records.codec import from_json, to_json
from ...workloads.own import model_library, plugins, saved_model
from ...workloads.reference import Reference
from ..cache import key_of, load_entry, save_entry
from ..children.child import Child
from ..children.launch import child_environ
from ..environments.installed import inspect
from ..environments.interpreters import Interpreter, own_interpreter
from ..wire import Description

DESCRIBE_TIMEOUT_S = 300.0
MODEL_PACKAGES = ("keras", "keras-hub")


def is_own(name: str) -> bool:
    """Tell whether a name means the user's own model: a file, a library's model, or what a package adds."""
    first = name.partition(":")[0]
    is_file = first.endswith((".py", saved_model.SUFFIX)) or "/" in name
    return is_file or first in model_library.LIBRARIES or plugins.get(name) is not None


def parse_reference(name: str, *, allow_code: bool = False) -> Reference:
    """Return the reference of `FILE.py`, `FILE.py:FUNCTION`, `FILE.keras`, `LIBRARY:MODEL` or an installed name.

    Raises:
        UsageError: there is no such file, or a library without a model.

    """
    first, _, part = name.partition(":")
    if first in model_library.LIBRARIES:
        if not part:
            raise UsageError(f"{name}: which model? write {first}:NAME, such as keras.applications:MobileNetV2")
        return Reference(name, "library", first, part)
    plugin = plugins.get(name)
    if plugin is not None:
        return Reference(name, "plugin", plugin.value)
    path = Path(first)
    if not path.is_file():
        raise UsageError(f"no file {first!r}{_models_beside(path)}")
    resolved = str(path.resolve())
    if path.suffix == saved_model.SUFFIX:
        return Reference(path.stem, "saved", resolved, allow_code=allow_code)
    return Reference(f"{path.stem}:{part}" if part else path.stem, "file", resolved, part or None)


def _models_beside(path: Path) -> str:
    """Return the files of models in a path's folder, for the message that the path itself is none."""
    found = sorted(item.name for item in path.parent.glob("*") if item.suffix in (".py", saved_model.SUFFIX))
    return f" (files of models there: {', '.join(found[:8])})" if found else ""


def content_of(reference: Reference) -> str:
    """Return a digest of the source itself: what changes it changes what it offers."""
    if reference.file is not None:
        return hashlib.sha256(Path(reference.file).read_bytes()).hexdigest()
    if reference.kind == "plugin":
        return plugins.content(reference.source or "")
    return ""


def describe_own(
    reference: Reference,
    parameters: Mapping[str, Scalar],
    backend: Backend,
    allow_import: Sequence[str],
    interpreter: Interpreter | None = None,
) -> Description:
    """Return what a user's own model offers with some parameters; from the cache while its files are the same.

    Args:
        reference: the model.
        parameters: those that are given.
        backend: on which its source is run.
        allow_import: further frameworks that the source may import.
        interpreter: that runs it; the controller's own for None.

    Raises:
        UsageError: it offers no usable model; the message says why.

    """
    interpreter = interpreter or own_interpreter()
    versions = _versions(interpreter)
    asked = [content_of(reference), to_json(reference), dict(parameters), backend.name, interpreter.python, versions]
    key = key_of([*asked, list(allow_import)])
    entry = load_entry("descriptions", key)
    if entry is not None:
        try:
            known = from_json(Description, entry)
            if all(_digest(path) == digest for path, digest in known.files.items()):
                return known
        except BrokenError:
            pass  # Written by another version of dlbench: asked anew.
    answer = _ask(reference, parameters, backend, allow_import, interpreter)
    if "error" in answer:
        raise UsageError(str(answer["error"]))
    with suppress(UsageError):  # Without a cache the next command asks again; doctor says so.
        save_entry("descriptions", key, answer)
    return from_json(Description, answer)


def _versions(interpreter: Interpreter) -> list[str | None]:
    """Return the versions of the packages that make models."""
    if interpreter.own:
        return [_version(name) for name in MODEL_PACKAGES]
    packages = inspect(interpreter.name, interpreter.python).packages
    return [packages.get(name) for name in MODEL_PACKAGES]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _digest(path: str) -> str | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def _ask(
    reference: Reference,
    parameters: Mapping[str, Scalar],
    backend: Backend,
    allow_import: Sequence[str],
    interpreter: Interpreter,
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
            python=interpreter.python,
            environ=child_environ(backend, "cpu", Path(folder), own=interpreter.own),
            log=log,
            timeout_s=DESCRIBE_TIMEOUT_S,
        )
        if reply.exists():
            answer: dict[str, object] = json.loads(reply.read_text(encoding="utf-8"))
            return answer
        how = f"hung for {DESCRIBE_TIMEOUT_S:.0f} s" if ended.timed_out else f"ended with status {ended.status}"
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        return {"error": f"{reference.source}: running it {how}: {last[0][:200]}"}

"""What a worker's side imports: the standard library, NumPy and Keras, so that any interpreter with these will do."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import dlbench
import pytest

ROOT = Path(dlbench.__file__).resolve().parent
NEEDED = {"numpy", "keras"}
FRAMEWORKS = {"jax", "torch", "tensorflow"}
WHERE_ASKED_FOR = {"optax", "mlperf_loadgen", "pynvml", "keras_hub"}
"""Within functions alone: twins on JAX, phase scenario, energy of a GPU, a library's models."""
ROLES = ("worker", "probe", "describe")


def _imports(path: Path, *, whole: bool) -> Iterator[str]:
    """Yield the full name of each import of a file: those that run when it is imported, or all for `whole`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    here = ("dlbench", *path.relative_to(ROOT).with_suffix("").parts)
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: -node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{name.name}" for name in node.names if module.startswith("dlbench"))
        elif whole or not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _file(name: str) -> Path | None:
    parts = name.split(".")[1:]
    path = ROOT.joinpath(*parts)
    found = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return found if parts and found.is_file() else None


def _reached(start: str, *, whole: bool) -> dict[str, set[str]]:
    """Return what the files that a module reaches import from elsewhere: by top-level name the files that do."""
    found: dict[str, set[str]] = {}
    seen: set[Path] = set()
    waiting = [start]
    while waiting:
        path = _file(waiting.pop())
        if path is None or path in seen:
            continue
        seen.add(path)
        for name in _imports(path, whole=whole):
            top = name.partition(".")[0]
            if top == "dlbench":
                waiting.append(name)
            elif top not in sys.stdlib_module_names:
                found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_to_be_imported_a_role_needs_numpy_alone(role: str) -> None:
    assert set(_reached(f"dlbench.harness.roles.{role}", whole=False)) == {"numpy"}


@pytest.mark.parametrize("role", ROLES)
def test_to_run_a_role_needs_keras_and_one_framework_and_what_makes_data_is_not_its(role: str) -> None:
    reached = _reached(f"dlbench.harness.roles.{role}", whole=True)
    files = {top: where for top, where in reached.items() if top not in NEEDED | FRAMEWORKS | WHERE_ASKED_FOR}
    # The functions `data` of the workloads use scikit-learn: they run in the controller's data process.
    assert set(files) <= {"sklearn"}
    assert all(path.startswith("workloads/") for path in files.get("sklearn", ()))


def test_the_search_finds_what_is_imported() -> None:
    found = _reached("dlbench.harness.experiments.experiment", whole=True)
    assert "numpy" in found
    assert "rich" in _reached("dlbench.harness.commands.run", whole=False)
    assert "pandas" in _reached("dlbench.results.tables.frame", whole=False)
    assert {"jax", "torch", "tensorflow"} <= set(_reached("dlbench.harness.roles.worker", whole=True))


def test_what_makes_a_file_start_a_child_imports_nothing_but_the_standard_library() -> None:
    assert set(_reached("dlbench.harness.bootstrap", whole=True)) == set()

"""The structure that DESIGN promises: layers, no cycles, nothing heavy where it does not belong."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_imports_follow_the_layers_and_have_no_cycles() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout


def test_no_import_is_hidden_from_the_layers() -> None:
    sources = [path for name in ("results", "workloads", "backends", "harness") for path in (ROOT / name).rglob("*.py")]
    assert len(sources) > 250
    assert [path.name for path in sources if "TYPE_CHECKING" in path.read_text(encoding="utf-8")] == []


def test_a_worker_imports_no_table_library(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "import dlbench.harness.roles.worker, dlbench.harness.measuring.measure, dlbench.harness.children.launch\n"
        "print([n for n in ('rich', 'typer', 'pandas', 'sklearn', 'scipy', 'keras') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "[]\n"

"""The entry point: a command line that cannot be imported is a fault of dlbench, told in words, never a regression."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dlbench import __main__ as subject
from dlbench.harness.cli import entry

SOURCES = {
    "missing": "raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')\n",
    "older": "raise ImportError(\"cannot import name 'Typer' from 'typer'\", name='typer')\n",
    "broken": "import json\njson.loads('{')\n",
}


def start(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run dlbench where a folder comes first on the path."""
    path = os.pathsep.join([str(folder), str(Path(subject.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "dlbench", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_a_package_that_cannot_be_imported_is_named_with_what_mends_it(kind: str, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(SOURCES[kind])
    done = start(tmp_path, "gate", "--from", "latest")
    assert done.returncode == 70
    assert done.stderr.startswith("dlbench: cannot start: typer cannot be imported (")
    assert f"to mend it: {sys.executable} -m pip install --force-reinstall typer" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(("words", "environ"), [(("--debug", "gate"), {}), (("gate",), {"DLBENCH_DEBUG": "1"})])
def test_where_it_broke_is_shown_on_request(words: tuple[str, ...], environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(SOURCES["broken"])
    done = start(tmp_path, *words, **environ)
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert "typer.py" in done.stderr


def test_ctrl_c_while_it_starts_is_an_interruption(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = start(tmp_path, "gate")
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (ModuleNotFoundError("No module named 'rich'", name="rich.table"), "rich"),
        (SyntaxError("invalid syntax", ("/x/lib/site-packages/rich/table.py", 1, 1, "")), "rich"),
        (SyntaxError("invalid syntax", ("/x/lib/site-packages/six.py", 1, 1, "")), "six"),
        (SyntaxError("invalid syntax", ("/home/me/dlbench/harness/x.py", 1, 1, "")), "dlbench"),
    ],
)
def test_the_package_is_the_one_that_is_named(error: Exception, package: str) -> None:
    assert subject._package(error) == package


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named '_ssl'", name="_ssl"), "lacks a part of its own; run dlbench with an"),
        (
            ImportError("no 'app'", name="dlbench.harness"),
            "dlbench cannot be imported (ImportError: no 'app'); install",
        ),
        (ModuleNotFoundError("No module named 'no_such'", name="no_such"), "install dlbench anew"),
    ],
)
def test_the_remedy_fits_what_is_missing(error: Exception, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert subject._cannot_start(error) == 70
    assert said in capsys.readouterr().err


def test_the_statuses_are_those_of_the_command_line() -> None:
    assert (subject.INTERNAL_FAULT, subject.INTERRUPTED) == (entry.INTERNAL_FAULT, entry.INTERRUPTED)

"""Results on their way out: to stdout, as wide and as coloured as the terminal there, or to a file."""

import os
import shutil
import sys
from pathlib import Path

from ..results.errors import BrokenError, UsageError
from ..results.export import export
from ..results.model import Run
from ..results.tables import render

WIDTH_IN_FILES = 100


def check_output(path: str | None) -> None:
    """Make sure that a result can be written, before anything is measured.

    Raises:
        UsageError: it cannot; the message says why.

    """
    if path is None:
        return
    target = Path(path)
    folder = target.parent
    problem = None
    if target.is_dir():
        problem = "it is a folder"
    elif not folder.is_dir():
        problem = f"there is no folder {str(folder)!r}"
    elif not os.access(target if target.exists() else folder, os.W_OK):
        problem = "permission denied"
    if problem:
        raise UsageError(f"cannot write {path!r}: {problem}")


def write_result(run: Run, output_format: str, path: str | None = None) -> None:
    """Write a run in a format."""
    if path is not None:
        text = render(run, WIDTH_IN_FILES) if output_format == "table" else export(run, output_format)
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise BrokenError(
                f"cannot write {path!r}: {error.strerror or error}; the run is kept, see `dlbench show`"
            ) from error
        return
    sys.stdout.write(_for_terminal(run) if output_format == "table" else export(run, output_format))
    sys.stdout.flush()


def _for_terminal(run: Run) -> str:
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((WIDTH_IN_FILES, 24)).columns
    return render(run, max(width, 60), color=terminal and "NO_COLOR" not in os.environ)

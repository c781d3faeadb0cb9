"""Results on their way out: to stdout, as wide and as coloured as the terminal there, or to a file."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from ..results.calibration.records import ceilings, read_calibration
from ..results.calibration.words import quoted
from ..results.errors import BrokenError, UsageError
from ..results.parity.store import read_reports, run_notes
from ..results.records.model import Run
from ..results.records.store import store_path
from ..results.tables.background import Background
from ..results.tables.export import export
from ..results.tables.terminal import render

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


def check_store(given: str | None) -> None:
    """Make sure that the store can be written, before anything is prepared.

    Raises:
        UsageError: it cannot; the message says why.

    """
    folder = store_path(given) / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to the store {str(folder.parent)!r}: {error.strerror or error}; "
            "choose another folder with --store or DLBENCH_STORE"
        ) from error


def write_result(run: Run, output_format: str, path: str | None = None, *, store: str | None = None) -> None:
    """Write a run in a format, with what the store knows beside it."""
    background = known_beside(run, store)
    if path is not None:
        write_text(path, text_for_file(run, output_format, background))
        return
    if output_format == "table":
        sys.stdout.write(_for_terminal(run, background))
    else:
        sys.stdout.write(export(run, output_format, background))
    sys.stdout.flush()


def text_for_file(run: Run, output_format: str, background: Background) -> str:
    """Return a run in a format; tables are as wide in every file, whatever the terminal."""
    if output_format == "table":
        return render(run, WIDTH_IN_FILES, background=background)
    return export(run, output_format, background)


def write_text(path: str, text: str) -> None:
    """Write what a run comes to.

    Raises:
        BrokenError: the file cannot be written, although it could when `check_output` looked.

    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BrokenError(
            f"cannot write {path!r}: {error.strerror or error}; the run is kept, see `dlbench show`"
        ) from error


def known_beside(run: Run, store: str | None) -> Background:
    """Return what the store knows of the run's machine and of its workloads; a damaged file is named and not used."""
    folder = store_path(store)
    notes: list[tuple[str, tuple[str, ...]]] = []
    highest: Mapping[tuple[str, str], float] = {}
    try:
        if parity := run_notes(run, read_reports(folder)):
            notes.append(("Parity", tuple(parity)))
    except BrokenError as error:
        notes.append(("Parity", (str(error),)))
    try:
        if found := read_calibration(folder, run.header.machine.fingerprint):
            highest = ceilings(found)
            notes.append(("Calibration", tuple(quoted(found))))
    except BrokenError as error:
        notes.append(("Calibration", (str(error),)))
    return Background(highest, tuple(notes))


def _for_terminal(run: Run, background: Background) -> str:
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((WIDTH_IN_FILES, 24)).columns
    return render(run, max(width, 60), color=terminal and "NO_COLOR" not in os.environ, background=background)

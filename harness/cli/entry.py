"""Run the command line: the one place where errors become messages and exit statuses."""

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

import typer

from ...results.errors import DlbenchError
from .app import app

INTERNAL_FAULT = 70
INTERRUPTED = 130
UNREAD = 141
"""Whoever read the output went away (`dlbench … | head`): neither a pass nor a regression. As shells say SIGPIPE."""
WrongUse: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What Typer raises for words that it cannot parse; it is click's class, which newer versions carry inside."""


def run_cli(arguments: Sequence[str]) -> int:
    """Run the command line; the one place where errors become messages and exit statuses."""
    debug = "--debug" in arguments or bool(os.environ.get("DLBENCH_DEBUG"))
    try:
        result = app(list(arguments), prog_name="dlbench", standalone_mode=False)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except WrongUse as error:
        return _wrong_use(error)
    except DlbenchError as error:
        if debug:
            traceback.print_exc()
        return _say(str(error), error.exit_code)
    except BrokenPipeError:
        return _unread()
    except SystemExit as error:
        if error.code == 1:  # Rich's word for a pipe that nobody reads; our own statuses are returned.
            return _unread()
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of dlbench itself
        if debug:
            traceback.print_exc()
        text = f"{type(error).__name__}: {error}"
        return _say(
            f"a fault of dlbench itself: {text} (dlbench --debug shows where; please report it)",
            INTERNAL_FAULT,
        )
    return result if isinstance(result, int) else 0


def _wrong_use(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{context.get_help()}\n" if context else "")
        return 2
    command = context.command_path if context else "dlbench"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    words = " ".join(text.replace("Value error, ", "").split()).rstrip(".")
    return _say(f"{words} ({command} --help)", 2)


def _say(text: str, status: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"dlbench: {text}\n")
    return status


def _unread() -> int:
    """Give the rest of the output to nobody, so that the end of the process does not fail on it."""
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    return UNREAD

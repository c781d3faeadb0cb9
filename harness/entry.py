"""Run the command line: the one place where errors become messages and exit statuses."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from ..results.errors import DlbenchError
from .cli import app

INTERNAL_FAULT = 70
INTERRUPTED = 130
WrongUse: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What Typer raises for words that it cannot parse; it is click's class, which newer versions carry inside."""


def run_cli(arguments: Sequence[str]) -> int:
    """Run the command line; the one place where errors become messages and exit statuses."""
    debug = "--debug" in arguments or bool(os.environ.get("DLBENCH_DEBUG"))
    try:
        result = app(list(arguments), prog_name="dlbench", standalone_mode=False)
    except typer.Abort:
        return _say("interrupted", INTERRUPTED)
    except WrongUse as error:
        return _wrong_use(error)
    except DlbenchError as error:
        if debug:
            traceback.print_exc()
        return _say(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
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
    sys.stderr.write(f"dlbench: {text}\n")
    return status

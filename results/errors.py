"""Every error that dlbench raises on purpose, and the exit status each one stands for.

    DlbenchError            70   a fault of dlbench itself
    ├── UsageError           2   wrong use: one clear line
    │   └── UnsupportedError     the same: a package or compiler that it takes is not here
    ├── NothingMeasured      3   nothing measured, or nothing comparable
    ├── BrokenError          4   a case or a file broke
    └── Interrupted        130   stopped by the user

Library code raises these and never exits; the command line catches them in one place.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DlbenchError(Exception):
    """A fault that is told to the user in one message, without a traceback."""

    exit_code = 70


class UsageError(DlbenchError):
    """The user asked for something that does not exist or does not fit."""

    exit_code = 2


class UnsupportedError(UsageError):
    """What was asked for takes something that is not installed here; the message says what."""


class NothingMeasured(DlbenchError):
    """There is no number to show or to compare."""

    exit_code = 3


class BrokenError(DlbenchError):
    """A case failed or a file cannot be read."""

    exit_code = 4


class Interrupted(DlbenchError):
    """The user pressed Ctrl-C."""

    exit_code = 130


def unknown(kind: str, given: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not known: the near ones, and the whole list."""
    names = sorted(known)
    near = get_close_matches(given, names, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return UsageError(f"unknown {kind} {given!r}{hint} (known: {listing})")

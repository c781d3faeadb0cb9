"""Ctrl-C while something is measured: what is under way ends, and what was measured is kept."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ...results.errors import Interrupted
from ..progress import Observer
from .runner import Stop

SHOW_CURSOR = b"\x1b[?25h\n"
"""Live progress hides the cursor; an end at once must give it back."""


@contextmanager
def stopping_on_signals(stop: Stop, observer: Observer) -> Iterator[None]:
    """End cleanly on the first Ctrl-C (or SIGTERM), at once on the second."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.wanted():
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), SHOW_CURSOR)
            os._exit(Interrupted.exit_code)
        stop.request()
        observer.note("stopping: what was measured is kept (Ctrl-C again ends at once)")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

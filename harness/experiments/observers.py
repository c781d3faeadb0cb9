"""Who watches a run, by the name of the style that the user chose."""

import sys
from collections.abc import Callable

from rich.console import Console

from ..progress import JsonLines, Observer, PlainLines, Silence
from .live import LiveProgress


def make_observer(style: str) -> Observer:
    """Return what shows progress on stderr."""
    if style == "auto":
        style = "live" if sys.stderr.isatty() else "plain"
    styles: dict[str, Callable[[], Observer]] = {
        "live": lambda: LiveProgress(Console(stderr=True)),
        "plain": PlainLines,
        "jsonl": JsonLines,
        "off": Silence,
    }
    return styles[style]()

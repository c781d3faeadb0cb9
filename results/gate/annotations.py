"""A gate's verdict as GitHub's workflow commands: a line that its log turns into an annotation."""

from .verdict import INCONCLUSIVE, NOTHING_COMPARABLE, REGRESSION, GateVerdict

LEVELS = {REGRESSION: "error", INCONCLUSIVE: "warning", NOTHING_COMPARABLE: "warning"}
MOST = 9
"""GitHub shows ten annotations of a level for a step; the last one is left for the rest."""


def as_annotations(verdict: GateVerdict) -> str:
    """Return a command for each metric that is worse or open, the worse first; the rest of them are counted."""
    told = [metric for kind in LEVELS for metric in verdict.metrics if metric.verdict == kind]
    lines = [
        _command(LEVELS[metric.verdict], f"{metric.verdict}: {metric.name}", f"{metric.case}: {metric.words}")
        for metric in told[:MOST]
    ]
    if len(told) > MOST:
        lines.append(_command("notice", "dlbench gate", f"{len(told) - MOST} more; see the table"))
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Return a text with what would end a command written as GitHub reads it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

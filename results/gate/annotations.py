"""A gate's verdict as GitHub's workflow commands: a line that its log turns into an annotation."""

from .verdict import BROKEN, INCONCLUSIVE, NOTHING_COMPARABLE, REGRESSION, GateVerdict

LEVELS = {REGRESSION: "error", INCONCLUSIVE: "warning", NOTHING_COMPARABLE: "warning"}
MOST = 9
"""GitHub shows ten annotations of a level for a step; the last one is left for the rest."""


def as_annotations(verdict: GateVerdict) -> str:
    """Return a command for what is worse, broke or is open, in this order; what is too much is counted."""
    of = {kind: [metric for metric in verdict.metrics if metric.verdict == kind] for kind in LEVELS}
    told = {
        kind: [_command(level, f"{kind}: {metric.name}", f"{metric.case}: {metric.words}") for metric in of[kind]]
        for kind, level in LEVELS.items()
    }
    broken = [_command("error", BROKEN, words) for words in verdict.broken]
    every = [*told.pop(REGRESSION), *broken, *(line for lines in told.values() for line in lines)]
    lines = every[:MOST]
    if len(every) > MOST:
        lines.append(_command("notice", "dlbench gate", f"{len(every) - MOST} more; see the table"))
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Return a text with what would end a command written as GitHub reads it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

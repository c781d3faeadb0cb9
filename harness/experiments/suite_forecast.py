"""How long a suite is expected to take here."""

from ...results import units
from ...results.errors import DlbenchError
from ..options import RunOptions, Selection
from ..progress import Silence
from .described import is_own
from .experiment import design
from .suites import Suite


def forecast_text(suite: Suite, store: str | None) -> str:
    """Return the time of `dlbench run --suite NAME` in words, and how much of it is a guess."""
    if any(is_own(name) for name in suite.workloads):
        return "n/a (with your own models: see run --dry-run)"
    try:
        experiment = design(Selection(), RunOptions(suite=suite.name, store=store), Silence())
    except DlbenchError as error:
        return f"n/a ({error})"
    expected = experiment.expected
    total = units.seconds(expected.block_s * experiment.schedule.blocks)
    jobs = len(experiment.plan.jobs)
    if not expected.guessed:
        return f"about {total}"
    return f"about {total}, guessed" if len(expected.guessed) == jobs else f"about {total}, partly guessed"

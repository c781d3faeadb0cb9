"""The plan of a bisection: how many comparisons and environments it takes at most, and about how long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ...results import units
from ...results.errors import DlbenchError
from ...results.statistics.sequential_design import LOOKS
from ..environments.environments import known_environments
from ..environments.made import read_made
from ..environments.make import recipe_text
from ..experiments.experiment import design
from ..options import RunOptions, Selection
from ..progress import Observer
from .bisection import most_judged
from .side import parse_side
from .side_environment import name_for, pins_beside
from .suspects import Suspects, suspects_text

ENVIRONMENT_GUESS_S = 60.0
"""To make an environment for CPUs where none was made yet: with pip, its downloads kept, on two cores."""


@dataclass(frozen=True, slots=True)
class BisectPlan:
    """What a search will take."""

    suspects: Suspects
    comparisons: int
    """At most, if every suspect can be tried."""
    pairs: tuple[int, int]
    """The fewest and the most of a comparison."""
    pair_s: float | None
    """Expected of a pair; None: it cannot be told."""
    ground: str
    """What that comes from, or why it cannot be told."""
    environments: int | None
    """At most to be made; None: revisions need none."""
    environment_s: float
    """Expected of each."""
    made_before: int
    """How many that comes from; 0: a guess."""


def plan_bisection(
    suspects: Suspects, base: Selection, options: RunOptions, most_pairs: int, observer: Observer
) -> BisectPlan:
    """Return what a search will take; nothing is made and nothing measured.

    How long a comparison takes is told by what the working directory and the environment here have.

    Raises:
        UsageError: the versions cannot be compared on the backends chosen.

    """
    comparisons = most_judged(len(suspects.after))
    packages = [parse_side("--b", suspect.side).packages for suspect in (suspects.good, *suspects.after)]
    missing = _to_be_made(packages, base.backends, comparisons) if packages[0] else None
    pair_s, ground = _pair(base, options, observer)
    known = [made.seconds for made in read_made().values() if made.recipe == recipe_text(base.backends, None)]
    seconds = [one for one in known if one is not None]
    environment_s = median(seconds) if seconds else ENVIRONMENT_GUESS_S
    pairs = LOOKS[0], most_pairs
    return BisectPlan(suspects, comparisons, pairs, pair_s, ground, missing, environment_s, len(seconds))


def plan_text(plan: BisectPlan) -> Iterator[str]:
    """Return the plan, line by line."""
    yield suspects_text(plan.suspects)
    fewest, most = plan.pairs
    comparisons = f"{units.plural(plan.comparisons, 'comparison')} with {plan.suspects.good.words}"
    each = f"of {fewest} to {most} pairs each, ended when decided"
    if plan.comparisons == 1:
        yield f"{comparisons}, {each}"
    else:
        yield f"at most {comparisons}, {each}; one that cannot be tried adds another"
    made_s = 0.0
    if plan.environments:
        made_s = plan.environments * plan.environment_s
        ground = f"as {plan.made_before} made before" if plan.made_before else "a guess"
        yield (
            f"at most {units.plural(plan.environments, 'environment')} made the first time and kept: "
            f"{units.seconds(made_s)} ({ground})"
        )
    elif plan.environments == 0:
        yield "every environment that it may take has been made before"
    if plan.pair_s is None:
        yield f"how long the comparisons take: {units.missing(plan.ground)}"
        return
    times = [units.seconds(made_s + count * plan.comparisons * plan.pair_s) for count in plan.pairs]
    yield f"about {' to '.join(times)} in all ({plan.ground})"


def _pair(base: Selection, options: RunOptions, observer: Observer) -> tuple[float | None, str]:
    """Return the seconds of a pair as they would be here, and what that comes from."""
    try:
        found = design(base, options, observer)
    except DlbenchError as error:
        return None, str(error)
    return 2 * found.expected.block_s, "a guess" if found.expected.guessed else "from this machine's own runs"


def _to_be_made(packages: Sequence[Sequence[str]], backends: Sequence[str], comparisons: int) -> int:
    """Return how many environments are made at most: the good one's, and one per comparison, unless they are there."""
    pins, known = pins_beside(packages[0], backends), known_environments()
    good, *after = (name_for(one, pins, backends) not in known for one in packages)
    return good + min(comparisons, sum(after))

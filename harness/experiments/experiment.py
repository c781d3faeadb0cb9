"""From options to an experiment that is ready to start: probe, choose, plan, forecast. Nothing is measured here."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...backends import catalog as backend_catalog
from ...backends.backend import Backend
from ...results import units
from ...results.errors import NothingMeasured, UsageError
from ...results.factors import Scalar
from ...results.records.environment import Environment, Machine
from ...results.records.store import store_path
from ..environments.environments import choose_interpreters
from ..environments.places import describers, read_environments, usable_places
from ..host import available_bytes, concerns, read_machine, usable_cpus
from ..options import RunOptions, Selection
from ..progress import Observer
from . import suites as suite_catalog
from .candidates import find_candidates
from .described import is_own
from .forecast import Forecast, forecast, trials_for
from .plan import Plan, make_plan
from .runner import Schedule

SEARCH_SHARE = 0.8
"""Share of the free memory that a search for the largest batch may take."""
TENSORFLOW_VARIABLES = tuple(
    f"TF_{word}" for word in ("ENABLE", "XLA", "NUM", "GPU", "FORCE", "CUDNN", "DETERMINISTIC")
)
TUNING_VARIABLES = ("XLA_", "OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "JAX_", "TORCH", "PYTORCH_", "NPROC")
"""How the names begin of variables that change how frameworks compute."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A run that is ready to start."""

    plan: Plan
    schedule: Schedule
    expected: Forecast
    environments: tuple[Environment, ...]
    machine: Machine
    notes: tuple[str, ...]
    broken: tuple[str, ...]
    """What the user asked for and could not be planned because it is broken: the run ends with status 4."""
    kept: Mapping[str, Scalar] = field(default_factory=dict)
    """Further options for the header of the run."""


def design(selection: Selection, options: RunOptions, observer: Observer) -> Experiment:
    """Decide what to measure, how often and in which order; nothing is measured and no data is made.

    Raises:
        UsageError: something that was asked for does not exist or does not fit.
        NothingMeasured: no case is left.

    """
    suite = suite_catalog.get(suite_catalog.load_suites(), options.suite)
    backends = choose_backends(selection.backends or suite.backends)
    environments, unusable = read_environments(choose_interpreters(selection.environments), backends)
    places, lacking = usable_places(backends, environments, named=bool(selection.backends))
    notes = (*unusable, *lacking)
    names = selection.workloads or suite.workloads
    found = find_candidates(
        names,
        suite.parameters,
        list({place.backend.name: place.backend for place in places}.values()),
        selection,
        observer,
        describers(places, environments) if any(map(is_own, names)) else {},
    )
    plan = make_plan(found.candidates, places, selection, suite.phases, found.notes)
    if not plan.jobs:
        raise NothingMeasured(
            "nothing to measure: " + "; ".join(dict.fromkeys([*(item.reason for item in plan.left_out), *found.broken]))
        )
    if selection.epochs is not None and not any(case.get("phase") == "converge" for case in plan.cases):
        raise UsageError(
            "--epochs belongs to phase converge, which nothing here has; add it to --phase, or choose a workload that "
            "is trained to a target"
        )
    machine = read_machine()
    effort = replace(suite.effort, **options.effort)  # type: ignore[arg-type]
    expected = forecast(plan, effort, machine, store_path(options.store))
    blocks = options.trials or suite.trials
    if options.budget_s is not None and options.trials is None:
        blocks = min(trials_for(options.budget_s, expected.block_s), suite_catalog.MOST_TRIALS)
        if expected.block_s > options.budget_s:
            notes = (*notes, f"one block alone is expected to take {units.seconds(expected.block_s)}: over the budget")
    schedule = Schedule(
        blocks,
        effort,
        options.timeout_s,
        options.budget_s,
        options.fail_fast,
        cpus=options.cpus or usable_cpus(),
        bound=bool(options.cpus),
        memory_limit_bytes=memory_limit(options),
    )
    settings = environment_settings(os.environ)
    worries = tuple(f"{concern.what} ({concern.remedy})" for concern in concerns(machine))
    return Experiment(
        plan,
        schedule,
        expected,
        environments,
        machine,
        (*notes, *plan.notes, *found.broken, *worries, *settings),
        found.broken,
    )


def memory_limit(options: RunOptions) -> int | None:
    """Return how much memory a worker may take; a search for the largest batch must not exhaust the machine."""
    if options.memory_limit_bytes is not None or not options.find_max_batch:
        return options.memory_limit_bytes
    free = available_bytes()
    return int(free * SEARCH_SHARE) if free is not None else None


def environment_settings(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note that names the variables which change how frameworks compute and reach the workers."""
    found = [
        f"{name}={value}"
        for name, value in sorted(environ.items())
        if name.startswith(TUNING_VARIABLES + TENSORFLOW_VARIABLES)
    ]
    return (f"set in the environment and passed on to the workers: {', '.join(found)}",) if found else ()


def choose_backends(names: Sequence[str]) -> tuple[Backend, ...]:
    """Return the backends of those names; all of the catalog for none."""
    return tuple(backend_catalog.get(name) for name in names) if names else backend_catalog.BACKENDS

"""Two sides from the words of the command line to a stored run: what `ab` and `gate` have in common."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ...results.comparing.sides import SIDES, Terms, broken_options, options_of
from ...results.errors import NothingMeasured, UsageError
from ...results.factors import Scalar
from ...results.records.model import Run
from ...results.records.store import store_path
from .. import options as parse
from ..experiments.datasets import obtain_all
from ..experiments.execute import Measure, execute, recipes_of
from ..experiments.experiment import Experiment, design
from ..experiments.forecast import forecast, job_key
from ..experiments.observers import make_observer
from ..experiments.prepared import downloads_for
from ..experiments.runner import Outcome, Stop
from ..experiments.signals import stopping_on_signals
from ..host import usable_cpus
from ..options import RunOptions, Selection
from ..output import check_output, check_store
from ..progress import Observer
from .pair_plan import PairPlan, pair_jobs
from .revisions import checked_out, commit_of
from .side import Side, parse_side, selection_of
from .side_environment import environment_of

TIMEOUT_S = 600.0
SINGLE_STEPS = {"single_share": 1.0}
"""What two sides measure beside a suite's effort: single training steps, as long in all as windows."""


@dataclass(frozen=True, slots=True)
class SideArguments:
    """The words that say what is measured on two sides, as typed."""

    workloads: tuple[str, ...]
    suite: str
    timeout: str
    progress: str
    a: tuple[str, ...] = ()
    b: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    epochs: int | None = None
    batch_sizes: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    budget: str | None = None
    label: str | None = None
    cpus: str | None = None
    dry_run: bool = False
    output: str | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that are ready to be measured."""

    pairs: PairPlan
    experiment: Experiment
    terms: Terms

    @property
    def pair_s(self) -> float:
        """Expected seconds of one pair of every job."""
        seconds, effort = self.experiment.expected.seconds, self.experiment.schedule.effort
        return sum(seconds[job_key(job, effort)] for pair in self.pairs.pairs for job in pair.sides.values())


@dataclass(frozen=True, slots=True)
class Course:
    """How a command measures its sides."""

    phases: tuple[str, ...]
    """Measured where the user names none."""
    most_pairs: int
    margin: float | None
    measure: Callable[[Comparison], Measure]
    length: Callable[[Comparison], str]
    """How many pairs, and how long they take, in words."""
    kept: Mapping[str, Scalar]
    """Further options for the header of the run."""


def compare(words: SideArguments, argv: Sequence[str], course: Course) -> tuple[Run, Outcome] | None:
    """Measure two sides and store the run; None for --dry-run, which prints the plan.

    Raises:
        UsageError: a word is unknown, or the sides do not differ.
        NothingMeasured: no job can be measured on both sides.

    """
    sides = {"a": parse_side("--a", words.a), "b": parse_side("--b", words.b)}
    base, options = read_arguments(words, course.phases)
    alike = check_sides(sides, base)
    check_output(words.output)
    observer = make_observer(words.progress)
    if alike:
        observer.note(alike)
    with ready_sides(sides, base, observer) as selections:
        comparison = compare_plans(sides, selections, options, course, observer)
        if words.dry_run:
            sys.stdout.write(plan_text(comparison, course))
            return None
        check_store(options.store)
        experiment = comparison.experiment
        for note in experiment.notes:
            observer.note(note)
        lacking = obtain_all(downloads_for(recipes_of(experiment.plan).values()), observer)
        stop = Stop()
        measure = course.measure(comparison)
        with stopping_on_signals(stop, observer):
            return execute(experiment, options, argv, observer, stop, lacking, measure)


def read_arguments(words: SideArguments, phases: tuple[str, ...]) -> tuple[Selection, RunOptions]:
    """Return what both sides have in common, and how long.

    Raises:
        UsageError: a word is unknown or a number out of range.

    """
    selection = Selection(
        workloads=parse.split(words.workloads),
        backends=parse.split(words.backends),
        phases=parse.parse_phases(words.phases) or phases,
        epochs=parse.check_epochs(words.epochs),
        batch_sizes=parse.parse_batch_sizes(words.batch_sizes),
        precisions=parse.choose("precision", words.precisions, parse.PRECISIONS) or ("float32",),
        devices=parse.choose("device", words.devices, parse.DEVICES) or ("auto",),
        parameters=parse.parse_parameters(words.parameters),
    )
    options = RunOptions(
        suite=words.suite,
        budget_s=parse.parse_duration("--budget", words.budget),
        timeout_s=parse.parse_duration("--timeout", words.timeout) or TIMEOUT_S,
        label=parse.check_label(words.label),
        store=words.store,
        cpus=parse.parse_cpus(words.cpus, usable_cpus()),
        effort=SINGLE_STEPS,
    )
    return selection, options


def check_sides(sides: Mapping[str, Side], base: Selection) -> str | None:
    """Return a note where both sides are the same: what is found then is a false alarm.

    Raises:
        UsageError: a revision has no file to be measured.

    """
    a, b = (sides[side] for side in SIDES)
    if (a.revision or b.revision) and not any(name.partition(":")[0].endswith(".py") for name in base.workloads):
        raise UsageError("rev= compares revisions of your own model's file: name it, such as dlbench ab my_model.py")
    return f"both sides are {a.text}: whatever is found is a false alarm" if replace(a, text=b.text) == b else None


@contextmanager
def ready_sides(sides: Mapping[str, Side], base: Selection, observer: Observer) -> Iterator[dict[str, Selection]]:
    """Yield what each side measures: revisions are checked out, environments of packages made."""
    with ExitStack() as stack:
        found = {}
        for name, side in sides.items():
            selection = selection_of(side, base, environment_of(side, base.backends, observer))
            if side.revision is not None:
                observer.note(f"side {name}: {side.revision} is {commit_of(side.revision)[:12]}")
                folder = stack.enter_context(checked_out(side.revision))
                workloads = tuple(_within(folder, item) for item in selection.workloads)
                selection = replace(selection, workloads=workloads)
            found[name] = selection
        yield found


def _within(folder: Path, workload: str) -> str:
    """Return a workload as the folder of a revision has it; what is no file of the project stays."""
    first, colon, part = workload.partition(":")
    path = Path(first)
    if path.suffix not in (".py", ".keras"):
        return workload
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(f"{workload}: with rev=, name files by their path below this folder")
    return f"{folder / path}{colon}{part}"


def compare_plans(
    sides: Mapping[str, Side],
    selections: Mapping[str, Selection],
    options: RunOptions,
    course: Course,
    observer: Observer,
) -> Comparison:
    """Plan both sides and pair their jobs.

    Raises:
        NothingMeasured: no job can be measured on both sides.

    """
    compared = tuple(sorted(sides["a"].compared | sides["b"].compared))
    designs = {side: design(selections[side], options, observer) for side in SIDES}
    paired = pair_jobs({side: designs[side].plan for side in SIDES}, compared)
    if not paired.pairs:
        reasons = dict.fromkeys(
            [*(item.reason for item in paired.left_out), *designs["a"].broken, *designs["b"].broken]
        )
        raise NothingMeasured("nothing can be measured on both sides: " + "; ".join(reasons))
    terms = Terms(sides["a"].text, sides["b"].text, compared, course.most_pairs, course.margin, paired.verdicts)
    a, b = (designs[side] for side in SIDES)
    environments = {found.name: found for experiment in (a, b) for found in experiment.environments}
    notes = dict.fromkeys([*a.notes, *b.notes])
    experiment = replace(
        a,
        plan=replace(paired.plan, notes=()),
        schedule=replace(a.schedule, blocks=course.most_pairs),
        expected=forecast(paired.plan, a.schedule.effort, a.machine, store_path(options.store)),
        environments=tuple(environments.values()),
        notes=tuple(notes),
        broken=(*a.broken, *b.broken),
        kept={**options_of(terms), **broken_options({"a": a.broken, "b": b.broken}), **course.kept},
    )
    return Comparison(paired, experiment, terms)


def plan_text(comparison: Comparison, course: Course) -> str:
    """Return what would be measured, and how long it takes, for `--dry-run`."""
    experiment, terms = comparison.experiment, comparison.terms
    lines = [f"a: {terms.side_a}", f"b: {terms.side_b}"]
    for pair in comparison.pairs.pairs:
        job = pair.sides["a"]
        phases = ", ".join(case.text("phase") for case in pair.cases)
        lines.append(f"{job.candidate.spec.name}  {job.backend.title}  {phases}")
    left_out = experiment.plan.left_out
    lines += [f"left out: {item.case.workload} {item.case.get('backend')}: {item.reason}" for item in left_out]
    lines += [f"note: {note}" for note in experiment.notes]
    return "\n".join([*lines, course.length(comparison)]) + "\n"

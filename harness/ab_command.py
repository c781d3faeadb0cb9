"""`dlbench ab`: two sides measured alternately until each case is decided."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..results import units
from ..results.errors import BrokenError, Interrupted, NothingMeasured, UsageError
from ..results.model import Run
from ..results.sequential_design import LOOKS
from ..results.sides import SIDES, Terms, options_of
from . import options as parse
from .datasets import obtain_all
from .experiment import Bench, Experiment, Measure, design, execute, recipes_of
from .forecast import Forecast, job_key
from .host import usable_cpus
from .options import RunOptions, Selection
from .output import check_output, write_result
from .pair_plan import PairPlan, pair_jobs
from .pair_runner import PairRun
from .plan import Plan
from .prepared import downloads_for
from .progress import Observer
from .revisions import checked_out, commit_of
from .run_command import RESERVED_LABEL, check_store, make_observer, stopping_on_signals
from .runner import Outcome, Stop
from .side_environment import environment_of
from .sides import Side, parse_side, selection_of

LARGEST_MARGIN = 0.5
TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class AbArguments:
    """The words of `dlbench ab`, as typed."""

    workloads: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]
    backends: tuple[str, ...]
    phases: tuple[str, ...]
    batch_sizes: tuple[str, ...]
    parameters: tuple[str, ...]
    precisions: tuple[str, ...]
    devices: tuple[str, ...]
    suite: str
    most_pairs: int
    margin: float | None
    budget: str | None
    timeout: str
    label: str | None
    cpus: str | None
    dry_run: bool
    progress: str
    output_format: str
    output: str | None
    store: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that are ready to be measured."""

    pairs: PairPlan
    experiment: Experiment
    terms: Terms


def ab_command(words: AbArguments, argv: Sequence[str]) -> int:
    """Compare two sides, store the run and show it; return the exit status."""
    sides = {"a": parse_side("--a", words.a), "b": parse_side("--b", words.b)}
    base, options = read_arguments(words)
    check_sides(sides, base)
    check_output(words.output)
    observer = make_observer(words.progress)
    with ready_sides(sides, base, observer) as selections:
        comparison = compare_plans(sides, selections, options, words, observer)
        if words.dry_run:
            sys.stdout.write(plan_text(comparison))
            return 0
        check_store(options.store)
        experiment = comparison.experiment
        for note in experiment.notes:
            observer.note(note)
        lacking = obtain_all(downloads_for(recipes_of(experiment.plan).values()), observer)
        stop = Stop()
        with stopping_on_signals(stop, observer):
            run, outcome = execute(experiment, options, argv, observer, stop, lacking, _measure(comparison))
    write_result(run, words.output_format, words.output, store=words.store)
    return exit_status(run, outcome)


def read_arguments(words: AbArguments) -> tuple[Selection, RunOptions]:
    """Return what both sides have in common, and how long.

    Raises:
        UsageError: a word is unknown or a number out of range.

    """
    if not LOOKS[0] <= words.most_pairs <= LOOKS[-1]:
        raise UsageError(f"--pairs takes {LOOKS[0]} to {LOOKS[-1]}; received {words.most_pairs}")
    if words.margin is not None and not 0 < words.margin <= LARGEST_MARGIN:
        raise UsageError(f"--margin takes a share such as 0.02; received {words.margin:g}")
    if words.label is not None and RESERVED_LABEL.match(words.label):
        raise UsageError(f"--label {words.label!r} reads like a run's id or `latest`; choose another word")
    selection = Selection(
        workloads=parse.split(words.workloads),
        backends=parse.split(words.backends),
        phases=parse.parse_phases(words.phases) or ("train",),
        batch_sizes=parse.parse_batch_sizes(words.batch_sizes),
        precisions=parse.choose("precision", words.precisions, parse.PRECISIONS) or ("float32",),
        devices=parse.choose("device", words.devices, parse.DEVICES) or ("auto",),
        parameters=parse.parse_parameters(words.parameters),
    )
    options = RunOptions(
        suite=words.suite,
        budget_s=parse.parse_duration("--budget", words.budget),
        timeout_s=parse.parse_duration("--timeout", words.timeout) or TIMEOUT_S,
        label=words.label,
        store=words.store,
        cpus=parse.parse_cpus(words.cpus, usable_cpus()),
    )
    return selection, options


def check_sides(sides: Mapping[str, Side], base: Selection) -> None:
    """Make sure that the sides differ, and that a revision has a file to be measured.

    Raises:
        UsageError: they do not, or it has none.

    """
    a, b = (sides[side] for side in SIDES)
    if replace(a, text="") == replace(b, text=""):
        raise UsageError(
            f"both sides are {a.text}; give --a and --b different values (for the noise of this machine: "
            "`dlbench calibrate`)"
        )
    if (a.revision or b.revision) and not any(name.partition(":")[0].endswith(".py") for name in base.workloads):
        raise UsageError("rev= compares revisions of your own model's file: name it, such as dlbench ab my_model.py")


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
    words: AbArguments,
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
        reasons = dict.fromkeys(item.reason for item in paired.left_out)
        raise NothingMeasured("nothing can be measured on both sides: " + "; ".join(reasons))
    terms = Terms(sides["a"].text, sides["b"].text, compared, words.most_pairs, words.margin, paired.compared)
    a, b = (designs[side] for side in SIDES)
    environments = {found.name: found for experiment in (a, b) for found in experiment.environments}
    notes = dict.fromkeys([*a.notes, *b.notes])
    experiment = replace(
        a,
        plan=replace(paired.plan, notes=()),
        schedule=replace(a.schedule, blocks=words.most_pairs),
        expected=Forecast({**a.expected.seconds, **b.expected.seconds}, a.expected.guessed | b.expected.guessed),
        environments=tuple(environments.values()),
        notes=tuple(notes),
        broken=(*a.broken, *b.broken),
        kept=options_of(terms),
    )
    return Comparison(paired, experiment, terms)


def _measure(comparison: Comparison) -> Measure:
    def measure(bench: Bench) -> Outcome:
        both = [pair for pair in comparison.pairs.pairs if all(job in bench.data for job in pair.sides.values())]
        infos = {info.name: info for info in bench.workloads}
        experiment = comparison.experiment
        run = PairRun(both, infos, comparison.terms, experiment.schedule, experiment.expected)
        return run.run(bench.data, bench.launcher, bench.sink, bench.observer, bench.stop, bench.reply_path)

    return measure


def exit_status(run: Run, outcome: Outcome) -> int:
    """Return the status of a comparison: interrupted, a case broke, nothing measured, or fine whatever was found."""
    if outcome.state == "interrupted":
        return Interrupted.exit_code
    if run.failures:
        return BrokenError.exit_code
    return 0 if run.trials else NothingMeasured.exit_code


def plan_text(comparison: Comparison) -> str:
    """Return what would be measured, and how long it takes at most, for `--dry-run`."""
    experiment, terms = comparison.experiment, comparison.terms
    seconds, effort = experiment.expected.seconds, experiment.schedule.effort
    lines = [f"a: {terms.side_a}", f"b: {terms.side_b}"]
    pair_s = 0.0
    for pair in comparison.pairs.pairs:
        took = sum(seconds[job_key(job, effort)] for job in pair.sides.values())
        job = pair.sides["a"]
        phases = ", ".join(case.text("phase") for case in pair.cases)
        lines.append(f"{job.candidate.spec.name}  {job.backend.title}  {phases}: {units.seconds(took)} a pair")
        pair_s += took
    left_out: Plan = experiment.plan
    lines += [f"left out: {item.case.workload} {item.case.get('backend')}: {item.reason}" for item in left_out.left_out]
    lines += [f"note: {note}" for note in experiment.notes]
    first, last = terms.design.looks[0], terms.design.most_pairs
    times = " to ".join(units.seconds(count * pair_s) for count in (first, last))
    lines.append(f"{first} to {last} pairs, ended when decided: {times}")
    return "\n".join(lines) + "\n"

"""`dlbench run`: from the command line's words to the table on stdout and the exit status."""

import sys
from collections.abc import Sequence

from ...results import units
from ...results.errors import BrokenError, Interrupted, NothingMeasured
from ...results.records.model import Case, Failure, LeftOut, Run
from ...workloads import downloads
from ..experiments.datasets import known_size, obtain_all
from ..experiments.execute import execute, recipes_of
from ..experiments.experiment import Experiment, design
from ..experiments.forecast import job_key
from ..experiments.max_batch import NO_ROOM, UNCHECKED
from ..experiments.observers import make_observer
from ..experiments.prepared import downloads_for
from ..experiments.runner import Outcome, Stop
from ..experiments.signals import stopping_on_signals
from ..output import check_output, check_store, write_result
from ..reports import parse_reports, write_reports
from .run_arguments import RunArguments, read_arguments

LATER_FACTORS = ("lane", "feed", "threads", "cache", "optimizer")
"""Factors that the plan names only when they are chosen."""


def run_command(arguments: RunArguments, argv: Sequence[str]) -> int:
    """Plan, measure, store and show; return the exit status."""
    selection, options = read_arguments(arguments)
    check_output(arguments.output)
    reports = parse_reports(arguments.reports, arguments.output)
    observer = make_observer(arguments.progress)
    experiment = design(selection, options, observer)
    if arguments.dry_run:
        sys.stdout.write(plan_text(experiment))
        return 0
    check_store(options.store)
    for note in experiment.notes:
        observer.note(note)
    lacking = obtain_all(downloads_for(recipes_of(experiment.plan).values()), observer)
    stop = Stop()
    with stopping_on_signals(stop, observer):
        run, outcome = execute(experiment, options, argv, observer, stop, lacking)
    write_result(run, arguments.output_format, arguments.output, store=arguments.store)
    write_reports(run, reports, arguments.store)
    return exit_status(run, outcome, experiment)


def exit_status(run: Run, outcome: Outcome, experiment: Experiment) -> int:
    """Return the status of a run: interrupted, a case broke, nothing measured, or fine."""
    if outcome.state == "interrupted":
        return Interrupted.exit_code
    if any(not expected_failure(run, failure) for failure in run.failures) or experiment.broken:
        return BrokenError.exit_code
    return 0 if run.trials else NothingMeasured.exit_code


def expected_failure(run: Run, failure: Failure) -> bool:
    """Tell whether a failure is an answer: a batch too large, where the largest was looked for."""
    options = run.header.options
    if not options.get("find_max_batch"):
        return False
    place = (failure.case.get("backend"), failure.case.get("environment"))
    trained = any((trial.case.get("backend"), trial.case.get("environment")) == place for trial in run.trials)
    under_limit = trained and bool(options.get("memory_limit_bytes"))
    return failure.kind == NO_ROOM or (failure.kind in UNCHECKED and under_limit)


def plan_text(experiment: Experiment) -> str:
    """Return the plan and its forecast as text for `--dry-run`."""
    plan, schedule, expected = experiment.plan, experiment.schedule, experiment.expected
    lines = []
    for job in plan.jobs:
        key = job_key(job, schedule.effort)
        phases = ", ".join(_case_text(case) for case in job.cases)
        given = " ".join(f"{name}={value}" for name, value in job.candidate.given.items())
        mark = " (a guess)" if key in expected.guessed else ""
        name = f"{job.candidate.spec.name} {given}".strip()
        chosen = job.setting
        settings = f"{chosen.device}, {chosen.execution}, {job.mode.how}, {chosen.precision}, batch {job.batch_size}"
        settings += "".join(f", {name} {value}" for name, value in chosen.factors().items() if name in LATER_FACTORS)
        place = f"{job.backend.title} ({job.environment})" if job.environment else job.backend.title
        lines.append(f"{name}  {place}  {settings}")
        lines.append(f"    {phases}: {units.seconds(expected.seconds[key])}{mark}")
    lines += dict.fromkeys(_left_out_text(item) for item in plan.left_out)
    lines += [f"note: {note}" for note in experiment.notes]
    lines += _download_lines(experiment)
    total = expected.block_s * schedule.blocks
    ground = (
        f"{len(expected.guessed)} of {len(plan.jobs)} jobs are guesses"
        if expected.guessed
        else "from this machine's own runs"
    )
    lines.append(
        f"{len(plan.jobs)} jobs x {schedule.blocks} blocks = {len(plan.jobs) * schedule.blocks} processes, "
        f"about {units.seconds(total)} ({ground})"
    )
    return "\n".join(lines) + "\n"


def _download_lines(experiment: Experiment) -> list[str]:
    wanted = [downloads.get(name) for name in downloads_for(recipes_of(experiment.plan).values())]
    absent = [download for download in wanted if downloads.path_of(download) is None]
    return [f"to be downloaded: {item.name}, {known_size(item)}, from {item.address}" for item in absent]


def _left_out_text(item: LeftOut) -> str:
    name, environment = item.case.text("backend"), item.case.get("environment")
    place = f"{name} ({environment})" if environment else name
    return f"left out: {item.case.workload} {place}: {item.reason}"


def _case_text(case: Case) -> str:
    batch_size, epochs = case.factors.get("batch_size"), case.get("epochs")
    batch = f" at batch {batch_size}" if batch_size is not None else ""
    return f"{case.get('phase')}{batch}" + (f" for {units.plural(int(epochs), 'epoch')}" if epochs is not None else "")

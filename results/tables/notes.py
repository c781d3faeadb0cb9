"""Notes under the tables: the machine, what makes the numbers doubtful, and where the run is kept."""

from collections.abc import Sequence
from statistics import median

from .. import units
from ..records.environment_words import installed, shared
from ..records.model import Run
from ..summaries.flags import UNSETTLED
from .background import NOTHING_KNOWN, Background
from .cells import Record

BUSY = 0.05
"""Share of the cores taken by other programs from which a trial is doubtful."""

FEW = 5
"""Fewer trials than this give wide intervals: the t quantile is 4.3 for three, 2.8 for five."""


SETTLING = (
    ("train", "training", "train_throughput_samples_per_s"),
    ("infer", "inference", "infer_throughput_samples_per_s"),
    ("generate", "generation", "decode_throughput_tokens_per_s"),
)
"""Phases with a steady state: what they are called, and the figure that a row has which measured them."""


def notes(run: Run, rows: Sequence[Record], background: Background = NOTHING_KNOWN) -> list[tuple[str, list[str]]]:
    """Return what stands under the tables: each label that has lines, in order."""
    parts = [
        ("Machine", [machine(run)]),
        ("Software", software(run)),
        ("Load", load(run)),
        ("Warnings", warnings(run, rows)),
        ("Notes", [*run.header.notes, *(run.end.notes if run.end else ()), *run.problems]),
        *((label, list(lines)) for label, lines in background.notes),
        ("Run", [stored(run)]),
    ]
    return [(label, lines) for label, lines in parts if lines]


def machine(run: Run) -> str:
    """Return the computer in one line."""
    found = run.header.machine
    memory = units.size(found.memory_bytes) if found.memory_bytes else None
    devices = dict.fromkeys(
        device.name
        for environment in run.header.environments
        for probe in environment.probes
        for device in probe.devices
        if device.kind != "cpu"
    )
    governor = f"governor {found.governor}" if found.governor else None
    parts = (found.cpu, units.plural(found.cores, "core"), memory, *devices, found.system, governor)
    return ", ".join(part for part in parts if part)


def software(run: Run) -> list[str]:
    """Return the versions that all rows share; with several environments, or one by name, a line for each."""
    environments, own = run.header.environments, f"dlbench {run.header.dlbench}"
    if any(environment.factor for environment in environments):
        return [*(f"{environment.name}: {installed(environment)}" for environment in environments), own]
    return [", ".join([*(part for environment in environments for part in shared(environment)), own])]


def load(run: Run) -> list[str]:
    """Return how busy other programs kept the cores while trials were measured."""
    loads = [trial.marks["foreign_load"] for trial in run.trials if "foreign_load" in trial.marks]
    if not loads:
        return ["other programs: not known"] if run.trials else []
    typical, worst = units.percent(median(loads)), units.percent(max(loads))
    return [f"other programs took {typical} of the cores (median over trials), {worst} at worst"]


def warnings(run: Run, rows: Sequence[Record]) -> list[str]:
    """Return what makes the numbers doubtful, worst first."""
    found = []
    loads = [trial.marks["foreign_load"] for trial in run.trials if "foreign_load" in trial.marks]
    if busy := sum(load > BUSY for load in loads):
        limit = units.percent(BUSY)
        trials = f"{busy} of {units.plural(len(loads), 'trial')}"
        found.append(f"busy machine: other programs took more than {limit} of the cores in {trials}")
    for phase, words, figure in SETTLING:
        timed = [row for row in rows if row[figure] is not None]
        unsettled = [row for row in timed if row[f"{phase}_unsettled_trials"]]
        if unsettled:
            found.append(
                f"{words} did not settle in every trial (~) of {len(unsettled)} of {units.plural(len(timed), 'row')}: "
                "a longer suite gives it more time"
            )
    doubtful = sum(bool(trial.flags.keys() - {UNSETTLED}) for trial in run.trials)
    if doubtful:
        count = f"{doubtful} of {units.plural(len(run.trials), 'trial')}"
        found.append(f"{count} {'is' if doubtful == 1 else 'are'} flagged (!): the reasons stand under the tables")
    fewest = min((row["trials"] for row in rows if row["trials"]), default=FEW)
    if fewest < FEW:
        effect = "there are no intervals" if fewest == 1 else "intervals are wide"
        found.append(f"only {units.plural(fewest, 'trial')} of some cases: {effect}")
    return found


def stored(run: Run) -> str:
    """Return the run's id, how it ended and where it is kept."""
    end = run.end
    state = "cut short: the file has no end line" if end is None else end.state
    parts = [run.header.run, f"label {run.header.label}" if run.header.label else None, state]
    parts += [units.seconds(end.wall_seconds)] if end else []
    parts += [f"stored in {run.path}" if run.path else "not stored"]
    return ", ".join(part for part in parts if part)

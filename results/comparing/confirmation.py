"""Confirmation: the command that tells whether a figure that a stored baseline suspects is worse indeed.

What the store knows goes into it: every factor of the case, the file of a user's own model, the versions that differ.
What it cannot know, such as which revision the baseline's run measured, the user fills in, and is told what.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..factors import PARAMETER_PREFIX, Scalar, default_of
from ..history.baselines import Baseline, surroundings
from ..records.environment import CURRENT, EARLIER_NAMES
from ..records.model import Case, Run
from ..summaries.rows import infos_of
from .sides import metrics_of

OPTIONS = {"backend": "--backend", "phase": "--phase", "precision": "--precision", "batch_size": "--batch-size"}
"""Factors that `run`, `ab` and `gate` take as options of these names; the device is always said."""
OPTIONS_OF_AB = {**OPTIONS, "device": "--device", "epochs": "--epochs"}
OPTIONS_OF_RUN = {
    **OPTIONS_OF_AB,
    **{name: f"--{name}" for name in ("execution", "compile", "cache", "lane", "feed", "threads", "optimizer")},
    "scenario": "--scenario",
    "latency_bound_s": "--latency-bound",
    "allow_import": "--allow-import",
}
ON_SIDES = ("execution", "compile", "cache", "lane", "feed", "threads", "optimizer")
"""Factors that `ab` and `gate` take as words of their sides alone; the same on both, they are not compared."""
MEASURED_ALL = ("scenario",)
"""Factors that `ab` cannot choose but measures every value of."""
PINNED = ("keras", "numpy")
"""Packages beside the framework whose versions the sides of `ab` may set."""
OWN_FILES = (".py", ".keras")
REVISION, NAME = "REVISION", "NAME"
"""What the user fills in; no revision and no environment is likely to be called so."""
TRIALS = 7


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A command, and what is missing in it."""

    command: str
    fill_in: str | None = None
    """What the user must put where, or do beside it, in words; None: it can be run as it is."""


def confirmation(case: Case, metric: str, baseline: Baseline, run: Run, folder: Path) -> Confirmation:
    """Return how a suspect of a run is confirmed: by `ab`, or `gate` for figures that only that decides.

    Where versions differ that a side can set, these are the sides; else revisions of a user's own file, or
    environments, of which the one at the baseline is for the user to name.

    Args:
        case: the suspect's.
        metric: the name of its figure.
        baseline: what the run was held against.
        run: the session in which it is suspected.
        folder: where the command will be typed.

    """
    unsaid = [name for name in case.factors if not _sayable(name, case)]
    if unsaid:
        words = ["dlbench", "run", _target(case, run, folder), *_words(case, OPTIONS_OF_RUN), *_place(case, run)]
        return Confirmation(
            shlex.join([*words, *_cores(run), "--trials", str(TRIALS)]),
            f"a side of ab cannot set {', '.join(unsaid)}: measure it so before and after the change, in turn",
        )
    case, command = _decided_by(case, metric)
    a, b, fill_in = _sides(case, baseline, run)
    project = _project(case, run, folder) if REVISION in fill_in else None
    words = ["dlbench", command, _target(case, run, project or folder), *_words(case, OPTIONS_OF_AB), *_cores(run)]
    beside = [f"{name}={case.factors[name]}" for name in ON_SIDES if case.factors.get(name) is not None]
    text = shlex.join([*words, "--a", ",".join([*a, *beside]), "--b", ",".join([*b, *beside])])
    return Confirmation(f"cd {shlex.quote(str(project))} && {text}" if project else text, fill_in or None)


def _decided_by(case: Case, metric: str) -> tuple[Case, str]:
    """Return the case and the command that decide a figure, or what stands nearest to it."""
    if metric == "memory" and case.get("execution") != "native":
        # Exact, in processes of its own, in which nothing is fed.
        return case.with_({"phase": "memory", "feed": None}), "ab"
    return case, "ab" if metric in metrics_of(case) or case.get("phase") == "infer" else "gate"


def _sayable(name: str, case: Case) -> bool:
    known = (*OPTIONS_OF_AB, *ON_SIDES, *MEASURED_ALL, "environment")
    return name in known or name.startswith(PARAMETER_PREFIX) or case.factors[name] is None


def _words(case: Case, options: Mapping[str, str]) -> list[str]:
    """Return the options of a case: what is not at its default, and the device, whose default is another here."""
    found = []
    for name, option in options.items():
        value = case.get(name)
        if value is not None and (name == "device" or value != default_of(name)):
            found += [option, _milliseconds(value) if name == "latency_bound_s" else str(value)]
    for name, value in case.parameters.items():
        found += ["-p", f"{name}={value}"]
    return found


def _milliseconds(seconds: Scalar) -> str:
    return f"{1000 * float(seconds or 0):g}ms"


def _cores(run: Run) -> list[str]:
    """Return the choice of cores; none where a run had all that it may use."""
    cores = str(run.header.options.get("cpus") or "")
    return ["--cpus", cores] if cores and cores.count(",") + 1 < run.header.machine.cores else []


def _target(case: Case, run: Run, folder: Path) -> str:
    """Return the workload as a user types it: its name, or where its file is and which part of it is meant."""
    path = _file(case, run)
    if path is None:
        return case.workload
    _, colon, part = case.workload.partition(":")
    if path.is_relative_to(folder):
        return f"{path.relative_to(folder)}{colon}{part}"
    return f"{path}{colon}{part}"


def _file(case: Case, run: Run) -> Path | None:
    """Return the file of a user's own model; None for what comes from none."""
    info = infos_of(run).get(case.workload)
    own = info is not None and info.area == "user" and info.source.endswith(OWN_FILES)
    return Path(info.source) if info is not None and own else None


def _interpreter(case: Case, run: Run) -> str | None:
    """Return the path of the interpreter that a case ran in; None for the controller's own."""
    name = case.get("environment")
    if name is None:
        return None
    return next((one.python for one in run.header.environments if one.factor == name), str(name))


def _place(case: Case, run: Run) -> list[str]:
    path = _interpreter(case, run)
    return [] if path is None else ["--env", f"{case.get('environment')}={path}"]


def _sides(case: Case, baseline: Baseline, run: Run) -> tuple[list[str], list[str], str]:
    """Return the words of both sides, and what the user must fill in; empty: nothing."""
    versions = _versions(case, baseline, run)
    path = _interpreter(case, run)
    if versions and path is None:
        return [f"{name}=={old}" for name, old, _ in versions], [f"{name}=={new}" for name, _, new in versions], ""
    environment = [] if path is None else [f"env={path}"]
    had = ", ".join(f"{name} {old}" for name, old, _ in versions)
    file = _file(case, run)
    if file is not None and file.suffix == ".py" and not versions:
        fill_in = (
            f"{REVISION} is your project's at the baseline (run {baseline.run}), and HEAD has what was measured now"
        )
        return [f"rev={REVISION}", *environment], ["rev=HEAD", *environment], fill_in
    like = f"with {had}" if had else "with what has changed since, which the store does not tell, as it was"
    fill_in = f"{NAME} is an environment as at the baseline (run {baseline.run}), {like}: `dlbench env create {NAME} …`"
    return [f"env={NAME}"], environment or [f"env={CURRENT}"], fill_in


def _versions(case: Case, baseline: Baseline, run: Run) -> list[tuple[str, str, str]]:
    """Return the packages that a side can set and whose versions differ, each with the old and the new one."""
    found = []
    differs = surroundings(baseline, run)
    own = case.get("environment")
    places = (str(own),) if own else (CURRENT, *EARLIER_NAMES)
    prefixes = ("", *(f"{place}: " for place in places))
    for name in (str(case.get("backend")), *PINNED):
        for old, new in (differs[f"{prefix}{name}"] for prefix in prefixes if f"{prefix}{name}" in differs):
            # A local part, such as +cpu, is not on the index that a side is installed from.
            before, after = ((version or "").partition("+")[0] for version in (old, new))
            if before and after and before != after:
                found.append((name, before, after))
    return found


def _project(case: Case, run: Run, folder: Path) -> Path | None:
    """Return the folder to type the command in, for a side's revision has files by their path below it; None: here."""
    file = _file(case, run)
    return None if file is None or file.is_relative_to(folder) else file.parent

"""`dlbench show`: a stored run as a table again, whole or in part."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from ...results.errors import BrokenError, NothingMeasured, unknown
from ...results.records.model import Case, Run
from ...results.records.store import read_named, store_path
from ..options import split
from ..output import write_result


def show_command(
    reference: str,
    workloads: Sequence[str],
    backends: Sequence[str],
    phases: Sequence[str],
    output_format: str,
    store: str | None,
) -> int:
    """Print a run; the status is 4 where its file is damaged, or one that was passed over to find it."""
    run = read_named(store_path(store), reference)
    for problem in run.problems:
        sys.stderr.write(f"dlbench: {problem}\n")
    wanted = {"workload": split(workloads), "backend": split(backends), "phase": split(phases)}
    kept = filtered(run, wanted)
    if not kept.trials and not kept.failures and not kept.header.left_out:
        asked = [f"{name} {', '.join(values)}" for name, values in wanted.items() if values]
        what = f"has nothing of {' and '.join(asked)}" if asked else "measured nothing"
        raise NothingMeasured(f"run {run.header.run} {what}")
    write_result(kept, output_format, store=store)
    return BrokenError.exit_code if run.problems else 0


def filtered(run: Run, wanted: dict[str, tuple[str, ...]]) -> Run:
    """Return a run with only the cases that fit; an empty choice keeps all.

    Raises:
        UsageError: a name is not in the run; the message gives the near ones and the list.

    """
    header = run.header
    everything = [*header.cases, *(item.case for item in header.left_out)]
    for kind, names in wanted.items():
        known = {_value(case, kind) for case in everything}
        for name in names:
            if name not in known:
                raise unknown(f"{kind} of run {header.run}", name, known)

    def fits(case: Case) -> bool:
        return all(not names or _value(case, kind) in names for kind, names in wanted.items())

    return replace(
        run,
        header=replace(
            header,
            cases=tuple(case for case in header.cases if fits(case)),
            left_out=tuple(item for item in header.left_out if fits(item.case)),
            workloads=tuple(w for w in header.workloads if not wanted["workload"] or w.name in wanted["workload"]),
        ),
        trials=tuple(trial for trial in run.trials if fits(trial.case)),
        failures=tuple(failure for failure in run.failures if fits(failure.case)),
    )


def _value(case: Case, kind: str) -> str:
    return case.workload if kind == "workload" else case.text(kind)

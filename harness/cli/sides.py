"""`dlbench ab` and `dlbench gate` as typed: their options and their help."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from .common_options import (
    REPORT_HELP,
    BackendOption,
    ParameterOption,
    ProgressOption,
    ProgressStyle,
    ReportOption,
    RunFormat,
    RunFormatOption,
    StoreOption,
    WorkloadOption,
    complete_suite,
    complete_workload,
)

SIDE_HELP = (
    "env=NAME, a package==VERSION, rev=REVISION of your project, or a factor: precision=, compile=, batch_size=, "
    "optimizer=, a parameter of the workload …"
)
Words = list[str] | None
Targets = Annotated[
    Words,
    typer.Argument(
        metavar="[WORKLOAD|MODEL]...",
        help="Workloads of the catalog, or your own model. Default: the suite's.",
        autocompletion=complete_workload,
    ),
]
SideA = Annotated[Words, typer.Option("--a", metavar="WHAT", help=f"The baseline: {SIDE_HELP}")]
SideB = Annotated[Words, typer.Option("--b", metavar="WHAT", help="The candidate, likewise.")]
BatchSizes = Annotated[Words, typer.Option("--batch-size", help="Samples per step, on both sides.")]
Precisions = Annotated[Words, typer.Option("--precision", help="On both sides. Default: float32.")]
Devices = Annotated[Words, typer.Option("--device", help="On both sides: auto (default), cpu, gpu.")]
Epochs = Annotated[
    int | None, typer.Option("--epochs", metavar="N", help="Epochs of phase converge. Default: until the target.")
]
Suite = Annotated[
    str, typer.Option("--suite", help="Effort, and the workloads if none is named.", autocompletion=complete_suite)
]
Budget = Annotated[str | None, typer.Option("--budget", help="End after a time such as 10m, decided or not.")]
Timeout = Annotated[str, typer.Option("--timeout", help="Time limit of one process.")]
Cores = Annotated[str | None, typer.Option("--cpus", metavar="LIST", help="Cores to measure on, such as 0-3,6.")]
Label = Annotated[str | None, typer.Option("--label", help="A name by which to find this run again.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and how long it will take.")]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the result to a file, not to stdout.")
]


class Undecided(StrEnum):
    """What becomes of a change that cannot be decided."""

    fail = "fail"
    passes = "pass"


class Annotations(StrEnum):
    """CI systems whose annotations are known."""

    github = "github"


def ab(
    targets: Targets = None,
    a: SideA = None,
    b: SideB = None,
    workload: WorkloadOption = None,
    backend: BackendOption = None,
    phase: Annotated[Words, typer.Option("--phase", help="As in run. Default: train.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSizes = None,
    parameter: ParameterOption = None,
    precision: Precisions = None,
    device: Devices = None,
    suite: Suite = "pairs",
    pairs: Annotated[int, typer.Option("--pairs", help="The most pairs of processes per case, 4 to 16.")] = 16,
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="SHARE", help="Sides that differ by less, such as 0.02, are called the same."),
    ] = None,
    budget: Budget = None,
    timeout: Timeout = "10m",
    cpus: Cores = None,
    label: Label = None,
    dry_run: DryRun = False,
    progress: ProgressOption = ProgressStyle.auto,
    output_format: RunFormatOption = RunFormat.table,
    output: Output = None,
    report: ReportOption = None,
    store: StoreOption = None,
) -> None:
    """Tell whether b is slower or faster than a: two sides, measured alternately in fresh processes.

    Pairs are measured until each case is decided, and no longer: 4, 6, … at most 16, with bounds that allow for looking
    several times.

    Examples:
      dlbench ab digits_cnn -b jax --a keras==3.14 --b keras==3.15    two versions, in environments made for it

      dlbench ab digits_cnn -b jax --a env=base --b env=head          two environments

      dlbench ab my_model.py --a rev=main --b rev=HEAD                two revisions of your project

      dlbench ab digits_cnn -b torch --a compile=eager --b compile=jit --phase train,infer

    """
    from ..commands.ab import ab_command
    from ..comparing.two_sides import SideArguments

    words = SideArguments(
        workloads=(*(targets or ()), *(workload or ())),
        a=tuple(a or ()),
        b=tuple(b or ()),
        backends=tuple(backend or ()),
        phases=tuple(phase or ()),
        epochs=epochs,
        batch_sizes=tuple(batch_size or ()),
        parameters=tuple(parameter or ()),
        precisions=tuple(precision or ()),
        devices=tuple(device or ()),
        suite=suite,
        budget=budget,
        timeout=timeout,
        label=label,
        cpus=cpus,
        dry_run=dry_run,
        progress=progress.value,
        output=output,
        store=store,
    )
    raise typer.Exit(
        ab_command(
            words,
            sys.argv[1:],
            pairs=pairs,
            margin=margin,
            output_format=output_format.value,
            reports=tuple(report or ()),
        )
    )


def gate(
    targets: Targets = None,
    a: SideA = None,
    b: SideB = None,
    workload: WorkloadOption = None,
    backend: BackendOption = None,
    phase: Annotated[Words, typer.Option("--phase", help="As in run. Default: train, infer, converge.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSizes = None,
    parameter: ParameterOption = None,
    precision: Precisions = None,
    device: Devices = None,
    suite: Suite = "pairs",
    stored: Annotated[
        str | None, typer.Option("--from", metavar="RUN", help="Judge a stored run of ab or gate; measure nothing.")
    ] = None,
    inconclusive: Annotated[
        Undecided, typer.Option("--inconclusive", help="Of what cannot be decided: fail (status 5) or pass.")
    ] = Undecided.fail,
    annotations: Annotated[
        Annotations | None,
        typer.Option("--annotations", help="Tell what is worse on stderr, as annotations: github."),
    ] = None,
    budget: Budget = None,
    timeout: Timeout = "10m",
    cpus: Cores = None,
    label: Label = None,
    dry_run: DryRun = False,
    progress: ProgressOption = ProgressStyle.auto,
    output_format: RunFormatOption = RunFormat.table,
    output: Output = None,
    report: Annotated[
        Words,
        typer.Option(
            "--report", metavar="FORMAT=FILE", help=f"{REPORT_HELP} junit too: the verdicts as tests; extra `ci`."
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Fail if b is worse than a: for CI, where hundreds of figures must not raise false alarms.

    Seven pairs of fresh processes of everything find suspects; twelve fresh pairs of these alone confirm or clear them.
    Figures that do not vary (operations, parameters, recompilations) are compared exactly; accuracy must be shown not
    to have worsened. dlbench.toml may say what is asked of each: a table gate.metrics.first_step with kind = "report".

    Status: 0 passed, 1 regression, 3 nothing comparable, 4 a process failed, 5 inconclusive.

    Examples:
      dlbench gate my_model.py --a rev=main --b rev=HEAD

      dlbench gate digits_cnn grammar_gpt -b jax --a env=base --b env=head --phase train,infer

      dlbench gate --from latest --report junit=gate.xml --report openmetrics=metrics.txt

    """
    from ..commands.gate import Telling, gate_command
    from ..comparing.two_sides import SideArguments

    words = SideArguments(
        workloads=(*(targets or ()), *(workload or ())),
        a=tuple(a or ()),
        b=tuple(b or ()),
        backends=tuple(backend or ()),
        phases=tuple(phase or ()),
        epochs=epochs,
        batch_sizes=tuple(batch_size or ()),
        parameters=tuple(parameter or ()),
        precisions=tuple(precision or ()),
        devices=tuple(device or ()),
        suite=suite,
        budget=budget,
        timeout=timeout,
        label=label,
        cpus=cpus,
        dry_run=dry_run,
        progress=progress.value,
        output=output,
        store=store,
    )
    raise typer.Exit(
        gate_command(
            words,
            sys.argv[1:],
            stored=stored,
            inconclusive=inconclusive.value,
            telling=Telling(output_format.value, tuple(report or ()), annotations is not None),
        )
    )

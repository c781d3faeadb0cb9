"""`dlbench ab` as typed: its options and its help."""

import sys
from typing import Annotated

import typer

from .cli_options import (
    BackendOption,
    Format,
    FormatOption,
    ParameterOption,
    ProgressOption,
    ProgressStyle,
    StoreOption,
    WorkloadOption,
    complete_suite,
    complete_workload,
)

SIDE_HELP = (
    "env=NAME, a package==VERSION, rev=REVISION of your project, or a factor: precision=, compile=, batch_size=, "
    "optimizer=, a parameter of the workload …"
)


def ab(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKLOAD|MODEL]...",
            help="Workloads of the catalog, or your own model. Default: the suite's.",
            autocompletion=complete_workload,
        ),
    ] = None,
    a: Annotated[list[str] | None, typer.Option("--a", metavar="WHAT", help=f"The baseline: {SIDE_HELP}")] = None,
    b: Annotated[list[str] | None, typer.Option("--b", metavar="WHAT", help="The candidate, likewise.")] = None,
    workload: WorkloadOption = None,
    backend: BackendOption = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help="As in run. Default: train.")] = None,
    batch_size: Annotated[
        list[str] | None, typer.Option("--batch-size", help="Samples per step, on both sides.")
    ] = None,
    parameter: ParameterOption = None,
    precision: Annotated[list[str] | None, typer.Option("--precision", help="On both sides. Default: float32.")] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="On both sides: auto (default), cpu, gpu.")
    ] = None,
    suite: Annotated[
        str, typer.Option("--suite", help="Effort, and the workloads if none is named.", autocompletion=complete_suite)
    ] = "quick",
    pairs: Annotated[int, typer.Option("--pairs", help="The most pairs of processes per case, 4 to 16.")] = 16,
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="SHARE", help="Sides that differ by less, such as 0.02, are called the same."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help="End after a time such as 10m, decided or not.")
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", help="Time limit of one process.")] = "10m",
    cpus: Annotated[
        str | None, typer.Option("--cpus", metavar="LIST", help="Cores to measure on, such as 0-3,6.")
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="A name by which to find this run again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and how long it will take.")] = False,
    progress: ProgressOption = ProgressStyle.auto,
    output_format: FormatOption = Format.table,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the result to a file, not to stdout.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Tell whether b is slower or faster than a: two sides, measured alternately in fresh processes.

    Pairs are measured until each case is decided, and no longer: 4, 6, … at most 16, with bounds that allow for looking
    several times.

    Examples:
      dlbench ab digits_cnn --a keras==3.14 --b keras==3.15     two versions of a package, in environments made for it

      dlbench ab digits_cnn -b jax --a env=base --b env=head    two environments

      dlbench ab my_model.py --a rev=main --b rev=HEAD          two revisions of your project

      dlbench ab digits_cnn -b torch --a compile=eager --b compile=jit --phase train,infer

    """
    from .ab_command import AbArguments, ab_command

    words = AbArguments(
        workloads=(*(targets or ()), *(workload or ())),
        a=tuple(a or ()),
        b=tuple(b or ()),
        backends=tuple(backend or ()),
        phases=tuple(phase or ()),
        batch_sizes=tuple(batch_size or ()),
        parameters=tuple(parameter or ()),
        precisions=tuple(precision or ()),
        devices=tuple(device or ()),
        suite=suite,
        most_pairs=pairs,
        margin=margin,
        budget=budget,
        timeout=timeout,
        label=label,
        cpus=cpus,
        dry_run=dry_run,
        progress=progress.value,
        output_format=output_format.value,
        output=output,
        store=store,
    )
    raise typer.Exit(ab_command(words, sys.argv[1:]))

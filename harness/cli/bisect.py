"""`dlbench bisect` as typed: its options and its help."""

import sys
from typing import Annotated

import typer

from .common_options import (
    BackendOption,
    ParameterOption,
    ProgressOption,
    ProgressStyle,
    StoreOption,
    complete_workload,
)
from .sides import BatchSizes, Cores, DryRun, Suite, Timeout, Words


def bisect(
    workload: Annotated[
        str,
        typer.Argument(
            metavar="WORKLOAD|FILE",
            help="Your own model: FILE.py or FILE.py:FUNCTION. Between versions of a package, a workload of the "
            "catalog too.",
            autocompletion=complete_workload,
        ),
    ],
    good: Annotated[
        str, typer.Option("--good", metavar="WHAT", help="One that is fast: a revision, or a package==VERSION.")
    ],
    bad: Annotated[
        str | None, typer.Option("--bad", metavar="WHAT", help="A later one that is slow. Default: revision HEAD.")
    ] = None,
    versions: Annotated[
        Words,
        typer.Option(
            "--versions", metavar="LIST", help="The versions to search in. Default: those that pip finds on its index."
        ),
    ] = None,
    backend: BackendOption = None,
    phase: Annotated[Words, typer.Option("--phase", help="As in run. Default: train.")] = None,
    batch_size: BatchSizes = None,
    parameter: ParameterOption = None,
    suite: Suite = "pairs",
    pairs: Annotated[int, typer.Option("--pairs", help="The most pairs of processes at each step, 4 to 16.")] = 16,
    timeout: Timeout = "10m",
    cpus: Cores = None,
    dry_run: DryRun = False,
    progress: ProgressOption = ProgressStyle.auto,
    store: StoreOption = None,
) -> None:
    """Find the first revision of your project, or version of a package, that is slower.

    It is a binary search: each step is a comparison with the good one, as by ab. One that cannot be measured, or a
    version that cannot be installed, is passed over; the answer names it if it may have been the first.

    Examples:
      dlbench bisect my_model.py --good v1.2 --bad main

      dlbench bisect cancer_mlp -b jax --good keras==3.10.0 --bad keras==3.15.0

      dlbench bisect cancer_mlp -b jax --good keras==3.10 --bad keras==3.15 --dry-run

      dlbench bisect my_model.py -b jax --good jax==0.6.0 --bad jax==0.8.0 --versions 0.6.2,0.7.0,0.7.2

    Several packages go with a comma, --good jax==0.6.0,keras==3.12.0 --bad jax==0.8.0,keras==3.12.0: all but one are
    held. Each version has an environment of its own, all else as it is here; it is made when it is first needed, and
    kept (dlbench env list).

    Status: 0 found, 2 wrong use, 3 the bad one is not shown to be slower, 4 the two ends cannot be compared, or pip
    cannot list the versions.

    """
    from ..commands.bisect import Ends, bisect_command
    from ..comparing.two_sides import SideArguments

    words = SideArguments(
        workloads=(workload,),
        backends=tuple(backend or ()),
        phases=tuple(phase or ()),
        batch_sizes=tuple(batch_size or ()),
        parameters=tuple(parameter or ()),
        suite=suite,
        timeout=timeout,
        cpus=cpus,
        dry_run=dry_run,
        progress=progress.value,
        store=store,
    )
    raise typer.Exit(bisect_command(words, sys.argv[1:], Ends(good, bad, tuple(versions or ())), pairs=pairs))

"""`dlbench verify` and `calibrate` as typed."""

import sys
from typing import Annotated

import typer

from .common_options import (
    BackendOption,
    ParameterOption,
    ProgressOption,
    ProgressStyle,
    StoreOption,
    WorkloadOption,
    complete_workload,
)


def verify(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKLOAD|FILE]...",
            help="Workloads of the catalog, or Python files with a model. Default: the workloads of suite quick.",
            autocompletion=complete_workload,
        ),
    ] = None,
    workload: WorkloadOption = None,
    backend: BackendOption = None,
    parameter: ParameterOption = None,
    lane: Annotated[
        str,
        typer.Option("--lane", help="default (what users get), matched (the same semantics everywhere)."),
    ] = "default",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, gpu.")] = "auto",
    steps: Annotated[int, typer.Option("--steps", help="Training steps of the trajectory.")] = 10,
    allow_import: Annotated[
        list[str] | None,
        typer.Option("--allow-import", metavar="NAME", help="Let the processes import this other framework."),
    ] = None,
    determinism: Annotated[
        bool,
        typer.Option(help="Run each backend a second time, and in its deterministic mode, for what that costs."),
    ] = True,
    timeout: Annotated[str, typer.Option("--timeout", help="Time limit of one process.")] = "10m",
    progress: ProgressOption = ProgressStyle.auto,
    output_format: Annotated[
        str, typer.Option("--format", "-f", metavar="table|json", help="Form of the result on stdout.")
    ] = "table",
    store: StoreOption = None,
) -> None:
    """Check whether the backends compute the same: outputs, loss, gradients, ten steps of training.

    From the same weights and batches, against a float64 reference, within tolerances that follow from it. What is
    found is stored, and quoted under later tables.

    Examples:
      dlbench verify                            the workloads of suite quick

      dlbench verify grammar_gpt --lane matched     where the semantics are the same everywhere

      dlbench verify my_model.py -b jax,torch

    Exit status: 0 the same, 1 a backend differs, 2 wrong use, 3 nothing to compare, 4 something broke.

    """
    from ..commands.verify import VerifyArguments, verify_command

    raise typer.Exit(
        verify_command(
            VerifyArguments(
                workloads=(*(targets or ()), *(workload or ())),
                backends=tuple(backend or ()),
                parameters=tuple(parameter or ()),
                lane=lane,
                device=device,
                steps=steps,
                allow_import=tuple(allow_import or ()),
                determinism=determinism,
                timeout=timeout,
                progress=progress.value,
                output_format=output_format,
                store=store,
            )
        )
    )


def calibrate(
    backend: BackendOption = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", help="auto (default: every kind for the ceilings, the best common one for noise), cpu, gpu."
        ),
    ] = "auto",
    budget: Annotated[
        str, typer.Option("--budget", help="What the ceilings leave of it goes to comparisons; one is made at least.")
    ] = "10m",
    timeout: Annotated[str, typer.Option("--timeout", help="Time limit of one process.")] = "10m",
    progress: ProgressOption = ProgressStyle.auto,
    store: StoreOption = None,
) -> None:
    """Measure this machine and the instrument: clock and loop, ceilings, noise, false alarms.

    The figures are stored and quoted under later tables. Counts of false alarms add up over calls.

    Examples:
      dlbench calibrate                    about ten minutes

      dlbench calibrate --budget 1h        more comparisons of a case with itself

    """
    from ..commands.calibrate import calibrate_command

    raise typer.Exit(
        calibrate_command(
            backends=tuple(backend or ()),
            device=device,
            budget=budget,
            timeout=timeout,
            progress=progress.value,
            store=store,
            argv=sys.argv[1:],
        )
    )

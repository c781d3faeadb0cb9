"""`dlbench list`, `show` and `doctor` as typed."""

from typing import Annotated

import typer

from .cli_options import Format, FormatOption, Listing, StoreOption


def list_(
    what: Annotated[Listing, typer.Argument(help="What to list.")],
    refresh: Annotated[bool, typer.Option("--refresh", help="Probe the frameworks anew.")] = False,
    store: StoreOption = None,
) -> None:
    """List workloads, backends, devices, suites or stored runs.

    Examples:
      dlbench list workloads            with their parameters

      dlbench list devices --refresh    after a driver or a framework was installed

    """
    from .list_command import list_command

    list_command(what.value, refresh=refresh, store=store)


def show(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Id or its prefix, latest, latest~1, a label, or a file.")
    ] = "latest",
    workload: Annotated[list[str] | None, typer.Option("--workload", "-w", help="Only these workloads.")] = None,
    backend: Annotated[list[str] | None, typer.Option("--backend", "-b", help="Only these backends.")] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help="Only these phases.")] = None,
    output_format: FormatOption = Format.table,
    store: StoreOption = None,
) -> None:
    """Show a stored run again; no framework is needed for that.

    Examples:
      dlbench show                          the latest run

      dlbench show latest~1 -w digits_cnn   the one before, one workload

      dlbench show before -f markdown       the run labelled "before", for a document

    """
    from .show_command import show_command

    raise typer.Exit(
        show_command(run, tuple(workload or ()), tuple(backend or ()), tuple(phase or ()), output_format.value, store)
    )


def doctor(
    refresh: Annotated[bool, typer.Option("--refresh", help="Probe the frameworks anew.")] = False,
) -> None:
    """Check what is here: interpreter, frameworks, devices, and what would spoil a measurement, with its remedy."""
    from .doctor_command import doctor_command

    raise typer.Exit(doctor_command(refresh=refresh))

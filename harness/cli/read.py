"""`dlbench list`, `show`, `history` and `doctor` as typed."""

from typing import Annotated

import typer

from .common_options import Format, FormatOption, Listing, RunFormat, RunFormatOption, StoreOption


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
    from ..commands.list import list_command

    list_command(what.value, refresh=refresh, store=store)


def show(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Id or its prefix, latest, latest~1, a label, or a file.")
    ] = "latest",
    workload: Annotated[list[str] | None, typer.Option("--workload", "-w", help="Only these workloads.")] = None,
    backend: Annotated[list[str] | None, typer.Option("--backend", "-b", help="Only these backends.")] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help="Only these phases.")] = None,
    output_format: RunFormatOption = RunFormat.table,
    store: StoreOption = None,
) -> None:
    """Show a stored run again; no framework is needed for that.

    Examples:
      dlbench show                          the latest run

      dlbench show latest~1 -w digits_cnn   the one before, one workload

      dlbench show before -f markdown       the run labelled "before", for a document

      dlbench show -f openmetrics           its figures as metrics, for CI (docs/ci.md)

    """
    from ..commands.show import show_command

    raise typer.Exit(
        show_command(run, tuple(workload or ()), tuple(backend or ()), tuple(phase or ()), output_format.value, store)
    )


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Ids or their prefixes, latest, latest~1, labels, or files."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="FACTOR", help="Within one run: backend, environment, p.NAME …; or label, of all."
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="SHARE", help="Sides that differ by less, such as 0.02, are called the same."),
    ] = None,
    output_format: FormatOption = Format.table,
    store: StoreOption = None,
) -> None:
    """Hold stored runs, or sides within one run, against the first of them.

    Every figure has a ratio with its interval and a verdict: better, worse, same (with --margin) or unsure, corrected
    for how many there are; then all workloads together; then what else differs between the sides, and which cases
    failed. What a side lacks or cannot be compared in has its row with the reason.

    Exit status: 0 something was compared, 2 wrong use, 3 nothing could be, 4 a file is damaged.

    Examples:
      dlbench compare before after                two runs by their labels

      dlbench compare latest --by precision       the sides of the latest run

      dlbench compare before after --by label     every run of each label: what runs differ by counts as noise

    """
    from ..commands.compare import compare_command

    status = compare_command(runs or [], by=by, margin=margin, output_format=output_format.value, store=store)
    raise typer.Exit(status)


def history(
    targets: Annotated[list[str] | None, typer.Argument(metavar="[WORKLOAD]...", help="Only these workloads.")] = None,
    workload: Annotated[list[str] | None, typer.Option("--workload", "-w", help="The same, as a comma list.")] = None,
    backend: Annotated[list[str] | None, typer.Option("--backend", "-b", help="Only these backends.")] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help="Only these phases.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="Only these: throughput, latency_p50, first_step, memory, accuracy, …"),
    ] = None,
    case: Annotated[list[str] | None, typer.Option("--case", help="Only cases with these ids (see -f json).")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Only runs with this label.")] = None,
    last: Annotated[int | None, typer.Option("--last", metavar="N", help="Show the last N points of each.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Show points from a date, or a run's id, on.")
    ] = None,
    fail_on_alert: Annotated[
        bool, typer.Option("--fail-on-alert", help="Exit with 1 where the last change of a series is for the worse.")
    ] = False,
    output_format: FormatOption = Format.table,
    store: StoreOption = None,
) -> None:
    """Show how each case changed from run to run, where its level changed, and what else changed there.

    A point is the median over a run's trials. Runs of other machines, devices, data or factors stand in series of
    their own. What is told about changes, and how surely, stands in docs/history.md.

    Examples:
      dlbench history digits_cnn -m throughput          one workload, one figure

      dlbench history -b jax --last 30 --fail-on-alert  in a nightly pipeline

      dlbench history --since 2026-11-01 -f csv         every point, for a program

    """
    from ..commands.history import history_command

    wanted = {
        "workload": [*(targets or ()), *(workload or ())],
        "backend": backend or (),
        "phase": phase or (),
        "case_id": case or (),
    }
    raise typer.Exit(
        history_command(
            wanted,
            metric or (),
            label=label,
            last=last,
            since=since,
            fail_on_alert=fail_on_alert,
            output_format=output_format.value,
            store=store,
        )
    )


def doctor(
    refresh: Annotated[bool, typer.Option("--refresh", help="Probe the frameworks anew.")] = False,
) -> None:
    """Check what is here: interpreter, frameworks, devices, and what would spoil a measurement, with its remedy."""
    from ..commands.doctor import doctor_command

    raise typer.Exit(doctor_command(refresh=refresh))

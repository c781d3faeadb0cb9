"""`dlbench baseline save`, `list`, `show` and `use` as typed."""

from typing import Annotated

import typer

from .common_options import Format, FormatOption, StoreOption

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the baseline.")]


@app.callback()
def baseline() -> None:
    """Keep a run's figures under a name, and hold later runs of the same hardware against them."""


@app.command()
def save(
    name: NameArgument,
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Id or its prefix, latest, latest~1, a label, or a file.")
    ] = "latest",
    store: StoreOption = None,
) -> None:
    """Keep the figures of a run under a name, with its machine, driver, container image and versions.

    Saving again under a name of another machine, driver, image or versions adds to it; the files are never rewritten.

    Examples:
      dlbench baseline save main               the latest run

      dlbench baseline save release before     the run labelled "before"

    """
    from ..commands.baseline import save_command

    raise typer.Exit(save_command(name, run, store))


@app.command("list")
def list_(store: StoreOption = None) -> None:
    """List the baselines, with what each belongs to; the one in use has a star."""
    from ..commands.baseline import list_command

    raise typer.Exit(list_command(store))


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Default: the one in use.")] = None,
    run: Annotated[str, typer.Option("--run", help="The run that is held against it.")] = "latest",
    canary: Annotated[
        str | None, typer.Option("--canary", metavar="WORKLOAD", help="Divide by this one, which does not change.")
    ] = None,
    output_format: FormatOption = Format.table,
    store: StoreOption = None,
) -> None:
    """Hold a run against a baseline: tell which figures are not where the last sessions say that they should be.

    Exit status: 0 all as expected or better, 1 a suspect, 3 nothing to compare, 5 something could not be judged.

    Examples:
      dlbench baseline show main

      dlbench baseline show main --run latest~1 --canary cancer_mlp

    """
    from ..commands.baseline import show_command

    raise typer.Exit(show_command(name, run, canary, output_format.value, store))


@app.command()
def use(name: NameArgument, store: StoreOption = None) -> None:
    """Choose the baseline that `show` takes when no name is given."""
    from ..commands.baseline import use_command

    raise typer.Exit(use_command(name, store))

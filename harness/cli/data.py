"""`dlbench data list`, `fetch` and `verify` as typed."""

from typing import Annotated

import typer

from .common_options import ProgressOption, ProgressStyle

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


def complete_data_set(incomplete: str) -> list[str]:
    """Return the data sets that begin so."""
    from ...workloads.downloads import names

    return [name for name in names() if name.startswith(incomplete)]


NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Data sets. Default: all.", autocompletion=complete_data_set),
]


@app.callback()
def data() -> None:
    """List, fetch and verify the data sets that are downloaded.

    They are files of keras.datasets and lie where Keras keeps them: in ~/.keras/datasets, or in $KERAS_HOME/datasets.
    """


@app.command("list")
def list_(
    output_format: Annotated[
        str, typer.Option("--format", "-f", metavar="table|json", help="Form of the list on stdout.")
    ] = "table",
) -> None:
    """List the data sets: size, state here, which workloads use them, where they come from.

    States: verified (its hash was right, and the file is the same since), not yet verified, damaged, not here.

    Examples:
      dlbench data list

      dlbench data list --format json      for a program

    """
    from ..commands.data import list_command

    list_command(output_format)


@app.command()
def fetch(names: NamesArgument = None, progress: ProgressOption = ProgressStyle.auto) -> None:
    """Download data sets, and check their hashes; what is here and right is left as it is.

    `dlbench run` downloads what it needs by itself. Use this before going offline, or on another machine: copy the
    files from its folder of data sets to the one here. A damaged file is replaced.

    Examples:
      dlbench data fetch                   all of them, about 200 MB

      dlbench data fetch mnist imdb

      KERAS_HOME=/mnt/shared dlbench data fetch      into a folder of your choice

    Exit status: 0 all are here, 2 wrong use, 4 one could not be downloaded.

    """
    from ..commands.data import fetch_command

    raise typer.Exit(fetch_command(tuple(names or ()), progress.value))


@app.command()
def verify(names: NamesArgument = None) -> None:
    """Check the hashes of the downloaded files, and say what to do about those that are damaged or missing.

    Examples:
      dlbench data verify

      dlbench data verify cifar10

    Exit status: 0 all are right, 2 wrong use, 4 a file is damaged or missing.

    """
    from ..commands.data import verify_command

    raise typer.Exit(verify_command(tuple(names or ())))

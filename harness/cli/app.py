"""The command line: commands, options and help. What they do is imported when they run, so that `--help` is fast."""

import os
from typing import Annotated

import typer

from . import baseline as cli_baseline
from . import data as cli_data
from . import env as cli_env
from .bisect import bisect
from .check import calibrate, verify
from .new import new
from .read import compare, doctor, history, list_, show
from .run import run
from .sides import ab, gate

app = typer.Typer(
    name="dlbench",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from ... import __version__

        typer.echo(f"dlbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Compare JAX, PyTorch and TensorFlow on the same workload: accuracy, throughput and memory, measured fairly.

    A workload is defined once in Keras 3 and measured on each backend in processes of its own, in shuffled order,
    several times; the table says how sure it is.

    Start with:   dlbench doctor      then:   dlbench run
    """
    if debug:
        os.environ["DLBENCH_DEBUG"] = "1"


app.command()(run)
app.command("list")(list_)
app.command()(show)
app.command()(compare)
app.command()(ab)
app.command()(gate)
app.command()(bisect)
app.command()(history)
app.command()(verify)
app.command()(new)
app.command()(calibrate)
app.command()(doctor)
app.add_typer(cli_baseline.app, name="baseline")
app.add_typer(cli_env.app, name="env")
app.add_typer(cli_data.app, name="data")

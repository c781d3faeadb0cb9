"""`dlbench env create`, `list`, `show`, `lock` and `remove` as typed."""

import shutil
from typing import Annotated

import typer

from .common_options import ProgressOption, ProgressStyle, complete_backend, complete_environment

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

FormatOption = Annotated[
    str, typer.Option("--format", "-f", metavar="table|json", help="Form of the answer on stdout.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_environment)]


@app.callback()
def env() -> None:
    """Make, list, show, lock and remove the environments that `dlbench run --env NAME` measures in.

    An environment is an interpreter with Keras and a framework; dlbench need not be installed there.

    Those made here lie in ~/.local/share/dlbench/envs, or in $DLBENCH_ENVS. Others are named in dlbench.toml (a table
    env.NAME with python = "/path/to/python"), or on the command line: --env NAME=/path/to/python.
    """


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="By which --env finds it.")],
    further: Annotated[
        list[str] | None, typer.Argument(metavar="[PACKAGE]...", help="More packages, as with --with.")
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", "-b", help="jax, torch, tensorflow: its recipe.", autocompletion=complete_backend),
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="PACKAGE...",
            help="Packages as pip takes them; one of the same name in a recipe is replaced. Several may follow.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="cpu|cuda", help="The packages of --backend: for CPUs (default), or CUDA."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Interpreter to make it with. Default: the one of dlbench."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="FOLDER", help="Where it lies. Default: among the others.")
    ] = None,
    from_lock: Annotated[
        str | None,
        typer.Option("--from-lock", metavar="FILE", help="The exact versions that `dlbench env lock` wrote."),
    ] = None,
    progress: ProgressOption = ProgressStyle.auto,
) -> None:
    """Make a virtual environment, install into it, and see that workers can run there.

    It is made with uv where that is on the PATH, else with venv and pip. What fails leaves nothing behind.

    Examples:
      dlbench env create jax-new --backend jax

      dlbench env create jax-old --backend jax --with 'jax==0.6.0' 'keras==3.10.0'

      dlbench env create gpu --backend jax --recipe cuda --python python3.12

      dlbench env create copy --from-lock jax-old.lock

    Then:   dlbench run --env jax-old,jax-new

    Exit status: 0 made, 2 wrong use, 4 an installation failed.

    """
    from ..commands.env import create_command
    from ..environments.make import CreateArguments

    words = CreateArguments(
        name=name,
        backends=tuple(backend or ()),
        packages=(*(with_ or ()), *(further or ())),
        recipe=recipe,
        python=python,
        at=at,
        from_lock=from_lock,
        progress=progress.value,
    )
    create_command(words, uv=shutil.which("uv"))


@app.command("list")
def list_(output_format: FormatOption = "table") -> None:
    """List the environments that have a name: versions, who named them, where they are.

    Examples:
      dlbench env list

      dlbench env list --format json      for a program

    """
    from ..commands.env import list_command

    list_command(output_format)


@app.command()
def show(name: NameArgument, output_format: FormatOption = "table") -> None:
    """Show one environment: versions, devices, fingerprint, and how it was made.

    Examples:
      dlbench env show jax-old

    """
    from ..commands.env import show_command

    show_command(name, output_format)


@app.command()
def lock(
    name: NameArgument,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not to stdout.")
    ] = None,
) -> None:
    """Write the exact version of every package of an environment; pip and uv can read it too.

    Examples:
      dlbench env lock jax-old -o jax-old.lock

      dlbench env create jax-old --from-lock jax-old.lock      on another machine

    """
    from ..commands.env import lock_command

    lock_command(name, output)


@app.command()
def remove(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without being asked.")] = False,
) -> None:
    """Remove an environment that dlbench made, with its folder; others are left alone.

    Examples:
      dlbench env remove jax-old --yes

    """
    from ..commands.env import remove_command

    remove_command(name, yes=yes)

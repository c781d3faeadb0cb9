"""`dlbench new` as typed."""

from enum import StrEnum
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be begun."""

    workload = "workload"


def new(
    kind: Annotated[Kind, typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the file, without .py.")],
) -> None:
    """Write a file to begin with: a small workload that runs as it is, with a comment on all that may be said.

    Examples:
      dlbench new workload my_model      writes my_model.py here

      dlbench run my_model.py            measures it

    """
    from ..commands.new import new_command

    typer.echo(new_command(kind.value, name))

"""How a workload is named across processes, and how that name is turned into the workload."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import catalog, user_model
from .workload import Workload


@dataclass(frozen=True, slots=True)
class Reference:
    """A workload of the catalog by its name, or a function in a user's file."""

    name: str
    file: str | None = None
    """Path of a Python file that has a function returning a Keras model."""
    function: str | None = None

    @property
    def slug(self) -> str:
        """The name as a part of file names."""
        return re.sub(r"[^\w.-]+", "_", self.name)


def resolve(reference: Reference) -> Workload:
    """Return the workload; a user's file is executed, so call it in a child process only.

    Raises:
        UsageError: there is no such workload, or the file does not offer one.

    """
    if reference.file is None:
        return catalog.get(reference.name)
    return user_model.workload(Path(reference.file), reference.function)

"""How a workload is named across processes, and how that name is turned into the workload."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import catalog
from .own import model_library, own_model, plugins, python_file, saved_model
from .own.offer import Offer
from .workload import Workload

KINDS = ("catalog", "file", "saved", "library", "plugin")


@dataclass(frozen=True, slots=True)
class Reference:
    """A workload of the catalog by its name, or the user's own model by where it comes from."""

    name: str
    kind: str = "catalog"
    """One of KINDS."""
    source: str | None = None
    """Path of a Python file or of a saved model; name of a library; what an entry point names."""
    part: str | None = None
    """A function in a file, a model in a library."""
    allow_code: bool = False
    """Whether code within a saved model may run."""

    @property
    def own(self) -> bool:
        """Whether it is the user's, not the catalog's."""
        return self.kind != "catalog"

    @property
    def file(self) -> str | None:
        """Path of the file that it comes from; None where it comes from none."""
        return self.source if self.kind in ("file", "saved") else None

    @property
    def slug(self) -> str:
        """The name as a part of file names."""
        return re.sub(r"[^\w.-]+", "_", self.name)


def offer_of(reference: Reference) -> Offer | Workload:
    """Return what the source of a user's own model offers; it is executed, so call it in a child process only.

    Raises:
        UsageError: there is no such source, or it offers nothing of use.

    """
    source = reference.source or ""
    if reference.kind == "file":
        return python_file.offer(Path(source), reference.part)
    if reference.kind == "saved":
        return saved_model.offer(Path(source), allow_code=reference.allow_code)
    if reference.kind == "library":
        return model_library.offer(source, reference.part or "")
    return plugins.load(reference.name, source)


def resolve(reference: Reference) -> Workload:
    """Return the workload; a user's source is executed, so call it in a child process only.

    Raises:
        UsageError: there is no such workload, or the source does not offer one.

    """
    if not reference.own:
        return catalog.get(reference.name)
    found = offer_of(reference)
    return found if isinstance(found, Workload) else own_model.workload(found)

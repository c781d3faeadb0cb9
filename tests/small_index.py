"""A package index in a folder, for pip to ask instead of any other."""

from collections.abc import Sequence
from pathlib import Path


def write_index(folder: Path, name: str, versions: Sequence[str], withdrawn: Sequence[str] = ()) -> None:
    """Write a package index (PEP 503) that lists wheels which are not there."""
    lines = []
    for version in versions:
        file = f"{name}-{version}-py3-none-any.whl"
        yanked = ' data-yanked="broken"' if version in withdrawn else ""
        lines.append(f'<a href="{file}"{yanked}>{file}</a>')
    (folder / name).mkdir()
    (folder / name / "index.html").write_text("<!DOCTYPE html><html><body>" + "\n".join(lines) + "</body></html>")


def only_index(folder: Path) -> dict[str, str]:
    """Return the variables with which pip asks one folder and nothing else."""
    nothing = dict.fromkeys(("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"), "")
    return {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": folder.as_uri(), **nothing}

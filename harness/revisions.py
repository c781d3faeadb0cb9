"""Git revisions of the user's own project, each checked out in a folder of its own while it is measured."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..results.errors import UsageError


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """Check a revision of the project here out into a folder that is removed afterwards.

    The folder that is yielded stands where the working directory stands in the project.

    Raises:
        UsageError: there is no git, no project here, or no such revision.

    """
    here = Path.cwd().resolve()
    root = Path(_git(here, "rev-parse", "--show-toplevel"))
    commit = commit_of(revision)
    with tempfile.TemporaryDirectory(prefix="dlbench-rev-") as folder:
        target = Path(folder) / "project"
        _git(root, "worktree", "add", "--detach", "--quiet", str(target), commit)
        try:
            yield target / here.relative_to(root)
        finally:
            _git(root, "worktree", "remove", "--force", str(target))


def commit_of(revision: str) -> str:
    """Return the full hash of the commit that a revision of the project here stands for.

    Raises:
        UsageError: there is no git, no project here, or no such revision.

    """
    # The double dash would make it a path; what begins with a dash is no revision.
    if revision.startswith("-"):
        raise UsageError(f"rev={revision}: no revision begins with a dash")
    return _git(
        Path.cwd(), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", wrong=f"no revision {revision!r}"
    )


def _git(folder: Path, *words: str, wrong: str | None = None) -> str:
    git = shutil.which("git")
    if git is None:
        raise UsageError("rev= needs git, which is not here")
    done = subprocess.run([git, "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        told = " ".join(done.stderr.split()) or wrong or f"git {words[0]} failed"
        raise UsageError(f"{wrong}: {told}" if wrong and done.stderr.strip() else told)
    return done.stdout.strip()

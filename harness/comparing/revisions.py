"""Git revisions of the user's own project, each checked out in a folder of its own while it is measured."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...results.errors import UsageError


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


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the project here."""

    hash: str
    subject: str

    @property
    def words(self) -> str:
        """The commit for people."""
        return f"{self.hash[:12]} {self.subject}"


def between(good: str, bad: str) -> list[Commit]:
    """Return the commits after one up to another, the oldest first, along first parents.

    Raises:
        UsageError: one is no revision, or the second does not come after the first.

    """
    first, last = commit_of(good), commit_of(bad)
    listed = _git(Path.cwd(), "log", "--first-parent", "--reverse", "--format=%H %s", f"{first}..{last}")
    commits = [Commit(*line.partition(" ")[::2]) for line in listed.splitlines()]
    base = _git(Path.cwd(), "merge-base", first, last)
    if not commits or base != first:
        raise UsageError(f"{bad} does not come after {good}; give --good an ancestor of --bad")
    return commits


def _git(folder: Path, *words: str, wrong: str | None = None) -> str:
    git = shutil.which("git")
    if git is None:
        raise UsageError("rev= needs git, which is not here")
    done = subprocess.run([git, "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        told = " ".join(done.stderr.split()) or wrong or f"git {words[0]} failed"
        raise UsageError(f"{wrong}: {told}" if wrong and done.stderr.strip() else told)
    return done.stdout.strip()

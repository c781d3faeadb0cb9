"""The suspects of a bisection: revisions of a project, or versions of a package, after a good one up to a bad one."""

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from ...results import units
from ...results.errors import UsageError
from ..environments.recipes import further_indexes
from ..progress import Observer
from .package_index import Ask, listed_versions, run_pip
from .revisions import between, commit_of
from .side_environment import pins_beside
from .version_range import VersionRange, given_between, is_version, listed_between, range_of

NEWEST = "HEAD"
"""The bad revision unless told."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A revision or a version."""

    name: str
    """In a list of its kind: `3.12.0`, or the first digits of a hash."""
    words: str
    """For people, on its own."""
    side: tuple[str, ...]
    """As a side of a comparison takes it."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """A good one, and those after it, one of which is the first that is slower."""

    good: Suspect
    after: tuple[Suspect, ...]
    """The earliest first, the bad one last."""
    kind: str
    """What they are, in the plural."""


def find_suspects(
    good: str,
    bad: str | None,
    versions: Sequence[str],
    backends: Sequence[str],
    observer: Observer,
    ask: Ask = run_pip,
) -> Suspects:
    """Return the suspects between two ends: two revisions, or two versions such as `keras==3.10.0`.

    Args:
        good: the end that is fast.
        bad: the later end that is slow; None: the newest revision.
        versions: those to search in, as typed; none: those that pip lists.
        backends: on which is measured; of versions just one.
        observer: is told that pip is asked.
        ask: runs pip; a stand-in in tests.

    Raises:
        UsageError: the ends do not fit each other or the backends, or one of them is not there.
        BrokenError: pip cannot list the versions.

    """
    if not is_version(good) and not is_version(bad or NEWEST):
        if versions:
            raise UsageError("--versions belongs to two versions of a package; --good and --bad are revisions here")
        return _revisions(good, bad or NEWEST)
    if bad is None:
        raise UsageError(f"--good {good} is a version; say up to which one with --bad, as in --bad keras==3.15.0")
    if is_version(good) != is_version(bad):
        kinds = {True: "a version of a package", False: "a revision"}
        raise UsageError(
            f"--good {good} is {kinds[is_version(good)]} and --bad {bad} is {kinds[is_version(bad)]}; "
            "give two versions of one package, or two revisions of your project"
        )
    found = range_of(good, bad)
    pins_beside(found.side(found.good), backends)  # Says what is wrong before pip is asked.
    if versions:
        return _versions(found, given_between(found, versions))
    observer.note(f"asking pip which versions of {found.name} there are")
    listed = listed_versions(found.name, further_indexes(backends), pre=found.pre, say=observer.note, ask=ask)
    return _versions(found, listed_between(found, listed))


def suspects_text(suspects: Suspects) -> str:
    """Return how many there are, and which."""
    *_, bad = suspects.after
    count = len(suspects.after)
    noun = units.plural(count, suspects.kind.removesuffix("s"), suspects.kind)
    names = ", ".join(suspect.name for suspect in suspects.after)
    return f"{noun} after {suspects.good.words}, up to {bad.words}: {names}"


def _revisions(good: str, bad: str) -> Suspects:
    commits = between(good, bad)
    first = commit_of(good)
    after = tuple(Suspect(commit.hash[:12], commit.words, (f"rev={commit.hash}",)) for commit in commits)
    return Suspects(Suspect(first[:12], good, (f"rev={first}",)), after, "revisions")


def _versions(found: VersionRange, versions: Sequence[Version]) -> Suspects:
    def suspect(version: Version) -> Suspect:
        return Suspect(str(version), f"{found.name} {version}", found.side(version))

    return Suspects(suspect(found.good), tuple(map(suspect, versions)), "versions")

"""From one version of a package up to another: the two ends as typed, and the versions between them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ...results.errors import UsageError
from .. import options as parse

RANGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*(===?|~=|!=|[<>]=?)")
"""How a requirement begins; no revision does so, not even HEAD@{1} or v1~2."""
NEAR = 3
"""So many versions on either side are told where one is not there."""
EXAMPLE = "--good keras==3.10.0 --bad keras==3.15.0"


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A package from one version up to another, and what is held meanwhile."""

    package: str
    """As pip takes it, with extras."""
    good: Version
    bad: Version
    held: tuple[str, ...] = ()
    """Requirements that are the same at both ends."""

    @property
    def name(self) -> str:
        """The package without extras."""
        return Requirement(self.package).name

    @property
    def pre(self) -> bool:
        """Whether an end is a pre-release, so that those between count too."""
        return self.good.is_prerelease or self.bad.is_prerelease

    def side(self, version: Version) -> tuple[str, ...]:
        """Return a version as a side of a comparison takes it."""
        return (f"{self.package}=={version}", *self.held)

    def has(self, version: Version) -> bool:
        """Tell whether a version comes after the good one, and not after the bad one."""
        return public(self.good) < public(version) <= public(self.bad)


def is_version(text: str) -> bool:
    """Tell whether an end names versions of packages."""
    return any(RANGE.match(item) for item in parse.split([text]))


def range_of(good: str, bad: str) -> VersionRange:
    """Return the range between two ends such as `keras==3.10.0` and `keras==3.15.0`.

    An end may name several packages with a comma; all but one must be the same at both.

    Raises:
        UsageError: an end names no exact version, the ends differ in another way than in one version, or the bad one
            does not come after the good one.

    """
    ends = {option: _pinned(option, text) for option, text in (("--good", good), ("--bad", bad))}
    first, last = ends["--good"], ends["--bad"]
    if first.keys() != last.keys():
        raise UsageError(
            f"--good names {', '.join(first)} and --bad {', '.join(last)}; "
            f"give two versions of one package, such as {EXAMPLE}"
        )
    moved = [name for name in first if first[name] != last[name]]
    if not moved:
        raise UsageError(f"--good and --bad are both {good}; give two versions of one package, such as {EXAMPLE}")
    if len(moved) > 1:
        raise UsageError(
            f"--good and --bad differ in {' and '.join(moved)}, and one package is searched at a time; "
            "give the others the same version at both ends"
        )
    (package,) = moved
    held = tuple(f"{name}=={version}" for name, version in first.items() if name != package)
    found = VersionRange(package, first[package], last[package], held)
    if not found.has(found.bad):
        raise UsageError(
            f"--bad {package}=={found.bad} does not come after --good {package}=={found.good}; --good takes the "
            "earlier version: what became slower with a later one is searched"
        )
    return found


def listed_between(found: VersionRange, listed: Iterable[Version]) -> tuple[Version, ...]:
    """Return the versions of a range that an index has, the earliest first, the bad one last.

    Final releases alone, unless an end is a pre-release. What differs in its local part alone is one version.

    Raises:
        UsageError: the index does not have an end.

    """
    every = sorted({public(version) for version in listed})
    for option, end in (("--good", found.good), ("--bad", found.bad)):
        if public(end) not in every:
            before = [version for version in every if version < public(end)][-NEAR:]
            after = [version for version in every if version > public(end)][:NEAR]
            near = ", ".join(map(str, (*before, *after))) or "none"
            raise UsageError(
                f"{option} {found.package}=={end}: the package index has no such version for this Python, or it was "
                f"withdrawn; near it are {near}. Name versions that pip can install, or give them with --versions"
            )
    between = [version for version in every if found.has(version) and (found.pre or not version.is_prerelease)]
    return (*(version for version in between if version != public(found.bad)), found.bad)


def given_between(found: VersionRange, texts: Iterable[str]) -> tuple[Version, ...]:
    """Return the versions of a range that the user gave, the earliest first; the bad one is added as the last.

    Raises:
        UsageError: a text is no version, or lies outside the range.

    """
    versions = set()
    for text in parse.split(texts):
        version = _version("--versions", text)
        if public(version) != public(found.good) and not found.has(version):
            raise UsageError(
                f"--versions has {text}, which does not lie between --good {found.good} and --bad {found.bad}; "
                "leave it out"
            )
        versions.add(version)
    between = [one for one in sorted(versions) if found.has(one) and public(one) != public(found.bad)]
    return (*between, found.bad)


def public(version: Version) -> Version:
    """Return a version without its local part: 2.13.0 for 2.13.0+cpu, which are builds of one release."""
    return Version(version.public)


def _pinned(option: str, text: str) -> dict[str, Version]:
    """Return the versions that an end names, by package."""
    found: dict[str, Version] = {}
    for item in parse.split([text]):
        try:
            requirement = Requirement(item)
        except InvalidRequirement as error:
            raise UsageError(f"{option} {item}: not a package with a version; write it as in {EXAMPLE}") from error
        specifiers = list(requirement.specifier)
        exact = len(specifiers) == 1 and specifiers[0].operator == "==" and "*" not in specifiers[0].version
        if not exact or requirement.marker or requirement.url:
            raise UsageError(f"{option} {item}: an end is one exact version; write it as in {EXAMPLE}")
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        package = f"{canonicalize_name(requirement.name)}{extras}"
        if package in found:
            raise UsageError(f"{option} names {package} twice")
        found[package] = _version(option, specifiers[0].version)
    return found


def _version(option: str, text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise UsageError(f"{option} takes versions such as 3.10.0 (PEP 440); received {text!r}") from error

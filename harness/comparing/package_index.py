"""Which versions of a package there are: asked of pip, so of the indexes that the user has set up for it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence

from packaging.version import InvalidVersion, Version

from ...results.errors import BrokenError, UsageError
from ..children.launch import without_own_packages

LIMIT_S = 300.0
WRONG_OPTION = 2
"""Status with which pip ends that does not know an option."""
LISTED = re.compile(r"^\s*available versions:(.*)$", re.IGNORECASE | re.MULTILINE)
UNREACHED = re.compile(
    r"^.*(?:retrying|connection|timed out|certificate|not a trusted).*$", re.IGNORECASE | re.MULTILINE
)
"""A line that pip writes where an index does not answer; its status is as for an index without the package."""
LONGEST = 160
"""Characters of a line of pip that are shown."""
GIVE = "give the versions yourself with --versions, such as --versions 1.0,1.1,1.2"

Answer = tuple[int, str, str]
"""Status, stdout and stderr."""
Ask = Callable[[Sequence[str]], Answer]
"""Runs pip with some words. In tests a function."""


def run_pip(words: Sequence[str]) -> Answer:
    """Run the pip of the interpreter that runs dlbench: it makes the environments too, so what it can install counts.

    Raises:
        BrokenError: pip does not end.

    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pip", *words],
            env=without_own_packages(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenError(f"pip did not list versions within {LIMIT_S:.0f} s; {GIVE}") from error
    return done.returncode, done.stdout, done.stderr


def listed_versions(
    name: str, indexes: Sequence[str], *, pre: bool, say: Callable[[str], None], ask: Ask = run_pip
) -> tuple[Version, ...]:
    """Return the versions of a package that pip would install here, the earliest first, without local parts.

    pip leaves out what has been withdrawn (yanked, PEP 592), and what does not fit this Python or machine.

    Args:
        name: of the package.
        indexes: asked beside those that pip is set up with.
        pre: pre-releases too.
        say: is told where some index did not answer.
        ask: runs pip.

    Raises:
        UsageError: no index has the package.
        BrokenError: no index answered, pip is not here, or its answer cannot be read.

    """
    further = [word for index in indexes for word in ("--extra-index-url", index)]
    quiet = ["--disable-pip-version-check", "--no-input"]
    words = ["index", "versions", *quiet, *further, *(["--pre"] if pre else []), name]
    status, out, err = ask([*words, "--json"])
    if status == WRONG_OPTION and "--json" in err:  # before pip 25.1
        status, out, err = ask(words)
    unreached = UNREACHED.search(err)
    if status != 0:
        last = (err.strip().splitlines() or ["it printed nothing"])[-1][:LONGEST]
        if unreached:
            line = unreached[0].strip()[:LONGEST]
            raise BrokenError(f"pip cannot reach a package index to list the versions of {name} ({line} …); {GIVE}")
        if "No module named pip" in err:
            raise BrokenError(f"pip is not installed in {sys.executable}, so it cannot list versions; {GIVE}")
        raise UsageError(f"pip finds no versions of {name!r} ({last}); is that its name? If so, {GIVE}")
    if unreached:
        say(f"a package index did not answer pip: versions of {name} that only it has are not among these")
    return tuple(sorted({Version(version.public) for version in parse_listing(out)}))


def parse_listing(text: str) -> tuple[Version, ...]:
    """Return the versions in the answer of `pip index versions`, in JSON or in words, as they come.

    What is no version by PEP 440 is left out: it has no place in their order.

    Raises:
        BrokenError: the answer has neither form.

    """
    names = _names(text)
    if names is None:
        first = (text.strip().splitlines() or ["nothing"])[0]
        raise BrokenError(f"pip's list of versions cannot be read; it begins with {first[:80]!r}; {GIVE}")
    found = []
    for name in names:
        try:
            found.append(Version(name))
        except InvalidVersion:
            continue
    return tuple(found)


def _names(text: str) -> list[str] | None:
    try:
        data = json.loads(text)
    except ValueError:
        line = LISTED.search(text)
        return [part.strip() for part in line[1].split(",")] if line else None
    versions = data.get("versions") if isinstance(data, dict) else None
    return [str(item) for item in versions] if isinstance(versions, list) else None

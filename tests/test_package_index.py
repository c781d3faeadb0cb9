"""Versions as pip lists them: in both of its forms, and what is said where it lists none."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from dlbench.harness.comparing.package_index import Answer, listed_versions, parse_listing, run_pip
from dlbench.results.errors import BrokenError, UsageError
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from .small_index import only_index, write_index

NUMBERS = st.lists(st.integers(0, 99), min_size=1, max_size=4)
SUFFIX = st.sampled_from(("", "rc1", "a2", ".dev3", ".post1", "+cpu", "b1.post2"))
VERSIONS = st.lists(st.builds(lambda numbers, end: Version(".".join(map(str, numbers)) + end), NUMBERS, SUFFIX))
NOISE = st.lists(st.sampled_from(("WARNING: x", "  INSTALLED: 9.9", "  LATEST:    9.9", "toy (9.9)", "")), max_size=3)
NOTHING = "ERROR: No matching distribution found for toy"
RETRYING = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...)': /simple/toy/"


class Pip:
    """Stands in for pip: gives its answers one after the other."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.ran: list[Sequence[str]] = []

    def __call__(self, words: Sequence[str]) -> Answer:
        self.ran.append(words)
        return self.answers.pop(0)


def listed(*answers: Answer, pre: bool = False) -> list[str]:
    found = listed_versions("toy", (), pre=pre, say=lambda text: None, ask=Pip(*answers))
    return [str(version) for version in found]


@given(VERSIONS, NOISE, NOISE)
def test_both_forms_say_the_same(every: list[Version], before: list[str], after: list[str]) -> None:
    names = [str(version) for version in every]
    words = "\n".join([*before, f"Available versions: {', '.join(names)}", *after]) + "\n"
    data = json.dumps({"name": "toy", "versions": names, "latest": names[:1]})
    assert parse_listing(words) == parse_listing(data) == tuple(every)


@given(st.text())
def test_any_other_text_is_refused_and_never_taken_for_versions(text: str) -> None:
    try:
        found = parse_listing(text)
    except BrokenError as error:
        assert "pip's list of versions cannot be read" in str(error)  # noqa: PT017
    else:
        assert all(str(version)[0].isdigit() for version in found)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"versions": "1.0"}', "{}", "toy (1.0)\n"])
def test_what_is_no_list_is_told(text: str) -> None:
    with pytest.raises(BrokenError, match="cannot be read; it begins with"):
        parse_listing(text)


def test_what_is_no_version_is_left_out() -> None:
    assert parse_listing("Available versions: 1.0, 2004d, , 0.9-final, 0.9") == (Version("1.0"), Version("0.9"))


def test_builds_of_one_release_are_one_version() -> None:
    words = json.dumps({"versions": ["2.1.0", "2.0.0+cpu", "2.0.0", "2.1.0+cpu"]})
    assert listed((0, words, "")) == ["2.0.0", "2.1.0"]


def test_an_older_pip_is_asked_without_json() -> None:
    refused = (2, "", "\nUsage:\n  pip index versions <package>\n\nno such option: --json\n")
    pip = Pip(refused, (0, "toy (1.1)\nAvailable versions: 1.1, 1.0\n  INSTALLED: 1.1\n", "WARNING: experimental"))
    found = listed_versions("toy", ("https://x/simple",), pre=True, say=lambda text: None, ask=pip)
    assert [str(version) for version in found] == ["1.0", "1.1"]
    assert pip.ran[0] == [*pip.ran[1], "--json"]
    assert pip.ran[1][-4:] == ["--extra-index-url", "https://x/simple", "--pre", "toy"]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ((1, "", NOTHING), UsageError, r"pip finds no versions of 'toy' \(ERROR: No matching .*give the versions"),
        (
            (1, "", f"{RETRYING}\n{NOTHING}"),
            BrokenError,
            r"cannot reach a package index .*\(WARNING: Retrying .*--vers",
        ),
        ((1, "", "/x/python: No module named pip"), BrokenError, "pip is not installed in .*--versions"),
        ((1, "", ""), UsageError, "it printed nothing"),
        ((0, "hello", ""), BrokenError, "it begins with 'hello'"),
    ],
)
def test_why_there_is_no_list_is_told(answer: Answer, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        listed(answer)


def test_an_index_that_did_not_answer_is_noted() -> None:
    said: list[str] = []
    pip = Pip((0, '{"versions": ["1.0"]}', RETRYING))
    assert listed_versions("toy", (), pre=False, say=said.append, ask=pip) == (Version("1.0"),)
    assert "did not answer" in said[0]


def test_pip_itself_lists_a_folder_and_leaves_out_what_was_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_index(tmp_path, "toy", ["1.0", "1.1", "1.2rc1", "1.3"], withdrawn=["1.1"])
    for name, value in only_index(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert listed_versions("toy", (), pre=False, say=print, ask=run_pip) == (Version("1.0"), Version("1.3"))
    assert Version("1.2rc1") in listed_versions("toy", (), pre=True, say=print, ask=run_pip)
    with pytest.raises(UsageError, match="pip finds no versions of 'toys'"):
        listed_versions("toys", (), pre=False, say=print, ask=run_pip)

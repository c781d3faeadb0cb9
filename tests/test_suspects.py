"""Suspects: which revisions or versions are searched, and what is said of ends that do not fit each other."""

import json
from collections.abc import Sequence

import pytest
from dlbench.harness.comparing import side_environment, suspects
from dlbench.harness.comparing.package_index import Answer
from dlbench.harness.comparing.revisions import Commit
from dlbench.harness.comparing.suspects import Suspects, find_suspects, suspects_text
from dlbench.harness.environments.installed import Installed
from dlbench.harness.progress import Silence
from dlbench.results.errors import UsageError

HERE = {"keras": "3.15.1", "numpy": "2.4.6", "jax": "0.10.2"}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have these packages installed, and a project with three revisions after `v1`."""
    monkeypatch.setattr(side_environment, "installed_here", lambda: Installed("3.11.7", HERE))
    commits = [Commit(letter * 40, f"step {letter}") for letter in "abc"]
    monkeypatch.setattr(suspects, "between", lambda good, bad: commits)
    monkeypatch.setattr(suspects, "commit_of", lambda revision: "9" * 40)


def index(words: Sequence[str]) -> Answer:
    names = ["3.10.0", "3.11.0", "3.11.1", "3.12.0", "3.13.0rc1", "3.13.0"]
    return 0, json.dumps({"versions": names if "--pre" in words else [n for n in names if "rc" not in n]}), ""


def no_index(words: Sequence[str]) -> Answer:
    raise AssertionError("no index was to be asked")


def found(good: str, bad: str | None, *versions: str, backends: Sequence[str] = ("jax",)) -> Suspects:
    ask = no_index if versions else index
    return find_suspects(good, bad, versions, backends, Silence(), ask)


def test_revisions_are_those_along_the_project() -> None:
    row = found("v1", None)
    assert [suspect.words for suspect in row.after] == [f"{letter * 12} step {letter}" for letter in "abc"]
    assert (row.good.words, row.good.side, row.after[-1].side) == ("v1", ("rev=" + "9" * 40,), ("rev=" + "c" * 40,))
    assert suspects_text(row).startswith("3 revisions after v1, up to cccccccccccc step c: aaaaaaaaaaaa, bbb")


def test_versions_are_those_of_the_index() -> None:
    row = found("keras==3.10.0,optax==0.2", "optax==0.2,keras==3.12.0")
    assert [suspect.name for suspect in row.after] == ["3.11.0", "3.11.1", "3.12.0"]
    assert row.good.side == ("keras==3.10.0", "optax==0.2")
    assert row.after[0].side == ("keras==3.11.0", "optax==0.2")
    early = found("keras==3.12.0", "keras==3.13.0rc1")
    assert suspects_text(early) == "1 version after keras 3.12.0, up to keras 3.13.0rc1: 3.13.0rc1"


def test_versions_that_are_given_need_no_index() -> None:
    row = found("keras==3.10.0", "keras==3.15.0", "3.12.0,3.11.0")
    assert [suspect.name for suspect in row.after] == ["3.11.0", "3.12.0", "3.15.0"]


def test_the_indexes_of_the_backends_recipe_are_asked_too() -> None:
    def ask(words: Sequence[str]) -> Answer:
        asked.extend(words)
        return index(words)

    asked: list[str] = []
    find_suspects("keras==3.10.0,torch==2.13.0", "keras==3.12.0,torch==2.13.0", (), ("torch",), Silence(), ask)
    assert "https://download.pytorch.org/whl/cpu" in asked


@pytest.mark.parametrize(
    ("good", "bad", "versions", "said"),
    [
        ("keras==3.10.0", None, (), "is a version; say up to which one with --bad"),
        ("keras==3.10.0", "main", (), "keras==3.10.0 is a version of a package and --bad main is a revision; give two"),
        ("v1", "keras==3.12.0", (), "--good v1 is a revision and --bad keras==3.12.0 is a version of a package"),
        ("v1", "v2", ("3.12.0",), "--versions belongs to two versions of a package"),
        ("keras==3.9.0", "keras==3.12.0", (), "--good keras==3.9.0: the package index has no such version"),
    ],
)
def test_ends_that_do_not_fit_each_other_are_told(
    good: str, bad: str | None, versions: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        found(good, bad, *versions)


def test_what_cannot_be_compared_is_told_before_pip_is_asked() -> None:
    for backends, said in ((("jax", "torch"), "on one backend"), (("torch",), "torch is not installed here")):
        with pytest.raises(UsageError, match=said):
            find_suspects("keras==3.10.0", "keras==3.12.0", (), backends, Silence(), no_index)

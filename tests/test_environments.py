"""Environments by name: on the command line, in dlbench.toml, made by dlbench."""

import os
from pathlib import Path

import pytest
from dlbench.harness.environments import made as made_environments
from dlbench.harness.environments.environments import absolute, choose_interpreters, known_environments, names
from dlbench.harness.environments.interpreters import Interpreter, own_interpreter
from dlbench.harness.environments.made import MadeEnvironment, keep
from dlbench.harness.options import parse_environments
from dlbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without environments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "envs"))
    return tmp_path


def _made(name: str, folder: Path) -> MadeEnvironment:
    folder.mkdir(parents=True)
    made_environments.environments_path().mkdir(exist_ok=True)
    record = MadeEnvironment(
        name, str(folder), str(folder / "bin/python"), "2026-11-20T10:00:00+00:00", "pip", ("jax",)
    )
    keep(record)
    return record


def test_names_come_in_comma_lists_and_a_path_is_taken_whole() -> None:
    assert parse_environments(["current,old", "new=/opt/a,b/bin/python"]) == {
        "current": None,
        "old": None,
        "new": "/opt/a,b/bin/python",
    }
    assert parse_environments([]) == {}


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True), st.text("abc/=,. ", min_size=1))
def test_any_path_belongs_to_its_name(name: str, path: str) -> None:
    if name in {"current", "default"} or not path.strip():
        return
    assert parse_environments([f"{name}={path}"]) == {name: path.strip()}


@pytest.mark.parametrize(
    "word", ["=/bin/python", "old=", "a b=/bin/python", "../old", "current=/bin/python", "jax@old"]
)
def test_a_name_that_cannot_be_one_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--env takes NAME, NAME=/path/to/python or current"):
        parse_environments([word])


def test_a_name_stands_for_one_interpreter() -> None:
    assert parse_environments(["a=/x", "a=/x"]) == {"a": "/x"}
    with pytest.raises(UsageError, match="--env a is given twice"):
        parse_environments(["a=/x", "a=/y"])
    with pytest.raises(UsageError, match="--env a is given twice"):
        parse_environments(["a", "a=/y"])


def test_without_a_name_workers_run_in_the_controllers_own_interpreter() -> None:
    assert choose_interpreters({}) == (own_interpreter(),)
    assert choose_interpreters({"current": None}) == (own_interpreter(),)


def test_the_configuration_names_interpreters_relative_to_itself(own_folder: Path) -> None:
    (own_folder / "dlbench.toml").write_text(
        '[env.old]\npython = "venvs/old/bin/python"\n[env.new]\npython = "/opt/new/bin/python"\n'
        '[suites.mine]\nworkloads = ["cancer_mlp"]\n'
    )
    chosen = choose_interpreters({"new": None, "old": None, "other": "elsewhere/python"})
    assert chosen == (
        Interpreter("new", "/opt/new/bin/python"),
        Interpreter("old", str(own_folder / "venvs/old/bin/python")),
        Interpreter("other", str(own_folder / "elsewhere/python")),
    )
    assert names() == ["current", "new", "old"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[env]\nold = 3\n", r"\[env.old\] must be a table"),
        ("[env.old]\n", r'\[env.old\] needs python = "/path/to/python"; received None'),
        ("[env.old]\npython = 3\n", "received 3"),
        ('[env.old]\npyhton = "x"\n', "did you mean 'python'"),
        ('[env."a b"]\npython = "x"\n', "'a b' cannot be a name"),
        ('[env.current]\npython = "x"\n', "'current' cannot be a name"),
        ("env = 3\n", "env must be a table"),
        ('[envs.old]\npython = "x"\n', "did you mean 'env'"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_place(text: str, said: str, own_folder: Path) -> None:
    (own_folder / "dlbench.toml").write_text(text)
    with pytest.raises(UsageError, match=said) as told:
        known_environments()
    assert "dlbench.toml" in str(told.value)


def test_what_dlbench_made_is_found_and_the_configuration_comes_first(own_folder: Path) -> None:
    record = _made("old", own_folder / "envs" / "old")
    assert choose_interpreters({"old": None}) == (Interpreter("old", record.python),)
    assert known_environments()["old"].made == record
    (own_folder / "dlbench.toml").write_text('[env.old]\npython = "/opt/old/bin/python"\n')
    assert choose_interpreters({"old": None}) == (Interpreter("old", "/opt/old/bin/python"),)


def test_an_unknown_name_is_told_with_the_near_ones_and_the_ways_out(own_folder: Path) -> None:
    _made("jax-old", own_folder / "envs" / "jax-old")
    with pytest.raises(UsageError, match="unknown environment 'jax-odl'; did you mean 'jax-old'") as told:
        choose_interpreters({"jax-odl": None})
    assert "--env jax-odl=/path/to/python" in str(told.value)
    assert "dlbench env create jax-odl" in str(told.value)


def test_a_folder_stands_for_the_interpreter_in_it_and_links_are_kept(own_folder: Path) -> None:
    real = own_folder / "real" / "python3.12"
    real.parent.mkdir()
    real.write_text("")
    link = own_folder / "venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    assert absolute("venv") == str(link)
    assert absolute("venv/bin/python") == str(link)
    assert absolute("venv/../venv/bin/python") == str(link)
    assert absolute("~/python") == os.path.normpath(Path.home() / "python")

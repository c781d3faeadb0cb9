"""Environments that dlbench made: whole or not at all, and removed only where dlbench made them."""

import fcntl
import json
from pathlib import Path

import pytest
from dlbench.harness.environments.made import (
    MARK,
    MadeEnvironment,
    environments_path,
    keep,
    making,
    read_made,
    remove,
)
from dlbench.results.errors import UsageError


@pytest.fixture(autouse=True)
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty folder of environments."""
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "envs"))
    return tmp_path / "envs"


def _record(name: str, folder: Path) -> MadeEnvironment:
    return MadeEnvironment(
        name, str(folder), str(folder / "bin/python"), "2026-11-20", "uv", ("jax",), (), "jax for cpu"
    )


def _make(name: str, folder: Path) -> MadeEnvironment:
    with making(name, folder):
        folder.mkdir(parents=True)
        keep(_record(name, folder))
    return _record(name, folder)


def test_a_kept_environment_is_read_back(envs: Path, tmp_path: Path) -> None:
    own, elsewhere = _make("own", envs / "own"), _make("away", tmp_path / "away")
    assert read_made() == {"away": elsewhere, "own": own}
    assert sorted(path.name for path in envs.iterdir()) == ["away.json", "own", "own.json"]


def test_what_fails_leaves_nothing_behind(envs: Path) -> None:
    def broken() -> None:
        with making("half", envs / "half"):
            (envs / "half" / "lib").mkdir(parents=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert list(envs.iterdir()) == []
    assert read_made() == {}


def test_what_a_killed_process_left_is_removed_first(envs: Path) -> None:
    folder = envs / "half"
    (folder / "lib").mkdir(parents=True)
    (envs / "half.making").write_text(str(folder))
    with making("half", folder):
        assert not folder.exists()
        folder.mkdir()
        keep(_record("half", folder))
    assert list(read_made()) == ["half"]


def test_a_folder_that_nobody_left_is_not_touched(envs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with (
        pytest.raises(UsageError, match=r"mine' is not empty; choose another place with --at"),
        making("a", tmp_path / "mine"),
    ):
        pass
    assert (tmp_path / "mine" / "thesis.tex").exists()
    assert list(envs.iterdir()) == []


def test_a_name_is_made_once_and_by_one_process(envs: Path) -> None:
    _make("a", envs / "a")
    with (
        pytest.raises(UsageError, match="there is an environment a already; `dlbench env remove a` removes it"),
        making("a", envs / "other"),
    ):
        pass
    with (envs / "b.making").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="being made by another process"), making("b", envs / "b"):
            pass
    assert (envs / "b.making").exists()


def test_an_environment_is_removed_whole(envs: Path, tmp_path: Path) -> None:
    record = _make("away", tmp_path / "away")
    remove(record)
    assert not (tmp_path / "away").exists()
    assert read_made() == {}
    again = _make("away", tmp_path / "away")
    (tmp_path / "away" / MARK).unlink()
    for path in (tmp_path / "away").iterdir():
        path.unlink()
    (tmp_path / "away").rmdir()
    remove(again)
    assert read_made() == {}


def test_a_folder_that_is_another_one_by_now_is_not_removed(tmp_path: Path) -> None:
    record = _make("away", tmp_path / "away")
    (tmp_path / "away" / MARK).write_text(json.dumps({"name": "another"}))
    with pytest.raises(UsageError, match="is not the folder that dlbench made"):
        remove(record)
    assert (tmp_path / "away").exists()
    assert list(read_made()) == ["away"]


def test_a_damaged_record_is_passed_over(envs: Path) -> None:
    _make("a", envs / "a")
    (envs / "b.json").write_text("{")
    assert list(read_made()) == ["a"]


def test_the_folder_is_the_users_own_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DLBENCH_ENVS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert environments_path() == tmp_path / "dlbench" / "envs"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert environments_path() == Path.home() / ".local" / "share" / "dlbench" / "envs"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "file" / "envs"))
    with pytest.raises(UsageError, match=r"cannot write to .*set DLBENCH_ENVS"), making("a", tmp_path / "a"):
        pass

"""The cache: whole entries or none, in a folder that the user may choose."""

from pathlib import Path
from typing import Any

import pytest
from dlbench.harness.cache import cache_path, key_of, load_entry, save_entry
from dlbench.results.errors import UsageError
from hypothesis import given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache that is empty and not there yet."""
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def test_an_entry_comes_back(folder: Path) -> None:
    save_entry("probes", "k", {"a": [1, 2.5, None, "é"]})
    assert load_entry("probes", "k") == {"a": [1, 2.5, None, "é"]}


def test_what_was_not_saved_is_none(folder: Path) -> None:
    save_entry("probes", "k", 1)
    assert load_entry("probes", "other") is None
    assert load_entry("data", "k") is None


def test_an_entry_saved_again_is_the_later_one(folder: Path) -> None:
    save_entry("probes", "k", "before")
    save_entry("probes", "k", "after")
    assert load_entry("probes", "k") == "after"


def test_nothing_but_the_entry_is_left_behind(folder: Path) -> None:
    save_entry("probes", "k", 1)
    assert [path.name for path in (folder / "probes").iterdir()] == ["k.json"]


@pytest.mark.parametrize("damage", [b"", b'{"a": ', b"\xff\xfe"])
def test_a_damaged_entry_is_none_and_can_be_made_anew(folder: Path, damage: bytes) -> None:
    save_entry("probes", "k", 1)
    (folder / "probes" / "k.json").write_bytes(damage)
    assert load_entry("probes", "k") is None
    save_entry("probes", "k", 2)
    assert load_entry("probes", "k") == 2


def test_an_entry_is_whole_or_the_old_one_when_writing_fails(folder: Path) -> None:
    save_entry("probes", "k", "old")
    with pytest.raises(TypeError):
        save_entry("probes", "k", ["new", object()])
    assert load_entry("probes", "k") == "old"


def test_a_folder_that_cannot_be_written_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UsageError, match="DLBENCH_CACHE"):
        save_entry("probes", "k", 1)


def test_an_entry_in_a_folder_that_cannot_be_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert load_entry("probes", "k") is None


@settings(deadline=None)
@given(JSON)
def test_a_key_is_sixteen_hex_digits_and_always_the_same(data: Any) -> None:
    key = key_of(data)
    assert key == key_of(data)
    assert len(key) == 16
    assert set(key) <= set("0123456789abcdef")


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_the_order_of_names_changes_no_key(data: dict[str, Any]) -> None:
    assert key_of(dict(reversed(data.items()))) == key_of(data)


def test_different_data_has_different_keys() -> None:
    keys = [key_of(data) for data in ([], {}, None, "", 0, "0", [0], [[0]], {"a": 0}, {"a": 1}, [1, 2], [2, 1])]
    assert len(set(keys)) == len(keys)


def test_the_cache_is_the_one_chosen_else_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLBENCH_CACHE", "/chosen")
    assert cache_path() == Path("/chosen")
    monkeypatch.setenv("DLBENCH_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_path() == Path("/xdg/dlbench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/user")
    assert cache_path() == Path("/home/user/.cache/dlbench")

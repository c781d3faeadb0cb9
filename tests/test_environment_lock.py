"""Locks: written and read back the same, and readable by pip."""

from pathlib import Path

import pytest
from dlbench.harness.environments.installed import Installed
from dlbench.harness.environments.lock import FIRST_LINE, Lock, lock_of, parse_lock, read_lock, text_of
from dlbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

VERSIONS = st.from_regex(r"[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]+)?(rc1|\+cpu)?", fullmatch=True)
PACKAGES = st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?", fullmatch=True), VERSIONS, min_size=1)


@given(PACKAGES, st.lists(st.sampled_from(["https://a.org/whl", "https://b.org/simple"]), unique=True))
def test_what_is_written_is_read_back(packages: dict[str, str], indexes: list[str]) -> None:
    packages["keras"] = "3.10.0"
    lock = lock_of(Installed("3.12.1", packages), indexes, "jax for cpu")
    assert parse_lock(text_of(lock), "x.lock") == lock
    assert set(lock.packages) == {f"{k}=={v}" for k, v in packages.items() if k not in ("pip", "uv", "dlbench")}


def test_every_line_is_one_that_pip_takes() -> None:
    lock = Lock("3.12.1", ("jax==0.6.0",), ("https://a.org/whl",), "jax for cpu")
    assert text_of(lock).splitlines() == [
        FIRST_LINE,
        "# python: 3.12.1",
        "# recipe: jax for cpu",
        "--extra-index-url https://a.org/whl",
        "jax==0.6.0",
    ]


def test_builds_with_a_local_version_bring_the_index_that_has_them() -> None:
    has = {"torch": "2.13.0+cpu", "torchvision": "0.28.0+cpu", "triton": "3.1", "mine": "1.0+abc", "keras": "3.15.1"}
    lock = lock_of(Installed("3.12.1", has))
    assert lock.indexes == ("https://download.pytorch.org/whl/cpu",)
    assert lock.nowhere == ("mine==1.0+abc",)
    assert "# in no index that dlbench knows: mine==1.0+abc\n" in text_of(lock)
    assert parse_lock(text_of(lock), "x.lock") == lock


def test_what_an_index_of_its_own_brought_is_not_called_unknown() -> None:
    lock = lock_of(Installed("3.12.1", {"mine": "1.0+abc", "torch": "2.13.0+cu128"}), ("https://a.org/whl",))
    assert lock.indexes == ("https://a.org/whl", "https://download.pytorch.org/whl/cu128")
    assert lock.nowhere == ()


def test_a_package_from_elsewhere_needs_no_index() -> None:
    source = {"torch": {"url": "https://example.org/torch-2.13.0+cpu-cp312.whl", "archive_info": {}}}
    lock = lock_of(Installed("3.12.1", {"torch": "2.13.0+cpu"}, source))
    assert (lock.indexes, lock.nowhere) == ((), ())


def test_packages_from_elsewhere_are_locked_by_their_address() -> None:
    sources = {
        "a": {"url": "https://example.org/a-1.0-py3-none-any.whl", "archive_info": {}},
        "b": {"url": "https://example.org/b.git", "vcs_info": {"vcs": "git", "commit_id": "0123abcd"}},
    }
    lock = lock_of(Installed("3.12.1", {"a": "1.0", "b": "2.0"}, sources))
    assert lock.packages == (
        "a @ https://example.org/a-1.0-py3-none-any.whl",
        "b @ git+https://example.org/b.git@0123abcd",
    )
    assert parse_lock(text_of(lock), "x.lock") == lock


def test_a_package_from_a_folder_cannot_be_locked() -> None:
    mine = {"mine": {"url": "file:///home/me/mine", "dir_info": {"editable": True}}}
    with pytest.raises(UsageError, match="mine was installed from file:///home/me/mine, which no lock can name"):
        lock_of(Installed("3.12.1", {"mine": "1.0"}, mine))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no lock made with `dlbench env lock`"),
        ("jax==0.6.0\n", "is no lock made with"),
        (f"{FIRST_LINE}\n# python: 3.12.1\njax>=0.6\n", "line 3 does not give one exact version: 'jax>=0.6'"),
        (f"{FIRST_LINE}\n# python: 3.12.1\n-e .\n", "line 3 does not give one exact version"),
        (f"{FIRST_LINE}\njax==0.6.0\n", "names no Python version"),
        (f"{FIRST_LINE}\n# python: 3.12.1\n", "names no packages"),
    ],
)
def test_what_is_no_lock_is_told(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_lock(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*No such file"):
        read_lock(tmp_path / "x.lock")

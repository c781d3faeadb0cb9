"""Fixtures for all tests: nothing touches what is the user's own, and tests side by side share no core.

The cache, the environments and the store are made for the tests.

Property-based tests draw the same examples each time, so that a change fails for what it changed; `pytest
--hypothesis-profile default` draws new ones.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Bind each of several test processes, and all that it starts, to a part of the cores.

    On shared cores the frameworks' threads wait for each other by spinning, and everything takes many times as long.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    cores = sorted(os.sched_getaffinity(0))
    if 1 < count <= len(cores):
        os.sched_setaffinity(0, cores[number::count])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that start workers, which take the longest; the many short ones fill what is left."""
    long = {item.path for item in items if item.get_closest_marker("workers")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the whole test run one cache of its own, so that probes and data are made once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLBENCH_CACHE", str(folder))
        patch.setenv("DLBENCH_ENVS", str(folder / "envs"))
        patch.delenv("DLBENCH_STORE", raising=False)
        patch.delenv("DLBENCH_DEBUG", raising=False)
        yield folder

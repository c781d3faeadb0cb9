"""Fixtures for all tests: nothing touches the user's own cache or store."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the whole test run one cache of its own, so that probes and data are made once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLBENCH_CACHE", str(folder))
        patch.delenv("DLBENCH_STORE", raising=False)
        patch.delenv("DLBENCH_DEBUG", raising=False)
        yield folder

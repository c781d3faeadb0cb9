"""From options to an experiment: which backends are used, and what the status of a run is."""

import pytest
from dlbench.backends.catalog import BACKENDS
from dlbench.harness.experiment import choose_backends, usable_backends
from dlbench.results.environment import BackendProbe, Device
from dlbench.results.errors import NothingMeasured, UsageError

CPU = (Device("cpu", "cpu"),)
READY = [BackendProbe(backend.name, "1.0", "3.15", CPU) for backend in BACKENDS]
LACKING = BackendProbe("torch", None, problem="PyTorch is not installed here", hint="pip install 'dlbench[torch]'")


def test_without_names_every_backend_of_the_catalog_is_chosen() -> None:
    assert choose_backends(()) == BACKENDS
    assert [backend.name for backend in choose_backends(("torch", "jax"))] == ["torch", "jax"]


def test_a_backend_that_is_not_installed_is_left_out_and_told_once_with_the_command() -> None:
    usable, notes = usable_backends(BACKENDS, [READY[0], LACKING, READY[2]], named=False)
    assert [backend.name for backend, _ in usable] == ["jax", "tensorflow"]
    assert notes == ("PyTorch is not installed here; left out; to add it: pip install 'dlbench[torch]'",)


def test_a_backend_asked_for_by_name_and_not_installed_is_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"PyTorch is not installed here; to add it: pip install 'dlbench\[torch\]'"):
        usable_backends(BACKENDS, [READY[0], LACKING, READY[2]], named=True)


def test_without_any_backend_nothing_can_be_measured() -> None:
    lacking = [BackendProbe(backend.name, None, problem=f"no {backend.title}") for backend in BACKENDS]
    with pytest.raises(NothingMeasured, match=r"no JAX.*no PyTorch.*no TensorFlow"):
        usable_backends(BACKENDS, lacking, named=False)

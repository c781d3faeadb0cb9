"""From options to an experiment: which backends are used, and what the status of a run is."""

import pytest
from dlbench.backends.catalog import BACKENDS
from dlbench.harness.environments.places import usable_backends
from dlbench.harness.experiments import candidates
from dlbench.harness.experiments.candidates import find_candidates
from dlbench.harness.experiments.execute import fitting
from dlbench.harness.experiments.experiment import choose_backends
from dlbench.harness.options import Selection
from dlbench.harness.progress import Silence
from dlbench.harness.wire import PreparedData
from dlbench.results.errors import NothingMeasured, UsageError
from dlbench.results.records.environment import BackendProbe, Device
from dlbench.workloads.workload import Workload

from .factories import plan, spec

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


def _find(monkeypatch: pytest.MonkeyPatch, *names: str) -> candidates.Found:
    """Look for workloads in a catalog whose `high` has a target that no accuracy reaches."""
    targets = {"high": 1.5, "fine": 0.9}

    def get(name: str) -> Workload:
        return Workload(spec(name, target=targets[name]), lambda parameters: None, lambda *_: None)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr(candidates.catalog, "get", get)
    return find_candidates(names, {}, BACKENDS, Selection(), Silence())


def test_a_target_that_no_model_reaches_is_told_and_the_other_workloads_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _find(monkeypatch, "high", "fine")
    assert [candidate.spec.name for candidate in found.candidates] == ["fine"]
    (broken,) = found.broken
    assert broken == "high: the target 1.5 cannot be met: accuracy lies between 0 and 1; set a target within that"
    with pytest.raises(UsageError, match=r"high: the target 1\.5 cannot be met"):
        _find(monkeypatch, "high")


def test_a_target_above_what_the_data_allows_fails_the_job_that_trains_to_it() -> None:
    data = PreparedData("data.npz", "0" * 64, 1000, best=0.85)
    (trained,) = plan(phases=("converge",)).jobs
    assert str(fitting(trained, data)).startswith("toy: the target 0.9 cannot be met: accuracy is better when larger")
    (timed,) = plan(phases=("train",)).jobs
    assert fitting(timed, data) is data
    better = PreparedData("data.npz", "0" * 64, 1000, best=0.95)
    assert fitting(trained, better) is better

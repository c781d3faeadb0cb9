"""Places: the backends of each environment, what is left out and told, and what runs a user's file."""

from pathlib import Path

import pytest
from dlbench.harness.children.launch import LocalLauncher
from dlbench.harness.effort import Effort
from dlbench.harness.environments import places as subject
from dlbench.harness.environments.interpreters import Interpreter
from dlbench.harness.environments.places import Place, describers, read_environments, usable_places
from dlbench.harness.experiments.plan import make_plan
from dlbench.harness.experiments.runner import Schedule, place_of, request_of, text_of
from dlbench.harness.options import Selection
from dlbench.harness.wire import PreparedData
from dlbench.results.errors import NothingMeasured, UsageError
from dlbench.results.records.environment import BackendProbe, Environment

from .factories import backend, candidate, plan, probe
from .interpreters import HAS, fake_python

JAX, TORCH = backend("jax"), backend("torch")
BOTH = (JAX, TORCH)


def _lacking(name: str, where: str) -> BackendProbe:
    return BackendProbe(name, None, problem=f"{name.title()} is not installed {where}", hint=f"pip install {name}")


def _environment(name: str, *has: str) -> Environment:
    where = "here" if name == "current" else f"in environment {name}"
    probes = tuple(probe(b.name) if b.name in has else _lacking(b.name, where) for b in BOTH)
    return Environment(name, f"/{name}/python", "3.12.1", {}, probes, f"of {name}")


def _where(found: list[Place]) -> list[tuple[str, str | None, bool]]:
    return [(place.backend.name, place.environment, place.probe.version is not None) for place in found]


def test_each_backend_runs_in_each_environment_that_has_it() -> None:
    found, notes = usable_places(
        BOTH, [_environment("current", "jax", "torch"), _environment("old", "jax")], named=False
    )
    assert _where(found) == [("jax", None, True), ("torch", None, True), ("jax", "old", True)]
    assert [place.fingerprint for place in found] == ["of current", "of current", "of old"]
    assert notes == ("Torch is not installed in environment old; left out",)


def test_a_backend_asked_for_by_name_is_left_out_beside_the_figures_where_it_is_not() -> None:
    found, notes = usable_places(
        BOTH, [_environment("current", "jax", "torch"), _environment("old", "jax")], named=True
    )
    assert _where(found)[-1] == ("torch", "old", False)
    assert notes == ()
    made = make_plan([candidate()], found, Selection(phases=("train",)), ())
    assert [(job.backend.name, job.environment) for job in made.jobs] == [
        ("jax", None),
        ("torch", None),
        ("jax", "old"),
    ]
    (left,) = made.left_out
    assert (left.case.get("backend"), left.case.get("environment")) == ("torch", "old")
    assert left.reason == "Torch is not installed in environment old"


def test_a_backend_asked_for_by_name_that_no_environment_has_is_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"Torch is not installed here; to add it: .*; Torch is not installed in env"):
        usable_places(BOTH, [_environment("current", "jax"), _environment("old", "jax")], named=True)
    with pytest.raises(UsageError, match="Torch is not installed in environment old; to add it: pip install torch"):
        usable_places(
            (TORCH,), [Environment("old", "p", "3.12", {}, (_lacking("torch", "in environment old"),))], named=True
        )


def test_an_environment_by_name_without_any_backend_is_wrong_use_and_the_own_one_nothing_measured() -> None:
    with pytest.raises(UsageError, match="Jax is not installed in environment old"):
        usable_places(BOTH, [_environment("old")], named=False)
    with pytest.raises(NothingMeasured, match="no backend works here"):
        usable_places(BOTH, [_environment("current")], named=False)


def test_an_environment_that_cannot_run_workers_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    fine = Interpreter("fine", str(fake_python(tmp_path / "fine")))
    bare = Interpreter("bare", str(fake_python(tmp_path / "bare", {"numpy": "2.0"})))
    gone = Interpreter("gone", str(tmp_path / "gone"))
    found, notes = read_environments((gone, fine, bare), (JAX,))
    assert [environment.name for environment in found] == ["fine"]
    assert [note.partition(":")[0] for note in notes] == ["environment gone", "environment bare"]
    assert all(note.endswith("; left out") for note in notes)
    with pytest.raises(UsageError, match=r"environment gone: .*; environment bare: .* has no Keras"):
        read_environments((gone, bare), (JAX,))


def test_users_files_run_in_the_controllers_own_environment_else_in_the_first_that_has_the_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environments = [_environment("old", "jax", "torch"), _environment("new", "jax", "torch")]
    found, _ = usable_places(BOTH, environments, named=False)
    # The controller's own is asked although nothing is measured there.
    monkeypatch.setattr(subject, "read_environment", lambda backends, interpreter: _environment("current", "jax"))
    assert describers(found, environments) == {"torch": Interpreter("old", "/old/python")}
    own = [_environment("current", "torch"), *environments]
    found, _ = usable_places(BOTH, own, named=False)
    assert describers(found, own) == {"jax": Interpreter("old", "/old/python")}


def test_the_environment_is_part_of_a_case_and_the_own_one_changes_no_id() -> None:
    places = [Place(JAX, probe("jax")), Place(JAX, probe("jax"), "old", "0123")]
    own, old = make_plan([candidate()], places, Selection(phases=("train",)), ()).jobs
    (plain,) = plan(phases=("train",)).jobs
    assert own.cases == plain.cases
    assert own.cases[0].id != old.cases[0].id
    assert old.cases[0].get("environment") == "old"
    assert text_of(old) == "toy Jax (old)"
    assert (place_of(own), place_of(old)) == ("jax", "jax-old")


def test_a_worker_is_told_its_environment_and_each_result_keeps_it() -> None:
    places = [Place(JAX, probe("jax")), Place(JAX, probe("jax"), "old", "0123")]
    own, old = make_plan([candidate()], places, Selection(phases=("train",)), ()).jobs
    schedule = Schedule(1, Effort(), 1.0)
    data = PreparedData("data.npz", "0" * 64, 100)
    asked = [request_of(job, data, schedule, 0, 0, "b0", "reply") for job in (own, old)]
    assert [request.environment for request in asked] == [None, "old"]
    assert [request.ledger["environment"] for request in asked] == ["current", "old"]
    assert [request.ledger["environment_fingerprint"] for request in asked] == [None, "0123"]


def test_a_worker_is_started_in_the_interpreter_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    python = fake_python(tmp_path, HAS)
    python.write_text(f'#!/bin/sh\necho "$KERAS_BACKEND,$PYTHONPATH,$1,$3" > {told}\n')
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    places = [Place(JAX, probe("jax"), "old", "0123")]
    (job,) = make_plan([candidate()], places, Selection(phases=("train",)), ()).jobs
    data = PreparedData("data.npz", "0" * 64, 100)
    request = request_of(job, data, Schedule(1, Effort(), 1.0), 0, 0, "b0", str(tmp_path / "reply"))
    reply = LocalLauncher(tmp_path, {"old": str(python)}).launch(request, 10.0)
    assert told.read_text().strip() == "jax,,-P,worker"
    assert [failure.kind for failure in reply.failures] == ["crashed"]

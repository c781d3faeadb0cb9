"""What interpreters have: asked of stand-ins, and of none; what every worker needs."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import dlbench
import pytest
from dlbench.backends.catalog import BACKENDS, get
from dlbench.harness.environments import installed as subject
from dlbench.harness.environments.installed import Installed, check, inspect, installed_here, release
from dlbench.harness.environments.interpreters import Interpreter, own_interpreter, read_environment
from dlbench.harness.environments.recipes import BASE
from dlbench.results.errors import UsageError
from dlbench.results.records.environment import CURRENT
from hypothesis import given
from hypothesis import strategies as st

from .interpreters import HAS, fake_python

ROOT = Path(dlbench.__file__).resolve().parent


def test_an_interpreter_answers_with_its_version_and_packages(tmp_path: Path) -> None:
    source = {"numpy": {"url": "https://example.org/numpy.whl"}}
    python = fake_python(tmp_path, sources=source)
    assert inspect("old", str(python)) == Installed("3.12.1", HAS, source)


def test_this_interpreter_says_of_itself_what_importlib_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    here, asked = installed_here(), inspect("same", own_interpreter().python)
    assert asked.python_version == here.python_version
    assert {name: asked.packages[name] for name in ("keras", "numpy")} == {
        name: here.packages[name] for name in ("keras", "numpy")
    }


def test_packages_on_the_controllers_own_path_are_not_taken_for_its(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "intruder-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: intruder\nVersion: 9.9\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert "intruder" not in inspect("same", own_interpreter().python).packages


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            None,
            "environment odd: there is no interpreter '.*/python'; give the path of one, as in NAME=/path/to/python",
        ),
        ("#!/bin/sh\n", "does not answer as Python does: it printed nothing"),
        ("#!/bin/sh\necho 'what do you want?' >&2\nexit 3\n", r"does not answer as Python does: what do you want\?"),
        ("#!/bin/sh\necho '[]'\n", "does not answer as Python does"),
        ("#!/no/such/program\n", "cannot be run: "),
    ],
)
def test_what_is_no_interpreter_is_told_in_one_line(program: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "python"
    if program is not None:
        path.write_text(program)
        path.chmod(0o755)
    with pytest.raises(UsageError, match=said) as told:
        inspect("odd", str(path))
    assert "\n" not in str(told.value)


def test_a_link_to_a_python_that_is_gone_is_told_with_its_target(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.symlink_to(tmp_path / "3.11.4" / "python3.11")
    with pytest.raises(UsageError, match=r"links to '.*/3\.11\.4/python3\.11', which is gone, as after an update"):
        inspect("odd", str(path))


def test_an_interpreter_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    monkeypatch.setattr(subject, "INSPECT_TIMEOUT_S", 0.1)
    with pytest.raises(UsageError, match="did not answer within"):
        inspect("slow", str(path))


@pytest.mark.parametrize(
    ("version", "packages", "said"),
    [
        ("3.10.14", HAS, "environment old: 'py' is Python 3.10.14; workers need 3.11 or later"),
        ("2.7.18", {}, "is Python 2.7.18; workers need 3.11 or later"),
        ("3.12.0", {"numpy": "2.0"}, "environment old: 'py' has no Keras; workers need keras>=3.10"),
        ("3.12.0", {"keras": "3.10"}, "has no NumPy; workers need numpy>=1.26"),
        ("3.12.0", {"keras": "3.9.2", "numpy": "2.0"}, "environment old: its Keras is 3.9.2; workers need keras>=3.10"),
        ("3.12.0", {"keras": "2.15.0", "numpy": "2.0"}, "its Keras is 2.15.0"),
        ("3.12.0", {"keras": "3.10.0", "numpy": "1.25.9"}, "its NumPy is 1.25.9; workers need numpy>=1.26"),
    ],
)
def test_what_a_worker_needs_is_asked_for(version: str, packages: Mapping[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check("old", "py", Installed(version, packages))


@pytest.mark.parametrize("keras", ["3.10", "3.10.0", "3.11.0rc1", "3.100.0", "4.0.dev20261101"])
def test_what_is_new_enough_passes(keras: str) -> None:
    check("new", "py", Installed("3.11.0", {"keras": keras, "numpy": "1.26.4"}))


def test_the_limits_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={'.'.join(map(str, subject.OLDEST_PYTHON))}"
    limits = {f"{name}>={'.'.join(map(str, oldest))}" for name, oldest in subject.OLDEST.items()}
    assert limits <= set(project["dependencies"])
    assert limits == set(BASE)


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=4), st.sampled_from(["", "rc1", "+cpu", ".dev1", "a2"]))
def test_a_release_is_the_numbers_that_a_version_begins_with(numbers: list[int], rest: str) -> None:
    assert release(".".join(map(str, numbers)) + rest)[: len(numbers)] == tuple(numbers)


@given(st.dictionaries(st.sampled_from(["keras", "numpy", "jax", "scipy"]), st.sampled_from(["1.0", "2.0"])))
def test_a_fingerprint_knows_what_is_installed_and_not_in_which_order(packages: dict[str, str]) -> None:
    one = Installed("3.12.1", packages)
    assert one.fingerprint == Installed("3.12.1", dict(reversed(packages.items()))).fingerprint
    assert one.fingerprint == Installed("3.12.1", {**packages, "dlbench": "9.9"}).fingerprint
    assert one.fingerprint != Installed("3.12.2", packages).fingerprint
    assert one.fingerprint != Installed("3.12.1", {**packages, "torch": "2.6"}).fingerprint


def test_each_backend_of_an_interpreter_is_probed_there(tmp_path: Path) -> None:
    packages = {**HAS, "torch": "2.7.0"}
    python = fake_python(tmp_path, packages, problems={"torch": "ImportError: libcudart.so.12 is not there"})
    found = read_environment(BACKENDS, Interpreter("old", str(python)))
    assert (found.name, found.factor, found.python_version) == ("old", "old", "3.12.1")
    jax, torch, tensorflow = found.probes
    assert (jax.version, jax.keras, jax.problem) == ("0.7.0", "3.12.0", None)
    assert torch.problem == "PyTorch in environment old: ImportError: libcudart.so.12 is not there"
    assert tensorflow.problem == "TensorFlow is not installed in environment old"
    assert tensorflow.hint == f"{python} -m pip install tensorflow"
    assert found.fingerprint == inspect("old", str(python)).fingerprint


def test_a_probe_is_kept_until_something_is_installed(tmp_path: Path) -> None:
    python = fake_python(tmp_path)
    interpreter = Interpreter("old", str(python))
    jax = [get("jax")]
    assert read_environment(jax, interpreter).probes[0].version == "0.7.0"
    # The stand-in now breaks: what is kept is used, until a version changes or a refresh is asked for.
    fake_python(tmp_path, problems={"jax": "broken"})
    assert read_environment(jax, interpreter).probes[0].version == "0.7.0"
    assert "broken" in str(read_environment(jax, interpreter, refresh=True).probes[0].problem)
    fake_python(tmp_path, {**HAS, "jax": "0.8.0"})
    assert read_environment(jax, interpreter).probes[0].version == "0.8.0"


def test_the_controllers_own_environment_is_the_default_of_the_factor() -> None:
    found = read_environment(())
    assert (found.name, found.factor) == (CURRENT, None)
    assert found.fingerprint == installed_here().fingerprint

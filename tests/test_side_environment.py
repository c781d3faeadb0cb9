"""The environments of sides that name packages: made once, and made anew where they are of no use any more."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from dlbench.harness.comparing import side_environment as subject
from dlbench.harness.comparing.side import parse_side
from dlbench.harness.environments.installed import Installed
from dlbench.harness.environments.made import MadeEnvironment, keep, read_made
from dlbench.harness.environments.make import CreateArguments

from .interpreters import HAS, fake_python
from .sided import Told

SIDE = parse_side("--a", ("keras==3.12.0",))
NAME = subject.name_for(("keras==3.12.0",), ("numpy==2.1.0", "jax==0.7.0"), ("jax",))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[CreateArguments]:
    """Have no environments and these packages; return what is made, instead of making it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "envs"))
    monkeypatch.setattr(subject, "installed_here", lambda: Installed("3.12.1", HAS))
    wanted: list[CreateArguments] = []
    monkeypatch.setattr(subject, "make_environment", lambda words, observer: wanted.append(words))
    return wanted


def there(tmp_path: Path, python: Path) -> None:
    folder = python.parent.parent
    (tmp_path / "envs").mkdir(exist_ok=True)
    keep(MadeEnvironment(NAME, str(folder), str(python), "2026-11-20T10:00:00+00:00", "pip", ("keras==3.12.0",)))


def found(backends: Sequence[str] = ("jax",)) -> tuple[dict[str, str | None], list[str]]:
    told = Told()
    return subject.environment_of(SIDE, backends, told), told.notes


def test_one_that_was_made_before_is_taken(tmp_path: Path, made: list[CreateArguments]) -> None:
    there(tmp_path, fake_python(tmp_path / "envs" / NAME))
    assert found() == ({NAME: None}, [f"keras==3.12.0: environment {NAME}, made before"])
    assert made == []


def test_one_that_is_not_there_is_made_with_all_else_as_here(made: list[CreateArguments]) -> None:
    assert found()[0] == {NAME: None}
    assert [(one.name, one.packages) for one in made] == [(NAME, ("keras==3.12.0", "numpy==2.1.0", "jax==0.7.0"))]


@pytest.mark.parametrize("fault", ["gone", "another", "no folder"])
def test_one_whose_python_is_gone_or_another_is_made_anew(
    fault: str, tmp_path: Path, made: list[CreateArguments]
) -> None:
    python = fake_python(tmp_path / "envs" / NAME, {"numpy": "2.1.0"})  # Of another Python: what it had is not found.
    there(tmp_path, python)
    if fault == "gone":
        python.unlink()
        python.symlink_to(tmp_path / "python-3.12.0" / "bin" / "python3.12")
    if fault == "no folder":
        shutil.rmtree(python.parent.parent)
    environment, notes = found()
    assert environment == {NAME: None}
    assert [one.name for one in made] == [NAME]
    assert notes[0].startswith(f"keras==3.12.0: made before, and of no use any more: environment {NAME}: ")
    assert {"gone": "which is gone", "another": "has no Keras", "no folder": "there is no interpreter"}[fault] in notes[
        0
    ]
    assert read_made() == {}
    assert not (tmp_path / "envs" / NAME).exists()


def test_one_that_the_configuration_names_is_left_alone(tmp_path: Path, made: list[CreateArguments]) -> None:
    (tmp_path / "dlbench.toml").write_text(f'[env.{NAME}]\npython = "gone/bin/python"\n')
    assert found()[0] == {NAME: None}
    assert made == []

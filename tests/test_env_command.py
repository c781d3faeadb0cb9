"""`dlbench env`: made with a stand-in for pip, then listed, shown, locked, removed."""

import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.harness.commands import doctor as doctor_command
from dlbench.harness.commands.env import create_command, list_command, lock_command, remove_command, show_command
from dlbench.harness.environments.environments import known_environments
from dlbench.harness.environments.made import read_made
from dlbench.harness.environments.make import CreateArguments
from dlbench.results.errors import BrokenError, UsageError
from rich.console import Console

from .interpreters import HAS, fake_python

WORDS = CreateArguments("old", ("jax",), ("keras==3.12.0",), None, None, None, None, "off")


class Pip:
    """Stands in for venv and pip: installs what it is told to have, whatever is asked."""

    def __init__(
        self, has: Mapping[str, str] = HAS, status: int = 0, problems: Mapping[str, str] | None = None
    ) -> None:
        self.has = has
        self.status = status
        self.problems = problems
        self.ran: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str], say: Callable[[str], None]) -> tuple[int, tuple[str, ...]]:
        self.ran.append(command)
        if "venv" in command:
            fake_python(Path(command[-1]), self.has, problems=self.problems)
            return 0, ()
        say("Collecting jax")
        return self.status, ("ERROR: Could not find a version", "ERROR: No matching distribution found")


@pytest.fixture(autouse=True)
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without environments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "envs"))
    return tmp_path / "envs"


def test_an_environment_is_made_checked_and_kept(envs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pip = Pip()
    create_command(WORDS, pip)
    assert pip.ran[1][-3:] == ["numpy>=1.26", "jax>=0.5", "keras==3.12.0"]
    made = read_made()["old"]
    assert (made.folder, made.installer, made.recipe) == (str(envs / "old"), "pip", "jax for cpu")
    assert made.requirements == ("numpy>=1.26", "jax>=0.5", "keras==3.12.0")
    assert made.seconds is not None
    assert made.seconds > 0
    out = capsys.readouterr().out
    assert out.startswith("old: Keras 3.12.0, Python 3.12.1, NumPy 2.1.0, JAX 0.7.0, fingerprint ")
    assert "use it with: dlbench run --env old" in out


def test_progress_goes_to_stderr_as_pip_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    create_command(replace(WORDS, progress="plain"), Pip())
    told = capsys.readouterr()
    assert "Collecting jax" in told.err
    assert "Collecting jax" not in told.out


def test_another_place_and_another_interpreter_are_taken(tmp_path: Path) -> None:
    base = fake_python(tmp_path / "base")
    pip = Pip()
    create_command(replace(WORDS, at="here/old", python=str(base)), pip, "/bin/uv")
    assert pip.ran[0] == ["/bin/uv", "venv", "--python", str(base), str(tmp_path / "here/old")]
    assert read_made()["old"].folder == str(tmp_path / "here/old")
    assert known_environments()["old"].interpreter.python == str(tmp_path / "here/old/bin/python")


@pytest.mark.parametrize(
    ("pip", "words", "kind", "said"),
    [
        (Pip(status=1), WORDS, BrokenError, r"(?s)failed with status 1; its last lines:.*No matching distribution"),
        (Pip({"numpy": "2.0"}), WORDS, UsageError, "environment old: .* has no Keras; .*; the environment was removed"),
        (Pip({**HAS, "keras": "3.9"}), WORDS, UsageError, "its Keras is 3.9; .*; the environment was removed again"),
        (
            Pip(problems={"jax": "ImportError: x"}),
            WORDS,
            BrokenError,
            "JAX in environment old: ImportError: x; the env",
        ),
        (Pip(), replace(WORDS, backends=("torch",)), BrokenError, "PyTorch is not installed in environment old"),
        (
            Pip({"keras": "3.12.0", "numpy": "2.0"}),
            replace(WORDS, backends=()),
            BrokenError,
            "JAX is not installed .*; PyTorch is not installed .*; TensorFlow is not",
        ),
    ],
)
def test_what_cannot_run_workers_leaves_nothing_behind(
    pip: Pip, words: CreateArguments, kind: type[Exception], said: str, envs: Path
) -> None:
    with pytest.raises(kind, match=said):
        create_command(words, pip)
    assert list(envs.iterdir()) == []
    assert read_made() == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (replace(WORDS, name="a b"), "'a b' cannot be a name"),
        (replace(WORDS, name="current"), "'current' cannot be a name"),
        (replace(WORDS, name="named"), "dlbench.toml names an environment named already"),
        (replace(WORDS, backends=("jxa",)), "did you mean 'jax'"),
        (replace(WORDS, recipe="gpu"), "unknown recipe 'gpu'"),
        (replace(WORDS, python="no-such-python"), "no 'no-such-python' on the PATH"),
        (replace(WORDS, python="/no/such/python"), "there is no interpreter '/no/such/python'"),
        (replace(WORDS, python="odd"), "there is no 'odd' on the PATH"),
        (replace(WORDS, python="./odd/bin/python"), "is Python 3.9.2; workers need 3.11 or later"),
        (replace(WORDS, from_lock="no.lock"), "cannot read 'no.lock'"),
    ],
)
def test_wrong_use_is_told_before_anything_is_made(words: CreateArguments, said: str, tmp_path: Path) -> None:
    (tmp_path / "dlbench.toml").write_text('[env.named]\npython = "x"\n')
    fake_python(tmp_path / "odd", version="3.9.2")
    pip = Pip()
    with pytest.raises(UsageError, match=said):
        create_command(words, pip)
    assert pip.ran == []


def test_an_environment_is_made_again_from_its_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = fake_python(tmp_path / "base")
    create_command(replace(WORDS, python=str(base)), Pip())
    lock_command("old", "old.lock")
    again = CreateArguments("copy", (), (), None, str(base), None, "old.lock", "off")
    pip = Pip()
    create_command(again, pip)
    assert pip.ran[1][-3:] == ["--no-deps", "-r", str(tmp_path / "old.lock")]
    made = read_made()["copy"]
    assert made.requirements == ("jax==0.7.0", "keras==3.12.0", "numpy==2.1.0")
    assert made.recipe == "jax for cpu"
    capsys.readouterr()
    lock_command("copy", None)
    assert capsys.readouterr().out == (tmp_path / "old.lock").read_text()
    with pytest.raises(UsageError, match="--from-lock gives every package"):
        create_command(replace(again, name="third", packages=("optax",)), pip)
    other = fake_python(tmp_path / "other", version="3.13.0")
    with pytest.raises(UsageError, match=r"the lock was made with Python 3\.12\.1, and .* is 3\.13\.0"):
        create_command(replace(again, name="third", python=str(other)), pip)


def test_a_lock_of_what_dlbench_did_not_make_has_the_index_of_its_builds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    has = {"keras": "3.12.0", "numpy": "2.1.0", "torch": "2.13.0+cpu", "mine": "1.0+abc"}
    fake_python(tmp_path / "theirs", has)
    (tmp_path / "dlbench.toml").write_text('[env.theirs]\npython = "theirs"\n')
    lock_command("theirs", "theirs.lock")
    told = capsys.readouterr()
    assert "dlbench: mine==1.0+abc is in no index that dlbench knows" in told.err
    assert "torch==2.13.0+cpu is" not in told.err
    base = fake_python(tmp_path / "base")
    pip = Pip(has)
    again = CreateArguments("copy", (), (), None, str(base), None, "theirs.lock", "plain")
    create_command(again, pip)
    asked = list(pip.ran[1])
    assert asked[asked.index("--extra-index-url") + 1] == "https://download.pytorch.org/whl/cpu"
    assert "mine==1.0+abc is in no index that dlbench knows" in capsys.readouterr().err


def broken_off(folder: Path) -> None:
    """Let an environment link to a Python that is gone."""
    python = folder / "bin" / "python"
    python.unlink()
    python.symlink_to(folder.parent / "python-3.12.1" / "bin" / "python3.12")


def test_one_whose_python_is_gone_is_told_with_the_commands_that_make_it_anew(
    envs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_command(WORDS, Pip())
    broken_off(envs / "old")
    with pytest.raises(UsageError, match=r"links to '.*/python3\.12', which is gone, as after an update of") as told:
        show_command("old", "table")
    assert "\n" not in str(told.value)
    removal, creation = str(told.value).partition("to make it anew: ")[2].split(" && ")
    assert removal == "dlbench env remove old --yes"
    assert shlex.split(creation) == [
        "dlbench", "env", "create", "old", "--backend", "jax", "--recipe", "cpu",
        "--with", "numpy>=1.26", "jax>=0.5", "keras==3.12.0",
    ]  # fmt: skip
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", "200")
    list_command("table")
    assert removal in capsys.readouterr().out
    with pytest.raises(UsageError, match=re.escape(creation)):
        lock_command("old", None)
    remove_command("old", yes=True)
    create_command(WORDS, Pip())
    show_command("old", "table")


def test_one_from_a_lock_or_elsewhere_is_made_anew_from_there(tmp_path: Path) -> None:
    base = fake_python(tmp_path / "base")
    create_command(replace(WORDS, python=str(base)), Pip())
    lock_command("old", "old.lock")
    place = tmp_path / "my place"
    create_command(CreateArguments("copy", (), (), None, str(base), str(place), "old.lock", "off"), Pip())
    words = f"--at '{place}' --from-lock {tmp_path / 'old.lock'}"
    assert read_made()["copy"].mend.endswith(f"&& dlbench env create copy {words}")


def test_one_that_lost_its_packages_is_told_with_the_same_commands(envs: Path) -> None:
    create_command(WORDS, Pip())
    fake_python(envs / "old", {"numpy": "2.1.0"}, version="3.13.0")
    with pytest.raises(UsageError, match=r"has no Keras; workers need .*; dlbench made it; to make it anew: dlbench"):
        show_command("old", "table")


def test_environments_are_listed_also_those_that_do_not_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    create_command(WORDS, Pip())
    (tmp_path / "dlbench.toml").write_text('[env.gone]\npython = "gone/bin/python"\n')
    capsys.readouterr()
    list_command("table")
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["current", "gone", "old"]
    assert "JAX 0.7.0" in out
    assert "there is no interpreter" in out
    list_command("json")
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)["environments"]}
    assert (found["old"]["origin"], found["gone"]["origin"]) == ("made by dlbench", "dlbench.toml")
    assert found["old"]["packages"] == {"keras": "3.12.0", "numpy": "2.1.0"}
    assert found["gone"]["problem"].startswith("environment gone: there is no interpreter")


def test_one_environment_is_shown_with_how_it_was_made(capsys: pytest.CaptureFixture[str]) -> None:
    create_command(WORDS, Pip())
    capsys.readouterr()
    show_command("old", "table")
    out = capsys.readouterr().out
    assert "JAX 0.7.0: cpu (cpu)\nPyTorch: PyTorch is not installed in environment old" in out
    assert "recipe: jax for cpu\nasked for: numpy>=1.26 jax>=0.5 keras==3.12.0\n" in out
    show_command("old", "json")
    found = json.loads(capsys.readouterr().out)
    assert found["made"]["requirements"] == ["numpy>=1.26", "jax>=0.5", "keras==3.12.0"]
    with pytest.raises(UsageError, match="did you mean 'old'"):
        show_command("odl", "table")


def test_only_what_dlbench_made_is_removed_and_only_after_a_yes(
    tmp_path: Path, envs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_command(WORDS, Pip())
    (tmp_path / "dlbench.toml").write_text('[env.theirs]\npython = "theirs/bin/python"\n')
    for name in ("theirs", "current"):
        with pytest.raises(UsageError, match=f"dlbench did not make environment {name}"):
            remove_command(name, yes=True)
    with pytest.raises(UsageError, match="did you mean 'old'"):
        remove_command("odl", yes=True)
    monkeypatch.setattr("sys.stdin", io.StringIO("y"))
    with pytest.raises(UsageError, match="say --yes"):
        remove_command("old", yes=False)
    assert (envs / "old").exists()
    remove_command("old", yes=True)
    assert list(envs.iterdir()) == []


def test_the_doctor_looks_at_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create_command(WORDS, Pip())
    fake_python(tmp_path / "bare", {"keras": "3.12.0", "numpy": "2.0"})
    (tmp_path / "dlbench.toml").write_text('[env.gone]\npython = "gone/python"\n[env.bare]\npython = "bare"\n')
    capsys.readouterr()
    doctor_command._print_environments(Console(file=sys.stdout, soft_wrap=True), refresh=False)
    out = capsys.readouterr().out
    assert "ready    --env old: Keras 3.12.0, Python 3.12.1, NumPy 2.1.0, JAX 0.7.0" in out
    assert "unusable environment gone: there is no interpreter" in out
    assert "unusable --env bare: Python 3.12.1, NumPy 2.0" in out
    assert "JAX is not installed in environment bare" in out

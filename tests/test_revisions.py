"""Git revisions of a project, checked out while they are measured; and sides that need them, as typed."""

import subprocess
from pathlib import Path

import pytest
from dlbench.harness.comparing.revisions import between, checked_out, commit_of
from dlbench.harness.comparing.suspects import find_suspects
from dlbench.harness.progress import Silence
from dlbench.results.errors import UsageError
from dlbench.results.records.model import TRAINING_STEP
from dlbench.results.records.store import read_run, run_paths

from .cli import dlbench, measure

MODEL = """
import keras

def model(width={width}):
    x = inputs = keras.Input((64,))
    for _ in range({depth}):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))
"""


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)  # noqa: S607


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with two revisions of a model in a folder: `fast`, and the slower one that is checked out."""
    folder = tmp_path / "project" / "models"
    folder.mkdir(parents=True)
    git(tmp_path, "init", "-q", "project")
    for depth, tag in ((1, "fast"), (24, "slow")):
        (folder / "net.py").write_text(MODEL.format(width=128, depth=depth))
        git(tmp_path / "project", "add", ".")
        git(tmp_path / "project", "commit", "-q", "-m", tag)
        git(tmp_path / "project", "tag", tag)
    monkeypatch.chdir(folder)
    return folder


def test_a_revision_is_checked_out_where_the_project_stands(project: Path) -> None:
    with checked_out("fast") as folder:
        assert folder.name == "models"
        assert "range(1)" in (folder / "net.py").read_text()
        assert "range(24)" in (project / "net.py").read_text()
    assert not folder.exists()
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert len(listed.splitlines()) == 1


def test_an_error_within_leaves_nothing_behind(project: Path) -> None:
    with pytest.raises(RuntimeError), checked_out("fast") as folder:
        raise RuntimeError
    assert not folder.exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["nothing", "-x", "slow:net.py"])
def test_what_is_no_revision_is_told(name: str) -> None:
    with pytest.raises(UsageError, match="revision"):
        commit_of(name)


def test_outside_a_project_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="git repository"), checked_out("main"):
        pass


def test_a_revision_needs_a_file(project: Path) -> None:
    ended = dlbench(project, "ab", "cancer_mlp", "--a", "rev=fast", "--b", "rev=slow")
    assert ended.status == 2
    assert "rev= compares revisions of your own model's file" in ended.stderr


def test_commits_between_two_revisions(project: Path) -> None:
    (only,) = between("fast", "slow")
    assert (only.hash, only.subject) == (commit_of("slow"), "slow")
    for good, bad in (("slow", "fast"), ("slow", "slow")):
        with pytest.raises(UsageError, match="does not come after"):
            between(good, bad)


@pytest.mark.usefixtures("project")
def test_revisions_are_searched_by_their_hashes_so_that_a_branch_may_move_meanwhile() -> None:
    for bad in ("slow", None):
        found = find_suspects("fast", bad, (), (), Silence())
        assert found.good.side == (f"rev={commit_of('fast')}",)
        assert [suspect.side for suspect in found.after] == [(f"rev={commit_of('slow')}",)]


@pytest.mark.workers
def test_a_slower_revision_is_found(project: Path) -> None:
    sides = ("--a", "rev=fast", "--b", "rev=slow", "--pairs", "4")
    ended = measure(project, "net.py", "-b", "jax", *sides, command="ab")
    assert ended.status == 0, ended.stderr
    run = read_run(run_paths(project / ".dlbench")[-1])
    assert [trial.side for trial in run.trials] == list("abbaabba")
    hashes = {side: {t.ledger["file_sha256"] for t in run.trials if t.side == side} for side in "ab"}
    assert len(hashes["a"]) == len(hashes["b"]) == 1
    assert hashes["a"] != hashes["b"]
    import json

    told = {fact["metric"]: fact["verdict"] for fact in json.loads(ended.stdout)["sides"]}
    assert told == {"throughput": "worse", "throughput_p90": "worse"}
    assert all(len(trial.latencies[TRAINING_STEP]) >= 10 for trial in run.trials)

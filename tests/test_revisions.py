"""Git revisions of a project, checked out while they are measured; and sides that need them, as typed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dlbench.harness import bisect_command
from dlbench.harness.bisect_command import NOT_SHOWN, SLOWER, Judged, first_slower
from dlbench.harness.revisions import Commit, between, checked_out, commit_of
from dlbench.harness.runner import Outcome
from dlbench.harness.two_sides import SideArguments
from dlbench.results.errors import NothingMeasured, UsageError
from dlbench.results.sides import Terms
from dlbench.results.store import read_run, run_paths
from hypothesis import given
from hypothesis import strategies as st

from .cli import dlbench, measure
from .sided import sided_run

MODEL = """
import keras

def model(width={width}):
    x = inputs = keras.Input((64,))
    for _ in range({depth}):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))
"""


def noise(count: int, seed: int) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(0, 0.01, count))


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


@given(st.integers(1, 300), st.data())
def test_the_first_slower_commit_is_found_in_few_steps(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, count - 1))
    commits = [Commit(str(n), "") for n in range(count)]
    asked = []

    def judge(commit: Commit) -> Judged:
        asked.append(commit)
        return Judged(commit, SLOWER if int(commit.hash) >= first else NOT_SHOWN, "", "")

    assert first_slower(commits, judge) == commits[first]
    assert len(asked) <= count.bit_length()


def test_a_bisection_needs_a_slower_end(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compared(ratio: float) -> Callable[..., object]:
        speeds = {side: list(1e-3 * (ratio if side == "b" else 1) * noise(8, ord(side))) for side in "ab"}
        return lambda words, argv, course: (sided_run(speeds, terms=Terms("rev=fast", words.b[0], ())), Outcome())

    none: tuple[str, ...] = ()
    words = SideArguments(
        workloads=("net.py",),
        a=none,
        b=none,
        backends=none,
        phases=none,
        epochs=None,
        batch_sizes=none,
        parameters=none,
        precisions=none,
        devices=none,
        suite="quick",
        budget=None,
        timeout="10m",
        label=None,
        cpus=None,
        dry_run=False,
        progress="off",
        output=None,
        store=None,
    )
    monkeypatch.setattr(bisect_command, "compare", compared(1.0))
    with pytest.raises(NothingMeasured, match="is not shown to be slower"):
        bisect_command.bisect_command(words, (), good="fast", bad="slow", pairs=8)
    monkeypatch.setattr(bisect_command, "compare", compared(1.3))
    assert bisect_command.bisect_command(words, (), good="fast", bad="slow", pairs=8) == 0


@pytest.mark.workers
def test_a_slower_revision_is_found(project: Path) -> None:
    sides = ("--a", "rev=fast", "--b", "rev=slow", "--pairs", "4")
    ended = measure(project, "net.py", "-b", "torch", *sides, command="ab")
    assert ended.status == 0, ended.stderr
    run = read_run(run_paths(project / ".dlbench")[-1])
    assert [trial.side for trial in run.trials] == list("abbaabba")
    hashes = {side: {t.ledger["file_sha256"] for t in run.trials if t.side == side} for side in "ab"}
    assert len(hashes["a"]) == len(hashes["b"]) == 1
    assert hashes["a"] != hashes["b"]
    import json

    (fact,) = json.loads(ended.stdout)["sides"]
    assert fact["verdict"] == "worse"

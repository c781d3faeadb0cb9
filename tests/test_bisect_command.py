"""`dlbench bisect`: the plan, the steps and the report, with comparisons made up; and as typed."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dlbench.harness.commands import bisect as subject
from dlbench.harness.commands.bisect import Ends, bisect_command, in_one_line
from dlbench.harness.comparing import bisect_plan, side_environment, suspects
from dlbench.harness.comparing.revisions import Commit
from dlbench.harness.comparing.side_environment import name_for, pins_beside
from dlbench.harness.comparing.two_sides import Course, SideArguments
from dlbench.harness.environments.installed import Installed
from dlbench.harness.environments.made import MadeEnvironment, keep
from dlbench.harness.experiments.runner import Outcome
from dlbench.harness.host import usable_cpus
from dlbench.results.comparing.sides import Terms
from dlbench.results.errors import BrokenError, DlbenchError, Interrupted, NothingMeasured, UsageError
from dlbench.results.records.model import Case, Failure, Run
from dlbench.results.records.store import read_run, run_paths

from .cli import dlbench
from .factories import failure
from .interpreters import bare_environment, fake_python
from .sided import sided_run, sided_trial
from .small_index import only_index, write_index

HERE = {"keras": "3.15.1", "numpy": "2.4.6", "jax": "0.10.2"}
PINS = ("numpy==2.4.6", "jax==0.10.2")
WORDS = SideArguments(workloads=("cancer_mlp",), backends=("jax",), suite="pairs", timeout="10m", progress="off")
ENDS = Ends("keras==3.10", "keras==3.15", ("3.11,3.12,3.13,3.14",))
PIP_SAID = (
    "`pip install …` failed with status 1; its last lines:\n  ERROR: Could not find it\n  ERROR: No match\n  hint"
)
TRAIN, INFER = (Case.of("toy", backend="jax", phase=phase) for phase in ("train", "infer"))
Compare = Callable[[SideArguments, Sequence[str], Course], tuple[Run, Outcome] | None]


@pytest.fixture(autouse=True)
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no environments, these packages installed, and no way to tell how long a comparison takes."""

    def no_design(*arguments: object) -> None:
        raise NothingMeasured("no such backend")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "envs"))
    monkeypatch.setattr(side_environment, "installed_here", lambda: Installed("3.11.7", HERE))
    monkeypatch.setattr(bisect_plan, "design", no_design)


def run_of(ratios: Mapping[Case, float], failures: Sequence[Failure] = (), name: str = "run") -> Run:
    """Return a comparison of eight pairs in which side b takes so many times as long; of no pairs for NaN."""
    random = np.random.default_rng(1)
    trials = [
        sided_trial(case, side, pair, 1e-3 * (ratio if side == "b" else 1.0) * float(np.exp(random.normal(0, 0.01))))
        for case, ratio in ratios.items()
        if not np.isnan(ratio)
        for pair in range(8)
        for side in "ab"
    ]
    plain = sided_run({}, terms=Terms("a", "b", (), verdicts=2 * len(ratios)))
    header = replace(plain.header, run=name, cases=tuple(ratios))
    return replace(plain, header=header, trials=tuple(trials), failures=tuple(failures))


def comparing(slower: Collection[str], broken: Collection[str] = (), crashing: Collection[str] = ()) -> Compare:
    """Return a `compare` that knows which versions are slower, cannot be installed, or crash."""

    def compare(words: SideArguments, argv: Sequence[str], course: Course) -> tuple[Run, Outcome]:
        assert words.a == ("keras==3.10",)
        version = words.b[0].removeprefix("keras==")
        if version in broken:
            raise BrokenError(PIP_SAID)
        if version in crashing:
            crash = replace(failure(TRAIN, kind="crashed", message="it died"), side="b")
            return run_of({TRAIN: np.nan}, [crash], f"run-{version}"), Outcome()
        return run_of({TRAIN: 1.3 if version in slower else 1.0}, name=f"run-{version}"), Outcome()

    return compare


def bisected(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    compare: Compare,
    words: SideArguments = WORDS,
    ends: Ends = ENDS,
) -> str:
    """Search and return what is printed."""
    monkeypatch.setattr(subject, "compare", compare)
    assert bisect_command(words, ("bisect",), ends, pairs=8) == 0
    return capsys.readouterr().out


def test_the_first_slower_version_is_reported_with_every_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = bisected(monkeypatch, capsys, comparing({"3.13", "3.14", "3.15"})).splitlines()
    assert lines[:3] == ["first slower than keras 3.10: keras 3.13", "", "steps, each a comparison with keras 3.10:"]
    said = [line.split(":")[0] for line in lines[3:6]]
    assert said == ["3.15  slower", "3.12  not shown to be slower", "3.13  slower"]
    assert "train throughput 0.77" in lines[3]
    assert [line.rpartition("(")[2] for line in lines[3:6]] == ["run run-3.15)", "run run-3.12)", "run run-3.13)"]
    assert "  dlbench ab cancer_mlp --a keras==3.10 --b keras==3.13 --backend jax --pairs 8" in lines


def test_what_could_not_be_tried_is_passed_over_and_may_be_the_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = bisected(monkeypatch, capsys, comparing({"3.14", "3.15"}, broken={"3.12"}, crashing={"3.13"}))
    assert text.startswith(
        "first slower than keras 3.10: keras 3.14\nor keras 3.12, keras 3.13: what could not be tried"
    )
    assert "\n3.12  could not be tried: ERROR: No match\n" in text
    assert "\n3.13  could not be tried: jax train: side b: crashed: it died (run run-3.13)\n" in text
    assert "\n3.11  not shown to be slower: jax train throughput" in text
    again = bisected(monkeypatch, capsys, comparing({"3.11", "3.12", "3.13", "3.14", "3.15"}, broken={"3.12"}))
    assert again.startswith("first slower than keras 3.10: keras 3.11\n\n"), "it lies before the one not tried"


def test_neighbours_are_compared_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ends = Ends("keras==3.10", "keras==3.15", ("3.15",))
    text = bisected(monkeypatch, capsys, comparing({"3.15"}), ends=ends)
    assert text.startswith("first slower than keras 3.10: keras 3.15\n")
    assert text.count("(run ") == 1


def test_a_case_that_only_others_are_slower_in_is_not_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ratios = {
        "3.15": {TRAIN: 1.3, INFER: 1.0},
        "3.12": {TRAIN: 1.0, INFER: 1.3},  # slower in another way than the bad end
        "3.13": {TRAIN: np.nan, INFER: 1.0},  # what is searched could not be measured
        "3.14": {TRAIN: 1.3, INFER: np.nan},
    }

    def compare(words: SideArguments, argv: Sequence[str], course: Course) -> tuple[Run, Outcome]:
        return run_of(ratios[words.b[0].removeprefix("keras==")]), Outcome()

    text = bisected(monkeypatch, capsys, compare)
    assert text.startswith("first slower than keras 3.10: keras 3.14\nor keras 3.13: what could not be tried")
    assert "3.13  could not be tried: jax train: no pair has a value on both sides" in text


@pytest.mark.parametrize(
    ("compare", "kind", "said"),
    [
        (
            comparing(set()),
            NothingMeasured,
            r"keras 3.15 is not shown to be slower than keras 3.10 \(jax train .*run-3.15",
        ),
        (comparing(set(), broken={"3.15"}), BrokenError, r"(?s)keras 3.15 cannot be compared with .*ERROR: Could not"),
        (
            comparing(set(), crashing={"3.15"}),
            BrokenError,
            r"3.15 cannot be compared .*it died \(run run-3.15\); choose",
        ),
        (lambda *rest: (run_of({TRAIN: 1.3}), Outcome(state="interrupted")), Interrupted, "not at its end"),
    ],
)
def test_without_a_slower_end_there_is_no_search(
    compare: Compare, kind: type[DlbenchError], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "compare", compare)
    with pytest.raises(kind, match=said):
        bisect_command(WORDS, (), ENDS, pairs=8)


def test_the_command_that_repeats_it_has_every_word_that_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    core = str(usable_cpus()[-1])  # Tests side by side are bound to cores of their own.
    words = replace(
        WORDS, phases=("train,infer",), batch_sizes=("64",), parameters=("depth=2",), suite="tiny", timeout="90s",
        cpus=core, store="a b",
    )  # fmt: skip
    text = bisected(monkeypatch, capsys, comparing({"3.15"}), words)
    again = next(line for line in text.splitlines() if "dlbench ab" in line)
    assert again.endswith(
        "--b keras==3.15 --backend jax --phase train,infer --batch-size 64 --parameter depth=2 --suite tiny --pairs 8 "
        f"--timeout 90s --cpus {core} --store 'a b'"
    )


def plan(capsys: pytest.CaptureFixture[str], ends: Ends = ENDS) -> list[str]:
    assert bisect_command(replace(WORDS, dry_run=True), (), ends, pairs=8) == 0
    return capsys.readouterr().out.splitlines()


def test_the_plan_counts_comparisons_and_the_environments_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = plan(capsys)
    assert lines[0] == "5 versions after keras 3.10, up to keras 3.15: 3.11, 3.12, 3.13, 3.14, 3.15"
    assert lines[1].startswith("at most 4 comparisons with keras 3.10, of 4 to 8 pairs each")
    assert lines[2] == "at most 5 environments made the first time and kept: 5 min 00 s (a guess)"
    assert lines[3] == "how long the comparisons take: n/a (no such backend)"
    for version, seconds in (("3.10", 20.0), ("3.15", 40.0), ("3.13", None)):
        make(tmp_path / "envs", name_for((f"keras=={version}",), PINS, ("jax",)), seconds)
    lines = plan(capsys)
    assert lines[2] == "at most 3 environments made the first time and kept: 1 min 30 s (as 2 made before)"
    for version in ("3.11", "3.12", "3.14"):
        make(tmp_path / "envs", name_for((f"keras=={version}",), PINS, ("jax",)), 30.0)
    assert plan(capsys)[2] == "every environment that it may take has been made before"
    assert plan(capsys, Ends("keras==3.10", "keras==3.15", ("3.15",)))[1].startswith("1 comparison with keras 3.10, of")


def make(root: Path, name: str, seconds: float | None, python: Path | None = None) -> None:
    """Keep an environment as if it had been made."""
    folder = python.parent.parent if python else root / name
    root.mkdir(exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    record = MadeEnvironment(name, str(folder), str(python or folder / "bin/python"), "2026-11-20", "pip", ())
    keep(replace(record, recipe="jax for cpu", seconds=seconds))


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a project with three revisions after `v1`."""
    monkeypatch.setattr(suspects, "between", lambda good, bad: [Commit(name * 40, f"step {name}") for name in "bcd"])
    monkeypatch.setattr(suspects, "commit_of", lambda revision: "a" * 40)


@pytest.mark.usefixtures("history")
def test_revisions_are_searched_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compare(words: SideArguments, argv: Sequence[str], course: Course) -> tuple[Run, Outcome]:
        name = words.b[0].removeprefix("rev=")[0]
        if name == "c":
            raise UsageError("net.py: NameError: it was broken then")
        return run_of({TRAIN: {"b": 1.0, "d": 1.3}[name]}), Outcome()

    words, ends = replace(WORDS, workloads=("net.py",)), Ends("v1", None)
    assert bisect_command(replace(words, dry_run=True), (), ends, pairs=8) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("at most 3 comparisons with v1, of 4 to 8 pairs each")
    assert "environment" not in "".join(lines)
    text = bisected(monkeypatch, capsys, compare, words, ends)
    assert text.startswith("first slower than v1: dddddddddddd step d\nor cccccccccccc step c: what could not be tried")
    assert "\ncccccccccccc  could not be tried: net.py: NameError: it was broken then\n" in text
    assert f"  dlbench ab net.py --a rev={'a' * 40} --b rev={'d' * 40} --backend jax --pairs 8\n" in text


@pytest.mark.usefixtures("history")
def test_revisions_are_compared_in_a_file_of_the_project() -> None:
    with pytest.raises(UsageError, match="rev= compares revisions of your own model's file"):
        bisect_command(WORDS, (), Ends("v1", None), pairs=8)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PIP_SAID, "ERROR: No match"),
        (
            "ERROR: Cannot install a and b\nERROR: ResolutionImpossible: for help visit x",
            "ERROR: Cannot install a and b",
        ),
        ("JAX in environment x: ImportError: y", "JAX in environment x: ImportError: y"),
        ("`venv` failed with status 1\n  no space left", "`venv` failed with status 1"),
    ],
)
def test_an_error_in_one_line_is_what_pip_said(text: str, line: str) -> None:
    assert in_one_line(BrokenError(text)) == line


def test_as_typed_the_versions_are_those_of_the_index(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    write_index(tmp_path / "index", "keras", ["3.10.0", "3.11.0", "3.12.0rc1", "3.12.0", "3.13.0"])
    words = ("bisect", "cancer_mlp", "-b", "jax", "--good", "keras==3.10.0", "--dry-run", "--progress", "plain")
    environ = only_index(tmp_path / "index")
    ended = dlbench(tmp_path, *words, "--bad", "keras==3.13.0", **environ)
    assert ended.status == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "3 versions after keras 3.10.0, up to keras 3.13.0: 3.11.0, 3.12.0, 3.13.0"
    assert lines[1].startswith("at most 3 comparisons with keras 3.10.0, of 4 to 16 pairs each")
    assert lines[2].startswith("at most 4 environments made the first time")
    ended = dlbench(tmp_path, *words, "--bad", "keras==3.14.0", **environ)
    assert ended.status == 2
    assert "--bad keras==3.14.0: the package index has no such version" in ended.stderr


MODEL = """
from importlib.metadata import PackageNotFoundError, version
import keras

def model(width=128):
    try:
        depth = 12 if version("toy") >= "3" else 1
    except PackageNotFoundError:
        depth = 1
    x = inputs = keras.Input((64,))
    for _ in range(depth):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))
"""
"""Slower where version 3 of a package is installed."""


@pytest.mark.workers
def test_a_slower_version_is_found_past_one_that_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("DLBENCH_ENVS", str(tmp_path / "envs"))
    (tmp_path / "net.py").write_text(MODEL)
    pins = pins_beside(("toy==1",), ("jax",))
    for version in ("1", "3"):
        python = bare_environment(tmp_path / f"toy-{version}", "keras", "jax", "numpy")
        (site,) = (tmp_path / f"toy-{version}").glob("lib/*/site-packages")
        (site / f"toy-{version}.dist-info").mkdir()
        (site / f"toy-{version}.dist-info" / "METADATA").write_text(f"Name: toy\nVersion: {version}\n")
        make(tmp_path / "envs", name_for((f"toy=={version}",), pins, ("jax",)), None, python)
    python = fake_python(tmp_path / "toy-2", problems={"jax": "ImportError: it broke"})
    make(tmp_path / "envs", name_for(("toy==2",), pins, ("jax",)), None, python)
    ends = ("--good", "toy==1", "--bad", "toy==3", "--versions", "2")
    words = ("net.py", "-b", "jax", "--suite", "tiny", "--pairs", "4", "--progress", "plain")
    ended = dlbench(tmp_path, "bisect", *words, *ends)
    assert ended.status == 0, ended.stderr
    assert ended.stdout.startswith("first slower than toy 1: toy 3\nor toy 2: what could not be tried")
    assert re.search(r"\n2  could not be tried: JAX in environment .*: ImportError: it broke", ended.stdout)
    assert "dlbench ab net.py --a toy==1 --b toy==3 --backend jax --suite tiny --pairs 4" in ended.stdout
    (run,) = [read_run(path) for path in run_paths(tmp_path / ".dlbench")]
    assert f"(run {run.header.run})" in ended.stdout

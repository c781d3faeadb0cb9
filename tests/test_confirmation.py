"""The command that confirms a suspect: it has every factor of the case, and the command line takes it."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.harness.cli.app import app
from dlbench.harness.commands import run_arguments
from dlbench.harness.commands.run_arguments import RunArguments
from dlbench.harness.comparing.side import Side, parse_side
from dlbench.harness.comparing.two_sides import SideArguments, read_arguments
from dlbench.harness.host import usable_cpus
from dlbench.harness.options import Selection
from dlbench.results.comparing.confirmation import Confirmation, confirmation
from dlbench.results.history.baselines import Baseline
from dlbench.results.records.environment import Environment
from dlbench.results.records.model import Case, Run, WorkloadInfo

from tests.nightly_runs import MACHINE, TRAIN, night

HERE = Path("/home/me/project")
OWN = WorkloadInfo("my_model", "user", "own", f"{HERE}/models/my model.py", 32, None, None, None, None)


def run_of(case: Case, packages: dict[str, str] | None = None, *workloads: WorkloadInfo) -> Run:
    plain = night(20)
    here = replace(plain.environments[0], packages=packages or {"jax": "0.10.1", "keras": "3.15.1"})
    name = case.get("environment")
    places: tuple[Environment, ...] = (here,)
    if name:
        places = (here, replace(here, name=str(name), python="/opt/old env/bin/python"))
    return Run(replace(plain, environments=places, workloads=(*plain.workloads, *workloads)), (), (), (), None)


def baseline_of(run: Run, **versions: str) -> Baseline:
    """Return a baseline with the versions of a run, some of them replaced."""
    from dlbench.results.history.baselines import versions_of

    same = versions_of(run)
    older = {name: versions.get(name.rpartition(": ")[2], version) for name, version in same.items()}
    return Baseline(1, "main", "2026-09-01", "20260901-020000-ab12", 1, MACHINE, "", older, ())


def how(case: Case, run: Run, metric: str = "throughput", **versions: str) -> Confirmation:
    return confirmation(case, metric, baseline_of(run, **versions), run, HERE)


def typed(command: str, monkeypatch: pytest.MonkeyPatch) -> SideArguments | RunArguments:
    """Return the words of a command as its options were read."""
    caught: list[SideArguments | RunArguments] = []

    def catch(words: SideArguments | RunArguments, argv: Sequence[str], **_: object) -> int:
        caught.append(words)
        return 0

    for name in ("ab", "gate", "run"):
        monkeypatch.setattr(f"dlbench.harness.commands.{name}.{name}_command", catch)
    words = shlex.split(command.rpartition(" && ")[2])
    assert words[0] == "dlbench"
    app(words[1:], standalone_mode=False)
    (found,) = caught
    return found


def sides(command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Selection, Side, Side]:
    words = typed(command, monkeypatch)
    assert isinstance(words, SideArguments)
    return read_arguments(words, ("train",))[0], parse_side("--a", words.a), parse_side("--b", words.b)


def test_versions_that_differ_are_the_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    told = how(TRAIN, run_of(TRAIN), jax="0.10.0+cpu", keras="3.14.0")
    assert told.fill_in is None
    selection, a, b = sides(told.command, monkeypatch)
    assert a.packages == ("jax==0.10.0", "keras==3.14.0")
    assert b.packages == ("jax==0.10.1", "keras==3.15.1")
    assert (selection.workloads, selection.backends, selection.phases) == (("digits_cnn",), ("jax",), ("train",))


def test_a_version_whose_local_part_alone_differs_is_the_same() -> None:
    assert "NAME" in how(TRAIN, run_of(TRAIN), jax="0.10.1+cpu").command


def test_every_factor_of_the_case_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    case = TRAIN.with_(
        {
            "batch_size": 16,
            "precision": "mixed_bfloat16",
            "device": "gpu",
            "p.depth": 4,
            "execution": "fit",
            "compile": "eager",
            "feed": "numpy",
            "threads": 1,
            "optimizer": "sgd:0.1:momentum=0.9",
        }
    )
    run = run_of(case)
    core = usable_cpus()[0]
    run = replace(run, header=replace(run.header, options={"cpus": str(core)}))
    command = how(case, run, jax="0.10.0").command
    selection, a, b = sides(command, monkeypatch)
    assert (selection.batch_sizes, selection.precisions, selection.devices) == ((16,), ("mixed_bfloat16",), ("gpu",))
    assert selection.parameters == {"depth": ("4",)}
    assert f"--cpus {core}" in command
    same = {
        "execution": "fit",
        "compile": "eager",
        "feed": "numpy",
        "threads": "1",
        "optimizer": "sgd:0.1:momentum=0.9",
    }
    assert dict(a.factors) == dict(b.factors) == same
    assert (a.packages, b.packages) == (("jax==0.10.0",), ("jax==0.10.1",))


def test_a_users_own_file_is_named_by_its_path_and_compared_by_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    case = replace(TRAIN, workload="my_model")
    told = how(case, run_of(case, None, OWN))
    assert told.fill_in is not None
    assert told.fill_in.startswith("REVISION is your project's at the baseline (run 20260901-020000-ab12)")
    selection, a, b = sides(told.command, monkeypatch)
    assert selection.workloads == ("models/my model.py",)
    assert (a.revision, b.revision) == ("REVISION", "HEAD")


def test_a_file_elsewhere_is_typed_in_its_folder_for_a_revision_and_by_its_path_for_versions() -> None:
    info = replace(OWN, name="my_model:deep", source="/elsewhere/my_model.py")
    case = replace(TRAIN, workload="my_model:deep")
    run = run_of(case, None, info)
    assert how(case, run).command.startswith("cd /elsewhere && dlbench ab my_model.py:deep --backend jax")
    assert how(case, run, jax="0.10.0").command.startswith("dlbench ab /elsewhere/my_model.py:deep --backend jax")


def test_what_the_store_cannot_tell_is_for_the_user_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told = how(TRAIN, run_of(TRAIN))
    assert told.fill_in is not None
    assert "NAME is an environment as at the baseline" in told.fill_in
    assert "dlbench env create NAME" in told.fill_in
    _, a, b = sides(told.command, monkeypatch)
    assert (a.environment, b.environment) == ("NAME", "current")


def test_a_case_of_another_environment_is_measured_there(monkeypatch: pytest.MonkeyPatch) -> None:
    case = TRAIN.with_({"environment": "old"})
    told = how(case, run_of(case), jax="0.10.0")
    _, a, b = sides(told.command, monkeypatch)
    assert (a.environment, b.environment) == ("NAME", "/opt/old env/bin/python")
    assert "with jax 0.10.0" in str(told.fill_in)


@pytest.mark.parametrize(
    ("phase", "metric", "command", "measured"),
    [
        ("train", "throughput", "ab", "train"),
        ("train", "throughput_p90", "ab", "train"),
        ("train", "first_step", "gate", "train"),
        ("train", "memory", "ab", "memory"),
        ("memory", "memory_exact", "ab", "memory"),
        ("converge", "accuracy", "gate", "converge"),
        ("converge", "time_to_target", "ab", "converge"),
        ("infer", "latency_p50", "ab", "infer"),
        ("generate", "first_token_p50", "gate", "generate"),
    ],
)
def test_a_figure_is_confirmed_by_the_command_that_decides_it(
    monkeypatch: pytest.MonkeyPatch, phase: str, metric: str, command: str, measured: str
) -> None:
    case = TRAIN.with_({"phase": phase})
    told = how(case, run_of(case), metric, jax="0.10.0").command
    assert told.startswith(f"dlbench {command} digits_cnn ")
    assert sides(told, monkeypatch)[0].phases == (measured,)


def test_a_case_that_no_side_can_set_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    case = TRAIN.with_(
        {"phase": "scenario", "scenario": "server", "latency_bound_s": 0.05, "compile": "jit", "environment": "old"}
    )
    told = how(case, run_of(case), "scenario", jax="0.10.0")
    assert told.fill_in is not None
    assert told.fill_in.startswith("a side of ab cannot set latency_bound_s")
    words = typed(told.command, monkeypatch)
    assert isinstance(words, RunArguments)
    selection = run_arguments.read_arguments(words)[0]
    assert (selection.scenarios, selection.latency_bound_s) == (("server",), 0.05)
    assert selection.compiles == ("jit",)
    assert selection.environments == {"old": "/opt/old env/bin/python"}
    assert words.trials == 7

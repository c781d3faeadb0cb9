"""Suites: those of dlbench, and the user's own in dlbench.toml."""

from dataclasses import fields
from pathlib import Path

import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.experiments.suites import DOWNLOADED, FIRST, SUITES, Suite, get, load_suites
from dlbench.results.errors import UsageError
from dlbench.workloads import catalog
from dlbench.workloads.catalog import names
from dlbench.workloads.workload import USUAL_PHASES


def load(folder: Path, text: str) -> dict[str, Suite]:
    """Read suites from a configuration file with the given text."""
    config = folder / "dlbench.toml"
    config.write_text(text, encoding="utf-8")
    return load_suites(config)


def error_of(folder: Path, text: str) -> str:
    """Return the error that a configuration file gives."""
    with pytest.raises(UsageError) as caught:
        load(folder, text)
    return str(caught.value)


def test_without_a_file_there_are_the_suites_of_dlbench(tmp_path: Path) -> None:
    assert list(load_suites(tmp_path / "absent.toml")) == [suite.name for suite in SUITES]


def test_the_suite_of_generation_generates() -> None:
    suite = get(load_suites(), "generation")
    assert suite.phases == ("generate",)
    assert all(catalog.get(name).generate for name in suite.workloads)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_suites_of_dlbench_name_what_exists(suite: Suite) -> None:
    assert set(suite.workloads) <= set(names())
    assert set(suite.phases) <= {*USUAL_PHASES, "generate"}
    assert suite.trials >= 3


def test_only_suite_full_takes_data_from_the_internet() -> None:
    assert set(DOWNLOADED) == {"mnist_cnn", "cifar10_resnet", "imdb_lstm"}
    assert [suite.name for suite in SUITES if set(suite.workloads) & set(DOWNLOADED)] == ["full"]


def test_a_suite_of_ones_own_says_everything(tmp_path: Path) -> None:
    suite = load(
        tmp_path,
        """
        [suites.nightly]
        summary = "all night"
        workloads = ["digits_cnn", "models/mine.py:build"]
        trials = 9
        phases = ["infer", "train"]
        backends = ["jax"]
        parameters = { depth = [2, 4], width = 8, name = "a" }
        train_s = 2
        infer_s = 0.5
        windows = 80
        """,
    )["nightly"]
    assert suite.name == "nightly"
    assert suite.summary == "all night"
    assert suite.workloads == ("digits_cnn", "models/mine.py:build")
    assert suite.trials == 9
    assert suite.phases == ("train", "infer")
    assert suite.backends == ("jax",)
    assert suite.parameters == {"depth": ("2", "4"), "width": ("8",), "name": ("a",)}
    assert suite.effort == Effort(train_s=2.0, infer_s=0.5, windows=80)
    assert isinstance(suite.effort.train_s, float)


def test_what_a_suite_does_not_say_has_its_default(tmp_path: Path) -> None:
    suite = load(tmp_path, "[suites.short]\ntrials = 1\n")["short"]
    assert (suite.workloads, suite.phases, suite.backends) == (FIRST, USUAL_PHASES, ())
    assert (suite.parameters, suite.effort, suite.trials) == ({}, Effort(), 1)


def test_every_setting_of_the_effort_can_be_given(tmp_path: Path) -> None:
    settings = {part.name: 3 for part in fields(Effort)}
    text = "[suites.s]\n" + "\n".join(f"{name} = {value}" for name, value in settings.items())
    assert load(tmp_path, text)["s"].effort == Effort(**settings)


def test_a_suite_of_ones_own_may_replace_one_of_dlbench(tmp_path: Path) -> None:
    suites = load(tmp_path, '[suites.quick]\nworkloads = ["cancer_mlp"]\n')
    assert suites["quick"].workloads == ("cancer_mlp",)
    assert set(suites) == {suite.name for suite in SUITES}


@pytest.mark.parametrize("text", ["", "# nothing\n", "[suites]\n"])
def test_a_file_without_suites_adds_none(tmp_path: Path, text: str) -> None:
    assert set(load(tmp_path, text)) == {suite.name for suite in SUITES}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[suites.s\n", "dlbench.toml: "),
        ("[suite.s]\n", "unknown table in .*dlbench.toml 'suite'; did you mean 'suites'"),
        ("trials = 3\n", "unknown table in .*dlbench.toml 'trials'"),
        ("suites = 3\n", "suites.* must be a table"),
        ("[[suites]]\ntrials = 3\n", "suites.* must be a table"),
        ("[suites]\ns = 3\n", r"\[suites.s\] must be a table"),
        ("[suites.s]\ntrails = 3\n", r"unknown key of \[suites.s\] in .*'trails'; did you mean 'trials'"),
        ("[suites.s]\ntrain = 3\n", "'train'; did you mean .*'train_s'"),
        ("[suites.s]\ntrials = 0\n", "trials must be a whole number above 0; received 0"),
        ("[suites.s]\ntrials = -1\n", "trials must be a whole number above 0; received -1"),
        ("[suites.s]\ntrials = 2.5\n", "trials must be a whole number above 0; received 2.5"),
        ("[suites.s]\ntrials = true\n", "trials must be a whole number above 0; received True"),
        ('[suites.s]\ntrials = "3"\n', "trials must be a whole number above 0; received '3'"),
        ("[suites.s]\ntrain_s = 0\n", "train_s must be a number above 0; received 0"),
        ("[suites.s]\ntrain_s = -0.5\n", "train_s must be a number above 0; received -0.5"),
        ('[suites.s]\ntrain_s = "3s"\n', "train_s must be a number above 0; received '3s'"),
        ("[suites.s]\ntrain_s = true\n", "train_s must be a number above 0; received True"),
        ("[suites.s]\ntrain_s = nan\n", "train_s must be a number above 0; received nan"),
        ("[suites.s]\ntrain_s = inf\n", "train_s must be a number above 0; received inf"),
        ("[suites.s]\nwindows = 8.0\n", "windows must be a whole number above 0; received 8.0"),
        ('[suites.s]\nworkloads = "digits_cnn"\n', "workloads must be a list of names; received 'digits_cnn'"),
        ("[suites.s]\nworkloads = [1]\n", r"workloads must be a list of names; received \[1\]"),
        ("[suites.s]\nbackends = { a = 1 }\n", "backends must be a list of names"),
        ('[suites.s]\nphases = "train"\n', "phases must be a list of names; received 'train'"),
        ('[suites.s]\nphases = ["trian"]\n', "unknown phase in .*'trian'; did you mean 'train'"),
        ("[suites.s]\nparameters = 3\n", r"parameters must be a table such as { depth = \[4, 8\] }"),
        ("[suites.s]\nparameters = { depth = [] }\n", "depth"),
    ],
    ids=lambda text: text.replace("\n", " "),
)
def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(tmp_path, text)


@pytest.mark.parametrize("text", ["[suites.s]\ntrials = 0\n", "[suites.s]\nphases = [1]\n", "[suites.s]\ntrials =\n"])
def test_every_error_names_the_file(tmp_path: Path, text: str) -> None:
    assert "dlbench.toml" in error_of(tmp_path, text)


def test_a_file_that_is_no_text_or_no_file_is_told(tmp_path: Path) -> None:
    config = tmp_path / "dlbench.toml"
    config.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"dlbench\.toml"):
        load_suites(config)
    with pytest.raises(UsageError, match="Is a directory"):
        load_suites(tmp_path)


def test_an_unknown_suite_is_answered_with_those_there_are(tmp_path: Path) -> None:
    suites = load_suites(tmp_path / "absent.toml")
    known = ", ".join(sorted(suite.name for suite in SUITES))
    with pytest.raises(UsageError, match=rf"unknown suite 'quik'; did you mean 'quick'\? \(known: {known}\)"):
        get(suites, "quik")
    assert get(suites, "quick").name == "quick"

"""The finder that hides frameworks, tried in processes of their own since it replaces Python's."""

import json
import subprocess
import sys
from typing import Any

import pytest
from dlbench.harness.roles.isolation import HidingFinder, also_hidden, loaded

BEGIN = """
import importlib, importlib.metadata, importlib.util, json, sys
from dlbench.harness.roles.isolation import also_hidden, hide, loaded
def say(value):
    print(json.dumps(value))
"""


def child(code: str) -> Any:
    """Run code in a fresh interpreter and return what it says."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_hidden_module_is_not_found_by_an_import() -> None:
    code = """
hide(["hypothesis"])
try:
    import hypothesis
except ModuleNotFoundError as error:
    say([error.name, str(error)])
"""
    assert child(code) == ["hypothesis", "No module named 'hypothesis'"]


def test_a_module_within_a_hidden_one_is_not_found_either() -> None:
    code = """
hide(["hypothesis"])
try:
    import hypothesis.strategies
except ModuleNotFoundError as error:
    say(error.name)
"""
    assert child(code) == "hypothesis"


def test_a_module_within_a_hidden_one_that_is_already_imported_is_not_found() -> None:
    code = """
import email
hide(["email"])
say([name in sys.modules for name in ("email", "email.mime")] + [importlib.util.find_spec("email.mime") is None])
"""
    assert child(code) == [True, False, True]


def test_frameworks_that_look_for_a_hidden_one_are_told_no() -> None:
    code = """
before = importlib.util.find_spec("hypothesis") is not None
hide(["hypothesis"])
say([before, importlib.util.find_spec("hypothesis") is None])
"""
    assert child(code) == [True, True]


def test_other_modules_are_found_as_before() -> None:
    code = """
hide(["hypothesis"])
import colorsys, pluggy
importlib.invalidate_caches()
say([importlib.util.find_spec("hypothesis_not") is None, importlib.util.find_spec("packaging") is not None])
"""
    assert child(code) == [True, True]


def test_a_name_that_only_begins_alike_is_not_hidden() -> None:
    code = """
hide(["pack"])
say(importlib.util.find_spec("packaging") is not None)
"""
    assert child(code) is True


def test_versions_of_hidden_packages_can_be_read() -> None:
    code = """
known = importlib.metadata.version("hypothesis")
count = len(list(importlib.metadata.distributions()))
hide(["hypothesis"])
say([importlib.metadata.version("hypothesis") == known, len(list(importlib.metadata.distributions())) == count])
"""
    assert child(code) == [True, True]


def test_names_can_be_hidden_for_a_while() -> None:
    code = """
finder = hide(["hypothesis"])
def seen():
    return [importlib.util.find_spec(name) is not None for name in ("hypothesis", "pluggy", "packaging")]
found = [seen()]
with also_hidden(finder, ["pluggy"]):
    found.append(seen())
found.append(seen())
say(found)
"""
    assert child(code) == [[False, True, True], [False, False, True], [False, True, True]]


def test_a_module_imported_before_is_told() -> None:
    code = """
import colorsys
hide(["colorsys", "hypothesis"])
say(loaded(["hypothesis", "colorsys", "pluggy"]))
"""
    assert child(code) == ["colorsys"]


def test_an_error_within_still_shows_the_names_again() -> None:
    finder = HidingFinder(["a"])
    with pytest.raises(RuntimeError), also_hidden(finder, ["b"]):
        raise RuntimeError
    assert finder.hidden == {"a"}


def test_modules_that_are_loaded_are_told_in_order() -> None:
    assert loaded(["sys", "json", "no_such_module"]) == ("json", "sys")


def test_the_command_line_and_the_runner_import_no_framework() -> None:
    code = """
import dlbench.harness.cli.app, dlbench.harness.commands.run
import dlbench.harness.experiments.runner, dlbench.harness.experiments.experiment
import dlbench.harness.commands.verify, dlbench.harness.commands.calibrate, dlbench.harness.experiments.max_batch
say(loaded(["jax", "torch", "tensorflow", "keras"]))
"""
    assert child(code) == []

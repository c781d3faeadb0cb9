"""`dlbench baseline` as typed."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli import dlbench
from tests.nightly_runs import MACHINE, night, nights, trials, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with twenty nights and a baseline of the tenth, in use."""
    made = tmp_path_factory.mktemp("baselines")
    nights(made / ".dlbench", 20)
    assert dlbench(made, "baseline", "save", "main", "20260910").status == 0
    assert dlbench(made, "baseline", "use", "main").stdout == "main is in use\n"
    return made


def test_the_baselines_are_listed_with_what_they_belong_to(folder: Path) -> None:
    ended = dlbench(folder, "baseline", "list", COLUMNS="200")
    line = ended.stdout.splitlines()[1]
    assert line.startswith("*  main  20260910-020000-ab12")
    assert "AMD EPYC 7763, 2 cores, 8 GiB (0123456789ab)" in line
    assert "550.54" in line


def test_a_quiet_night_passes_and_json_and_csv_say_the_same(folder: Path) -> None:
    ended = dlbench(folder, "baseline", "show", COLUMNS="200")
    assert ended.status == 0, ended.stdout + ended.stderr
    assert "as expected" in ended.stdout
    facts = json.loads(dlbench(folder, "baseline", "show", "main", "-f", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(dlbench(folder, "baseline", "show", "-f", "csv").stdout)))
    assert [one["verdict"] for one in facts["figures"]] == [row["verdict"] for row in rows] == ["as expected"] * 5
    assert [one["near"]["low"] for one in facts["figures"]] == [float(row["baseline_low"]) for row in rows]
    assert "5 figures judged together, by intervals of 99.85 % each" in facts["notes"][-1]


def test_a_slow_night_is_a_finding_and_other_hardware_is_not_compared(tmp_path: Path) -> None:
    store = tmp_path / ".dlbench"
    nights(store, 12)
    dlbench(tmp_path, "baseline", "save", "main")
    write(store, night(12), trials(0.0065))
    ended = dlbench(tmp_path, "baseline", "show", "main", COLUMNS="200")
    assert ended.status == 1
    command = "dlbench ab digits_cnn --backend jax --phase train --device cpu --a env=NAME --b env=current"
    assert f"confirm with `{command}`, where NAME is an environment as at the baseline" in ended.stdout
    write(store, night(13, machine=replace(MACHINE, fingerprint="ffff", cpu="Xeon")), trials(0.005))
    ended = dlbench(tmp_path, "baseline", "show", "main", "--run", "latest")
    assert (ended.status, ended.stdout) == (3, "")
    assert "other hardware (AMD EPYC 7763" in ended.stderr


def test_a_baseline_before_the_change_is_not_left_behind_by_the_sessions(tmp_path: Path) -> None:
    nights(tmp_path / ".dlbench", 40, 20, by=1.25, then="0.10.1")
    for name, run in (("old", "20260906"), ("new", "20261001")):
        dlbench(tmp_path, "baseline", "save", name, run)
    assert dlbench(tmp_path, "baseline", "show", "old").status == 1
    assert dlbench(tmp_path, "baseline", "show", "new").status == 0


def test_runs_of_other_machines_and_environments_are_said_to_be_left_out(tmp_path: Path) -> None:
    store = tmp_path / ".dlbench"
    paths = nights(store, 12)
    write(store, night(12, machine=replace(MACHINE, fingerprint="ffff", cpu="Xeon")), trials(0.005))
    of = night(13)
    write(store, replace(of, environments=(replace(of.environments[0], fingerprint="ffff"),)), trials(0.005))
    dlbench(tmp_path, "baseline", "save", "main", paths[3].stem)
    facts = json.loads(dlbench(tmp_path, "baseline", "show", "main", "-f", "json").stdout)
    assert "1 run of other machines left out" in facts["notes"]
    assert any("their environments have other packages" in note for note in facts["notes"])


def test_too_little_history_is_inconclusive(folder: Path) -> None:
    ended = dlbench(folder, "baseline", "show", "--run", "20260904")
    assert ended.status == 5
    assert "3 sessions at this level; 8 are needed" in ended.stdout


def test_a_canary_that_was_not_measured_is_said(folder: Path) -> None:
    assert "the canary 'nosuch' was not measured" in dlbench(folder, "baseline", "show", "--canary", "nosuch").stdout


def test_missing_baselines_and_damaged_files_are_said(tmp_path: Path) -> None:
    nights(tmp_path / ".dlbench", 2)
    assert dlbench(tmp_path, "baseline", "show", "main").status == 3
    assert dlbench(tmp_path, "baseline", "use", "main").status == 3
    assert "baseline save NAME" in dlbench(tmp_path, "baseline", "list").stdout
    dlbench(tmp_path, "baseline", "save", "main")
    (path,) = (tmp_path / ".dlbench" / "baselines").glob("*.json")
    path.write_text("{\n broken")
    dlbench(tmp_path, "baseline", "save", "other")
    for words in (("list",), ("use", "other")):
        ended = dlbench(tmp_path, "baseline", *words)
        assert ended.status == 4
        assert f"{path.name}: line 2 is broken" in ended.stderr

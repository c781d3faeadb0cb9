"""The GitHub action: its shell steps, run as they stand, with stand-ins for the programs that they call."""

import re
import sys
from pathlib import Path

import pytest

from .action_steps import ACTION, made_runner, program, run, step, steps

INPUTS = {
    "LABEL": "speed-gate",
    "WORKLOADS": "my model.py\n\ndigits_cnn",
    "SIDE_A": "rev=base",
    "SIDE_B": "rev=HEAD",
    "BACKENDS": "jax",
    "PHASES": "train",
    "INCONCLUSIVE": "fail",
    "BUDGET": "",
    "REPORTS": "junit=my gate.xml\n\nbencher=bencher.json\n",
}
PLACE = {"GIVEN": "", "WORKFLOW": "speed", "JOB": "gate", "INDEX": "0", "TOTAL": "1", "USE": "__OWNER_dlbench.label"}
INSTALL = {"OWN": "", "EXTRAS": "jax", "REQUIREMENTS": ""}
EVIL = '$(touch hacked) `touch hacked`; touch hacked; "; touch hacked #'


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """Make a runner's folder."""
    return made_runner(tmp_path)


@pytest.mark.parametrize("status", [0, 1, 5])
def test_the_gate_gets_its_words_and_its_status_is_kept(runner: Path, status: int) -> None:
    done = run(runner, step("Gate"), **INPUTS, DLBENCH_STATUS=str(status))
    assert done.returncode == 0, done.stderr
    words = (runner / "words.txt").read_text().splitlines()
    assert words[:3] == ["gate", "my model.py", "digits_cnn"]
    assert {"--a=rev=base", "--b=rev=HEAD", "--phase=train", "--backend=jax", "--inconclusive=fail"} <= set(words)
    assert not [word for word in words if word.startswith("--budget")]
    assert [word for word in words if word.startswith("--report")] == [
        "--report=junit=my gate.xml",
        "--report=bencher=bencher.json",
    ]
    assert (runner / "output").read_text() == f"status={status}\n"
    assert (runner / "summary").read_text() == "| table |\n"
    assert run(runner, step("Verdict"), STATUS=str(status)).returncode == status


def test_what_is_not_given_is_left_to_the_command(runner: Path) -> None:
    action = ACTION.read_text()
    defaults = re.findall(r"\n  (\w+):\n    description: [^\n]*\n(?:      [^\n]*\n)*    default: \"\"", action)
    assert {"backends", "phases", "budget", "reports"} <= set(defaults)
    given = {**INPUTS, "BACKENDS": "", "PHASES": "", "BUDGET": "", "REPORTS": ""}
    assert run(runner, step("Gate"), **given).returncode == 0
    words = (runner / "words.txt").read_text()
    assert not re.search("--(phase|backend|budget|report)", words)


@pytest.mark.parametrize(
    ("status", "table", "kept"),
    [(2, False, 2), (70, False, 70), (127, False, 127), (3, False, 3), (0, False, 70), (1, False, 70), (70, True, 70)],
)
def test_a_gate_without_a_verdict_says_so_in_place_of_an_earlier_table(
    runner: Path, status: int, table: bool, kept: int
) -> None:
    told = runner / "dlbench-gate-speed-gate.md"
    told.write_text("PASSED: of an earlier use in this job\n")
    no_table = "" if table else "yes"
    done = run(runner, step("Gate"), **INPUTS, DLBENCH_STATUS=str(status), NO_TABLE=no_table)
    assert done.returncode == 0, done.stderr
    assert (runner / "output").read_text() == f"status={kept}\n"
    text = told.read_text()
    assert text.startswith(f"**No verdict, status {status}** (")
    assert "PASSED" not in text
    assert ("| table |" in text) == table
    assert (runner / "summary").read_text() == text
    assert run(runner, step("Verdict"), STATUS=str(kept)).returncode == kept != 0


def test_without_dlbench_there_is_no_verdict(runner: Path) -> None:
    (runner / "bin" / "dlbench").unlink()
    bare = {**INPUTS, "PATH": f"{runner / 'bin'}:/usr/bin:/bin"}
    assert run(runner, step("Gate"), **bare).returncode == 0
    assert (runner / "output").read_text() == "status=127\n"
    assert "there is no command dlbench" in (runner / "summary").read_text()


def test_a_gate_that_never_ran_does_not_pass(runner: Path) -> None:
    assert run(runner, step("Verdict"), STATUS="").returncode == 70


def test_what_is_kept_and_told_does_not_decide_the_job() -> None:
    beside = ("Keep what was measured", "Comment", "Key of the environments made for packages")
    assert all("\n      continue-on-error: true\n" in steps()[name] for name in beside)
    assert not [name for name in ("Install", "Gate", "Verdict") if "continue-on-error" in steps()[name]]


@pytest.mark.parametrize(
    "name", ["WORKLOADS", "SIDE_A", "SIDE_B", "BACKENDS", "PHASES", "BUDGET", "INCONCLUSIVE", "REPORTS"]
)
def test_no_input_is_a_command(runner: Path, name: str) -> None:
    run(runner, step("Gate"), **{**INPUTS, name: EVIL})
    assert not (runner / "hacked").exists()
    assert EVIL in (runner / "words.txt").read_text()


def test_no_input_stands_in_a_script() -> None:
    scripts = {name: step(name) for name, text in steps().items() if "\n      run: " in text}
    assert list(scripts) == [
        "Name", "Install", "Key of the environments made for packages", "Gate", "Comment", "Verdict",
    ]  # fmt: skip
    assert not [name for name, script in scripts.items() if "${{" in script]


def installed(runner: Path, **inputs: str) -> list[str]:
    """Run the step that installs; return the words of pip, with the lines of the requirements file in its place."""
    program(runner / "bin", "python", 'printf "%s\\n" "$@" > pip.txt')
    done = run(runner, step("Install"), **{**INSTALL, **inputs})
    assert done.returncode == 0, done.stderr
    words = (runner / "pip.txt").read_text().splitlines()
    assert words[:5] == ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lines = Path(words[words.index("-r") + 1]).read_text().splitlines()
    return [*filter(None, lines), *words[words.index("-r") + 2 :]]


def test_the_code_of_the_action_is_what_gates(runner: Path) -> None:
    assert installed(runner) == ["/actions/OWNER/dlbench/v1[jax]"]
    assert installed(runner, EXTRAS="") == ["/actions/OWNER/dlbench/v1"]
    index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    further = installed(runner, EXTRAS="torch,ci", REQUIREMENTS=f"{index}\nkeras-hub\n")
    assert further == [index, "keras-hub", "/actions/OWNER/dlbench/v1[torch,ci]"]


def test_another_dlbench_can_be_named_and_none(runner: Path) -> None:
    other = "dlbench[jax] @ git+https://example.org/dlbench@v2"
    assert installed(runner, OWN=other, EXTRAS="", REQUIREMENTS="optax") == ["optax", other]
    assert installed(runner, OWN="none", EXTRAS="", REQUIREMENTS="optax") == ["optax"]


@pytest.mark.parametrize(("inputs", "said"), [({"EXTRAS": EVIL}, "names with commas"), ({"OWN": "x"}, "write them")])
def test_extras_that_do_not_fit_are_told(runner: Path, inputs: dict[str, str], said: str) -> None:
    program(runner / "bin", "python", "touch ran")
    done = run(runner, step("Install"), **{**INSTALL, **inputs})
    assert (done.returncode, (runner / "ran").exists()) == (2, False)
    assert said in done.stdout
    assert not (runner / "hacked").exists()


@pytest.mark.parametrize("name", ["OWN", "REQUIREMENTS"])
def test_no_requirement_is_a_command(runner: Path, name: str) -> None:
    assert EVIL in installed(runner, **{"EXTRAS": "", name: EVIL})
    assert not (runner / "hacked").exists()


def label(runner: Path, **place: str) -> str:
    (runner / "output").unlink(missing_ok=True)
    done = run(runner, step("Name"), **{**PLACE, **place})
    assert done.returncode == 0, done.stderr
    return (runner / "output").read_text().removeprefix("label=").removesuffix("\n")


def test_uses_are_told_apart(runner: Path) -> None:
    uses = [
        {},
        {"USE": "__OWNER_dlbench_2.label"},
        {"USE": "sizes.label"},
        {"TOTAL": "2"},
        {"TOTAL": "2", "INDEX": "1"},
        {"JOB": "other"},
        {"WORKFLOW": "nightly"},
        {"WORKFLOW": "night/ly"},
        {"WORKFLOW": "night:ly"},
        {"GIVEN": "mine"},
        {"GIVEN": "größe 1"},
        {"GIVEN": "größe 2"},
        {"GIVEN": "a" * 100 + "1"},
        {"GIVEN": "a" * 100 + "2"},
        {"GIVEN": EVIL},
        {"GIVEN": "x -->\nlabel=y"},
    ]
    found = [label(runner, **use) for use in uses]
    assert len(set(found)) == len(uses)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,90}", one) for one in found)
    assert found[0] == "speed-gate-__OWNER_dlbench"
    assert found[4] == "speed-gate-1-__OWNER_dlbench"
    assert found[9] == "mine"
    assert not (runner / "hacked").exists()


def test_a_runner_that_does_not_say_which_step_it_is_has_names_too(runner: Path) -> None:
    assert label(runner, USE="label", TOTAL="", INDEX="") == "speed-gate"


def key(runner: Path, sides: str, backends: str = "jax") -> str:
    (runner / "output").unlink(missing_ok=True)
    program(runner / "bin", "python", f'exec "{sys.executable}" "$@"')
    done = run(runner, step("Key of the environments made for packages"), SIDES=sides, BACKENDS=backends)
    assert done.returncode == 0, done.stderr
    return (runner / "output").read_text()


def test_the_cache_is_found_by_all_that_environments_follow_from(runner: Path) -> None:
    plain = key(runner, "keras==3.14,keras==3.15")
    version = ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(rf"key=dlbench-envs-\w+-py{re.escape(version)}-[0-9a-f]{{16}}\n", plain)
    assert key(runner, "keras==3.14, keras==3.15") == plain
    assert len({plain, key(runner, "keras==3.14,keras==3.15.1"), key(runner, "keras==3.14,keras==3.15", "torch")}) == 3
    assert key(runner, f"rev={'a' * 40},keras==3.14,rev=HEAD") == key(runner, f"rev={'b' * 40},keras==3.14,rev=HEAD")
    cache = steps()["Environments made for packages"]
    assert "if: steps.key.outputs.key != ''" in cache
    assert "restore-keys" not in cache


@pytest.mark.parametrize("sides", ["rev=base,rev=HEAD", "rev=HEAD~1,rev=HEAD@{1}", "env=base,precision=float32", EVIL])
def test_without_packages_nothing_is_cached(runner: Path, sides: str) -> None:
    assert key(runner, sides) == ""
    assert not (runner / "hacked").exists()


def test_the_documented_workflow_has_ten_lines_at_most_and_inputs_that_there_are() -> None:
    text = (ACTION.parent / "docs" / "ci.md").read_text()
    workflow, further = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[:2]
    assert len(workflow.splitlines()) <= 10
    inputs = set(re.findall(r"^  (\w+):$", ACTION.read_text().partition("\noutputs:")[0], re.MULTILINE))
    (used,) = re.findall(r"uses: OWNER/dlbench@main\n\s+with: \{(.*)\}", workflow)
    named = {*re.findall(r"(\w+):", used), *re.findall(r"^ {10}(\w+):", further, re.MULTILINE)}
    assert {"workloads", "extras", "install"} <= named <= inputs
    table = text.partition("| input |")[2].partition("\n\n")[0]
    described = "\n".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", described)) == inputs - {"token"}

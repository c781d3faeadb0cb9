"""The comment of the GitHub action: one for each use, kept up to date, and never what decides the job."""

from pathlib import Path

import pytest

from .action_steps import made_runner, program, run, step

COMMENT = {"LABEL": "speed-gate", "REPOSITORY": "me/mine", "NUMBER": "5"}


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """Make a runner's folder."""
    return made_runner(tmp_path)


def gh(runner: Path, known: str = "", fails: str = "no such words") -> None:
    """Stand in for gh: notes its words, prints the ids of comments, and fails for some words."""
    body = f'printf "%s " "$@" >> calls.txt; echo >> calls.txt\nif [[ "$*" == *"{fails}"* ]]; then exit 1; fi\n'
    program(runner / "bin", "gh", f'{body}printf "%b" "{known}"')


@pytest.mark.parametrize("known", ["", "77\\n"])
def test_one_comment_is_kept_up_to_date(runner: Path, known: str) -> None:
    gh(runner, known)
    (runner / "dlbench-gate-speed-gate.md").write_text("| table |\n")
    done = run(runner, step("Comment"), **COMMENT)
    assert done.returncode == 0, done.stderr
    calls = (runner / "calls.txt").read_text().splitlines()
    assert len(calls) == 2
    assert 'startswith("<!-- dlbench gate: speed-gate -->")' in calls[0]
    wanted = "--method PATCH repos/me/mine/issues/comments/77" if known else "api repos/me/mine/issues/5/comments -F"
    assert wanted in calls[1]
    body = (runner / "dlbench-comment-speed-gate.md").read_text()
    assert body == "<!-- dlbench gate: speed-gate -->\ndlbench gate, speed-gate\n\n| table |\n"


def test_a_comment_of_somebody_else_is_passed_over(runner: Path) -> None:
    gh(runner, "66\\n77\\n", fails="comments/66")
    (runner / "dlbench-gate-speed-gate.md").write_text("| table |\n")
    assert run(runner, step("Comment"), **COMMENT).returncode == 0
    last = (runner / "calls.txt").read_text().splitlines()[-1]
    assert "--method PATCH repos/me/mine/issues/comments/77" in last


def test_a_token_that_only_reads_is_a_warning(runner: Path) -> None:
    gh(runner, fails="-F body=")
    (runner / "dlbench-gate-speed-gate.md").write_text("| table |\n")
    done = run(runner, step("Comment"), **COMMENT)
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=dlbench gate::the comment cannot be written.")


def test_a_gate_that_never_ran_is_told_in_the_comment(runner: Path) -> None:
    gh(runner)
    assert run(runner, step("Comment"), **COMMENT).returncode == 0
    assert "**No verdict**: the gate did not end" in (runner / "dlbench-comment-speed-gate.md").read_text()


def test_a_long_table_is_cut_and_says_so(runner: Path) -> None:
    gh(runner)
    (runner / "dlbench-gate-speed-gate.md").write_text("x" * 70_000)
    assert run(runner, step("Comment"), **COMMENT).returncode == 0
    body = (runner / "dlbench-comment-speed-gate.md").read_text()
    assert len(body) < 65_536
    assert body.endswith("(Cut here; the summary of the job has all of it.)\n")

"""What goes wrong in a worker is that row's failure; nothing is left running, nothing measured is lost."""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from dlbench.results.records.model import Run
from dlbench.results.records.store import read_run, run_paths

from tests.cli import MODELS, TINY, command, dlbench, measure

pytestmark = pytest.mark.workers
FATAL = str(MODELS / "fatal.py")
PATIENCE_S = 90.0


def only_run(folder: Path) -> Run:
    (path,) = run_paths(folder / ".dlbench")
    return read_run(path)


def running(marker: str) -> list[int]:
    """Return the processes whose command line has a marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("kind", "failure", "said"),
    [
        ("raise", "error", "planted fault in the model"),
        ("exit", "crashed", "exit status 3"),
        ("kill", "killed", "SIGKILL"),
        ("segfault", "crashed", "SIGSEGV"),
        ("memory", "out of memory", "MemoryError"),
    ],
)
def test_a_fault_in_the_worker_is_its_rows_failure(kind: str, failure: str, said: str, tmp_path: Path) -> None:
    ended = measure(tmp_path, FATAL, "-b", "jax", "--phase", "train", "-p", f"kind={kind}")
    assert ended.status == 4
    assert "Traceback" not in ended.stderr
    (found,) = only_run(tmp_path).failures
    assert found.kind == failure
    assert said in found.message
    assert found.log is not None
    assert (tmp_path / found.log).is_file()
    if kind == "exit":
        assert "last words of the worker" in found.tail
    table = dlbench(tmp_path, "show").stdout
    assert said in " ".join(table.split())
    assert Path(found.log).name in table


def test_the_other_backends_and_phases_go_on(tmp_path: Path) -> None:
    ended = measure(tmp_path, FATAL, "-b", "jax,torch", "-p", "kind=raise", "-p", "only=torch", "-n", "2")
    assert ended.status == 4
    by_backend = {row["backend"]: row for row in ended.rows}
    assert by_backend["torch"]["train_throughput_samples_per_s"] is None
    assert by_backend["torch"]["infer_throughput_samples_per_s"] > 0
    assert by_backend["jax"]["train_throughput_samples_per_s"] > 0
    assert by_backend["jax"]["failure_kind"] is None


def test_a_model_that_one_backend_cannot_build_is_that_backends_failure(tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "picky.py"), "-b", "jax,torch", "--phase", "infer")
    assert ended.status == 4
    by_backend = {row["backend"]: row for row in ended.rows}
    assert "not on JAX" in by_backend["jax"]["failure_message"]
    assert by_backend["torch"]["infer_throughput_samples_per_s"] > 0
    assert "not on JAX" in dlbench(tmp_path, "show").stdout.split("log of JAX")[1], "the log's last lines are shown"


def test_a_phase_that_a_model_lacks_is_left_out_with_the_reason(tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "small.py"), "-b", "jax", "--phase", "converge")
    assert ended.status == 3
    assert "no accuracy target" in ended.stderr


def test_nobody_watching_does_not_change_a_run(tmp_path: Path) -> None:
    (tmp_path / "dlbench.toml").write_text(TINY)
    words = command("run", "--suite", "tiny", "-b", "jax", "--phase", "infer", "--progress", "plain")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=write, text=True, check=False)
    os.close(write)
    assert done.returncode == 0
    assert "cancer_mlp" in done.stdout


def test_a_diverging_loss_is_its_own_outcome(tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "diverging.py"), "-b", "tensorflow", "--phase", "train")
    assert ended.status == 4
    assert ended.rows[0]["failure_kind"] == "diverged"
    assert "after step" in ended.rows[0]["failure_message"]


def test_a_model_that_knows_its_batches_by_heart_is_no_failure(tmp_path: Path) -> None:
    ended = measure(tmp_path, str(MODELS / "learned.py"), "-b", "jax", "--phase", "train")
    assert ended.status == 0, ended.stdout + ended.stderr
    assert ended.rows[0]["train_throughput_samples_per_s"] > 0


def test_a_hanging_worker_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    marker = f"marker-{uuid.uuid4()}"
    words = (FATAL, "-b", "jax", "--phase", "train", "-p", "kind=hang", "--timeout", "12s", "-n", "3")
    ended = measure(tmp_path, *words, MARKER=marker)
    assert ended.status == 4
    run = only_run(tmp_path)
    (found,) = run.failures
    assert found.kind == "timeout"
    assert "--timeout" in found.message
    assert any("go_wrong" in line for line in found.tail), "the log says where it hung"
    assert run.end is not None
    assert any("was not repeated" in note for note in run.end.notes)
    assert running(marker) == []


def start_hanging(folder: Path, marker: str, *words: str) -> "subprocess.Popen[str]":
    """Start a run that measures one workload and then hangs in another."""
    (folder / "dlbench.toml").write_text(TINY)
    process = subprocess.Popen(
        command("run", FATAL, "--suite", "tiny", "-b", "jax", "--phase", "infer,train", "-p", "kind=hang", *words),
        cwd=folder,
        env={**os.environ, "MARKER": marker},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: running(marker), "the worker hangs")
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_cleanly_and_shows_what_was_measured(number: signal.Signals, tmp_path: Path) -> None:
    marker = f"marker-{uuid.uuid4()}"
    process = start_hanging(tmp_path, marker, "--report", "openmetrics=metrics.txt")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "fatal" in out
    assert (tmp_path / "metrics.txt").read_text() == "# EOF\n"
    assert "Traceback" not in err
    run = only_run(tmp_path)
    assert run.end is not None
    assert run.end.state == "interrupted"
    assert run.failures == ()
    until(lambda: not running(marker), "nothing is left running")


def test_a_killed_controller_leaves_nothing_running_and_a_readable_run(tmp_path: Path) -> None:
    marker = f"marker-{uuid.uuid4()}"
    process = start_hanging(tmp_path, marker)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    until(lambda: not running(marker), "nothing is left running")
    run = only_run(tmp_path)
    assert run.end is None
    assert dlbench(tmp_path, "list", "runs").status == 0


def test_fail_fast_ends_the_run(tmp_path: Path) -> None:
    ended = measure(tmp_path, FATAL, "-b", "jax", "--phase", "train", "-p", "kind=raise", "-n", "3", "--fail-fast")
    assert ended.status == 4
    run = only_run(tmp_path)
    assert run.end is not None
    assert run.end.state == "failed"
    assert len(run.jobs) == 1

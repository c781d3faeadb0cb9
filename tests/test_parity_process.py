"""A parity process seen from outside: what it is started with, and what each way of ending comes to."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlbench.harness.checks.parity_process import LocalAsker
from dlbench.harness.children.child import Exit
from dlbench.harness.roles.parity_wire import ParityRequest
from dlbench.results.errors import BrokenError, Interrupted
from dlbench.results.parity.computation import Computation, read_tensors
from dlbench.results.records.codec import from_json, to_json

from .toy_parity import request

FINE = Exit(0, 1.0, timed_out=False, stopped=False, out_of_memory=False)


class FakeChild:
    """Runs a function in place of a process."""

    def __init__(self, body: Callable[[ParityRequest, Path], None], ended: Exit = FINE) -> None:
        self._body, self._ended = body, ended
        self.started: dict[str, Any] = {}

    def run(self, role: str, request: Any, *, log: Path, **further: Any) -> Exit:
        self.started = {"role": role, "request": request, **further}
        self._body(from_json(ParityRequest, request["parity"]), log)
        return self._ended

    def stop(self) -> None:
        """Nothing runs."""


def asked(tmp_path: Path, backend: str = "torch", cpus: tuple[int, ...] = ()) -> ParityRequest:
    plain = request(backend)
    job = replace(plain.job, reply=str(tmp_path / "reply.json"), cpus=cpus)
    return replace(plain, job=job, arrays=str(tmp_path / "arrays.npz"))


def fine(asked: ParityRequest, log: Path) -> None:
    Path(asked.job.reply).write_text(json.dumps(to_json(Computation(losses=(2.0, float("nan"))))))
    np.savez(asked.arrays, outputs_0=np.ones(2), gradients_1=np.ones(3), gradients_0=np.zeros(3))


def silent(asked: ParityRequest, log: Path) -> None:
    log.write_text("Loading\nSegmentation fault\n")


def test_an_answer_comes_with_its_arrays_in_order_and_the_file_is_gone(tmp_path: Path) -> None:
    answer = LocalAsker(FakeChild(fine), 60.0).ask(asked(tmp_path), {})  # type: ignore[arg-type]
    assert answer.computation.losses[0] == 2.0
    assert np.isnan(answer.computation.losses[1])
    assert [array.tolist() for array in answer.tensors.gradients] == [[0, 0, 0], [1, 1, 1]]
    assert len(answer.tensors.outputs) == 1
    assert answer.tensors.moves == []
    assert not (tmp_path / "arrays.npz").exists()


def test_the_process_gets_its_cores_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--theirs=1")
    child = FakeChild(fine)
    environment = {"XLA_FLAGS": "--ours=1", "JAX_ENABLE_X64": "1"}
    LocalAsker(child, 60.0).ask(asked(tmp_path, cpus=(1,)), environment)  # type: ignore[arg-type]
    environ = child.started["environ"]
    assert environ["XLA_FLAGS"] == "--theirs=1 --ours=1"
    assert environ["JAX_ENABLE_X64"] == "1"
    assert environ["KERAS_BACKEND"] == "torch"
    assert environ["OMP_NUM_THREADS"] == "1"
    assert child.started["request"]["cpus"] == [1]
    assert child.started["role"] == "parity"
    assert child.started["timeout_s"] == 60.0


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (replace(FINE, status=-11), "exit status -11: Segmentation fault"),
        (replace(FINE, status=-9, timed_out=True), "not done after 60 s; a longer --timeout"),
    ],
)
def test_a_process_without_an_answer_is_an_error_in_words(ended: Exit, words: str, tmp_path: Path) -> None:
    answer = LocalAsker(FakeChild(silent, ended), 60.0).ask(asked(tmp_path), {})  # type: ignore[arg-type]
    assert answer.computation.error is not None
    assert words in answer.computation.error


def test_an_interrupt_ends_the_verification(tmp_path: Path) -> None:
    child = FakeChild(silent, replace(FINE, status=-9, stopped=True))
    with pytest.raises(Interrupted):
        LocalAsker(child, 60.0).ask(asked(tmp_path), {})  # type: ignore[arg-type]


def test_an_error_needs_no_arrays(tmp_path: Path) -> None:
    def failed(asked: ParityRequest, log: Path) -> None:
        Path(asked.job.reply).write_text(json.dumps(to_json(Computation(error="it broke"))))

    answer = LocalAsker(FakeChild(failed), 60.0).ask(asked(tmp_path), {})  # type: ignore[arg-type]
    assert answer.computation.error == "it broke"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_damaged_arrays_are_told(share: float, tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, outputs_0=np.ones(2), gradients_0=np.zeros(3))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BrokenError, match="cannot be read"):
        read_tensors(path)

"""Phase generate: the loop with calls of exactly known cost, then real models against generation without a cache."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dlbench.backends.catalog import BACKENDS
from dlbench.harness.effort import Effort
from dlbench.harness.measuring.generate import Generator, make_generator, measure_generate
from dlbench.harness.measuring.watch import watched
from dlbench.results.errors import UsageError
from dlbench.results.records.model import GENERATION_STEPS, TOKEN_LATENCIES, Case
from dlbench.results.records.store import read_run, run_paths
from dlbench.results.summaries.figures import speed_of

from .cli import measure
from .factories import FakeClock

PREFILL_S, DECODE_S = 2.0**-6, 2.0**-9
BATCH, PROMPT, NEW_TOKENS = 4, 5, 3
LOGITS_ATOL = 1e-4


class FakeRuntime:
    """A device on which calls cost an exactly known time, paid at the barrier, and states know how they were made."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.owed_s = 0.0
        self.waited: list[Any] = []
        self.reads = 0
        self.decoded: list[tuple[Any, int, Any]] = []
        """Token, position and cache of every decoding step."""

    def forward_function(self, model: str, settings: Any) -> Any:
        return {"prefill": self._prefill, "decode": self._decode}[model]

    def place(self, arrays: Any) -> list[Any]:
        return list(arrays)

    def wait_for(self, tensors: Any) -> None:
        self.waited.append(tensors)
        self.clock.spend(self.owed_s)
        self.owed_s = 0.0

    def compilations(self) -> int:
        return 0

    def _prefill(self, prompts: np.ndarray) -> list[Any]:
        assert prompts.shape == (BATCH, PROMPT)
        self.owed_s += PREFILL_S
        self.reads += 1
        return ["first", ("prompt", self.reads)]

    def _decode(self, given: list[Any]) -> list[Any]:
        token, position, cache = given
        assert position.shape == (BATCH, 1)
        self.owed_s += DECODE_S
        self.decoded.append((token, int(position[0, 0]), cache))
        return [f"after {token}", ("grown", cache)]


class FakeSession:
    """A built problem that generates on a fake device."""

    def __init__(self, effort: Effort | None = None, tokens: int = 8) -> None:
        self.clock = FakeClock(100.0)
        self.runtime = FakeRuntime(self.clock)
        self.settings = None
        self.data = SimpleNamespace(test_x=(np.arange(2 * tokens, dtype=np.int32).reshape(2, tokens),))
        parameters = {"prompt": PROMPT, "new_tokens": NEW_TOKENS}
        effort = effort or Effort(infer_s=0.5)
        self.request: Any = SimpleNamespace(effort=effort, batch_size=BATCH, parameters=parameters)

    def generation(self) -> Any:
        return SimpleNamespace(prefill="prefill", decode="decode")

    def watched(self, measure: Any) -> Any:
        return watched(
            measure,
            self.request.effort,
            self.clock,
            cores=2,
            compilations=self.runtime.compilations,
            load=lambda: None,
            cpu_clock=lambda: 0.0,
        )

    def work(self, batch_size: int, model: str) -> Any:
        return SimpleNamespace(forward_flops={"prefill": 500.0, "decode": 100.0}[model] * batch_size)

    def settled(self, work: Any, batch_size: int, feed: str) -> dict[str, Any]:
        return {"batch_size": batch_size, "feed": feed}


def generator_of(session: Any) -> Generator:
    return make_generator(session, BATCH)[0]


def test_each_step_goes_on_from_what_the_one_before_left() -> None:
    session = FakeSession()
    generator = generator_of(session)
    generator.read()
    for _ in range(NEW_TOKENS - 1):
        generator.decode()
    cache = ("prompt", 1)
    assert session.runtime.decoded == [("first", PROMPT, cache), ("after first", PROMPT + 1, ("grown", cache))]


def test_decoding_starts_over_behind_the_prompts_and_never_leaves_the_cache() -> None:
    session = FakeSession()
    generator = generator_of(session)
    generator.read()
    for _ in range(3 * (NEW_TOKENS - 1)):
        generator.decode()
    assert session.runtime.decoded[2:4] == session.runtime.decoded[4:6] == session.runtime.decoded[:2]
    assert {position for _, position, _ in session.runtime.decoded} == {PROMPT, PROMPT + 1}
    assert max(position for _, position, _ in session.runtime.decoded) < PROMPT + NEW_TOKENS - 1
    assert session.runtime.reads == 1


def test_prompts_read_anew_begin_a_new_text() -> None:
    session = FakeSession()
    generator = generator_of(session)
    generator.read()
    generator.decode()
    generator.read()
    generator.decode()
    assert session.runtime.decoded[1] == ("first", PROMPT, ("prompt", 2))


def test_the_barrier_waits_for_token_and_caches() -> None:
    session = FakeSession()
    generator = generator_of(session)
    generator.read()
    generator.wait()
    assert session.runtime.waited == [["first", ("prompt", 1)]]
    generator.decode()
    generator.wait()
    assert session.runtime.waited[1] == ["after first", ("grown", ("prompt", 1))]
    assert generator.token == session.runtime.waited[1][0]


def test_prompts_longer_than_the_data_are_told() -> None:
    session: Any = FakeSession(tokens=PROMPT - 1)
    with pytest.raises(UsageError, match="prompts of 5 tokens are longer than the 4 of the test data"):
        make_generator(session, BATCH)


@pytest.fixture(scope="module")
def fields() -> dict[str, Any]:
    session: Any = FakeSession()
    return measure_generate(session, Case.of("toy", phase="generate"), session.clock)


def test_every_figure_is_of_its_step(fields: dict[str, Any]) -> None:
    assert set(fields["series"]) == set(GENERATION_STEPS)
    assert set(fields["latencies"]) == set(TOKEN_LATENCIES)
    assert set(fields["latencies"]["first_token"]) == {PREFILL_S}
    assert set(fields["latencies"]["inter_token"]) == {DECODE_S}
    assert all(window.step_seconds == PREFILL_S for window in fields["series"]["prefill"])
    assert all(window.step_seconds == DECODE_S for window in fields["series"]["decode"])
    assert (fields["marks"]["first_prefill_s"], fields["marks"]["first_decode_s"]) == (PREFILL_S, DECODE_S)


def test_throughput_counts_tokens(fields: dict[str, Any]) -> None:
    prefill, decode = (speed_of(fields["series"][name]) for name in ("prefill", "decode"))
    assert prefill is not None
    assert decode is not None
    assert prefill.items_per_s == pytest.approx(BATCH * PROMPT / PREFILL_S)
    assert decode.items_per_s == pytest.approx(BATCH / DECODE_S)


def test_work_and_lengths_are_told(fields: dict[str, Any]) -> None:
    assert fields["marks"]["prefill_flops"] == 500.0 * BATCH
    assert fields["marks"]["decode_flops"] == 100.0 * BATCH
    assert (fields["ledger"]["prompt"], fields["ledger"]["new_tokens"]) == (PROMPT, NEW_TOKENS)
    assert fields["ledger"]["batch_size"] == BATCH
    assert fields["flags"] == {}


def test_a_cases_batch_size_is_taken() -> None:
    session: Any = FakeSession()
    session.runtime.forward_function = lambda model, settings: {
        "prefill": lambda prompts: [prompts.shape],
        "decode": lambda given: [given[1].shape],
    }[model]
    generator, _ = make_generator(session, 3)
    generator.read()
    assert generator.token == (3, PROMPT)
    generator.decode()
    assert generator.token == (3, 1)


def test_a_compilation_within_the_windows_is_flagged() -> None:
    session: Any = FakeSession()
    session.runtime.compilations = lambda: len(session.runtime.decoded)
    found = measure_generate(session, Case.of("toy", phase="generate"), session.clock)
    assert "recompiled" in found["flags"]


@pytest.mark.parametrize("unsteady", ["_prefill", "_decode"])
def test_a_precision_missed_by_either_step_is_flagged(unsteady: str) -> None:
    session: Any = FakeSession(Effort(infer_s=0.5, rel_precision=0.001))
    plain, calls = getattr(session.runtime, unsteady), 0

    def uneven(given: Any) -> Any:
        nonlocal calls
        calls += 1
        session.runtime.owed_s += 2.0**-5 * (calls * calls // 3 % 3)
        return plain(given)

    setattr(session.runtime, unsteady, uneven)
    found = measure_generate(session, Case.of("toy", phase="generate"), session.clock)
    assert "imprecise" in found["flags"]


Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Generate on every backend, each in a process of its own."""
    found = {}
    for backend in BACKENDS:
        environ = {**os.environ, **backend.environment["cpu"], "KERAS_BACKEND": backend.name}
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "generation_child.py"), backend.name],
            capture_output=True, text=True, env=environ, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found[backend.name] = json.loads(done.stdout.splitlines()[-1])
    return found


every_model = pytest.mark.parametrize("name", ["grammar_gpt", "gpt2_small"])


@pytest.mark.workers
@every_model
@pytest.mark.parametrize("backend", [backend.name for backend in BACKENDS])
def test_the_cache_changes_no_token_and_no_logit(answers: Answers, backend: str, name: str) -> None:
    answer = answers[backend][name]
    assert answer["cached"] == answer["whole"]
    assert answer["again"] == [tokens[1:] for tokens in answer["cached"]]
    assert answer["gap"] < LOGITS_ATOL
    assert answer["spread"] > 100 * LOGITS_ATOL
    assert len({tuple(tokens) for tokens in answer["cached"]}) > 1
    assert answer["compiled_later"] == 0


@pytest.mark.workers
@every_model
def test_backends_agree_on_the_first_token(answers: Answers, name: str) -> None:
    first, *others = (np.array(answers[backend.name][name]["first_logits"]) for backend in BACKENDS)
    for other in others:
        np.testing.assert_allclose(other, first, atol=LOGITS_ATOL)


@pytest.mark.workers
def test_every_backend_is_measured(tmp_path: Path) -> None:
    sizes = ("-p", "width=16", "-p", "prompt=6", "-p", "new_tokens=4", "--batch-size", "1")
    ended = measure(tmp_path, "grammar_gpt", "--phase", "generate", *sizes)
    assert ended.status == 0, ended.stderr
    run = read_run(run_paths(tmp_path / ".dlbench")[-1])
    assert {trial.case.text("backend") for trial in run.trials} == {backend.name for backend in BACKENDS}
    for trial in run.trials:
        assert "recompiled" not in trial.flags
        assert all(trial.series[name] for name in GENERATION_STEPS)
        assert all(trial.latencies[name] for name in TOKEN_LATENCIES)
        assert trial.marks["prefill_flops"] > trial.marks["decode_flops"] > 0
    facts = json.loads(ended.stdout)["generation"]
    assert {(fact["prompt_tokens"], fact["new_tokens"], fact["batch_size"]) for fact in facts} == {(6, 4, 1)}
    assert all(fact["decode_throughput_tokens_per_s"] > 0 for fact in facts)

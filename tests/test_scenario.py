"""The inference scenarios: played by a made-up generator on a clock that stands still, and by LoadGen in a child."""

import json
import random
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.measuring import loadgen, scenario
from dlbench.harness.measuring.loadgen import LoadGen, Outcome, Traffic
from dlbench.harness.measuring.scenario import (
    RESOLUTION,
    SCENARIOS,
    USUAL_BOUND_S,
    find_rate,
    longest_s,
    measure_scenario,
)
from dlbench.results.errors import BrokenError, UsageError
from dlbench.results.records.model import Case
from dlbench.results.statistics import stats
from hypothesis import given, settings
from hypothesis import strategies as st

from .factories import FakeClock, FakeStep

TRAFFIC = Traffic("multi_stream", 8, 662, 0.25, 8.0, 0.99, 0.001)
EFFORT = Effort(infer_s=0.25, patience=4.0, windows=40, min_queries=66)


class FakeGenerator:
    """Plays traffic on a clock of its own making; one worker answers in the order of arrival."""

    version = "0"

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.played: list[Traffic] = []

    def play(self, traffic: Traffic, answer: Any) -> Outcome:
        self.played.append(traffic)
        arrivals = random.Random(traffic.seed)  # noqa: S311 - arrivals, no secret
        begin = due = self.clock.now
        took: list[float] = []
        while True:
            due = due + arrivals.expovariate(traffic.rate) if traffic.rate else self.clock.now
            self.clock.now = max(self.clock.now, due)
            answer(traffic.samples_per_query)
            took.append(self.clock.now - due)
            if traffic.scenario == "offline" or self.clock.now - begin > traffic.max_s:
                break
            if len(took) >= traffic.min_queries and due - begin >= traffic.min_s:
                break
        within = traffic.bound_s is None or sorted(took)[int(len(took) * traffic.percentile)] <= traffic.bound_s
        valid = within and len(took) >= traffic.min_queries
        samples_per_s = len(took) * traffic.samples_per_query / (self.clock.now - begin)
        queries = () if traffic.scenario == "offline" else tuple(took)
        return Outcome(queries, traffic.rate or 1 / took[0], samples_per_s, valid, None if valid else "too few")


class FakeSession:
    """A built problem whose inference step has a known cost."""

    def __init__(self, clock: FakeClock, cost_s: float, effort: Effort = EFFORT) -> None:
        self.request: Any = SimpleNamespace(effort=effort, batch_size=32, seed=5)
        self.step = FakeStep(clock, cost_s, asynchronous=True)
        self.sizes: list[int] = []

    def forward_step(self) -> Any:
        return self.step

    def placed_input(self, batch_size: int) -> Any:
        self.sizes.append(batch_size)
        return f"{batch_size} samples"


def measured(name: str, cost_s: float, **factors: Any) -> tuple[dict[str, Any], FakeGenerator, FakeSession]:
    clock = FakeClock(100.0)
    session, generator = FakeSession(clock, cost_s), FakeGenerator(clock)
    case = Case.of("toy", phase="scenario", scenario=name, **factors)
    return measure_scenario(session, case, clock, generator), generator, session


@pytest.mark.parametrize(("name", "samples", "fewest"), [("single_stream", 1, 66), ("multi_stream", 8, 662)])
def test_a_stream_asks_for_as_many_queries_as_its_percentile_needs(name: str, samples: int, fewest: int) -> None:
    fields, generator, session = measured(name, 2.0**-10)
    (traffic,) = generator.played
    assert session.sizes == [samples]
    assert (traffic.samples_per_query, traffic.min_queries) == (samples, fewest)
    assert len(fields["queries"]) >= fewest
    assert set(fields["queries"]) == {2.0**-10}
    assert stats.quantile(fields["queries"], traffic.percentile) is not None
    assert fields["marks"]["scenario_samples"] == pytest.approx(samples * 1024)
    assert fields["marks"]["first_forward_s"] == 2.0**-10
    assert fields["ledger"]["valid"] is True
    assert fields["ledger"]["reason"] is None
    assert fields["ledger"]["samples_per_query"] == fields["ledger"]["batch_size"] == samples


def test_queries_are_generated_for_the_quickest_that_was_seen_and_no_more_than_fit_in_memory() -> None:
    _, generator, _ = measured("single_stream", 2.0**-20)
    (traffic,) = generator.played
    assert traffic.expected_s == 2.0**-20
    assert traffic.min_s / traffic.expected_s <= scenario.MOST_QUERIES


def test_a_slow_model_gives_its_queries_and_says_that_they_are_too_few_for_the_percentile() -> None:
    fields, _, _ = measured("multi_stream", 0.125)
    assert len(fields["queries"]) == pytest.approx(longest_s(EFFORT) / 0.125, abs=2)
    assert stats.quantile(fields["queries"], 0.99) is None
    assert fields["ledger"]["valid"] is False
    assert fields["ledger"]["reason"] == "too few"


def test_offline_hands_over_whole_batches_and_keeps_their_windows() -> None:
    fields, generator, session = measured("offline", 2.0**-10, batch_size=16)
    (traffic,) = generator.played
    assert session.sizes == [16]
    assert traffic.samples_per_query == scenario.OFFLINE_SAMPLES
    assert sum(window.items for window in fields["windows"]) == traffic.samples_per_query
    assert len(fields["windows"]) <= EFFORT.windows
    assert {window.step_seconds for window in fields["windows"]} == {2.0**-10}
    assert fields["marks"]["scenario_samples"] == pytest.approx(16 * 1024)
    assert "scenario_rate" not in fields["marks"]
    assert fields["ledger"]["valid"] is True


def test_offline_without_a_batch_size_takes_the_workloads() -> None:
    _, _, session = measured("offline", 2.0**-10)
    assert session.sizes == [32]


def test_offline_says_when_the_time_allows_fewer_samples_than_mlperf_asks_for() -> None:
    fields, generator, _ = measured("offline", 0.5)
    (traffic,) = generator.played
    assert traffic.samples_per_query == longest_s(EFFORT) / 0.5 * 32
    assert fields["marks"]["scenario_samples"] == pytest.approx(64)
    assert fields["ledger"]["valid"] is False
    assert "24,576" in fields["ledger"]["reason"]


def test_the_server_finds_the_highest_rate_whose_p99_holds_the_bound() -> None:
    cost_s = 2.0**-10
    fields, generator, session = measured("server", cost_s)
    ledger, marks = fields["ledger"], fields["marks"]
    assert session.sizes == [1]
    assert marks["scenario_bound_s"] == USUAL_BOUND_S
    assert ledger["bound_rule"] == "usual"
    assert {traffic.seed for traffic in generator.played} == {5}
    # Poisson arrivals, one worker, constant service: fifty services hold the p99 up to about full load (M/D/1), and in
    # so few queries a little beyond, since the queue has no time to grow.
    assert 0.8 < marks["scenario_rate"] * cost_s < 1.15
    assert ledger["failed_rate"] / marks["scenario_rate"] <= RESOLUTION
    assert sorted(fields["queries"])[int(len(fields["queries"]) * 0.99)] <= marks["scenario_bound_s"]
    assert len(fields["queries"]) >= 662
    assert len(ledger["probes"].split()) == len(generator.played)
    assert ledger["valid"] is True
    assert ledger["reason"] is None


def test_the_server_takes_a_given_bound() -> None:
    tight, _, _ = measured("server", 2.0**-10, latency_bound_s=5 * 2.0**-10)
    loose, _, _ = measured("server", 2.0**-10, latency_bound_s=40 * 2.0**-10)
    assert tight["marks"]["scenario_bound_s"] == 5 * 2.0**-10
    assert tight["ledger"]["bound_rule"] == "given"
    assert tight["marks"]["scenario_rate"] < loose["marks"]["scenario_rate"]


def test_the_server_has_no_rate_where_even_a_lone_query_misses_the_bound() -> None:
    fields, _, _ = measured("server", 2.0**-10, latency_bound_s=2.0**-11)
    assert "scenario_rate" not in fields["marks"]
    assert "queries" not in fields
    assert fields["ledger"]["valid"] is False
    assert fields["ledger"]["reason"].startswith("no rate held the bound in a search of 8 s")


def test_the_server_does_not_begin_what_cannot_end_in_time() -> None:
    fields, generator, _ = measured("server", 1.0)
    assert generator.played == []
    assert "scenario_rate" not in fields["marks"]
    assert fields["ledger"]["probes"] is None
    assert "662 queries" in fields["ledger"]["reason"]


@settings(max_examples=15, deadline=None)
@given(cost_s=st.floats(1e-3, 0.2), name=st.sampled_from(SCENARIOS), bound_queries=st.floats(0.5, 50))
def test_no_scenario_takes_longer_than_it_says(cost_s: float, name: str, bound_queries: float) -> None:
    clock = FakeClock()
    session, generator = FakeSession(clock, cost_s), FakeGenerator(clock)
    case = Case.of("toy", scenario=name, latency_bound_s=bound_queries * cost_s)
    measure_scenario(session, case, clock, generator)
    calibration_s = max(4 * EFFORT.infer_s / 10, EFFORT.min_queries * cost_s) + 8 * cost_s
    assert clock.now <= longest_s(EFFORT) + calibration_s + cost_s


@given(limit=st.floats(0.02, 50), first=st.floats(1e-3, 1e6))
def test_the_search_ends_around_the_highest_rate_that_holds(limit: float, first: float) -> None:
    found = find_rate(lambda rate: rate <= limit * first, first)
    assert found.held is not None
    assert found.failed is not None
    assert found.held <= limit * first < found.failed <= RESOLUTION * found.held


@given(calls=st.integers(0, 12), limit=st.floats(0.02, 50))
def test_the_search_keeps_what_it_knows_when_the_time_is_over(calls: int, limit: float) -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool | None:
        if len(tried) == calls:
            return None
        tried.append(rate)
        return rate <= limit

    found = find_rate(holds, 1.0)
    assert found.held == max((rate for rate in tried if rate <= limit), default=None)
    assert found.failed == min((rate for rate in tried if rate > limit), default=None)


@pytest.mark.parametrize("held", [True, False])
def test_the_search_gives_up_where_nothing_changes(held: bool) -> None:
    found = find_rate(lambda rate: held, 10.0)
    assert (found.held is None) is not held
    assert (found.failed is None) is held


def test_an_unknown_scenario_is_told_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'server'"):
        measured("serve", 0.1)


def test_without_loadgen_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    with pytest.raises(UsageError, match=r"pip install 'dlbench\[loadgen\]'"):
        LoadGen()


def test_a_run_that_is_out_of_queries_is_played_again_with_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[float] = []

    def run(self: LoadGen, traffic: Traffic, answer: Any) -> tuple[Outcome, bool]:
        expected.append(traffic.expected_s)
        return Outcome((0.1,) * len(expected), None, 1.0, True, None), len(expected) < 2

    monkeypatch.setattr(LoadGen, "_run", run)
    outcome = LoadGen.__new__(LoadGen).play(TRAFFIC, lambda samples: None)
    assert expected == [TRAFFIC.expected_s, TRAFFIC.expected_s / 4]
    assert len(outcome.queries) == 2


def sample_line(number: int, took_ns: int) -> str:
    return (
        '{"name":"Sample","cat":"default","ph":"b","pid":6,"id":0,"ts":4254.053,"args":{"sample_seq":0,'
        f'"query_seq":{number},"sample_idx":1,"issue_start_ns":88,"complete_ns":{took_ns}}}}},\n'
    )


def test_a_query_of_several_samples_took_as_long_as_the_last_of_them() -> None:
    other = '{"name":"IssueQuery","ph":"X","pid":6,"tid":6,"ts":4254.453,"dur":32.795,"args":{}},\n'
    lines = [sample_line(8, 3000), sample_line(7, 1500), other, sample_line(7, 2500), sample_line(7, 500)]
    assert loadgen.read_trace(lines) == (2.5e-6, 3e-6)


def test_only_results_are_read_from_the_detailed_log() -> None:
    lines = [
        ':::MLLOG {"key": "effective_min_query_count", "value": 5, "metadata": {}}\n',
        ':::MLLOG {"key": "result_query_count", "value": 2, "metadata": {}}\n',
        ':::MLLOG {"key": "early_stopping_met", "value": false, "metadata": {}}\n',
        "not a log line\n",
    ]
    assert loadgen.read_detail(lines) == {"result_query_count": 2, "early_stopping_met": False}


def test_a_verdict_of_invalid_says_why() -> None:
    verdict = {
        "result_validity": "INVALID",
        "result_query_count": 2,
        "result_min_queries_met": False,
        "early_stopping_met": False,
    }
    outcome = loadgen.outcome_of(TRAFFIC, verdict, (0.25, 0.75))
    assert not outcome.valid
    assert outcome.reason == "it ended after 2 queries, 662 are needed"
    assert outcome.rate == 2.0
    assert outcome.samples_per_s == 16.0


@pytest.mark.parametrize(
    "verdict",
    [{}, {"result_validity": "VALID"}, {"result_validity": "VALID", "result_query_count": 3}],
    ids=["nothing", "no queries", "one query missing"],
)
def test_logs_that_are_not_whole_are_refused(verdict: dict[str, Any]) -> None:
    with pytest.raises(BrokenError, match="LoadGen's logs hold 2 of"):
        loadgen.outcome_of(TRAFFIC, verdict, (0.25, 0.75))


def test_the_controller_may_import_it() -> None:
    code = (
        "import sys\nimport dlbench.harness.measuring.scenario\n"
        "print([n for n in ('mlperf_loadgen', 'keras', 'scipy', 'pandas') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


CHILD = """
import json, os
import numpy as np
from dlbench.harness.measuring import loadgen
from dlbench.harness.measuring.loadgen import LoadGen, Traffic

verdicts = []
read_detail = loadgen.read_detail
def seen(lines):
    verdicts.append(read_detail(lines))
    return verdicts[-1]
loadgen.read_detail = seen

weights = np.ones((16, 16), np.float32)
asked = []
def answer(samples):
    asked.append(samples)
    np.ones((samples, 16), np.float32) @ weights
def fail(samples):
    answer(samples)
    if len(asked) == 5:
        raise ValueError("the fifth query broke")

def play(traffic, answer=answer):
    asked.clear()
    try:
        outcome = generator.play(traffic, answer)
    except ValueError as error:
        return {"error": str(error), "asked": list(asked)}
    return {"queries": outcome.queries, "rate": outcome.rate, "samples_per_s": outcome.samples_per_s,
            "valid": outcome.valid, "reason": outcome.reason, "asked": list(asked), "verdict": verdicts[-1]}

generator = LoadGen()
threads = len(os.listdir("/proc/self/task"))
stream = dict(min_s=0.02, max_s=30.0, expected_s=2e-6)
server = dict(min_s=0.0, max_s=30.0, percentile=0.99, expected_s=2e-6)
print(json.dumps({
    "single_stream": play(Traffic("single_stream", 1, 64, percentile=0.9, **stream)),
    "multi_stream": play(Traffic("multi_stream", 8, 662, percentile=0.99, **stream)),
    "server": play(Traffic("server", 1, 662, rate=4000.0, bound_s=5.0, seed=3, **server)),
    "faster": play(Traffic("server", 1, 662, rate=8000.0, bound_s=5.0, seed=3, **server)),
    "other": play(Traffic("server", 1, 662, rate=4000.0, bound_s=5.0, seed=4, **server)),
    "hopeless": play(Traffic("server", 1, 662, rate=4000.0, bound_s=1e-9, seed=3, **server)),
    "offline": play(Traffic("offline", 24576, 1, 0.0, 30.0, 0.99, 0.01)),
    "cut": play(Traffic("single_stream", 1, 200_000, 0.0, 0.01, 0.9, 0.01)),
    "starved": play(Traffic("single_stream", 1, 64, 0.05, 30.0, 0.9, 1.0)),
    "failing": play(Traffic("single_stream", 1, 64, percentile=0.9, **stream), fail),
    "after": play(Traffic("single_stream", 1, 64, percentile=0.9, **stream)),
    "threads": [threads, len(os.listdir("/proc/self/task"))],
    "version": generator.version,
}))
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Play every scenario with the real library, once, in a process of its own; return what it printed."""
    pytest.importorskip("mlperf_loadgen", reason="the extra loadgen is not installed")
    folder, temporary = tmp_path_factory.mktemp("cwd"), tmp_path_factory.mktemp("temporary")
    environ = {"TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, cwd=folder, env=environ, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == list(temporary.iterdir()) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def loadgens_percentile(run: dict[str, Any], key: str) -> float:
    return float(run["verdict"][f"result_{key}_latency_ns"]) / 1e9


@pytest.mark.workers
@pytest.mark.parametrize(
    ("name", "share", "key"),
    [
        ("single_stream", 0.9, "90.00_percentile"),
        ("multi_stream", 0.99, "99.00_percentile_per_query"),
        ("server", 0.99, "99.00_percentile"),
    ],
)
def test_the_latencies_are_exactly_those_of_loadgen(played: dict[str, Any], name: str, share: float, key: str) -> None:
    run = played[name]
    ordered = sorted(run["queries"])
    assert run["valid"] is True
    assert run["reason"] is None
    assert len(ordered) == len(run["asked"]) == run["verdict"]["result_query_count"]
    assert ordered[int(len(ordered) * share)] == loadgens_percentile(run, key)
    assert set(run["asked"]) == {8 if name == "multi_stream" else 1}


@pytest.mark.workers
def test_equal_seeds_give_equal_arrivals_stretched_to_the_rate(played: dict[str, Any]) -> None:
    rate = played["server"]["rate"]
    assert rate == pytest.approx(4000, rel=0.2)
    assert played["faster"]["rate"] == pytest.approx(2 * rate, rel=1e-4)
    assert played["other"]["rate"] != rate


@pytest.mark.workers
def test_a_bound_that_no_query_meets_does_not_hold(played: dict[str, Any]) -> None:
    assert played["hopeless"]["valid"] is False
    assert played["hopeless"]["reason"] == "the percentile is above the latency bound"
    assert min(played["hopeless"]["queries"]) > 1e-9


@pytest.mark.workers
def test_offline_is_one_query_of_all_samples(played: dict[str, Any]) -> None:
    run = played["offline"]
    assert run["asked"] == [24576]
    assert run["queries"] == []
    assert run["rate"] is None
    assert run["samples_per_s"] == pytest.approx(24576 / loadgens_percentile(run, "max"), rel=1e-4)


@pytest.mark.workers
def test_a_run_that_ends_early_says_so(played: dict[str, Any]) -> None:
    run = played["cut"]
    assert run["valid"] is False
    assert run["reason"] == f"it ended after {len(run['queries'])} queries, 200000 are needed"


@pytest.mark.workers
def test_a_run_that_stays_out_of_queries_says_so(played: dict[str, Any]) -> None:
    run = played["starved"]
    assert run["valid"] is False
    assert run["reason"] == "it ran out of queries before the time was over"
    assert len(run["queries"]) == 64
    assert len(run["asked"]) == loadgen.ATTEMPTS * 64


@pytest.mark.workers
def test_an_error_of_the_model_passes_through_loadgen_and_leaves_it_usable(played: dict[str, Any]) -> None:
    assert played["failing"] == {"error": "the fifth query broke", "asked": [1] * 5}
    assert played["after"]["valid"] is True


@pytest.mark.workers
def test_loadgen_leaves_no_thread_behind(played: dict[str, Any]) -> None:
    before, after = played["threads"]
    assert after == before
    assert played["version"]

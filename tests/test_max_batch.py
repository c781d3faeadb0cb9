"""The search for the largest batch."""

from dlbench.harness.children.launch import Reply
from dlbench.harness.effort import Effort
from dlbench.harness.experiments.max_batch import CLOSE, LARGEST, Search, search_all
from dlbench.harness.experiments.runner import Outcome, Schedule, Stop
from dlbench.harness.progress import Silence
from dlbench.harness.wire import PreparedData, Request
from dlbench.results.records.model import Failure, JobRecord, Trial
from hypothesis import given
from hypothesis import strategies as st

from .factories import failures_of, plan, trials_of

DATA = PreparedData("data.npz", "0" * 64, 100)


def searched(limit: int, start: int = 32) -> Search:
    """Search where batches up to a limit fit."""
    search = Search(start)
    for size in search.sizes():
        search.learn(size, fits=size <= limit)
    return search


@given(st.integers(1, 2 * LARGEST), st.sampled_from([1, 7, 32, 1000]))
def test_the_search_ends_close_to_the_limit(limit: int, start: int) -> None:
    search = searched(limit, start)
    assert search.held <= limit
    if search.failed is None:
        assert search.held * 2 > LARGEST
    else:
        assert search.failed > limit
        assert search.failed <= max(search.held * CLOSE, search.held + 1)


@given(st.integers(1, LARGEST))
def test_few_sizes_are_tried(limit: int) -> None:
    tried = []
    search = Search(32)
    for size in search.sizes():
        tried.append(size)
        search.learn(size, fits=size <= limit)
    assert len(tried) == len(set(tried)) <= 24


def test_nothing_fits() -> None:
    search = searched(0)
    assert (search.held, search.failed) == (0, 1)


class Bench:
    """A launcher whose workers hold batches up to a limit, and what was stored."""

    def __init__(self, limit: int, kind: str = "out of memory") -> None:
        self.limit, self.kind = limit, kind
        self.requests: list[Request] = []
        self.stored: list[Trial | Failure | JobRecord] = []
        self.stop_wanted = Stop()
        self.memory_limit_bytes: int | None = None

    def launch(self, request: Request, timeout_s: float | None) -> Reply:
        self.requests.append(request)
        return trials_of(request) if request.batch_size <= self.limit else failures_of(request, self.kind)

    def stop(self) -> None:
        """Nothing runs."""

    def append(self, record: Trial | Failure | JobRecord) -> None:
        self.stored.append(record)

    def search(self) -> Outcome:
        of = plan(phases=("train",))
        data = dict.fromkeys(of.jobs, DATA)
        schedule = Schedule(1, Effort(), 10.0, memory_limit_bytes=self.memory_limit_bytes)
        return search_all(of, data, schedule, self, self, Silence(), self.stop_wanted, lambda name: name)


def test_every_size_is_a_stored_case_of_its_own() -> None:
    bench = Bench(limit=100)
    outcome = bench.search()
    sizes = [request.batch_size for request in bench.requests]
    assert sizes[:3] == [32, 64, 128]
    trials = [record for record in bench.stored if isinstance(record, Trial)]
    assert [trial.case.get("batch_size") for trial in trials] == [size for size in sizes if size <= 100]
    assert all(request.repeat_samples for request in bench.requests)
    assert (outcome.state, outcome.failures) == ("complete", 0)
    assert outcome.notes[0].startswith("toy Jax: the largest batch that trains is ")


def test_another_failure_ends_the_search_and_counts() -> None:
    bench = Bench(limit=40, kind="timeout")
    outcome = bench.search()
    assert [request.batch_size for request in bench.requests] == [32, 64]
    assert outcome.failures == 1
    assert outcome.notes[0].endswith("the search ended at 64 (timeout)")


def test_under_a_limit_a_crash_after_success_is_no_room() -> None:
    bench = Bench(limit=40, kind="crashed")
    bench.memory_limit_bytes = 10**9
    outcome = bench.search()
    assert outcome.failures == 0
    assert outcome.notes[0].startswith("toy Jax: the largest batch that trains is 40")
    nothing = Bench(limit=0, kind="crashed")
    nothing.memory_limit_bytes = 10**9
    assert nothing.search().failures == 1


def test_a_stop_ends_the_search() -> None:
    bench = Bench(limit=100)
    bench.stop_wanted.request()
    outcome = bench.search()
    assert (outcome.state, bench.requests) == ("interrupted", [])

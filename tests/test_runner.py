"""The runner with a launcher that answers at once: order, repetition, failures, ends."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dlbench.harness.children.launch import Reply
from dlbench.harness.effort import Effort
from dlbench.harness.experiments.forecast import Forecast, job_key
from dlbench.harness.experiments.plan import Plan, make_plan
from dlbench.harness.experiments.runner import Outcome, Schedule, Stop, run_blocks
from dlbench.harness.options import Selection
from dlbench.harness.progress import Silence, Step
from dlbench.harness.wire import PreparedData, Request
from dlbench.results.records.model import Failure, JobRecord, Trial

from .factories import FakeClock, backends, candidate, failures_of, plan, spec, trials_of

EFFORT = Effort()
PLAN = plan("a", "b", "c", on=("jax", "torch"))
JOB_S = 2.0


class FakeLauncher:
    """Answers requests by a function, and remembers what the sink held at each."""

    def __init__(self, answer: Callable[[Request], Reply], clock: FakeClock, kept: list[Any]) -> None:
        self.answer = answer
        self.clock = clock
        self.kept = kept
        self.requests: list[Request] = []
        self.timeouts: list[float | None] = []
        self.kept_before: list[list[Any]] = []
        self.stopped = 0

    def launch(self, request: Request, timeout_s: float | None) -> Reply:
        self.kept_before.append(list(self.kept))
        self.requests.append(request)
        self.timeouts.append(timeout_s)
        self.clock.spend(JOB_S)
        return self.answer(request)

    def stop(self) -> None:
        self.stopped += 1


class Watcher(Silence):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.replies: list[tuple[Step, int, int]] = []

    def started(self, step: Step) -> None:
        self.steps.append(step)

    def replied(self, step: Step, trials: tuple[Trial, ...], failures: tuple[Failure, ...], seconds: float) -> None:
        self.replies.append((step, len(trials), len(failures)))


class Bench:
    """A run with everything around it made up."""

    def __init__(self, answer: Callable[[Request], Reply] = trials_of, of: Plan = PLAN) -> None:
        self.plan = of
        self.clock = FakeClock(50.0)
        self.kept: list[Any] = []
        self.launcher = FakeLauncher(answer, self.clock, self.kept)
        self.watcher = Watcher()
        self.stop = Stop()
        self.stop.on_stop(self.launcher.stop)

    def append(self, record: Trial | Failure | JobRecord) -> None:
        self.kept.append(record)

    def run(self, blocks: int = 3, **schedule: Any) -> Outcome:
        expected = Forecast({job_key(job, EFFORT): JOB_S for job in self.plan.jobs}, frozenset())
        return run_blocks(
            self.plan,
            {job: PreparedData("/data.npz", "0" * 64, 1024, target=0.95) for job in self.plan.jobs},
            Schedule(blocks, EFFORT, 60.0, **schedule),
            expected,
            self.launcher,
            self,
            self.watcher,
            self.stop,
            lambda name: f"/replies/{name}.jsonl",
            self.clock,
        )

    def of_kind(self, kind: type) -> list[Any]:
        return [record for record in self.kept if isinstance(record, kind)]

    def order(self, block: int) -> list[tuple[str, str]]:
        return [(r.workload.name, r.backend) for r in self.launcher.requests if r.block == block]


def failing(name: str, times: int = 99) -> Callable[[Request], Reply]:
    """Return an answer in which the jobs of one workload fail as a whole, the first times."""
    left: Iterator[int] = iter(range(times))

    def answer(request: Request) -> Reply:
        if request.workload.name == name and next(left, None) is not None:
            return failures_of(request)
        return trials_of(request)

    return answer


def test_every_block_has_every_case_once() -> None:
    bench = Bench()
    outcome = bench.run(blocks=3)
    for block in range(3):
        measured = [trial.case.id for trial in bench.of_kind(Trial) if trial.block == block]
        assert sorted(measured) == sorted(case.id for case in PLAN.cases)
    assert outcome.state == "complete"
    assert outcome.trials == 3 * len(PLAN.cases)
    assert outcome.failures == 0
    assert outcome.notes == []


def test_the_order_is_shuffled_anew_in_each_block_and_can_be_repeated() -> None:
    bench, again, other = Bench(), Bench(), Bench()
    bench.run(blocks=4)
    again.run(blocks=4)
    other.run(blocks=4, shuffle_seed=1)
    orders = [bench.order(block) for block in range(4)]
    assert [again.order(block) for block in range(4)] == orders
    assert [other.order(block) for block in range(4)] != orders
    assert len({tuple(order) for order in orders}) == 4
    assert [(job.candidate.spec.name, job.backend.name) for job in PLAN.jobs] not in orders
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_more_blocks_begin_with_the_same_ones() -> None:
    short, long = Bench(), Bench()
    short.run(blocks=1)
    long.run(blocks=3)
    assert long.order(0) == short.order(0)


def test_the_seed_of_a_trial_is_its_block() -> None:
    bench = Bench()
    bench.run(blocks=3)
    assert all(request.seed == request.block for request in bench.launcher.requests)
    assert {request.seed for request in bench.launcher.requests} == {0, 1, 2}


def test_positions_count_the_jobs_of_a_block_and_names_tell_jobs_apart() -> None:
    bench = Bench()
    bench.run(blocks=2)
    requests = bench.launcher.requests
    assert [request.position for request in requests] == [*range(6), *range(6)]
    assert len({request.job for request in requests}) == 12
    assert all(request.reply == f"/replies/{request.job}.jsonl" for request in requests)


def test_a_request_carries_what_was_planned() -> None:
    of = make_plan(
        [candidate(spec(epochs=7), depth="4")],
        backends("jax"),
        Selection(compiles=("jit",), precisions=("mixed_bfloat16",), batch_sizes=(8,), allow_import=("x",)),
        ("train",),
    )
    bench = Bench(of=of)
    bench.run(blocks=1)
    (request,) = bench.launcher.requests
    assert request.cases == of.jobs[0].cases
    assert request.parameters == {"depth": 4, "width": 8}
    assert (request.backend, request.device, request.precision) == ("jax", "cpu", "mixed_bfloat16")
    assert (request.batch_size, request.execution, request.compile_kind) == (8, "step", "jit")
    assert (request.epoch_limit, request.metric, request.direction) == (7, "accuracy", "max")
    assert request.allow_import == ("x",)
    assert request.ledger["compile_requested"] == "jit"
    assert request.ledger["compile_resolved"] == "toy.jit"
    assert request.effort == EFFORT
    assert bench.launcher.timeouts == [60.0]


def test_the_datas_target_goes_before_the_specs() -> None:
    bench = Bench()
    bench.run(blocks=1)
    assert {request.target for request in bench.launcher.requests} == {0.95}


def test_every_record_is_kept_before_the_next_job_starts() -> None:
    bench = Bench(failing("b", times=1))
    bench.run(blocks=2)
    for count, before in enumerate(bench.launcher.kept_before):
        launched = [request.job for request in bench.launcher.requests[:count]]
        assert [record.job for record in before if isinstance(record, JobRecord)] == launched
        answered = {record.job for record in before if isinstance(record, Trial | Failure)}
        assert answered == set(launched)
        assert before == bench.kept[: len(before)]


def test_a_jobs_cost_is_kept_with_it() -> None:
    def answer(request: Request) -> Reply:
        return Reply(trials_of(request).trials, (), 1.5, 0)

    bench = Bench(answer)
    bench.run(blocks=1)
    records = bench.of_kind(JobRecord)
    assert {(record.wall_seconds, record.overhead_seconds) for record in records} == {(1.5, 0.5)}
    assert {record.exit_status for record in records} == {0}
    assert {record.key for record in records} == {job_key(job, EFFORT) for job in PLAN.jobs}


def test_failures_are_kept_and_the_others_go_on() -> None:
    bench = Bench(failing("b"))
    outcome = bench.run(blocks=1)
    assert outcome.state == "complete"
    assert {failure.case.workload for failure in bench.of_kind(Failure)} == {"b"}
    assert {trial.case.workload for trial in bench.of_kind(Trial)} == {"a", "c"}
    assert outcome.failures == len(bench.of_kind(Failure)) == 6
    assert outcome.trials == len(bench.of_kind(Trial)) == 12


def test_a_job_that_fails_as_a_whole_is_not_repeated_and_this_is_noted() -> None:
    bench = Bench(failing("b"))
    outcome = bench.run(blocks=3)
    launched = [(r.workload.name, r.backend) for r in bench.launcher.requests]
    assert launched.count(("b", "jax")) == launched.count(("b", "torch")) == 1
    assert launched.count(("a", "jax")) == launched.count(("c", "torch")) == 3
    assert sorted(outcome.notes) == [
        "b Jax failed as a whole and was not repeated",
        "b Torch failed as a whole and was not repeated",
    ]
    assert outcome.state == "complete"


def test_a_failure_in_the_last_block_leaves_nothing_to_repeat_and_no_note() -> None:
    assert Bench(failing("b")).run(blocks=1).notes == []


def test_a_job_that_fails_in_part_is_repeated() -> None:
    def answer(request: Request) -> Reply:
        good, bad = trials_of(request), failures_of(request)
        return Reply(good.trials[:1], bad.failures[1:], 2.0, 1)

    bench = Bench(answer)
    outcome = bench.run(blocks=2)
    assert len(bench.launcher.requests) == 12
    assert outcome.notes == []


def test_a_run_in_which_everything_fails_ends_early() -> None:
    bench = Bench(failures_of)
    outcome = bench.run(blocks=5)
    assert len(bench.launcher.requests) == 6
    assert len(outcome.notes) == 6


def test_the_first_failure_ends_a_run_that_shall_fail_fast() -> None:
    bench = Bench(failing("b"))
    outcome = bench.run(blocks=3, fail_fast=True)
    assert outcome.state == "failed"
    assert bench.launcher.requests[-1].workload.name == "b"
    assert [request.workload.name for request in bench.launcher.requests].count("b") == 1
    assert bench.of_kind(Failure)
    assert "ended by --fail-fast: crashed in b" in outcome.notes[-1]


def test_without_a_failure_failing_fast_changes_nothing() -> None:
    bench = Bench()
    assert bench.run(blocks=2, fail_fast=True).state == "complete"
    assert len(bench.launcher.requests) == 12


def test_a_stop_before_the_first_job_starts_nothing() -> None:
    bench = Bench()
    bench.stop.request()
    assert bench.run().state == "interrupted"
    assert bench.launcher.requests == []
    assert bench.launcher.stopped == 1


def test_a_stop_while_a_job_runs_ends_it_and_keeps_what_it_gave() -> None:
    def answer(request: Request) -> Reply:
        if len(bench.launcher.requests) < 3:
            return trials_of(request)
        bench.stop.request()
        return Reply(trials_of(request).trials[:1], (), 1.0, -9)

    bench = Bench(answer)
    outcome = bench.run()
    assert outcome.state == "interrupted"
    assert bench.launcher.stopped == 1
    assert len(bench.launcher.requests) == 3
    assert len(bench.of_kind(Trial)) == outcome.trials == 7
    assert bench.of_kind(Failure) == []
    assert bench.of_kind(JobRecord)[-1].exit_status == -9


def test_a_stop_between_two_jobs_starts_no_other() -> None:
    bench = Bench()

    def stop_after_two(step: Step, *reply: Any) -> None:
        if step.done == 1:
            bench.stop.request()

    bench.watcher.replied = stop_after_two  # type: ignore[method-assign, assignment]
    assert bench.run().state == "interrupted"
    assert len(bench.launcher.requests) == 2


def test_an_interrupted_job_is_not_called_failed_as_a_whole() -> None:
    def answer(request: Request) -> Reply:
        bench.stop.request()
        return Reply((), (), 1.0, -9)

    bench = Bench(answer)
    outcome = bench.run()
    assert outcome.state == "interrupted"
    assert outcome.notes == []


def test_a_budget_ends_the_run_between_blocks() -> None:
    bench = Bench()
    outcome = bench.run(blocks=10, budget_s=3 * 6 * JOB_S)
    assert [len(bench.order(block)) for block in range(4)] == [6, 6, 6, 0]
    assert outcome.state == "complete"
    assert outcome.notes == ["the budget ended the run after 3 of 10 blocks"]


def test_a_block_that_would_not_fit_the_budget_is_not_begun() -> None:
    bench = Bench()
    bench.run(blocks=10, budget_s=3 * 6 * JOB_S - 0.5)
    assert bench.order(1)
    assert bench.order(2) == []


def test_a_budget_too_small_for_anything_still_gives_one_block() -> None:
    bench = Bench()
    outcome = bench.run(blocks=2, budget_s=0.1)
    assert len(bench.launcher.requests) == 6
    assert outcome.notes == ["the budget ended the run after 1 of 2 blocks"]


def test_a_budget_is_held_by_what_blocks_take_and_not_by_the_forecast() -> None:
    bench = Bench()
    bench.run(blocks=2, budget_s=2 * 6 * JOB_S)
    assert len(bench.launcher.requests) == 12


def test_the_watcher_hears_of_every_job_with_its_place_and_what_is_left() -> None:
    bench = Bench()
    bench.run(blocks=2)
    steps = bench.watcher.steps
    assert [step.done for step in steps] == list(range(12))
    assert {step.total for step in steps} == {12}
    assert [step.left_s for step in steps] == [JOB_S * (12 - done) for done in range(12)]
    assert [step.job for step in steps] == [request.job for request in bench.launcher.requests]
    assert [step for step, _, _ in bench.watcher.replies] == steps


def test_jobs_that_are_not_repeated_are_not_waited_for() -> None:
    bench = Bench(failing("b"))
    bench.run(blocks=2)
    last = bench.watcher.steps[-1]
    assert (last.done + 1, last.left_s) == (last.total, JOB_S)
    assert last.total == 10


def test_a_job_is_announced_with_what_sets_it_apart() -> None:
    of = make_plan(
        [candidate(depth="4")],
        backends("jax"),
        Selection(compiles=("jit",), precisions=("mixed_bfloat16",), batch_sizes=(8,)),
        ("train",),
    )
    bench = Bench(of=of)
    bench.run(blocks=1)
    assert bench.watcher.steps[0].text == "toy Jax depth=4 jit mixed_bfloat16 batch 8"
    plain = Bench(of=plan("toy", phases=("train",)))
    plain.run(blocks=1)
    assert plain.watcher.steps[0].text == "toy Jax"


@pytest.mark.parametrize("actions", [0, 1, 2])
def test_a_wish_to_stop_tells_everyone_registered(actions: int) -> None:
    stop, told = Stop(), []
    for number in range(actions):
        stop.on_stop(lambda number=number: told.append(number))  # type: ignore[misc]
    assert not stop.wanted()
    stop.request()
    assert stop.wanted()
    assert told == list(range(actions))

"""The forecast: from this machine's own jobs where there are any, else a guess that is called one."""

from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.experiments.forecast import GENERATE_SERIES, Forecast, forecast, guess, job_key, trials_for
from dlbench.harness.experiments.plan import Plan, make_plan
from dlbench.harness.options import Selection
from dlbench.results.records.model import JobRecord
from dlbench.results.records.store import RunWriter
from dlbench.workloads.workload import Parameter
from hypothesis import given, settings
from hypothesis import strategies as st

from . import factories
from .factories import MACHINE, backends, candidate, header, job_record, spec

EFFORT = Effort(train_s=1.0, infer_s=0.5)
PLAN = factories.plan("toy", on=("jax", "torch"))
KEYS = [job_key(job, EFFORT) for job in PLAN.jobs]


def store(folder: Path, run: str, *jobs: JobRecord, fingerprint: str = MACHINE.fingerprint) -> Path:
    """Store a run with some jobs, made on a machine."""
    machine = replace(MACHINE, fingerprint=fingerprint)
    with RunWriter(folder, header(run, machine=machine)) as writer:
        for job in jobs:
            writer.append(job)
    return writer.path


def expect(folder: Path) -> Forecast:
    """Return the forecast of the plan."""
    return forecast(PLAN, EFFORT, MACHINE, folder)


def test_without_history_every_job_is_a_guess(tmp_path: Path) -> None:
    found = expect(tmp_path / "absent")
    assert found.guessed == set(KEYS)
    assert found.seconds == {key: guess(job, EFFORT) for key, job in zip(KEYS, PLAN.jobs, strict=True)}
    assert found.block_s == pytest.approx(sum(found.seconds.values()))


def test_history_replaces_the_guess_of_its_job_only(tmp_path: Path) -> None:
    store(tmp_path, "run1", job_record(KEYS[0], 10.0, overhead_seconds=0.5))
    found = expect(tmp_path)
    assert found.seconds[KEYS[0]] == 10.5
    assert found.guessed == {KEYS[1]}


def test_the_median_of_several_jobs_is_expected(tmp_path: Path) -> None:
    store(tmp_path, "run1", *(job_record(KEYS[0], seconds) for seconds in (10.0, 11.0, 500.0)))
    assert expect(tmp_path).seconds[KEYS[0]] == 11.0


def test_later_jobs_count_more_than_all_the_old_ones(tmp_path: Path) -> None:
    store(tmp_path, "run1", *(job_record(KEYS[0], 100.0) for _ in range(30)))
    store(tmp_path, "run2", *(job_record(KEYS[0], 10.0) for _ in range(9)))
    assert expect(tmp_path).seconds[KEYS[0]] == 10.0


def test_another_machines_history_is_not_used(tmp_path: Path) -> None:
    store(tmp_path, "run1", job_record(KEYS[0], 10.0), fingerprint="another")
    assert KEYS[0] in expect(tmp_path).guessed


@pytest.mark.parametrize("status", [1, -9, None])
def test_a_failed_jobs_time_is_not_used(tmp_path: Path, status: int | None) -> None:
    store(tmp_path, "run1", job_record(KEYS[0], 0.1, exit_status=status))
    assert KEYS[0] in expect(tmp_path).guessed


@pytest.mark.parametrize("damage", ["", "nonsense\n", "[]\n", '{"type":"header"}\n'])
def test_a_damaged_file_does_not_stop_a_forecast(tmp_path: Path, damage: str) -> None:
    store(tmp_path, "run1", job_record(KEYS[0], 10.0))
    (tmp_path / "runs" / "run2.jsonl").write_text(damage)
    assert expect(tmp_path).seconds[KEYS[0]] == 10.0


@pytest.mark.parametrize("line", ['{"type":"job",\n', '{"type":"job"}\n', '{"type":"job","key":[]}\n'])
def test_a_damaged_job_does_not_stop_a_forecast(tmp_path: Path, line: str) -> None:
    store(tmp_path, "run1", job_record(KEYS[0], 10.0))
    with store(tmp_path, "run2").open("a") as file:
        file.write(line)
    assert expect(tmp_path).seconds[KEYS[0]] == 10.0


def test_a_guess_adds_what_a_job_does() -> None:
    def seconds(phases: tuple[str, ...]) -> float:
        plan = make_plan([candidate()], backends("jax"), Selection(batch_sizes=(32,)), phases)
        return guess(plan.jobs[0], EFFORT)

    train, infer, both = seconds(("train",)), seconds(("infer",)), seconds(("train", "infer"))
    start = train - EFFORT.train_s
    assert start > 2.0  # The spec's first step, and the import.
    assert infer == pytest.approx(start + 2 * 2 * EFFORT.infer_s)  # Queries and windows, at two batch sizes.
    assert both == pytest.approx(train + infer - start)
    assert seconds(("converge",)) == pytest.approx(start + 3.0)


def test_a_guess_needs_no_estimate_and_no_known_backend() -> None:
    plan = make_plan([candidate(spec(estimate=None))], backends("onnx"), Selection(), ("train", "converge"))
    assert guess(plan.jobs[0], EFFORT) > EFFORT.train_s


def test_generation_is_guessed_by_its_series() -> None:
    of = spec(context=20, parameters=(Parameter("prompt", 8, ""), Parameter("new_tokens", 8, "")))
    (job, *_) = make_plan([candidate(of)], backends("jax"), Selection(phases=("generate",)), ()).jobs
    longer = replace(EFFORT, infer_s=EFFORT.infer_s + 1.0)
    assert guess(job, longer) == pytest.approx(guess(job, EFFORT) + GENERATE_SERIES)


def test_more_effort_is_guessed_to_take_longer() -> None:
    job = PLAN.jobs[0]
    assert guess(job, replace(EFFORT, train_s=11.0)) == pytest.approx(guess(job, EFFORT) + 10.0)


def _keys(plan: Plan, effort: Effort = EFFORT) -> list[str]:
    return [job_key(job, effort) for job in plan.jobs]


def test_jobs_that_do_the_same_work_have_the_same_key() -> None:
    assert _keys(factories.plan("toy", on=("jax", "torch"))) == KEYS


def test_jobs_that_do_other_work_have_other_keys() -> None:
    keys = [
        *KEYS,
        *_keys(factories.plan("toy", phases=("train",))),
        *_keys(factories.plan("other")),
        *_keys(PLAN, replace(EFFORT, train_s=2.0))[:1],
        *_keys(make_plan([candidate(depth="4")], backends("jax"), Selection(), ("train", "infer"))),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("budget_s", "block_s", "trials"), [(60, 10, 6), (59, 10, 5), (5, 10, 1), (10, 10, 1), (60, 0, 1)]
)
def test_a_budget_holds_as_many_blocks_as_fit_and_at_least_one(budget_s: float, block_s: float, trials: int) -> None:
    assert trials_for(budget_s, block_s) == trials


@settings(deadline=None)
@given(st.floats(0.1, 1e6), st.floats(0.1, 1e4))
def test_the_blocks_of_a_budget_fit_it(budget_s: float, block_s: float) -> None:
    trials = trials_for(budget_s, block_s)
    assert trials == 1 or trials * block_s <= budget_s * (1 + 1e-9)
    assert (trials + 1) * block_s >= budget_s * (1 - 1e-9)

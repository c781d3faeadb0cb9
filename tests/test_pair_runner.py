"""Pairs with a launcher that answers at once: order, ends, and the two stages of the gate."""

import pytest
from dlbench.harness.comparing.ab_run import until_decided
from dlbench.harness.comparing.gate_run import in_two_stages
from dlbench.harness.comparing.pair_plan import pair_jobs
from dlbench.harness.comparing.pair_runner import PairRecord, PairRounds
from dlbench.harness.experiments.plan import make_plan
from dlbench.harness.options import Selection
from dlbench.results.comparing.sides import Terms
from dlbench.results.gate.metrics import Policies
from dlbench.results.gate.policy import GatePlan
from dlbench.results.gate.terms import GateTerms
from dlbench.results.records.model import Trial

from .factories import backends, candidate, spec
from .sided import SidedBench, noisy, toy_pairs

GATE = GateTerms(GatePlan(), Policies({}))


def compared(bench: SidedBench) -> list[tuple[str, str, int]]:
    """Measure until all is decided; return (workload, side, pair) in order."""
    outcome = until_decided(bench.pairs.pairs, bench.terms, bench.experiment)(bench.bench)
    assert outcome.trials == sum(isinstance(record, Trial) for record in bench.kept)
    return bench.order


def test_neighbours_take_turns() -> None:
    order = compared(SidedBench({"toy": noisy(2.0)}))
    assert [side for _, side, _ in order] == list("abbaabba")
    assert [pair for _, _, pair in order] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_every_trial_tells_its_side() -> None:
    bench = SidedBench({"toy": noisy(2.0)})
    compared(bench)
    kept = [record for record in bench.kept if isinstance(record, Trial)]
    assert [trial.side for trial in kept] == list("abbaabba")


def test_what_is_clear_ends_early_and_the_rest_goes_on() -> None:
    bench = SidedBench({"slow": noisy(1.5), "near": noisy(1.01, sd=0.02)})
    order = compared(bench)
    pairs = {name: sum(workload == name for workload, _, _ in order) // 2 for name in ("slow", "near")}
    assert pairs["slow"] == 4
    assert 4 < pairs["near"] <= 16
    assert any("slow jax train, throughput: the candidate is worse, after 4 pairs" in note for note in bench.told.notes)


def test_equals_are_given_up_or_used_up() -> None:
    for seed in range(5):
        bench = SidedBench({"toy": noisy(1.0, sd=0.05, seed=seed)})
        assert len(compared(bench)) <= 32


def test_a_side_that_gives_nothing_is_not_repeated() -> None:
    bench = SidedBench({"toy": lambda side, pair: None if side == "b" else 1e-3})
    run = until_decided(bench.pairs.pairs, bench.terms, bench.experiment)
    outcome = run(bench.bench)
    assert len(bench.order) == 2
    assert outcome.notes == ["toy Jax depth=3 failed as a whole on side b and was not repeated"]
    assert outcome.state == "complete"


def test_the_budget_ends_it() -> None:
    bench = SidedBench({"toy": noisy(1.0)}, budget_s=13.0)
    records = [PairRecord(pair) for pair in bench.pairs.pairs]
    rounds = PairRounds(bench.bench, bench.experiment.schedule, bench.experiment.expected, bench.clock)
    counts = 0
    while not rounds.over_budget():
        rounds.round(records, counts, 16 - counts)
        counts += 1
    # A round takes four seconds; a fourth would end after thirteen.
    assert counts == 3
    assert rounds.outcome.notes == ["the budget ended the comparison"]


def test_the_user_ends_it() -> None:
    bench = SidedBench({"toy": noisy(1.0)})
    told = bench.told.started

    def started(step: object) -> None:
        told(step)  # type: ignore[arg-type]
        if len(bench.told.steps) == 3:
            bench.stop.request()

    bench.told.started = started  # type: ignore[method-assign,assignment]
    outcome = until_decided(bench.pairs.pairs, bench.terms, bench.experiment)(bench.bench)
    assert (outcome.state, len(bench.order)) == ("interrupted", 3)


def test_time_left_counts_every_pair_that_may_come() -> None:
    bench = SidedBench({"toy": noisy(2.0)})
    compared(bench)
    first, second = bench.told.steps[:2]
    assert (first.total, first.left_s, first.after_s) == (32, 64.0, 62.0)
    assert (second.done, second.left_s) == (1, 62.0)


def test_the_gate_measures_again_what_it_suspects() -> None:
    bench = SidedBench({"slow": noisy(1.5), "same": noisy(1.0, sd=0.002)})
    in_two_stages(bench.pairs.pairs, bench.terms, GATE, bench.experiment)(bench.bench)
    count = {name: sum(workload == name for workload, _, _ in bench.order) // 2 for name in ("slow", "same")}
    assert count == {"slow": 19, "same": 7}
    assert any(note.startswith("suspect: slow") for note in bench.told.notes)


def test_a_gate_without_suspects_ends_after_the_screen() -> None:
    bench = SidedBench({"toy": noisy(0.9)})
    in_two_stages(bench.pairs.pairs, bench.terms, GATE, bench.experiment)(bench.bench)
    assert len(bench.order) == 14
    assert "screened, none suspected" in bench.told.notes[-1]


def test_jobs_that_one_side_lacks_are_left_out_with_the_reason() -> None:
    plans = {
        side: make_plan([candidate(spec("toy"))], backends("jax"), Selection(compiles=compiles), ("train",))
        for side, compiles in (("a", ("jit",)), ("b", ("xla",)))
    }
    paired = pair_jobs(plans, ("compile",))
    assert not paired.pairs
    reasons = [item.reason for item in paired.left_out]
    assert any(reason.startswith("only side a can measure it: Jax: it has no XLA") for reason in reasons)


def test_a_job_with_fewer_cases_on_one_side_is_paired_in_the_others() -> None:
    learns = {"a": candidate(spec("toy")), "b": candidate(spec("toy", phases=("train", "infer")))}
    plans = {
        side: make_plan([one], backends("jax"), Selection(), ("train", "converge")) for side, one in learns.items()
    }
    paired = pair_jobs(plans, ("environment",))
    (pair,) = paired.pairs
    assert [case.text("phase") for case in pair.cases] == ["train"]
    assert all([case.text("phase") for case in job.cases] == ["train"] for job in pair.sides.values())
    (alone,) = [item for item in paired.left_out if item.side]
    assert (alone.case.text("phase"), alone.side) == ("converge", "a")


def test_of_batch_sizes_under_comparison_the_single_sample_is_left_out() -> None:
    plans = {
        side: make_plan([candidate(spec("toy"))], backends("jax"), Selection(batch_sizes=(size,)), ("train", "infer"))
        for side, size in (("a", 16), ("b", 64))
    }
    paired = pair_jobs(plans, ("batch_size",))
    (pair,) = paired.pairs
    assert [case.text("phase") for case in pair.cases] == ["train", "infer"]
    for side, size in (("a", 16), ("b", 64)):
        assert [case.get("batch_size") for case in pair.sides[side].cases] == [size, size]
    assert {item.reason for item in paired.left_out} == {"batch_size is compared: this would be the same on both sides"}


def test_phases_without_a_figure_are_left_out() -> None:
    paired = toy_pairs("toy", phases=("train", "parts"))
    assert [case.text("phase") for pair in paired.pairs for case in pair.cases] == ["train"]
    assert paired.verdicts == 2


@pytest.mark.parametrize("most", [4, 8])
def test_no_more_pairs_than_asked(most: int) -> None:
    terms = Terms("p.depth=2", "p.depth=3", ("p.depth",), most_pairs=most)
    assert len(compared(SidedBench({"toy": noisy(1.0, sd=0.1)}, terms))) <= 2 * most

"""Standing: the common epoch, pairs of one seed, seeds that are lost, and whose speed buys less accuracy."""

from dataclasses import replace

import numpy as np
import pytest
from dlbench.results.records.model import Case, Epoch, Failure, Run, Trial, WorkloadInfo
from dlbench.results.statistics import equivalence
from dlbench.results.statistics.equivalence import BETTER, EQUIVALENT, NOT_SHOWN, WORSE
from dlbench.results.summaries import accuracy
from dlbench.results.summaries.standing import Standing
from dlbench.results.tables.comparison import GroupSummary, summarise
from dlbench.results.tables.frame import records, tidy
from dlbench.results.tables.terminal import render
from hypothesis import given
from hypothesis import strategies as st

from .synthetic_runs import DIGITS, FORECAST, LANGUAGE, converge_trial, failure, run_of, train_trial

JAX = Case.of("digits_cnn", backend="jax", phase="converge")
TORCH = JAX.with_({"backend": "torch"})
Curves = dict[int, list[float]]
SAME: Curves = {seed: [0.9, 0.95 + seed / 1000, 0.98] for seed in range(5)}


def _run(
    jax: Curves,
    torch: Curves,
    failures: list[Failure] | None = None,
    info: WorkloadInfo = DIGITS,
    timed: tuple[float, float] | None = None,
) -> Run:
    """Make a run from metrics after each epoch by seed, and the step times of JAX and PyTorch."""
    trials = []
    for case, curves in ((JAX, jax), (TORCH, torch)):
        of = replace(case, workload=info.name)
        trials += [converge_trial(of, seed, metrics) for seed, metrics in curves.items()]
    if timed:
        rng = np.random.default_rng(1)
        for case, step in zip((JAX, TORCH), timed, strict=True):
            of = replace(case, workload=info.name).with_({"phase": "train"})
            trials += [train_trial(of, block, step, rng) for block in range(5)]
    return run_of(trials, failures, workloads=(info,))


def _group(run: Run) -> GroupSummary:
    (group,) = summarise(run)
    return group


def _standings(run: Run) -> list[Standing]:
    found = [row.standing for row in _group(run).rows]
    assert all(found)
    return [one for one in found if one]


def _shifted(by: float) -> Curves:
    return {seed: [value + by + seed % 2 / 1000 for value in curve] for seed, curve in SAME.items()}


def _verdict(run: Run) -> str | None:
    compared = _standings(run)[1].compared
    assert compared is not None
    return compared.verdict


def test_the_common_epoch_is_the_last_that_every_trial_completed() -> None:
    jax, torch = _standings(
        _run({0: [0.5, 0.97], 1: [0.4, 0.8, 0.98]}, {0: [0.6, 0.9, 0.95, 0.97], 1: [0.5, 0.9, 0.99]})
    )
    assert (jax.epoch, torch.epoch) == (2, 2)
    assert jax.metric is not None
    assert torch.metric is not None
    assert (jax.metric.estimate, torch.metric.estimate) == (pytest.approx(0.885), pytest.approx(0.9))
    assert torch.compared is not None
    assert torch.compared.difference.estimate == pytest.approx(0.015)
    assert torch.compared.difference.n == 2


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=2, max_size=6))
def test_every_seed_counts_at_the_common_epoch(curves: list[list[float]]) -> None:
    half = len(curves) // 2
    jax, torch = _standings(_run(dict(enumerate(curves[:half])), dict(enumerate(curves[half:]))))
    epoch = min(len(curve) for curve in curves)
    assert jax.epoch == epoch
    assert jax.metric is not None
    assert torch.metric is not None
    assert jax.metric.estimate == pytest.approx(np.mean([curve[epoch - 1] for curve in curves[:half]]))
    assert torch.metric.n == len(curves) - half


@pytest.mark.parametrize(("by", "verdict"), [(0.0, EQUIVALENT), (0.02, BETTER), (-0.02, WORSE)])
def test_verdicts_are_against_the_reference(by: float, verdict: str) -> None:
    assert _verdict(_run(SAME, _shifted(by))) == verdict


@pytest.mark.parametrize(("by", "verdict"), [(0.02, WORSE), (-0.02, BETTER)])
def test_a_smaller_metric_may_be_better(by: float, verdict: str) -> None:
    assert _verdict(_run(SAME, _shifted(by), info=FORECAST)) == verdict


def test_the_leader_in_speed_is_the_reference_or_else_the_first() -> None:
    assert [one.reference for one in _standings(_run(SAME, SAME))] == ["jax", "jax"]
    assert [one.reference for one in _standings(_run(SAME, SAME, timed=(0.002, 0.001)))] == ["torch", "torch"]
    only = _group(_run({}, SAME, timed=(0.001, 0.002))).rows
    assert {row.row.backend: row.standing and row.standing.reference for row in only} == {"torch": "torch", "jax": None}


def test_the_margin_is_that_which_the_run_keeps() -> None:
    run = _run(SAME, _shifted(0.004))
    assert _verdict(run) == EQUIVALENT
    narrow, none = (
        replace(run, header=replace(run.header, workloads=(replace(DIGITS, margin=m),))) for m in (0.001, None)
    )
    assert _verdict(narrow) == BETTER
    assert _verdict(none) == BETTER
    unknown = run_of(list(_run(SAME, SAME).trials), workloads=(replace(DIGITS, margin=None),))
    compared = _standings(unknown)[1].compared
    assert compared is not None
    assert (compared.verdict, compared.reason) == (NOT_SHOWN, "no margin is known, so equivalence is not tested")
    assert "The run keeps no margin" in " ".join(render(unknown).split())


def test_only_shared_seeds_are_compared() -> None:
    torch = _standings(_run(SAME, {seed: SAME[seed] for seed in (0, 1, 4)} | {7: [0.1, 0.1, 0.1]}))[1]
    assert torch.compared is not None
    assert (torch.compared.difference.n, torch.compared.verdict, torch.unpaired) == (3, EQUIVALENT, 3)
    none = _standings(_run({0: [0.9]}, {1: [0.9]}))[1]
    assert (none.compared, none.why_not) == (None, "no seed in common")


def test_one_seed_has_no_verdict_and_says_why() -> None:
    run = _run({0: [0.9]}, {0: [0.9]})
    assert _verdict(run) is None
    assert "no verdict: one shared seed has no interval" in render(run)


def test_other_data_are_not_compared() -> None:
    run = _run(SAME, SAME)
    trials = [
        replace(trial, ledger={**trial.ledger, "data_sha256": trial.case.text("backend")}) for trial in run.trials
    ]
    torch = _standings(replace(run, trials=tuple(trials)))[1]
    assert (torch.compared, torch.why_not) == (None, "not comparable: other data")
    assert "no verdict: not comparable: other data" in render(replace(run, trials=tuple(trials)))


def test_a_diverged_seed_is_named_and_forbids_equivalence() -> None:
    lost = [failure(TORCH, "diverged", "the loss is nan", 4)]
    run = _run(SAME, {seed: SAME[seed] for seed in range(4)}, lost)
    torch = _standings(run)[1]
    assert (torch.lost, torch.unpaired) == ((4,), 0)
    assert torch.compared is not None
    assert torch.compared.verdict == NOT_SHOWN
    page = " ".join(render(run).split())
    assert "seed 4 diverged: the mean is over 4 others" in page
    assert "no equivalence with a seed that diverged" in page
    assert "nothing is claimed in favour of its side" in page
    row = records(tidy(run))[1]
    assert (row["metric_seeds"], row["metric_seeds_lost"], row["metric_verdict"]) == (4, "4", NOT_SHOWN)


def test_a_metric_that_is_no_number_counts_as_diverged() -> None:
    torch = _standings(_run(SAME, {**SAME, 2: [0.9, 0.95, float("nan")]}))[1]
    assert torch.lost == (2,)
    assert torch.metric is not None
    assert torch.metric.n == 4


def test_a_backend_of_which_every_seed_diverged_has_no_mean() -> None:
    run = _run(SAME, {}, [failure(TORCH, "diverged", "the loss is nan", seed) for seed in range(5)])
    jax, torch = _standings(run)
    assert (torch.metric, torch.why_not, jax.doubt) == (None, "no seed in common", None)
    assert torch.doubt == "missed the target on 5 of 5 seeds"
    assert "no other" in render(run)


def test_without_a_metric_or_without_training_there_is_no_standing() -> None:
    case = Case.of(LANGUAGE.name, backend="jax", phase="converge")
    plain = converge_trial(case, 0, [0.5])
    blind = replace(plain, epochs=tuple(replace(epoch, metric=None) for epoch in plain.epochs))
    assert _group(run_of([blind], workloads=(LANGUAGE,))).rows[0].standing is None
    timed = train_trial(JAX.with_({"phase": "train"}), 0, 0.001, np.random.default_rng(0))
    assert _group(run_of([timed])).rows[0].standing is None
    assert "accuracy (" not in render(run_of([timed]))


@pytest.mark.parametrize(("hits", "marked"), [(5, False), (4, False), (3, True), (0, True)])
def test_a_leader_that_misses_the_target_too_often_is_never_fastest(hits: int, *, marked: bool) -> None:
    jax = {seed: [0.9, 0.95, 0.975 if seed < hits else 0.96] for seed in range(5)}
    run = _run(jax, SAME, timed=(0.001, 0.002))
    group = _group(run)
    assert group.rows[0].leader
    assert group.rows[0].fastest is not marked
    page = " ".join(render(run).split())
    worse = "" if hits > 3 else " and is less accurate than PyTorch at epoch 3"
    words = f"JAX 0.10.2 missed the target on {5 - hits} of 5 seeds{worse}"
    assert (f"\N{DAGGER} {words}: its speed buys less accuracy." in page) is marked
    assert ("\N{DAGGER}1.00x" in page) is marked
    if marked:
        assert f"although the intervals put JAX 0.10.2 ahead: JAX missed the target on {5 - hits} of 5 seeds" in page
        assert "trains fastest" not in page


@pytest.mark.parametrize(("usual", "marked"), [(60, False), (3, True), (None, False)])
def test_training_cut_short_by_the_user_is_not_blamed_for_its_misses(usual: int | None, *, marked: bool) -> None:
    run = _run(_shifted(-0.02), _shifted(-0.02), timed=(0.001, 0.002))
    trials = [
        replace(trial, case=trial.case.with_({"epochs": 3}), ledger={**trial.ledger, "usual_epoch_limit": usual})
        if trial.epochs
        else trial
        for trial in run.trials
    ]
    run = run_of(trials, workloads=(DIGITS,))
    assert _group(run).rows[0].fastest is not marked
    page = " ".join(render(run).split())
    assert ("3 epochs, target or not" in page) is True
    assert ("is not held against speed" in page) is not marked


def test_a_leader_that_learns_less_is_never_fastest() -> None:
    run = _run(SAME, _shifted(0.015), timed=(0.001, 0.002))
    jax, torch = _group(run).rows
    assert jax.standing is not None
    assert torch.standing is not None
    assert (jax.standing.doubt, torch.standing.doubt) == ("is less accurate than PyTorch at epoch 3", None)
    assert not jax.fastest


def test_a_slower_backend_that_learns_less_is_marked_and_takes_nothing_from_the_leader() -> None:
    run = _run(SAME, _shifted(-0.02), timed=(0.001, 0.002))
    jax, torch = _group(run).rows
    assert jax.fastest
    assert torch.standing is not None
    assert torch.standing.doubt == "missed the target on 5 of 5 seeds and is less accurate than JAX at epoch 3"
    assert "\N{DAGGER}0.5" in render(run)
    assert records(tidy(run))[1]["accuracy_doubt"] == torch.standing.doubt


def test_energy_and_epochs_are_medians_over_seeds() -> None:
    def trial(seed: int, joules: float | None) -> Trial:
        ends, metrics = (3.0, 5.0, 7.5, 9.0), (0.5, 0.9, 0.98, 0.99)
        epochs = [
            Epoch(n, 10 * n, end, 0.5, metric, None if joules is None else joules * n)
            for n, (end, metric) in enumerate(zip(ends, metrics, strict=True), start=1)
        ]
        return replace(converge_trial(JAX, seed, [0.5]), epochs=tuple(epochs))

    found = _group(run_of([trial(seed, 10.0 + seed) for seed in range(3)])).rows[0].accuracy
    assert found is not None
    assert (found.epochs_to_target, found.joules_to_target) == (3.0, 33.0)
    assert (found.epoch_seconds, found.first_epoch_seconds) == (2.0, 1.0)
    partly = _group(run_of([trial(0, 10.0), trial(1, None), trial(2, 10.0)])).rows[0].accuracy
    assert partly is not None
    assert partly.joules_to_target is None
    short = _group(run_of([converge_trial(JAX, 0, [0.98])])).rows[0].accuracy
    assert short is not None
    assert (short.epoch_seconds, short.first_epoch_seconds) == (None, None)
    assert accuracy.diverged(_group(run_of([trial(0, None)])).rows[0].row) == ()


def test_time_to_target_does_not_depend_on_training_past_it() -> None:
    curve = [0.5, 0.9, 0.98, 0.96, 0.99]
    stopped = _group(_run({0: curve[:3]}, {})).rows[0].accuracy
    further = _group(_run({0: curve}, {})).rows[0].accuracy
    assert stopped is not None
    assert further is not None
    assert (stopped.seconds_to_target, stopped.reached) == (further.seconds_to_target, further.reached) == (6.0, 1)


def test_the_needed_seeds_are_told() -> None:
    apart = {seed: [0.9, 0.9, 0.97 + (-1) ** seed * 0.02] for seed in range(5)}
    run = _run(SAME, apart)
    compared = _standings(run)[1].compared
    assert compared is not None
    assert compared.verdict == NOT_SHOWN
    assert compared.sd is not None
    needed = equivalence.seeds_for(compared.sd, 0.01)
    assert f"to show equivalence needs about {needed} seeds" in render(run)
    assert records(tidy(run))[1]["metric_seeds_needed"] == needed

"""The judgement: rounding passes, planted differences are found where they are, and known ones are explained."""

from dataclasses import replace
from math import sqrt

import pytest
from dlbench.harness.checks.parity_process import Answer
from dlbench.results.parity.computation import Computation, Sensitivity, Tensors
from dlbench.results.parity.judgement import (
    MARGIN,
    TRAJECTORY_FLOOR,
    Setup,
    chaos_note,
    explain,
    judge,
    judge_repeat,
    judge_trajectory,
    price,
    tolerances,
)
from dlbench.results.parity.records import ParityCheck, Tolerances
from hypothesis import given
from hypothesis import strategies as st

from .toy_parity import computed, request

SETUP = Setup("torch", "jit", ("Dense",), 10)
moves = st.floats(0, 1e-2)


@pytest.fixture(scope="module")
def exact() -> Answer:
    return computed(request(reference=True, matched=True, perturbations=3))


@pytest.fixture(scope="module")
def allowed(exact: Answer) -> Tolerances:
    return tolerances(exact.computation.sensitivity, SETUP)


def _judged(ours: Answer, exact: Answer, allowed: Tolerances) -> tuple[ParityCheck, ...]:
    return judge(ours.computation, ours.tensors, exact.computation, exact.tensors, allowed)


def _failed(checks: tuple[ParityCheck, ...]) -> list[str]:
    return [check.what for check in checks if check.ok is False]


def test_rounding_is_no_difference(exact: Answer, allowed: Tolerances) -> None:
    checks = _judged(computed(request()), exact, allowed)
    assert [check.what for check in checks] == ["outputs", "loss", "gradients", "trajectory"]
    assert [check.ok for check in checks] == [True] * 4
    assert all(check.error is not None and 0 < check.error < 1e-5 for check in checks[:3])


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("outputs", ["outputs"]),
        ("loss", ["loss", "trajectory"]),
        ("gradients", ["gradients"]),
        ("optimizer", ["trajectory"]),
        ("slices", ["trajectory"]),
    ],
)
def test_a_planted_difference_is_found_where_it_is(
    fault: str, failed: list[str], exact: Answer, allowed: Tolerances
) -> None:
    # Adam divides gradients by their size: a factor on all of them never shows in training.
    found = _failed(_judged(computed(request(), fault), exact, allowed))
    assert [what for what in found if what != "trajectory" or what in failed] == failed


@given(st.builds(Sensitivity, moves, moves, moves, st.lists(moves, min_size=11, max_size=11).map(tuple)))
def test_tolerances_are_the_floor_or_the_margin_times_the_sensitivity(sensitivity: Sensitivity) -> None:
    found, floor = tolerances(sensitivity, SETUP), tolerances(None, SETUP)
    for what in ("outputs", "loss", "gradients"):
        assert getattr(found, what) == max(getattr(floor, what), MARGIN * getattr(sensitivity, what))
    assert found.trajectory == tuple(max(TRAJECTORY_FLOOR, MARGIN * move) for move in sensitivity.trajectory)


def test_without_a_sensitivity_every_step_has_the_floor() -> None:
    assert tolerances(None, SETUP).trajectory == (TRAJECTORY_FLOOR,) * 11


@pytest.mark.parametrize(
    ("backend", "kind", "layer", "gradients"),
    [
        ("tensorflow", "jit", "Conv2D", 1e-3),
        ("tensorflow", "xla", "Conv2D", 5e-3),
        ("tensorflow", "jit", "Dense", 1e-5),
        ("torch", "jit", "Conv2D", 1e-5),
    ],
)
def test_convolutions_on_tensorflow_have_a_floor_of_their_own(
    backend: str, kind: str, layer: str, gradients: float
) -> None:
    assert tolerances(None, Setup(backend, kind, (layer,), 1)).gradients == gradients


def test_chaotic_training_is_judged_by_its_sensitivity_and_each_step_by_its_own() -> None:
    reference = Computation(losses=(2.0, 2.0, 2.0))
    chaotic = tolerances(Sensitivity(0, 0, 0, (0.0, 1e-6, 1e-3)), Setup("jax", "jit", (), 2)).trajectory
    assert judge_trajectory(Computation(losses=(2.0, 2.0, 2.019)), reference, chaotic).ok
    early = judge_trajectory(Computation(losses=(2.0, 2.019, 2.0)), reference, chaotic)
    assert early.ok is False
    assert early.allowed == pytest.approx(1e-5)
    assert early.words == "after 1 of 2 steps"
    assert judge_trajectory(Computation(losses=(2.0, 2.0, 2.03)), reference, chaotic).ok is False
    note = chaos_note(Sensitivity(0, 0, 0, (0.0, 1e-6, 1e-3)))
    assert note is not None
    assert "from step 2 on" in note
    assert "1e-03 within 2 steps" in note
    assert chaos_note(Sensitivity(0, 0, 0, (0.0, 1e-8, 1e-7))) is None
    assert chaos_note(None) is None


def test_a_loss_that_is_not_a_number_differs(exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request())
    ill = replace(ours, computation=replace(ours.computation, losses=(*ours.computation.losses[:-1], float("nan"))))
    assert _failed(_judged(ill, exact, allowed)) == ["trajectory"]


def test_the_known_difference_of_embeddings_is_explained_with_its_evidence(exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request("tensorflow"), "slices")
    summed = judge_trajectory(
        computed(request("tensorflow", matched=True), "slices").computation, exact.computation, allowed.trajectory
    )
    found = explain(_judged(ours, exact, allowed), ours.computation, ours.tensors, exact.tensors, summed)
    assert found is not None
    assert found.known
    assert found.cause == "embedding gradients are not summed before Adam squares them"
    for words in ("does not sum them per row", "tokens/embeddings", "Adam squares", "--lane matched"):
        assert words in found.words


def test_an_embedding_is_no_excuse_where_summing_does_not_help(exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request("tensorflow"), "optimizer")
    checks = _judged(ours, exact, allowed)
    summed = judge_trajectory(ours.computation, exact.computation, allowed.trajectory)
    assert summed.ok is False
    for tried in (summed, None):
        found = explain(checks, ours.computation, ours.tensors, exact.tensors, tried)
        assert found is not None
        assert not found.known
        assert "the optimizer" in found.words
        assert "is furthest off" in found.words


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("outputs", "a layer computes something else"),
        ("loss", "the training loss does not"),
        ("gradients", "the backward pass"),
    ],
)
def test_an_unknown_difference_says_where_it_begins(fault: str, words: str, exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request(), fault)
    summed = ParityCheck("trajectory", 0.0, 1e-5, ok=True)
    found = explain(_judged(ours, exact, allowed), ours.computation, ours.tensors, exact.tensors, summed)
    assert found is not None
    assert not found.known
    assert words in found.words


def test_what_agrees_needs_no_explanation(exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request())
    assert explain(_judged(ours, exact, allowed), ours.computation, ours.tensors, exact.tensors, None) is None


def test_gradients_that_differ_name_the_weight(exact: Answer, allowed: Tolerances) -> None:
    checks = _judged(computed(request(), "gradients"), exact, allowed)
    assert checks[2].words == "furthest off: tokens/embeddings"


@pytest.mark.parametrize(("error", "known"), [(1e-3, True), (0.2, False)])
def test_tf32_explains_as_much_as_ten_bits_cost(error: float, known: bool) -> None:
    ours = Computation(facts={"tf32": True})
    found = explain([ParityCheck("outputs", error, 1e-5, ok=False)], ours, Tensors(), Tensors(), None)
    assert found is not None
    assert found.known is known


def test_random_layers_leave_inference_alone_to_be_judged(exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request())
    random = replace(ours, computation=replace(ours.computation, random=("flip",)))
    checks = _judged(random, exact, allowed)
    assert [check.ok for check in checks] == [True, None, None, None]
    assert "flip draws random numbers" in checks[1].words


def test_what_could_not_be_computed_is_not_judged(exact: Answer, allowed: Tolerances) -> None:
    ours = computed(request())
    lacking = replace(
        ours,
        computation=replace(ours.computation, gaps={"gradients": "no gradient of x"}, first_loss=None),
        tensors=replace(ours.tensors, gradients=()),
    )
    checks = _judged(lacking, exact, allowed)
    assert [check.ok for check in checks] == [True, None, None, True]
    assert checks[2].words == "no gradient of x"
    blind = replace(exact, computation=replace(exact.computation, gaps={"outputs": "no such operation"}))
    assert "reference could not be computed" in _judged(ours, blind, allowed)[0].words


def test_run_to_run_is_the_same_bits_or_within_rounding() -> None:
    same = Computation(losses=(2.0, 1.0), repeat_losses=(2.0, 1.0), trained="a", repeat_trained="a")
    floor = (1e-5, 1e-5)
    found = judge_repeat(same, same, floor)
    assert (found.ok, found.error) == (True, 0.0)
    assert found.words == "the same bits within a process, the same bits in a second one"
    near = replace(same, losses=(2.0, 1.000001), trained="b")
    found = judge_repeat(same, near, floor)
    assert found.ok
    assert found.error == pytest.approx(5e-7)
    assert found.words.endswith("other bits in a second one")
    far = replace(same, repeat_losses=(2.0, 1.1))
    found = judge_repeat(far, same, floor)
    assert found.ok is False
    assert found.error == pytest.approx(0.05)
    silent = judge_repeat(same, Computation(error="it broke"), floor)
    assert silent.words == "the same bits within a process, a second one gave no answer: it broke"
    assert judge_repeat(same, None, floor).words == "the same bits within a process"


def timed(seconds: float = 1.0) -> Computation:
    return Computation(step_seconds=seconds)


def test_the_price_is_a_ratio_to_the_processes_around() -> None:
    found = price("mode", timed(1.0), timed(1.1), timed(1.21))
    assert found.ratio == pytest.approx(1.0)
    assert (found.low, found.high) == (pytest.approx(1.1 / 1.21), pytest.approx(1.1))
    assert found.words == "mode"
    busy = replace(timed(), foreign_load=0.1)
    doubtful = price("mode", timed(), busy, timed())
    assert (doubtful.ratio, doubtful.words) == (1.0, "mode (doubtful: other programs took up to 10 % of the cores)")
    drowned = price("mode", timed(), timed(), replace(busy, foreign_load=0.5))
    assert drowned.ratio is None
    assert drowned.words == "mode: not measured, other programs took up to 50 % of the cores"
    assert price("mode", timed(1.0), replace(busy, foreign_load=0.04), timed(1.0)).words == "mode"
    assert price("mode", timed(1.0), timed(1.0), timed(2.0)).ratio == pytest.approx(1 / sqrt(2))
    assert price("mode", timed(2.0), timed(3.0), Computation(error="it broke")).ratio == pytest.approx(1.5)


def test_a_price_that_could_not_be_had_says_why() -> None:
    failed = price("mode", timed(), Computation(error="index_put has no such kernel"), timed())
    assert failed.ratio is None
    assert failed.words == "mode: index_put has no such kernel"
    assert price("mode", Computation(), timed(), Computation()).ratio is None

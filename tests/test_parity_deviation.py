"""Deviations: agreement with `allclose`, independence of scale, and what is not finite."""

import numpy as np
import pytest
from dlbench.results.statistics.deviation import (
    gradients_deviation,
    losses_deviation,
    outputs_deviation,
    tensor_deviations,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

values = arrays(np.float64, st.integers(1, 20), elements=st.floats(-1e3, 1e3))
same_shape = st.integers(1, 20).flatmap(
    lambda size: st.tuples(*[arrays(np.float64, size, elements=st.floats(-1e3, 1e3))] * 2)
)


@given(values)
def test_what_is_equal_does_not_deviate(found: np.ndarray) -> None:
    assert outputs_deviation([found], [found]) == 0
    assert gradients_deviation([found, found], [found, found]) == 0
    assert tensor_deviations([found], [found]) == [0]
    assert not losses_deviation(found, found).any()


@given(same_shape, st.integers(-20, 20))
def test_deviations_do_not_depend_on_the_unit(pair: tuple[np.ndarray, np.ndarray], power: int) -> None:
    found, reference = pair
    assume(np.abs(reference).max() > 1e-3)
    scale = 2.0**power
    for deviation in (outputs_deviation, gradients_deviation):
        assert deviation([found * scale], [reference * scale]) == pytest.approx(deviation([found], [reference]))
    scaled = losses_deviation(found * scale, reference * scale)
    assert scaled == pytest.approx(losses_deviation(found, reference))


@given(st.integers(0, 2**32 - 1), st.floats(1e-8, 1e-2))
def test_outputs_of_size_one_deviate_as_allclose_says(seed: int, tolerance: float) -> None:
    random = np.random.default_rng(seed)
    reference = random.choice([-1.0, 1.0], 8)  # the rms is one
    found = reference + random.normal(size=8) * tolerance
    close = np.allclose(found, reference, rtol=tolerance, atol=tolerance / 2)
    assert (outputs_deviation([found], [reference]) <= tolerance) is bool(close)


@given(values, values)
def test_the_worst_output_counts(first: np.ndarray, second: np.ndarray) -> None:
    together = outputs_deviation([first * 1.01, second], [first, second])
    assert together == outputs_deviation([first * 1.01], [first])


def test_a_gradient_that_is_truly_zero_is_measured_by_the_model() -> None:
    kernel, key_bias = np.array([3.0, 4.0]), np.zeros(2)
    noise = np.array([1e-9, -1e-9])
    assert gradients_deviation([kernel, noise], [kernel, key_bias]) == pytest.approx(2**0.5 * 1e-9 / 5)
    assert tensor_deviations([kernel, noise], [kernel, key_bias]) == [0, pytest.approx(2**0.5 * 1e-9 / 5)]


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_not_finite_deviates_without_bound(broken: float) -> None:
    fine, ill = np.array([1.0, 2.0]), np.array([1.0, broken])
    assert outputs_deviation([ill], [fine]) == np.inf
    assert gradients_deviation([ill], [fine]) == np.inf
    assert losses_deviation(ill, fine).tolist() == [0, np.inf]


def test_where_the_reference_diverged_nothing_can_be_said() -> None:
    assert losses_deviation([1.0, 2.0, np.nan], [1.0, np.nan, np.inf]).tolist() == [0, 0, 0]
    assert outputs_deviation([np.array([1.0, 5.0])], [np.array([1.0, np.nan])]) == 0


def test_losses_are_measured_by_the_largest_one_so_that_late_ones_may_be_near_zero() -> None:
    assert losses_deviation([2.0, 1e-9], [2.0, 2e-9]).tolist() == [0, pytest.approx(5e-10)]


def test_trajectories_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 losses"):
        losses_deviation([1.0, 2.0, 3.0], [1.0, 2.0])


def test_nothing_at_all_does_not_deviate() -> None:
    assert outputs_deviation([np.zeros((0, 3))], [np.zeros((0, 3))]) == 0
    assert gradients_deviation([], []) == 0


def test_arrays_of_other_shapes_are_refused() -> None:
    found, reference = [np.zeros((4, 1))], [np.zeros(4)]
    for deviation in (outputs_deviation, gradients_deviation, tensor_deviations):
        with pytest.raises(ValueError, match=r"shapes \(4, 1\) and \(4,\)"):
            deviation(found, reference)

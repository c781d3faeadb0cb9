"""A case's id is its identity for good: what may change it, and what may not."""

import pytest
from dlbench.results import factors
from dlbench.results.factors import FACTORS, Factor, Scalar
from dlbench.results.records.model import Case, Window
from hypothesis import given, settings
from hypothesis import strategies as st

CASE = Case.of("digits_cnn", backend="jax", phase="train")
NAMES = st.sampled_from([factor.name for factor in FACTORS] + ["p.depth", "p.width"])
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)


def test_ids_of_stored_runs_stay_what_they_are() -> None:
    # These stand in files of version 0.1.0: a change here makes them incomparable with new runs.
    assert CASE.id == "f9d2c3706664"
    assert CASE.with_({"p.depth": 4, "batch_size": 1}).id == "cfb7e10259b4"


@pytest.mark.parametrize("factor", [f for f in FACTORS if f.name not in CASE.factors], ids=lambda f: f.name)
def test_a_factor_at_its_default_changes_no_id(factor: Factor) -> None:
    assert CASE.with_({factor.name: factor.default}).id == CASE.id


@pytest.mark.parametrize("name", ["device", "batch_size", "p.depth", "a_factor_to_come"])
def test_none_is_the_same_as_not_given(name: str) -> None:
    assert CASE.with_({name: None}).id == CASE.id


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_factors_changes_no_id(given_factors: dict[str, Scalar], random: object) -> None:
    backwards = dict(reversed(given_factors.items()))
    assert Case("w", given_factors).id == Case("w", backwards).id
    assert Case.of("w", **given_factors) == Case.of("w", **backwards)


@given(st.dictionaries(NAMES, VALUES))
@settings(deadline=None)
def test_an_id_is_twelve_hex_digits(given_factors: dict[str, Scalar]) -> None:
    identity = Case("w", given_factors).id
    assert len(identity) == 12
    assert set(identity) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        {"backend": "torch"},
        {"phase": "infer"},
        {"device": "gpu"},
        {"compile": "eager"},
        {"precision": "mixed_bfloat16"},
        {"batch_size": 1},
        {"p.depth": 4},
        {"allow_import": "tensorflow"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_every_other_value_is_another_case(other: dict[str, Scalar]) -> None:
    assert CASE.with_(other).id != CASE.id


def test_another_workload_is_another_case() -> None:
    assert Case.of("cancer_mlp", backend="jax", phase="train").id != CASE.id


def test_parameters_of_different_value_are_different_cases() -> None:
    ids = {CASE.with_({"p.depth": depth}).id for depth in (1, 2, 3)}
    assert len(ids) == 3
    assert CASE.with_({"p.depth": 2}).id != CASE.with_({"p.width": 2}).id


def test_a_factor_added_later_changes_no_old_id(monkeypatch: pytest.MonkeyPatch) -> None:
    old = CASE.id
    monkeypatch.setitem(factors.BY_NAME, "threads", Factor("threads", 4, "made up"))
    assert CASE.id == old
    assert CASE.with_({"threads": 4}).id == old
    assert CASE.with_({"threads": 8}).id != old


def test_a_factor_outside_the_identity_changes_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(factors.BY_NAME, "host", Factor("host", None, "made up", identity=False))
    assert CASE.with_({"host": "bench1"}).id == CASE.id


def test_every_factor_is_declared_once() -> None:
    assert len({factor.name for factor in FACTORS}) == len(FACTORS)
    assert not any(factor.name.startswith(factors.PARAMETER_PREFIX) for factor in FACTORS)


def test_a_case_answers_with_the_default_of_what_is_not_given() -> None:
    assert CASE.get("device") == "cpu"
    assert CASE.get("batch_size") is None
    assert CASE.get("a_factor_to_come") is None
    assert CASE.with_({"device": None}).get("device") == "cpu"
    assert CASE.text("precision") == "float32"


def test_a_value_that_counts_as_false_is_not_taken_for_missing() -> None:
    assert CASE.with_({"device": ""}).get("device") == ""
    assert CASE.with_({"p.dropout": 0}).get("p.dropout") == 0
    assert CASE.with_({"p.dropout": 0}).id != CASE.id


def test_replacing_factors_leaves_the_first_case_alone() -> None:
    changed = CASE.with_({"backend": "torch", "p.depth": 4})
    assert CASE.get("backend") == "jax"
    assert changed.get("backend") == "torch"
    assert list(changed.factors) == sorted(changed.factors)


def test_parameters_are_told_without_their_prefix() -> None:
    assert CASE.with_({"p.depth": 4, "p.width": 8}).parameters == {"depth": 4, "width": 8}
    assert CASE.parameters == {}


def test_equal_cases_count_once_in_a_set() -> None:
    same = Case.of("digits_cnn", phase="train", backend="jax")
    assert {CASE, same} == {CASE}


def test_a_windows_times_follow_from_its_readings() -> None:
    window = Window(4, 128, 10.0, 12.0)
    assert window.seconds == 2.0
    assert window.step_seconds == 0.5

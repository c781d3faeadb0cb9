"""The codec: every record comes back as it was, from strict JSON, whatever it holds."""

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from dlbench.harness.effort import Effort
from dlbench.harness.wire import DataRecipe, Description, PreparedData, Request
from dlbench.results.errors import BrokenError
from dlbench.results.records.codec import dump_line, from_json, to_json
from dlbench.results.records.environment import BackendProbe, Device, Environment, Machine
from dlbench.results.records.model import (
    Case,
    End,
    Epoch,
    Failure,
    Header,
    JobRecord,
    LeftOut,
    Trial,
    Window,
    WorkloadInfo,
)
from dlbench.workloads.reference import Reference
from dlbench.workloads.synthetic import Signature
from dlbench.workloads.workload import Spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .factories import CASE, trial

KINDS = (
    Case,
    Epoch,
    Trial,
    Failure,
    JobRecord,
    LeftOut,
    Device,
    Machine,
    BackendProbe,
    Environment,
    WorkloadInfo,
    Header,
    End,
    Reference,
    Effort,
    DataRecipe,
    PreparedData,
    Request,
    Spec,
    Description,
    Signature,
)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
calm = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LOOKS_LIKE_A_NUMBER = ("nan", "inf", "-inf")
ORDINARY_TEXT = st.text(max_size=12).filter(lambda text: text not in LOOKS_LIKE_A_NUMBER)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WINDOWS = st.builds(Window, st.integers(1), st.integers(0), FINITE, FINITE)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a field's type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Window:
        return WINDOWS
    if is_dataclass(hint) and isinstance(hint, type):
        return records(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(ORDINARY_TEXT, values(arguments[1]), max_size=2)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: ORDINARY_TEXT,
        int: st.integers(),
        float: st.floats(),
        bool: st.booleans(),
        type(None): st.none(),
    }
    return plain[hint]


def records(kind: type) -> st.SearchStrategy[Any]:
    """Return a strategy for records in which every field is drawn."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def through_a_line(record: Any) -> Any:
    line = dump_line("record", record)
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    return from_json(type(record), json.loads(line, parse_constant=refuse))


def example(kind: type) -> Any:
    """Return the JSON data of a small record of a kind."""
    small = {str: "a", int: 1, float: 0.5, bool: True, type(None): None}

    def value(hint: Any) -> Any:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return value(arguments[0])
        if is_dataclass(hint) and isinstance(hint, type):
            return example(hint)
        if origin is tuple:
            return []
        return {} if origin is not None else small[hint]

    return {name: value(hint) for name, hint in get_type_hints(kind).items()}


@every_kind
@calm
@given(data=st.data())
def test_a_record_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    record = data.draw(records(kind))
    # Compared as text, since a NaN is not equal to itself and -0.0 is equal to 0.0.
    assert repr(through_a_line(record)) == repr(record)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_cannot_say_come_back(value: float) -> None:
    epoch = through_a_line(Epoch(1, 2, value, value, value))
    assert repr((epoch.train_seconds, epoch.loss, epoch.metric)) == repr((value, value, value))
    back = through_a_line(trial(marks={"final_loss": value}, ledger={"norm": value}, queries=(value,)))
    assert repr((back.marks, back.ledger, back.queries)) == repr(({"final_loss": value}, {"norm": value}, (value,)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_of_numpy_that_json_cannot_say_comes_back(value: float) -> None:
    back = through_a_line(trial(marks={"final_loss": np.float64(value)}))
    assert repr(back.marks) == repr({"final_loss": value})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_window_with_a_time_that_json_cannot_say_comes_back(value: float) -> None:
    back = through_a_line(trial(windows=(Window(1, 2, 0.0, value),)))
    assert repr(back.windows) == repr((Window(1, 2, 0.0, value),))


@pytest.mark.parametrize("text", LOOKS_LIKE_A_NUMBER)
def test_text_that_looks_like_a_number_stays_text(text: str) -> None:
    assert through_a_line(trial(side=text, job=text)).side == text
    case = Case.of("w", **{"p.name": text})
    assert through_a_line(case).factors == {"p.name": text}


@pytest.mark.parametrize("text", ["héllo", "日本", "🙂", "a\nb\rc", '"\\', "\u2028", "\x00", ""])
def test_any_text_stays_on_one_line_and_comes_back(text: str) -> None:
    back = through_a_line(trial(side=text, ledger={text: text}))
    assert back.side == text
    assert back.ledger == {text: text}


def test_a_case_that_comes_back_has_the_same_id() -> None:
    case = CASE.with_({"p.depth": 4, "p.rate": 0.1, "p.on": True, "batch_size": 1})
    back = through_a_line(case)
    assert back == case
    assert back.id == case.id
    assert [type(value) for value in back.factors.values()] == [type(value) for value in case.factors.values()]


def test_the_tag_comes_first_so_that_a_line_can_be_told_by_its_beginning() -> None:
    assert dump_line("trial", trial()).startswith('{"type":"trial",')


def test_a_window_is_four_numbers() -> None:
    assert to_json(Window(4, 128, 1.0, 2.5)) == [4, 128, 1.0, 2.5]


@every_kind
def test_unknown_keys_of_a_later_version_are_ignored(kind: type) -> None:
    data = example(kind)
    assert from_json(kind, {**data, "from_the_future": {"a": [1]}}) == from_json(kind, data)


@every_kind
def test_missing_keys_take_the_default(kind: type) -> None:
    data = example(kind)
    optional = [field for field in fields(kind) if not (field.default is MISSING and field.default_factory is MISSING)]
    record: Any = from_json(
        kind, {name: value for name, value in data.items() if name not in {f.name for f in optional}}
    )
    for field in optional:
        default = field.default if field.default is not MISSING else field.default_factory()  # type: ignore[operator]
        assert getattr(record, field.name) == default


@every_kind
def test_a_required_key_that_is_missing_is_named(kind: type) -> None:
    for field in fields(kind):
        if field.default is MISSING and field.default_factory is MISSING:
            data = example(kind)
            del data[field.name]
            with pytest.raises(BrokenError, match=rf"{kind.__name__}: {field.name} is missing"):
                from_json(kind, data)


@every_kind
def test_a_value_of_the_wrong_type_is_told_with_its_field(kind: type) -> None:
    for name, hint in get_type_hints(kind).items():
        numeric = {int, float, bool} & {hint, *get_args(hint)}
        wrong: Any = {"wrong": []} if numeric else 7
        with pytest.raises(BrokenError, match=rf"not a valid {kind.__name__}: {name}: expected "):
            from_json(kind, {**example(kind), name: wrong})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"block": "0"}, "block"),
        ({"block": 0.0}, "block"),
        ({"block": True}, "block"),
        ({"block": None}, "block"),
        ({"start": "soon"}, "start"),
        ({"start": True}, "start"),
        ({"start": None}, "start"),
        ({"started": 5}, "started"),
        ({"reached": 1}, "reached"),
        ({"queries": [0.1, "x"]}, "queries"),
        ({"queries": {"0": 0.1}}, "queries"),
        ({"queries": "12"}, "queries"),
        ({"marks": {"build_s": None}}, "marks"),
        ({"marks": [1]}, "marks"),
        ({"ledger": {"threads": [1]}}, "ledger"),
        ({"case": {"factors": {}}}, "case: workload"),
        ({"case": None}, "case"),
        ({"epochs": [{"number": 1}]}, "epochs: steps"),
        ({"windows": [[1, 2, None, 3.0]]}, "windows"),
        ({"windows": [[1, 2, "x", 3.0]]}, "windows"),
        ({"windows": [[1, 2, 3.0]]}, "windows"),
        ({"windows": [[]]}, "windows"),
        ({"windows": [{"steps": 1}]}, "windows"),
        ({"windows": [5]}, "windows"),
        ({"windows": 5}, "windows"),
        pytest.param({"start": 10**400}, "start", id="start too large"),
    ],
    ids=str,
)
def test_a_broken_trial_is_told_with_the_field_that_broke_it(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BrokenError, match=f"not a valid Trial: {named}"):
        from_json(Trial, {**to_json(trial()), **change})


@pytest.mark.parametrize("data", [None, [], "text", 5, True])
def test_data_that_is_no_object_is_broken(data: Any) -> None:
    with pytest.raises(BrokenError, match="not a valid Trial: expected dict"):
        from_json(Trial, data)


def test_a_long_wrong_value_does_not_flood_the_message() -> None:
    with pytest.raises(BrokenError) as caught:
        from_json(Trial, {**to_json(trial()), "start": "x" * 10_000})
    assert len(str(caught.value)) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@every_kind
@calm
@given(data=st.data())
def test_whatever_stands_in_a_field_nothing_but_broken_error_is_raised(kind: type, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([field.name for field in fields(kind)]))
    value = data.draw(JSON | st.lists(st.lists(st.integers(), max_size=5), max_size=2))
    try:
        record: Any = from_json(kind, {**example(kind), name: value})
    except BrokenError as error:
        assert name in str(error)  # noqa: PT017 - a value may also happen to fit
    else:
        assert isinstance(record, kind)

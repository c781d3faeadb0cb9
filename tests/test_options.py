"""What a user types becomes numbers and names, or an error that says what would fit."""

import re

import pytest
from dlbench.harness.options import (
    choose,
    parse_batch_sizes,
    parse_cpus,
    parse_duration,
    parse_parameters,
    parse_phases,
    parse_size,
    parse_threads,
    positive,
    split,
)
from dlbench.results.errors import UsageError
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.text("abcxyz019_", min_size=1, max_size=6)
MOST_S = 30 * 24 * 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h30m15s", 5415),
        ("1m30", 90),
        ("0.5", 0.5),
        ("1.5h", 5400),
        ("2.5m", 150),
        (" 90S ", 90),
        ("1H", 3600),
        ("720h", MOST_S),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration("--budget", text) == pytest.approx(seconds)


def test_a_duration_not_given_stays_so() -> None:
    assert parse_duration("--budget", None) is None


@settings(deadline=None)
@given(
    st.integers(0, 99) | st.none(),
    st.integers(0, 99) | st.none(),
    st.decimals(0, 99, places=2) | st.integers(0, 99) | st.none(),
)
def test_every_duration_is_the_sum_of_its_parts(h: int | None, m: int | None, s: float | None) -> None:
    text = "".join(f"{value}{unit}" for value, unit in ((h, "h"), (m, "m"), (s, "s")) if value is not None)
    total = (h or 0) * 3600 + (m or 0) * 60 + float(s or 0)
    if total > 0:
        assert parse_duration("--budget", text) == pytest.approx(total)
    else:
        with pytest.raises(UsageError, match="--budget takes"):
            parse_duration("--budget", text)


@pytest.mark.parametrize(
    "text", ["", " ", "x", "10x", "-5", "1m1h", "s", "m", "1 h", "1e3", "nan", "inf", "1,5", ".5", "5.", "1hh"]
)
def test_text_that_is_no_duration_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration("--timeout", text)
    assert str(caught.value) == f"--timeout takes a duration such as 90s, 10m or 1h30m; received {text!r}"


@pytest.mark.parametrize("text", ["0", "0s", "0h0m0s", "0.0", "721h", "2592001", "9" * 400])
def test_a_duration_out_of_range_is_told_the_range(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration("--budget", text)
    assert str(caught.value) == f"--budget takes more than zero and at most 30 days; received {text!r}"


@settings(deadline=None)
@given(st.text(max_size=12))
def test_no_text_makes_a_duration_that_is_not_positive(text: str) -> None:
    try:
        seconds = parse_duration("--budget", text)
    except UsageError as error:
        assert text in str(error) or repr(text) in str(error)  # noqa: PT017 - some texts are durations
    else:
        assert seconds is not None
        assert 0 < seconds <= MOST_S


@pytest.mark.parametrize(
    ("values", "items"),
    [
        ([], ()),
        ([""], ()),
        ([",", " , "], ()),
        (["a"], ("a",)),
        (["a,b", "c"], ("a", "b", "c")),
        ([" a , b "], ("a", "b")),
        (["b,a", "b"], ("b", "a")),
        (["a,,b,"], ("a", "b")),
    ],
)
def test_comma_lists_give_their_items_once_in_order(values: list[str], items: tuple[str, ...]) -> None:
    assert split(values) == items


@settings(deadline=None)
@given(st.lists(WORDS))
def test_an_option_given_often_is_the_same_as_one_comma_list(words: list[str]) -> None:
    assert split(words) == split([",".join(words)]) == tuple(dict.fromkeys(words))


def test_a_choice_is_one_of_those_allowed() -> None:
    assert choose("precision", ["b,a"], ["a", "b", "c"]) == ("b", "a")
    with pytest.raises(UsageError) as caught:
        choose("precision", ["a,flot32"], ["a", "float32"])
    assert str(caught.value) == "unknown precision 'flot32'; did you mean 'float32'? (known: a, float32)"


def test_the_allowed_names_may_come_from_a_generator() -> None:
    assert choose("x", ["a,b"], (name for name in "abc")) == ("a", "b")


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**9), max_size=5))
def test_batch_sizes_come_back_once_in_order(sizes: list[int]) -> None:
    assert parse_batch_sizes([",".join(map(str, sizes))]) == tuple(dict.fromkeys(sizes))


def test_the_same_batch_size_written_twice_is_one() -> None:
    assert parse_batch_sizes(["8,08", " 8 ", "16"]) == (8, 16)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "1e3", "1000000001", "\N{SUPERSCRIPT TWO}", "8 16", "+8"])
def test_what_is_no_batch_size_is_told_the_range(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_batch_sizes(["32", text])
    assert str(caught.value) == f"--batch-size takes whole numbers from 1 to 1000000000; received {text!r}"


@settings(deadline=None)
@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, unique=True).map(tuple)))
def test_parameters_come_back(wanted: dict[str, tuple[str, ...]]) -> None:
    assert parse_parameters(f"{name}={','.join(items)}" for name, items in wanted.items()) == wanted


def test_spaces_around_a_parameter_do_not_count() -> None:
    assert parse_parameters([" depth = 2 , 4 "]) == {"depth": ("2", "4")}


def test_a_parameters_value_may_hold_an_equals_sign() -> None:
    assert parse_parameters(["name=a=b"]) == {"name": ("a=b",)}


@pytest.mark.parametrize("text", ["", "depth", "=4", " =4", "depth=", "depth= ", "depth=,", "="])
def test_what_is_no_parameter_is_told_the_form(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_parameters([text])
    assert str(caught.value) == f"-p takes NAME=VALUE or NAME=V1,V2; received {text!r}"


@settings(deadline=None)
@given(st.permutations(["train", "infer", "converge"]))
def test_phases_come_in_the_order_of_measuring(phases: list[str]) -> None:
    assert parse_phases([",".join(phases)]) == ("train", "infer", "converge")
    assert parse_phases(phases[:1]) == (phases[0],)


def test_no_phases_leave_the_choice_to_the_suite() -> None:
    assert parse_phases([]) == ()


def test_an_unknown_phase_is_told_the_near_one() -> None:
    with pytest.raises(UsageError, match=re.escape("unknown phase 'trian'; did you mean 'train'?")):
        parse_phases(["trian"])


@pytest.mark.parametrize(("text", "cores"), [("0-2,5", (0, 1, 2, 5)), ("3", (3,)), ("1,1,0-1", (1, 0))])
def test_cores_are_numbers_and_ranges(text: str, cores: tuple[int, ...]) -> None:
    assert parse_cpus(text, range(8)) == cores


@pytest.mark.parametrize("text", ["", "x", "1-", "3-1", "9", "0-99", "-1", "1.5", "0-1000000000000"])
def test_other_cores_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--cpus"):
        parse_cpus(text, range(8))


def test_no_cores_given_are_none() -> None:
    assert parse_cpus(None, range(8)) == ()


def test_threads_are_at_most_the_usable_cores() -> None:
    assert parse_threads(["1,2", "1"], 4) == (1, 2)
    for wrong in ("0", "5", "two", "-1"):
        with pytest.raises(UsageError, match="--threads takes 1 to 4"):
            parse_threads([wrong], 4)


@pytest.mark.parametrize(("text", "size"), [("800MB", 800_000_000), ("4 gb", 4_000_000_000), ("1.5kB", 1500)])
def test_sizes_have_decimal_units(text: str, size: int) -> None:
    assert parse_size("--memory-limit", text) == size


@pytest.mark.parametrize("text", ["", "4", "GB", "-1GB", "0MB", "4 GiB"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--memory-limit takes a size such as"):
        parse_size("--memory-limit", text)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_a_wrong_use(text: str) -> None:
    try:
        size = parse_size("--memory-limit", text)
    except UsageError:
        return
    assert size is not None
    assert size > 0


def test_durations_may_be_milliseconds() -> None:
    assert parse_duration("--latency-bound", "50ms") == 0.05
    with pytest.raises(UsageError):
        parse_duration("--latency-bound", "0ms")


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_positive_number_is_more_than_zero(value: float) -> None:
    assert positive("--price", None) is None
    assert positive("--price", 2.5) == 2.5
    with pytest.raises(UsageError, match="--price takes a number above 0"):
        positive("--price", value)

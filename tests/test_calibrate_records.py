"""The records of a calibration: kept, read back, merged, quoted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dlbench.results.calibration.records import (
    MEMORY,
    PRODUCT,
    SCHEMA,
    Calibration,
    Ceiling,
    FalseAlarms,
    Instrument,
    Noise,
    added_up,
    bandwidths,
    best_ceilings,
    calibration_path,
    ceilings,
    read_calibration,
    risen,
    write_calibration,
)
from dlbench.results.calibration.words import alarms_text, flops_text, nanoseconds, quoted, smallest_change
from dlbench.results.errors import BrokenError, UsageError
from hypothesis import given
from hypothesis import strategies as st

from .factories import MACHINE, STARTED


def ceiling(backend: str = "jax", rate: float | None = 1e11, **fields: Any) -> Ceiling:
    """Make the ceiling of a product in float32 on a CPU."""
    plain = Ceiling("cpu", PRODUCT, "float32", backend, f"{backend} 1.0", STARTED, rate, rate, 1024, 0.01)
    return replace(plain, **fields)


def noise(backend: str = "jax", **fields: Any) -> Noise:
    """Make the noise of one backend."""
    plain = Noise(backend, "cpu", f"{backend} 1.0", "toy", STARTED, "run", 18, 0, 1e-3, 0.02, 0.03, 0.1, 0.04, 3, 1.081)
    return replace(plain, **fields)


def alarms(comparisons: int = 40, slower: int = 1, faster: int = 2, **fields: Any) -> FalseAlarms:
    """Make the counts of one backend."""
    return replace(FalseAlarms("jax", "cpu", 3, False, comparisons, slower, faster), **fields)


FULL = Calibration(
    SCHEMA,
    MACHINE,
    STARTED,
    "0.1.0",
    Instrument(4e-8, 5e-8, 6.1e-8, 3e-8, 1.2e-6),
    (
        ceiling(),
        ceiling("torch", 4.02e11),
        ceiling("jax", 1.72e12, precision="bfloat16"),
        ceiling("torch", None, precision="float16", size=None, problem="not supported"),
        ceiling("tensorflow", 2.66e10, kind=MEMORY, size=1 << 30),
    ),
    (noise(), noise("torch", detectable_ratio=None)),
    (alarms(),),
    ("a note",),
)


def test_a_calibration_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = write_calibration(tmp_path, FULL)
    assert path == calibration_path(tmp_path, MACHINE.fingerprint) == tmp_path / "calibration" / "0123456789ab.json"
    assert read_calibration(tmp_path, MACHINE.fingerprint) == FULL
    write_calibration(tmp_path, replace(FULL, notes=()))
    assert read_calibration(tmp_path, MACHINE.fingerprint) == replace(FULL, notes=())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_machine_that_was_never_calibrated_has_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path, MACHINE.fingerprint) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": "new"}'])
def test_a_damaged_file_is_named_with_what_to_do(text: str, tmp_path: Path) -> None:
    path = write_calibration(tmp_path, FULL)
    path.write_text(text)
    with pytest.raises(BrokenError, match=rf"{path.name}.*remove it and calibrate anew"):
        read_calibration(tmp_path, MACHINE.fingerprint)


def test_a_file_of_a_later_schema_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = write_calibration(tmp_path, FULL)
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": SCHEMA + 1}))
    with pytest.raises(BrokenError, match="upgrade dlbench"):
        read_calibration(tmp_path, MACHINE.fingerprint)


def test_a_store_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "calibration").write_text("in the way")
    with pytest.raises(UsageError, match="--store"):
        write_calibration(tmp_path, FULL)


def test_the_machines_ceiling_is_the_best_framework_of_each_kind() -> None:
    best = best_ceilings(FULL)
    assert best["cpu", PRODUCT, "float32"].backend == "torch"
    assert best["cpu", PRODUCT, "bfloat16"].backend == "jax"
    assert ("cpu", PRODUCT, "float16") not in best
    assert ceilings(FULL) == {("cpu", "float32"): 4.02e11, ("cpu", "mixed_bfloat16"): 1.72e12}
    assert bandwidths(FULL) == {"cpu": 2.66e10}


def test_products_with_and_without_rounding_have_ceilings_of_their_own() -> None:
    gpu = [ceiling(device="gpu", precision=name, rate=rate) for name, rate in (("float32", 6e13), ("tf32", 4e14))]
    assert ceilings(replace(FULL, ceilings=tuple(gpu))) == {("gpu", "float32"): 6e13, ("gpu", "tf32"): 4e14}


def test_ceilings_only_rise_while_the_framework_is_the_same() -> None:
    old = ceiling(rate=2e11)
    assert risen([old], [ceiling(rate=1e11)]) == (old,)
    assert risen([old], [ceiling(rate=None, problem="broke")]) == (old,)
    assert risen([old], [ceiling(rate=3e11)]) == (ceiling(rate=3e11),)
    newer = ceiling(rate=1e11, framework="jax 2.0")
    assert risen([old], [newer]) == (newer,)
    assert risen([], [ceiling("torch"), old]) == (old, ceiling("torch"))
    assert risen([old], [ceiling("torch")]) == (old, ceiling("torch"))


counts = st.builds(
    FalseAlarms,
    st.sampled_from(["jax", "torch"]),
    st.just("cpu"),
    st.sampled_from([3, 7]),
    st.booleans(),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)


@given(st.lists(counts), st.lists(counts))
def test_counts_of_one_kind_are_added_up_and_no_other(old: list[FalseAlarms], new: list[FalseAlarms]) -> None:
    found = added_up(old, new)
    kinds = [(item.backend, item.device, item.trials, item.doubtful) for item in found]
    assert len(set(kinds)) == len(kinds)
    for item in found:
        same = [
            one
            for one in [*old, *new]
            if replace(one, comparisons=0, slower=0, faster=0) == replace(item, comparisons=0, slower=0, faster=0)
        ]
        assert item.comparisons == sum(one.comparisons for one in same)
        assert item.slower == sum(one.slower for one in same)
        assert item.faster == sum(one.faster for one in same)


def test_a_calibration_is_quoted_in_two_lines() -> None:
    first, second = quoted(FULL)
    assert first == (
        "calibrated 2026-11-20: at most, cpu: 402 GFLOP/s in float32 (torch 1.0), 1.72 TFLOP/s in bfloat16 (jax 1.0), "
        "memory 26.6 GB/s (tensorflow 1.0); the harness adds 61.0 ns a step"
    )
    assert second == (
        "A/A: 1 of 40 comparisons of a case with itself said slower: 2.5 %, 95 % CI 0.1\N{EN DASH}13 %, "
        "nominal 2.5 %; smallest change that 3 trials can show: jax 1.0 8.1 %"
    )


def test_an_empty_calibration_has_nothing_to_quote() -> None:
    assert quoted(Calibration(SCHEMA, MACHINE, STARTED, "0.1.0")) == []


def test_comparisons_with_doubtful_trials_are_quoted_only_where_there_are_no_others() -> None:
    doubtful = alarms(10, 5, doubtful=True)
    assert alarms_text([alarms(40, 1), doubtful]).startswith("A/A: 1 of 40 comparisons of a case with itself said")
    assert alarms_text([doubtful]).startswith(
        "A/A: 5 of 10 comparisons of a case with itself, all with a doubtful trial, said slower: 50 %"
    )
    assert alarms_text([alarms(0, 0), doubtful]) == alarms_text([doubtful])
    assert alarms_text([]) == ""


def test_figures_are_said_in_their_units() -> None:
    assert [flops_text(rate) for rate in (4.02e11, 9.999e11, 1.5e8)] == ["402 GFLOP/s", "1.00 TFLOP/s", "0.150 GFLOP/s"]
    assert [nanoseconds(s) for s in (6.1e-8, 1.19e-6, -3e-9, 0.0)] == ["61.0 ns", "1.19 µs", "-3.00 ns", "0 ns"]
    assert [smallest_change(ratio) for ratio in (1.081, 3.0, None)] == ["8.1 %", "> 100 %", "n/a"]

"""Ledger check: what counts as a difference between rows, and what does not."""

import pytest
from dlbench.results.factors import Scalar
from dlbench.results.records.model import Case
from dlbench.results.summaries.ledger import COMPARED, OF_SPEED, REFUSED, differences
from dlbench.results.summaries.rows import rows_of

from .rich_runs import ledger, rich_run
from .synthetic_runs import full_run, run_of, trial

JAX = Case.of("digits_cnn", backend="jax", phase="train")
CASES = {name: JAX.with_({"backend": name}) for name in ("jax", "torch", "tensorflow")}


def _found(jax: dict[str, Scalar], torch: dict[str, Scalar], **factors: Scalar) -> dict[str, dict[str, str]]:
    """Return the differences of two rows that are alike but for some entries, with the values by backend."""
    sides = {"jax": jax, "torch": torch}
    cases = {name: CASES[name].with_(factors) for name in sides}
    trials = [trial(cases[name], ledger=ledger(cases[name], **entries)) for name, entries in sides.items()]
    return {found.name: dict(found.sides) for found in differences(rows_of(run_of(trials)))}


@pytest.mark.parametrize("run", [full_run(), rich_run(2)], ids=["plain", "rich"])
def test_frameworks_as_they_come_on_a_cpu_do_not_differ(run: object) -> None:
    groups: dict[object, list[object]] = {}
    for row in rows_of(run):  # type: ignore[arg-type]
        groups.setdefault(row.group, []).append(row)
    assert [differences(rows) for rows in groups.values()] == [()] * len(groups)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "ours", "other"),
    [
        ("threads", 2, 1),
        ("affinity", "0,1", "0"),
        ("allocator", "default", "exact"),
        ("feed", "device", "numpy"),
        ("layout", "channels_last", "channels_first"),
        ("matmul_precision", "default", "medium"),
        ("steps_per_execution", 1, 8),
        ("imports_allowed", None, "tensorflow"),
        ("lane", "default", "matched"),
        ("initial_weights", "aa", "bb"),
        ("version_keras", "3.15.1", "3.15.0"),
        ("version_numpy", "2.4.6", "2.3.0"),
        ("data_sha256", "aa", "bb"),
        ("precision", "float32", "mixed_bfloat16"),
        ("batch_size", 64, 32),
    ],
)
def test_each_setting_is_compared(name: str, ours: Scalar, other: Scalar) -> None:
    assert list(_found({name: ours}, {name: other})) == [name]
    assert _found({name: ours}, {name: ours}) == {}


def test_the_values_are_told_by_backend() -> None:
    assert _found({"threads": 2}, {"threads": 1}) == {"threads": {"jax": "2", "torch": "1"}}
    assert _found({}, {"imports_allowed": "tensorflow"})["imports_allowed"] == {"jax": "none", "torch": "tensorflow"}


def test_a_setting_that_changes_from_trial_to_trial_is_a_difference() -> None:
    threads = (2, 2, 1)
    trials = [trial(CASES["torch"], n, ledger=ledger(CASES["torch"], threads=t)) for n, t in enumerate(threads)]
    trials += [trial(JAX, n, ledger=ledger(JAX)) for n in range(3)]
    (found,) = differences(rows_of(run_of(trials)))
    assert (found.name, found.sides) == ("threads", {"torch": "2/1", "jax": "2"})


@pytest.mark.parametrize("name", ["threads", "tf32", "layout", "data_sha256"])
def test_what_one_side_does_not_tell_is_no_difference(name: str) -> None:
    assert _found({name: None}, {}) == {}


def test_initial_weights_are_compared_by_seed() -> None:
    def trials(digests: dict[int, str], case: Case) -> list:
        return [trial(case, seed, ledger=ledger(case, initial_weights=text)) for seed, text in digests.items()]

    alike = trials({0: "a", 1: "b"}, JAX) + trials({1: "b", 2: "c"}, CASES["torch"])
    assert differences(rows_of(run_of(alike))) == ()
    other = trials({0: "a", 1: "b"}, JAX) + trials({0: "a", 1: "x"}, CASES["torch"])
    assert [found.name for found in differences(rows_of(run_of(other)))] == ["initial_weights"]


def test_trials_are_held_against_trials_of_the_same_phase() -> None:
    memory = JAX.with_({"phase": "memory"})
    trials = [
        trial(memory, ledger=ledger(memory, allocator="exact", feed="numpy")),
        trial(CASES["torch"], ledger=ledger(CASES["torch"])),
    ]
    assert differences(rows_of(run_of(trials))) == ()


@pytest.mark.parametrize(
    ("jax", "torch", "differ"),
    [
        ("default", "highest", True),
        ("highest", "highest", False),
        ("default", "high", False),
        ("float32", "highest", False),
    ],
)
def test_default_products_are_single_precision_on_a_cpu_and_less_on_a_gpu(jax: str, torch: str, differ: bool) -> None:
    sides: tuple[dict[str, Scalar], dict[str, Scalar]] = ({"matmul_precision": jax}, {"matmul_precision": torch})
    gpu = [side | {"device": "gpu", "tf32": None} for side in sides]
    assert bool(_found(gpu[0], gpu[1], device="gpu")) is differ
    assert (_found({"matmul_precision": jax}, {"matmul_precision": "highest"})) == {}


def test_tf32_counts_on_a_gpu_alone() -> None:
    assert _found({"tf32": True}, {"tf32": False}) == {}
    assert "tf32" in _found({"tf32": True, "device": "gpu"}, {"tf32": False, "device": "gpu"}, device="gpu")


@pytest.mark.parametrize("layout", ["channels_last", "images NHWC, filters OHWI (channels_last)", "none"])
def test_one_memory_order_has_several_names(layout: str) -> None:
    assert _found({"layout": "images NHWC, filters HWIO"}, {"layout": layout}) == {}


def test_the_compile_mode_counts_in_the_matched_lane_alone() -> None:
    kinds: tuple[dict[str, Scalar], dict[str, Scalar]] = ({"compile_kind": "jit"}, {"compile_kind": "eager"})
    assert _found(*kinds) == {}
    assert list(_found(*kinds, lane="matched")) == ["compile_kind"]


def test_only_tensorflow_has_other_gradients_of_embeddings() -> None:
    dense = {name: ledger(case, embedding_gradients="as is") for name, case in CASES.items()}
    dense["tensorflow"]["embedding_gradients"] = "dense"
    assert differences(rows_of(run_of([trial(CASES[name], ledger=entries) for name, entries in dense.items()]))) == ()


def test_names_are_known() -> None:
    assert set(COMPARED) >= OF_SPEED
    assert not set(COMPARED) & set(REFUSED)

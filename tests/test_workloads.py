"""The catalog: data of the right form and the same everywhere, parameters checked, nothing heavy imported."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dlbench
import numpy as np
import pytest
from dlbench.results.errors import UsageError
from dlbench.workloads import catalog, metrics
from dlbench.workloads.generation import why_not
from dlbench.workloads.workload import Data, Parameter, Spec, Workload

from .small_downloads import small_downloads

ROOT = Path(dlbench.__file__).resolve().parent

GENERATED = {
    "intent_transformer": "489a63304e65cc323f2d7745a06f799d25b5b3f40ef8d2f480b7d265bcc2fc5a",
    "grammar_gpt": "471a35e5b62cb1a1871d80f99e5f23b15c480f1c100e6436c59e5e133b1a1fa3",
    "intent_lstm": "489a63304e65cc323f2d7745a06f799d25b5b3f40ef8d2f480b7d265bcc2fc5a",
    "keyword_dscnn": "ac28976c110c8439b7d3b99740b59780fef3aeffcf14bde339cce61da12e4c83",
    "fraud_mlp": "9b397e24138c9b436d0f4d821b2ae90327cc3e3191eeb95072d139c17c80ac87",
    "fraud_autoencoder": "0456aad9a42e3e5224ff52ee42b9fca63fc5080dcd14a3a737f91c1e3e889d58",
    "road_unet": "3641e12cd78b2878eda270f89b6d4b0afeb649ea6d1b2f58a3366ed16c063b6e",
    "digits_vae": "8d733fceec42f5dc986574fbd097b91199bd6eed2ea7c9de401cd5d9125b6c89",
    "digits_diffusion": "de1199e3db453ca70c92cfa8755ffdf89ab22544b37b0e1bc0b5290584f43f24",
    "digits_contrastive": "c77d54d67875bd9d31bb04b3ba40380eeb344a6137ac6e2acbfaa4e991109ab3",
}
"""SHA-256 of the arrays, generated or with seeded draws added. A change here changes every stored result: raise the
spec's version with it."""

TRAINED = tuple(workload for workload in catalog.WORKLOADS if workload.spec.metric is not None)
"""The others, published models on random data, are in test_workloads_reference."""
NO_BEST = ("road_unet",)
"""Generated, and no best possible value can be computed."""

every_workload = pytest.mark.parametrize("workload", TRAINED, ids=[workload.spec.name for workload in TRAINED])


@pytest.fixture(autouse=True, scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the workloads on downloaded data read small files of the same layout."""
    with small_downloads(tmp_path_factory.mktemp("keras")):
        yield


def arrays_digest(data: Data) -> str:
    digest = hashlib.sha256()
    for array in (*data.train_x, *data.train_y, *data.test_x, *data.test_y):
        digest.update(f"{array.dtype.newbyteorder('<').str}{array.shape}".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_data_is_the_same_on_every_machine(name: str) -> None:
    workload = catalog.get(name)
    assert arrays_digest(workload.data(workload.spec.defaults())) == GENERATED[name]


@every_workload
def test_data_has_matching_finite_samples_and_train_differs_from_test(workload: Workload) -> None:
    data = workload.data(workload.spec.defaults())
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert len({len(array) for array in (*x, *y)}) == 1
        assert all(np.isfinite(array).all() and array.flags.c_contiguous for array in (*x, *y))
        assert all(array.dtype in (np.float32, np.int32) for array in (*x, *y))
    assert len(data.train_x[0]) >= 4 * workload.spec.batch_size
    train, test = (zip(*(array for array in arrays), strict=True) for arrays in (data.train_x, data.test_x))
    seen = {b"".join(part.tobytes() for part in sample) for sample in train}
    shared = sum(b"".join(part.tobytes() for part in sample) in seen for sample in test)
    assert shared <= 0.01 * len(data.test_x[0])


@every_workload
def test_specs_agree_with_their_metric(workload: Workload) -> None:
    spec = workload.spec
    assert spec.metric is not None
    metric = metrics.get(spec.metric)
    assert spec.direction == metric.direction
    data = workload.data(spec.defaults())
    target = data.target if data.target is not None else spec.target
    assert target is not None
    assert metric.bounds[0] < target < metric.bounds[1]
    if spec.data == "generated" and spec.name not in NO_BEST:
        assert data.best is not None
        assert metric.reached(data.best, target)
    assert spec.estimate is not None
    assert set(spec.estimate.first_step_s) == set(spec.estimate.converge_s) == {"jax", "torch", "tensorflow"}


@pytest.mark.parametrize("workload", catalog.WORKLOADS, ids=lambda workload: workload.spec.name)
def test_what_generates_says_so_and_can_by_default(workload: Workload) -> None:
    spec = workload.spec
    assert (workload.generate is None) == (spec.context is None)
    if workload.generate is None:
        assert why_not(spec, spec.defaults()) == f"{spec.name} generates nothing"
    else:
        assert why_not(spec, spec.defaults()) is None


def test_digits_are_scaled_and_split_by_class() -> None:
    data = catalog.get("digits_cnn").data({})
    assert len(data.train_x[0]) + len(data.test_x[0]) == 1797
    assert (data.train_x[0].min(), data.train_x[0].max()) == (0.0, 1.0)
    shares = np.bincount(data.test_y[0]) / (np.bincount(data.train_y[0]) + np.bincount(data.test_y[0]))
    assert (np.abs(shares - 0.2) < 0.01).all()


def test_cancer_is_standardised_by_the_training_samples_alone() -> None:
    data = catalog.get("cancer_mlp").data({})
    assert data.train_x[0].mean(axis=0) == pytest.approx(0.0, abs=1e-5)
    assert data.train_x[0].std(axis=0) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(data.test_x[0].mean(axis=0)).max() > 1e-3


def test_length_and_vocabulary_change_the_data() -> None:
    spec = catalog.get("grammar_gpt").spec
    data = catalog.get("grammar_gpt").data(catalog.parameters_for(spec, {"length": 8, "vocabulary": "20"}))
    assert data.train_x[0].shape[1] == 8
    assert data.train_x[0].max() == 19
    assert np.array_equal(data.train_x[0][:, 1:], data.train_y[0][:, :-1])


def test_an_unknown_workload_answers_with_the_near_ones() -> None:
    assert catalog.get("digits_cnn").spec.name == "digits_cnn"
    with pytest.raises(UsageError, match="did you mean 'digits_cnn'"):
        catalog.get("digit_cnn")


SPEC = Spec(
    "toy", "test", "", "real", "", 1,
    parameters=(
        Parameter("depth", 2, "", 1, 10), Parameter("rate", 0.5, "", minimum=0),
        Parameter("wide", default=False, meaning=""),
        Parameter("norm", "layer", "", choices=("layer", "batch")),
    ),
)  # fmt: skip


def test_parameters_are_converted_to_the_type_of_their_default() -> None:
    assert catalog.parameters_for(SPEC, {}) == {"depth": 2, "rate": 0.5, "wide": False, "norm": "layer"}
    given = {"norm": "batch", "wide": "yes", "depth": "4", "rate": "1e-1"}
    assert catalog.parameters_for(SPEC, given) == {"depth": 4, "rate": 0.1, "wide": True, "norm": "batch"}
    assert list(catalog.parameters_for(SPEC, given)) == ["depth", "rate", "wide", "norm"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dept": 3}, "did you mean 'depth'"),
        ({"depth": 11}, "1 to 10; received 11"),
        ({"depth": "0"}, "1 to 10; received 0"),
        ({"depth": "2.5"}, "a whole number; received '2.5'"),
        ({"rate": -1}, "at least 0; received -1"),
        ({"rate": "nan"}, "at least 0; received nan"),
        ({"rate": "fast"}, "a number; received 'fast'"),
        ({"wide": "perhaps"}, "true or false; received 'perhaps'"),
        ({"norm": "group"}, "one of layer, batch; received 'group'"),
    ],
)
def test_wrong_parameters_are_told_with_what_is_right(given: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        catalog.parameters_for(SPEC, given)


def test_importing_every_module_loads_no_framework() -> None:
    names = sorted(path.stem for path in (ROOT / "workloads").glob("*.py") if path.stem != "__init__")
    code = f"""
import importlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("dlbench", {str(ROOT / "__init__.py")!r})
sys.modules["dlbench"] = importlib.util.module_from_spec(spec)
for name in {names}:
    importlib.import_module("dlbench.workloads." + name)
heavy = {{"keras", "jax", "torch", "tensorflow", "sklearn", "pandas", "scipy"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)


@every_workload
def test_targets_can_be_met_and_margins_are_smaller_than_the_way_to_them(workload: Workload) -> None:
    spec = workload.spec
    data = workload.data(spec.defaults())
    target = data.target if data.target is not None else spec.target
    assert spec.metric is not None
    assert target is not None
    assert metrics.why_unreachable(spec.metric, spec.direction, target, data.best) is None
    margin = metrics.margin_of(spec)
    assert margin is not None
    assert margin <= 0.06 * target


def test_a_workload_may_have_a_margin_of_its_own() -> None:
    assert metrics.margin_of(catalog.get("digits_autoencoder").spec) == 0.001
    assert metrics.margin_of(catalog.get("digits_cnn").spec) == metrics.get("accuracy").margin
    assert metrics.margin_of(catalog.get("resnet50").spec) is None

"""The count of work: formulas by hand, the same on every backend, equal to the frameworks' own counters."""

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dlbench
import numpy as np
import pytest
from dlbench.workloads import catalog, work_free, work_rules
from dlbench.workloads.work import count_work
from dlbench.workloads.work_composites import COMPOSITES
from dlbench.workloads.work_tape import keras_kind
from hypothesis import assume, given
from hypothesis import strategies as st

from .small_downloads import write_prepared

ROOT = Path(dlbench.__file__).resolve().parent
BACKENDS = tuple(name for name in ("jax", "torch", "tensorflow") if find_spec(name))
BATCH = 4

CHILD = """
import importlib.util, runpy, sys
spec = importlib.util.spec_from_file_location("dlbench", sys.argv[1])
sys.modules["dlbench"] = importlib.util.module_from_spec(spec)
script = sys.argv[2]
sys.argv[1:] = sys.argv[3:]
runpy.run_path(script, run_name="__main__")
"""

Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Count all models in one real process per backend, all at once."""
    prepared = tmp_path_factory.mktemp("prepared")
    write_prepared(prepared)
    children = {}
    for backend in BACKENDS:
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        files = [str(ROOT / "__init__.py"), str(ROOT / "tests" / "work_child.py"), str(prepared)]
        command = [sys.executable, "-P", "-c", CHILD, *files]
        children[backend] = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    result = {}
    for backend, child in children.items():
        output, error = child.communicate(timeout=600)
        assert child.returncode == 0, f"{backend}: {error[-2000:]}"
        result[backend] = json.loads(output.splitlines()[-1])
    return result


@pytest.fixture(scope="module")
def models(answers: Answers) -> dict[str, dict[str, Any]]:
    """Return the counts of one backend."""
    counts: dict[str, dict[str, Any]] = answers[BACKENDS[0]]["models"]
    return counts


def work_of(model: dict[str, Any]) -> tuple[float, float]:
    assert not model["unknown"], model["unknown"]
    return model["forward"], model["training"]


# Against the frameworks' own counters.


@pytest.mark.workers
def test_the_count_is_the_same_on_every_backend(answers: Answers) -> None:
    for answer in answers.values():
        for group in ("models", "catalog"):
            for name, count in answers[BACKENDS[0]][group].items():
                if name in answer[group]:  # some are counted on one backend only
                    found = answer[group][name]
                    assert (found["forward"], found["training"]) == (count["forward"], count["training"]), name


@pytest.mark.workers
@pytest.mark.skipif("torch" not in BACKENDS, reason="PyTorch is not installed")
def test_pytorch_counts_the_same(answers: Answers) -> None:
    answer = answers["torch"]
    assert len(answer["counter"]) > 25
    for name, (forward, training) in answer["counter"].items():
        assert answer["models"][name]["forward"] == forward, name
        if name == "depthwise":  # its counter takes the backward pass of a grouped convolution for that of a dense one
            assert answer["models"][name]["training"] < training
        else:
            assert answer["models"][name]["training"] == training, name


@pytest.mark.workers
@pytest.mark.skipif("jax" not in BACKENDS, reason="JAX is not installed")
def test_xla_counts_a_few_percent_more_for_element_wise_work(answers: Answers) -> None:
    answer = answers["jax"]
    assert set(answer["counter"]) == {"wide", "unpadded", "unrolled"}
    for name, (forward, training) in answer["counter"].items():
        ours, ours_training = work_of(answer["models"][name])
        assert ours <= forward <= 1.03 * ours, name
        assert training == pytest.approx(ours_training, rel=0.03), name


# Against figures from the literature, and by hand.


@pytest.mark.workers
@pytest.mark.skipif("jax" not in BACKENDS, reason="JAX is not installed")
def test_published_networks(answers: Answers) -> None:
    counts = answers["jax"]["models"]
    resnet, _ = work_of(counts["ResNet50"])
    mobilenet, _ = work_of(counts["MobileNetV2"])
    assert resnet / 2 == pytest.approx(3.8e9, rel=0.02)  # He et al. 2015, table 1: 3.8e9 multiply-adds
    assert mobilenet / 2 == pytest.approx(300e6, rel=0.01)  # Sandler et al. 2018, table 4: 300M multiply-adds


LESS_THAN_THRICE = {"keyword_dscnn": 2.2, "digits_vae": 2.5789, "digits_autoencoder": 2.5556}
"""A fixed Fourier transform takes its forward pass alone; a first layer, large here, no gradient of its input."""


@pytest.mark.workers
def test_every_workload_is_fully_counted(answers: Answers) -> None:
    counts = answers[BACKENDS[0]]["catalog"]
    assert set(counts) == {workload.spec.name for workload in catalog.WORKLOADS if workload.spec.metric}
    for name, count in counts.items():
        forward, training = work_of(count)
        if name in LESS_THAN_THRICE:
            assert training / forward == pytest.approx(LESS_THAN_THRICE[name], rel=1e-3), name
        else:
            assert 2.9 <= training / forward <= 3.0, name
        assert {layer[4] / layer[3] for layer in count["layers"] if layer[3]} <= {1.0, 2.0, 3.0}
        assert sum(layer[3] for layer in count["layers"]) == forward
        assert sum(layer[4] for layer in count["layers"]) == training


@pytest.mark.workers
@pytest.mark.parametrize(("name", "length", "outputs"), [("grammar_gpt", 32, 32 * 8), ("intent_transformer", 16, 6)])
def test_a_transformer_by_hand(answers: Answers, name: str, length: int, outputs: int) -> None:
    spec = catalog.get(name).spec
    batch, depth, width = spec.batch_size, int(spec.defaults()["depth"]), int(spec.defaults()["width"])
    blocks = depth * batch * length * 12 * width**2  # four projections, and a network four times as wide
    attention = depth * batch * length**2 * 2 * width
    forward = 2 * (blocks + attention + batch * width * outputs)
    assert work_of(answers[BACKENDS[0]]["catalog"][name]) == (forward, 3 * forward)  # all inputs are trained embeddings


@pytest.mark.workers
def test_a_dense_network_by_hand(models: dict[str, Any]) -> None:
    first, rest = 2 * BATCH * 20 * 5, 2 * BATCH * (5 * 7 + 7 * 3)
    assert work_of(models["dense"]) == (first + rest, 2 * first + 3 * rest)  # no gradient of the network's input
    assert [layer[1:3] for layer in models["dense"]["layers"]] == [["Dense", 1]] * 3


@pytest.mark.workers
def test_what_is_not_trained_needs_fewer_products(models: dict[str, Any]) -> None:
    shapes = (20, 9), (9, 7), (7, 3)
    a, b, c = (2 * BATCH * rows * columns for rows, columns in shapes)
    assert work_of(models["frozen_first"]) == (a + b + c, a + 2 * b + 3 * c)
    assert work_of(models["frozen_middle"]) == (a + b + c, 2 * a + 2 * b + 3 * c)


@pytest.mark.workers
@pytest.mark.parametrize(("name", "gates"), [("lstm", 4), ("gru", 3), ("old_gru", 3), ("simple_rnn", 1)])
def test_recurrent_layers_by_hand(models: dict[str, Any], name: str, gates: int) -> None:
    steps, size, units = 5, 8, 6
    from_input, from_state = (2 * steps * BATCH * gates * units * width for width in (size, units))
    assert work_of(models[name]) == (from_input + from_state, 2 * from_input + 3 * from_state)


@pytest.mark.workers
def test_recurrent_layers_of_other_cells(models: dict[str, Any]) -> None:
    forward, training = work_of(models["lstm"])
    assert work_of(models["bidirectional"]) == (2 * forward, 2 * training)
    assert work_of(models["own_cell"]) == work_of(models["simple_rnn"])
    upper = 2 * 5 * BATCH * 3 * 3 * (6 + 3)
    assert work_of(models["stacked_cells"]) == (forward + upper, training + 3 * upper)
    positions = 2 * 5 * BATCH * 6 * 6 * 9 * 4 * 3  # 3x3 kernels, 4 gates, 3 filters
    assert work_of(models["conv_lstm"]) == (positions * (2 + 3), positions * (2 * 2 + 3 * 3))


@pytest.mark.workers
def test_a_decoder_hands_gradients_to_the_encoder(models: dict[str, Any]) -> None:
    layers = {name: (forward, training) for name, _, _, forward, training in models["decoder"]["layers"]}
    encode = 2 * 6 * BATCH * 4 * 5
    assert (encode * (8 + 5), encode * (2 * 8 + 3 * 5)) in layers.values()
    decode = 2 * 4 * BATCH * 4 * 5
    assert layers["decode"] == (decode * (3 + 5), decode * (2 * 3 + 3 * 5))


@pytest.mark.workers
def test_a_shared_layer_counts_at_each_call(models: dict[str, Any]) -> None:
    forward, _ = work_of(models["shared"])
    assert forward == 5 * 2 * BATCH * 8 * 8
    layers = {name: calls for name, _, calls, *_ in models["shared"]["layers"]}
    assert sorted(layers.values()) == [1, 2, 2]
    assert sum(name.startswith("encoder/") for name in layers) == 2


# What a user writes.


@pytest.mark.workers
def test_what_cannot_be_counted_is_named_and_never_zero(models: dict[str, Any]) -> None:
    wanted = {
        "foreign": "foreign (Foreign): its call cannot be followed",
        "said_wrong": "said_wrong (SaidWrong): its dlbench_flops gave nan",
        "loop": "(Lambda): no rule says what ForiLoop multiplies",
        "any_length": "with an unknown size",
        "other_batch": "made for a batch of 3, not 4",
    }
    for name, words in wanted.items():
        assert (models[name]["forward"], models[name]["training"]) == (None, None)
        [reason] = models[name]["unknown"]
        assert words in reason
    assert work_of(models["no_products"]) == (0.0, 0.0)


@pytest.mark.workers
def test_layers_of_ones_own_are_followed_or_asked(models: dict[str, Any]) -> None:
    once = 2 * BATCH * 8 * 5
    assert work_of(models["preset"]) == (once, 2 * once)
    assert work_of(models["overridden"]) == (2 * once, 4 * once)
    assert work_of(models["said"]) == (2 * BATCH * 8 * 3, 2 * 2 * BATCH * 8 * 3)
    step = 2 * BATCH * 8 * 3
    assert work_of(models["fewer_in_training"]) == (6 * step, 2 * 2 * step)
    projected, recurrent = 2 * 5 * BATCH * (8 * 6 + 6 * 5 + 5 * 5), 2 * 5 * BATCH * 4 * 3 * (5 + 3)
    forward, training = work_of(models["mixed"])
    assert forward == projected + recurrent
    assert training == forward + 2 * 5 * BATCH * (8 * 6 + 2 * 6 * 5 + 5 * 5) + 2 * recurrent


@pytest.mark.workers
def test_counting_leaves_the_model_as_it_was(answers: Answers) -> None:
    for answer in answers.values():
        assert len(answer["untouched"]) > 40
        assert all(answer["untouched"].values()), answer["untouched"]


@pytest.mark.workers
@pytest.mark.skipif("jax" not in BACKENDS, reason="JAX is not installed")
def test_the_lists_name_what_keras_has(answers: Answers) -> None:
    answer = answers["jax"]
    if tuple(map(int, answer["keras"].split(".")[:2])) < (3, 15):
        pytest.skip("the lists name layers that an older Keras lacks")
    assert set(answer["listed"]["layers"]) <= set(answer["exported"])
    assert set(answer["listed"]["operations"]) <= set(answer["operations"])


# Rules alone.


def test_nothing_is_free_and_a_product() -> None:
    assert not work_free.FREE_LAYERS & {*work_rules.LAYER_RULES, *COMPOSITES}
    assert not work_free.FREE_OPERATIONS & set(work_rules.OPERATION_RULES)
    unlisted = {"Scan", "WhileLoop", "Cond", "Map", "SVD", "Inv", "Solve", "FFT2", "Correlate", "JaxLayer", "Lambda"}
    assert not unlisted & (work_free.FREE_LAYERS | work_free.FREE_OPERATIONS)


def tensor(*shape: int | None) -> Any:
    return SimpleNamespace(shape=shape)


def flops(rule: Any, operation: Any, args: tuple[Any, ...], *outputs: Any) -> int:
    return sum(product.flops for product in rule(operation, args, {}, outputs))


def conv(*kernel: int) -> Any:
    variable = tensor(*kernel)
    return SimpleNamespace(kernel=variable, variables=[variable], bias=None)


def test_published_convolutions() -> None:
    rule = work_rules.LAYER_RULES["Conv2D"]
    first = flops(rule, conv(7, 7, 3, 64), (tensor(1, 224, 224, 3),), tensor(1, 112, 112, 64))
    assert first == 2 * 118_013_952  # ResNet-50, conv1
    second = flops(rule, conv(3, 3, 64, 64), (tensor(1, 64, 224, 224),), tensor(1, 64, 224, 224))
    assert second == 2 * 1_849_688_064  # VGG-16, conv1_2, channels first
    strided = work_rules.LAYER_RULES["Conv2DTranspose"]
    assert flops(strided, conv(2, 2, 8, 16), (tensor(1, 5, 5, 16),), tensor(1, 10, 10, 8)) == 2 * 25 * 16 * 4 * 8


def test_a_size_only_known_at_run_time_is_not_counted() -> None:
    with pytest.raises(work_rules.Uncounted, match="only known when it runs"):
        flops(work_rules.OPERATION_RULES["Matmul"], None, (tensor(None, 3), tensor(3, 4)), tensor(None, 4))
    with pytest.raises(work_rules.Uncounted, match="singular values"):
        flops(work_rules.OPERATION_RULES["Norm"], SimpleNamespace(ord="nuc", axis=None), (tensor(3, 4),), tensor())
    with pytest.raises(work_rules.Uncounted, match="einsum of 3 operands"):
        work_rules.einsum_multiply_adds("ab,bc,cd->ad", (2, 3), (3, 4), (4, 5))


SIZES = st.fixed_dictionaries({label: st.integers(1, 4) for label in "abcde"})
TERMS = st.lists(st.sampled_from("abcde"), unique=True, max_size=4).map("".join)


@given(SIZES, TERMS, TERMS, st.data())
def test_einsum_counts_the_terms_of_its_sums(sizes: dict[str, int], left: str, right: str, data: st.DataObject) -> None:
    present = sorted({*left, *right})
    result = "".join(data.draw(st.lists(st.sampled_from(present), unique=True))) if present else ""
    shapes = tuple(tuple(sizes[label] for label in term) for term in (left, right))
    count = work_rules.einsum_multiply_adds(f"{left},{right}->{result}", *shapes)
    summed = set(left) & set(right) - set(result)
    lonely = (set(left) ^ set(right)) - set(result)
    kept = ["".join(label for label in term if label not in lonely) for term in (left, right)]
    ones = [np.ones([sizes[label] for label in term]) for term in kept]
    assert count == (np.einsum(f"{kept[0]},{kept[1]}->{result}", *ones).sum() if summed else 0)


@given(SIZES, TERMS, TERMS, st.booleans())
def test_einsum_shapes_are_those_of_numpy(sizes: dict[str, int], left: str, right: str, implicit: bool) -> None:
    common = sorted(set(left) & set(right))
    subscripts = f"...{left},{right}..." + ("" if implicit else "->..." + "".join(common))
    shapes = (2, 1, *(sizes[x] for x in left)), (*(sizes[x] for x in right), 3)
    wanted = np.einsum(subscripts, *map(np.ones, shapes)).shape
    assert work_rules.einsum_shape(subscripts, *shapes) == wanted


@given(st.lists(st.integers(1, 3), max_size=2), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_matmul_counts_the_terms_of_its_sums(batch: list[int], rows: int, inner: int, columns: int) -> None:
    left, right = np.ones((*batch, rows, inner)), np.ones((inner, columns))
    result = left @ right
    assert flops(work_rules.OPERATION_RULES["Matmul"], None, (left, right), result) == 2 * result.sum()


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.lists(st.integers(1, 3), max_size=2), st.integers(0, 4))
def test_tensordot_counts_the_terms_of_its_sums(left: list[int], more: list[int], axes: int) -> None:
    assume(0 < axes <= len(left))
    a, b = np.ones(left), np.ones([*left[-axes:], *more])
    result = np.tensordot(a, b, axes)
    rule = work_rules.OPERATION_RULES["Tensordot"]
    assert flops(rule, SimpleNamespace(axes=axes), (a, b), result) == 2 * result.sum()
    outer = np.tensordot(a, b, 0)
    assert flops(rule, SimpleNamespace(axes=0), (a, b), outer) == 0  # element-wise


def test_attention_counts_queries_times_keys() -> None:
    query, key = tensor(2, 5, 4, 8), tensor(2, 9, 2, 8)  # half as many heads of keys
    rule = work_rules.OPERATION_RULES["DotProductAttention"]
    assert flops(rule, None, (query, key, key), query) == 2 * 2 * (2 * 4 * 5 * 9 * 8)


def test_a_subclass_counts_as_its_base_only_if_it_computes_the_same() -> None:
    class Base:
        def call(self) -> None: ...

        def build(self) -> None: ...

    Base.__module__ = "keras.src.layers.core.dense"

    class Preset(Base):
        extra = 1

        def __init__(self) -> None: ...

        def build(self) -> None: ...

    class Other(Preset):
        def call(self) -> None: ...

    assert keras_kind(Base()) == keras_kind(Preset()) == "Base"
    assert keras_kind(Other()) is None
    assert keras_kind(object()) is None


def test_wrong_use_is_told() -> None:
    with pytest.raises(ValueError, match="at least 1, received 0"):
        count_work(SimpleNamespace(), 0)
    work = count_work(SimpleNamespace(inputs=None), 1)
    assert (work.forward_flops, work.training_flops, work.by_layer) == (None, None, ())
    assert work.unknown == ("the model does not know its inputs",)


def test_einsum_of_one_operand_is_free() -> None:
    assert work_rules.einsum_multiply_adds("ij->i", (3, 4)) == 0
    assert work_rules.einsum_multiply_adds("ij,ij->ij", (3, 4), (3, 4)) == 0
    assert work_rules.einsum_multiply_adds("ij,ij->", (3, 4), (3, 4)) == math.prod((3, 4))

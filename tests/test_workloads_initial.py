"""Initial weights: the same on every backend, and distributed as Keras documents."""

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
from dlbench.workloads import catalog, initial

from .small_downloads import write_prepared

ROOT = Path(dlbench.__file__).resolve().parent
BACKENDS = tuple(name for name in ("jax", "torch", "tensorflow") if find_spec(name))

TRAINED = [workload.spec.name for workload in catalog.WORKLOADS if workload.spec.metric is not None]
"""The published models for GPUs are built in test_workloads_reference."""

RESEEDED = ("digits_cnn", "grammar_gpt")
"""Built with another seed too."""

Answers = dict[str, dict[str, Any]]

CHILD = """
import importlib.util, json, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("dlbench", sys.argv[1])
sys.modules["dlbench"] = importlib.util.module_from_spec(spec)
import numpy as np
import keras
from dlbench.workloads import catalog, data_file, initial

RESEEDED = sys.argv[3].split(",")
untouched = {name: getattr(keras.initializers, name).__call__ for name in initial.DRAWS}
answer = {"digests": {}, "other": {}, "mixed": {}}
for workload in catalog.WORKLOADS:
    if workload.spec.metric is None:
        continue
    parameters = workload.spec.defaults()
    if workload.spec.download:
        data, _ = data_file.read(Path(sys.argv[2]) / f"{workload.spec.name}.npz")
    else:
        data = workload.data(parameters)
    for key, seed in (("digests", 0), ("other", 1)):
        if key == "other" and workload.spec.name not in RESEEDED:
            continue
        with initial.seeded_initializers(seed):
            problem = workload.build(parameters, data)
        answer[key][workload.spec.name] = initial.weights_digest(problem.model.weights)
    keras.config.set_dtype_policy("mixed_bfloat16")
    with initial.seeded_initializers(0):
        problem = workload.build(parameters, data)
    keras.config.set_dtype_policy("float32")
    finite = None
    if keras.backend.backend() != "jax":  # which would compile every operation of a call like this by itself
        inputs = [array[:4] for array in data.train_x]
        outputs = problem.model(inputs if len(inputs) > 1 else inputs[0])
        finite = bool(np.isfinite(float(keras.ops.convert_to_numpy(problem.loss(data.train_y[0][:4], outputs)))))
    inner = {layer.compute_dtype for layer in problem.model.layers}
    answer["mixed"][workload.spec.name] = [str(problem.model.outputs[0].dtype), finite, "bfloat16" in inner]

kinds = [
    keras.initializers.RandomNormal(), keras.initializers.TruncatedNormal(0.1, 2.0),
    keras.initializers.RandomUniform(-1, 3),
    keras.initializers.GlorotUniform(), keras.initializers.GlorotNormal(),
    keras.initializers.HeNormal(), keras.initializers.HeUniform(), keras.initializers.LecunNormal(),
    keras.initializers.LecunUniform(), keras.initializers.Orthogonal(),
    keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
]
with initial.seeded_initializers(5):
    values = [keras.ops.convert_to_numpy(kind((3, 3, 4, 6), dtype="float32")) for kind in kinds]
    half = keras.ops.cast(kinds[0]((64,), dtype="bfloat16"), "float32")
answer["classes"] = [value.ravel().tolist() for value in values]
answer["half"] = keras.ops.convert_to_numpy(half).tolist()
now = {name: getattr(keras.initializers, name).__call__ for name in initial.DRAWS}
answer["restored"] = now == untouched
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Build every workload in one real process per backend, all at once."""
    prepared = tmp_path_factory.mktemp("prepared")
    write_prepared(prepared)
    children = {}
    for backend in BACKENDS:
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-P", "-c", CHILD, str(ROOT / "__init__.py"), str(prepared), ",".join(RESEEDED)]
        children[backend] = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    result = {}
    for backend, child in children.items():
        output, error = child.communicate(timeout=300)
        assert child.returncode == 0, f"{backend}: {error[-2000:]}"
        result[backend] = json.loads(output.splitlines()[-1])
    return result


@pytest.mark.workers
@pytest.mark.parametrize("name", TRAINED)
def test_initial_weights_are_equal_on_all_backends(answers: Answers, name: str) -> None:
    digests = {backend: answer["digests"][name] for backend, answer in answers.items()}
    assert len(set(digests.values())) == 1, digests


@pytest.mark.workers
@pytest.mark.parametrize("name", RESEEDED)
def test_another_seed_gives_other_weights_equal_again(answers: Answers, name: str) -> None:
    others = {answer["other"][name] for answer in answers.values()}
    assert len(others) == 1
    assert others.isdisjoint(answer["digests"][name] for answer in answers.values())


@pytest.mark.workers
def test_every_initializer_class_agrees_to_the_bit(answers: Answers) -> None:
    for key in ("classes", "half"):
        assert all(answer[key] == answers[BACKENDS[0]][key] for answer in answers.values())
    first, second = answers[BACKENDS[0]]["classes"][:2]
    assert np.std(first) > 0
    assert first != second


@pytest.mark.workers
def test_keras_is_left_as_it_was(answers: Answers) -> None:
    assert all(answer["restored"] for answer in answers.values())


@pytest.mark.workers
@pytest.mark.parametrize("name", TRAINED)
def test_mixed_precision_keeps_outputs_in_float32(answers: Answers, name: str) -> None:
    for backend, answer in answers.items():
        dtype, finite, inner = answer["mixed"][name]
        assert "float32" in dtype
        assert finite or backend == "jax"
        assert inner


SHAPE = (400, 500)


def draw(name: str, **fields: Any) -> np.ndarray:
    return initial.DRAWS[name](SimpleNamespace(**fields), SHAPE, np.random.default_rng(0))


def scaling(mode: str, distribution: str) -> np.ndarray:
    fields = {"mode": mode, "distribution": distribution, "input_axes": None, "output_axes": None}
    return draw("VarianceScaling", scale=2.0, **fields)


@pytest.mark.parametrize(("mode", "units"), [("fan_in", 400), ("fan_out", 500), ("fan_avg", 450)])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_variance_scaling_has_the_variance_it_promises(mode: str, units: int, distribution: str) -> None:
    values = scaling(mode, distribution)
    wanted = math.sqrt(2.0 / units)
    assert values.mean() == pytest.approx(0.0, abs=5 * wanted / math.sqrt(values.size))
    assert values.std() == pytest.approx(wanted, rel=0.01)


def test_limits_of_the_cut_distributions() -> None:
    stddev = math.sqrt(2.0 / 400)
    truncated, uniform = scaling("fan_in", "truncated_normal"), scaling("fan_in", "uniform")
    assert np.abs(truncated).max() <= 2 * stddev / initial.TRUNCATED_STDDEV
    assert np.abs(uniform).max() <= math.sqrt(3) * stddev
    plain = draw("TruncatedNormal", mean=1.0, stddev=0.5)
    assert 0.0 <= plain.min() < 0.01
    assert plain.std() == pytest.approx(0.5 * initial.TRUNCATED_STDDEV, rel=0.01)
    assert plain.mean() == pytest.approx(1.0, abs=0.005)


def test_plain_distributions() -> None:
    normal = draw("RandomNormal", mean=2.0, stddev=0.1)
    uniform = draw("RandomUniform", minval=-1.0, maxval=3.0)
    assert (normal.mean(), normal.std()) == (pytest.approx(2.0, abs=0.002), pytest.approx(0.1, rel=0.01))
    assert np.abs(normal - 2.0).max() > 0.3  # not truncated
    assert (uniform.min(), uniform.max()) == (pytest.approx(-1.0, abs=0.01), pytest.approx(3.0, abs=0.01))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 4)])
def test_orthogonal_matrices_are_orthogonal(shape: tuple[int, ...]) -> None:
    value = initial.DRAWS["Orthogonal"](SimpleNamespace(gain=2.0), shape, np.random.default_rng(1))
    assert value.shape == shape
    matrix = value.reshape(-1, shape[-1])
    gram = matrix @ matrix.T if len(matrix) < shape[-1] else matrix.T @ matrix
    assert gram == pytest.approx(4.0 * np.eye(len(gram)), abs=1e-12)


def test_fans_count_the_receptive_field() -> None:
    assert initial.fans((), None, None) == (1, 1)
    assert initial.fans((7,), None, None) == (7, 7)
    assert initial.fans((3, 3, 4, 6), None, None) == (36, 54)
    assert initial.fans((2, 5, 7), (0,), (1, 2)) == (2, 35)


def test_an_initializer_of_an_earlier_keras_goes_by_the_shape_alone() -> None:
    given = {"mode": "fan_avg", "scale": 1.0, "distribution": "uniform"}
    now = SimpleNamespace(input_axes=None, output_axes=None, **given)
    draw = initial.DRAWS["VarianceScaling"]
    values = [draw(each, (3, 4), np.random.default_rng(7)) for each in (SimpleNamespace(**given), now)]
    assert np.array_equal(*values)
    assert np.abs(values[0]).max() <= math.sqrt(6.0 / 7)

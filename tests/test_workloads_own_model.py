"""A user's own file: which function is taken, what is read from its model, and what is said if wrong."""

import os
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dlbench.harness.roles.describe import imported_beside
from dlbench.results.errors import UsageError
from dlbench.workloads import catalog
from dlbench.workloads.own import own_model, python_file
from dlbench.workloads.own.open_sizes import fill
from dlbench.workloads.own.problem import problem_of, problem_signature
from dlbench.workloads.reference import Reference
from dlbench.workloads.synthetic import Signature
from dlbench.workloads.workload import Problem, Workload

# Any backend will do; Keras' own default would be TensorFlow, the slowest to import.
INSTALLED = [name for name in ("jax", "torch", "tensorflow") if find_spec(name)]
os.environ.setdefault("KERAS_BACKEND", INSTALLED[0])


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.setattr("sys.path", list(sys.path))

    def write_file(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text("import keras\nfrom keras import layers\n" + dedent(text))
        return path

    return write_file


def workload(path: Path) -> Workload:
    return own_model.workload(python_file.offer(path))


def problem(path: Path, **parameters: Any) -> Problem:
    offer = python_file.offer(path)
    made, model = own_model.make_model(offer, parameters, None)
    return problem_of(offer, made, fill(model, parameters), parameters)


def signature(path: Path) -> Signature:
    return problem_signature(problem(path))


def described(path: Path, **parameters: Any) -> own_model.Described:
    return own_model.describe(python_file.offer(path), parameters)


def model(body: str) -> str:
    return "def model():\n" + "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())


# Which function is meant


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("def build(): ...\ndef get_model(): ...\ndef other(): ...", "get_model"),
        ("def model(): ...\ndef build_model(): ...", "model"),
        ("def _hidden(): ...\ndef network(): ...\nfrom os.path import join", "network"),
    ],
)
def test_the_function_meant_is_found(write: Write, text: str, taken: str) -> None:
    assert python_file.offer(write(text)).name == taken


def test_a_named_function_wins(write: Write) -> None:
    path = write("def model(): ...\ndef other(): ...")
    assert python_file.offer(path, "other").name == "other"
    with pytest.raises(UsageError, match=r"no function 'othr'; its functions are model, other"):
        python_file.offer(path, "othr")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def a(): ...\ndef b(): ...", r"which function .* are a, b; run: dlbench run .*mine\.py:a$"),
        ("x = 1", r"no public function; add 'def model\(\):' .*mine\.py:FUNCTION$"),
        ("model = 5", r"'model' is a int, not a function; write 'def model\(\)"),
        ("x = 1\ny = (", r"mine\.py, line 4: SyntaxError: "),
        ("x = 1\nimport not_there_at_all", r"mine\.py, line 4: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", r"mine\.py, line 3: SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line(write: Write, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        python_file.offer(write(text))
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        python_file.offer(tmp_path / "none.py")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match=r"ends in \.py"):
        python_file.offer(tmp_path / "notes.txt")


def test_files_beside_it_can_be_imported_and_shadow_nothing(write: Write) -> None:
    write("SIZE = 5", "beside_mine.py")
    write("raise RuntimeError", "json.py")
    path = write("import json\nfrom beside_mine import SIZE\ndef model(size=SIZE): return json.dumps(size)")
    assert python_file.offer(path).model() == "5"


def test_files_imported_beside_it_are_noted_and_modules_without_a_file_are_not(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = write("SIZE = 5", "noted_beside.py")
    path = write("import noted_beside\ndef model(): ...")
    nowhere = ModuleType("nowhere")
    nowhere.__file__ = "_ops.py"  # as torch.ops has it
    monkeypatch.setitem(sys.modules, "nowhere", nowhere)
    monkeypatch.chdir(path.parent)
    python_file.offer(path)
    assert list(imported_beside(Reference("mine", "file", str(path)))) == [str(beside.resolve())]


# Parameters


def test_defaults_become_parameters(write: Write) -> None:
    path = write("def model(depth=4, rate=0.5, wide=True, norm='layer', shape=(3, 3), *rest, **more): ...")
    found = workload(path)
    assert found.spec.defaults() == {"depth": 4, "rate": 0.5, "wide": True, "norm": "layer", "shape": "3x3"}
    assert catalog.parameters_for(found.spec, {"depth": "8"})["depth"] == 8
    assert (found.spec.data, found.spec.metric) == ("synthetic", None)
    assert found.spec.phases == ("train", "infer")


def test_a_parameter_without_default_must_be_given(write: Write) -> None:
    path = write("def model(depth): return keras.Sequential([keras.Input((depth,)), layers.Dense(2)])")
    told = described(path)
    assert told.signature is None
    assert told.problem
    assert re.search(r"mine\.py: argument 'depth' of model has no default; add -p depth=VALUE", told.problem)
    given = described(path, depth=7)
    assert given.signature
    assert given.signature.inputs[0].shape == (7,)


def test_a_shape_and_none_may_be_given(write: Write) -> None:
    path = write(
        """
        def model(shape, units=None):
            assert units is None
            return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(2)])
        """
    )
    found = workload(path)
    values = catalog.parameters_for(found.spec, {"shape": "4x5x1", "units": "none"})
    assert values == {"shape": "4x5x1", "units": "none"}
    assert found.data(values).train_x[0].shape[1:] == (4, 5, 1)


def test_two_functions_with_two_defaults_for_one_parameter_are_told(write: Write) -> None:
    path = write("def model(n=3): ...\ndef data(n=4): ...")
    with pytest.raises(UsageError, match="argument 'n' has two defaults, 3 and 4"):
        python_file.offer(path)


def test_parameters_reach_the_function(write: Write) -> None:
    path = write("def model(units=2): return keras.Sequential([keras.Input((3,)), layers.Dense(units)])")
    found = workload(path)
    parameters = catalog.parameters_for(found.spec, {"units": 7})
    data = found.data(parameters)
    assert data.train_y[0].shape[1:] == (7,)
    assert found.build(parameters, data).model(data.train_x[0][:2]).shape == (2, 7)


# What is read from the model


SEQUENTIAL = "return keras.Sequential([{}, layers.Embedding(11, 4), layers.Flatten()])"
FUNCTIONAL = "x = {}\nreturn keras.Model(x, {})"


@pytest.mark.parametrize(
    ("body", "below"),
    [
        (SEQUENTIAL.format("keras.Input((5,), dtype='int32')"), 11),
        (SEQUENTIAL.format("keras.Input((5,))"), 11),
        (FUNCTIONAL.format("keras.Input((6,))", "layers.Embedding(7, 2)(layers.Reshape((2, 3))(x))"), 7),
        (FUNCTIONAL.format("keras.Input((6,))", "keras.Sequential([layers.Embedding(9, 2)])(x)"), 9),
        (FUNCTIONAL.format("keras.Input((6,))", "layers.Embedding(9, 2)(x) + layers.Embedding(4, 2)(x)"), 4),
        (FUNCTIONAL.format("keras.Input((6,))", "layers.Dense(3)(x)"), None),
        (FUNCTIONAL.format("keras.Input((6,), dtype='uint8')", "layers.Rescaling(1 / 255)(x)"), 256),
        (FUNCTIONAL.format("keras.Input((6,), dtype='int32')", "layers.Rescaling(1.0)(x)"), 2),
    ],
)
def test_an_input_that_feeds_a_table_is_bounded_by_it(write: Write, body: str, below: int | None) -> None:
    assert signature(write(model(body))).inputs[0].below == below


def test_a_table_inside_a_custom_layer_bounds_the_input(write: Write) -> None:
    path = write(
        """
        class Tokens(layers.Layer):
            def __init__(self):
                super().__init__()
                self.table = layers.Embedding(13, 4)
            def call(self, x):
                return self.table(x)

        def model():
            x = keras.Input((6,))
            return keras.Model(x, Tokens()(x))
        """
    )
    assert signature(path).inputs[0].below == 13


def test_each_of_several_inputs_is_bounded_by_its_own_table(write: Write) -> None:
    body = """
        a, b, c = keras.Input((2,), name="a"), keras.Input((2,), name="b"), keras.Input((2, 4), name="c")
        ab = [layers.Embedding(3, 4)(a), layers.Embedding(5, 4)(b)]
        y = layers.Add()([*ab, c])
        return keras.Model([a, b, c], [layers.Dense(2, activation="softmax")(y), layers.Dense(1)(y)])
    """
    got = signature(write(model(body)))
    assert [(item.name, item.below) for item in got.inputs] == [("a", 3), ("b", 5), ("c", None)]
    first, second = got.outputs
    assert (first.kind, first.shape, first.classes) == ("class", (2,), 2)
    assert (second.kind, second.shape, second.classes) == ("real", (2, 1), None)


@pytest.mark.parametrize(
    ("ending", "loss", "kind"),
    [
        ("layers.Dense(4, activation='softmax')(x)", "SparseCategoricalCrossentropy", "class"),
        ("layers.Activation('softmax')(layers.Dense(4)(x))", "SparseCategoricalCrossentropy", "class"),
        ("layers.Softmax()(layers.Dense(4)(x))", "SparseCategoricalCrossentropy", "class"),
        ("keras.ops.softmax(layers.Dense(4)(x))", "SparseCategoricalCrossentropy", "class"),
        ("keras.Sequential([layers.Dense(4, 'softmax')])(x)", "SparseCategoricalCrossentropy", "class"),
        ("layers.Dense(1, activation='sigmoid')(x)", "BinaryCrossentropy", "binary"),
        ("keras.ops.sigmoid(layers.Dense(1)(x))", "BinaryCrossentropy", "binary"),
        ("layers.Dense(4)(x)", "MeanSquaredError", "real"),
        ("layers.Dense(4, activation='relu')(x)", "MeanSquaredError", "real"),
    ],
)
def test_the_last_activation_chooses_the_loss(write: Write, ending: str, loss: str, kind: str) -> None:
    path = write(model(f"x = keras.Input((6,))\nreturn keras.Model(x, {ending})"))
    found = problem(path)
    assert type(found.loss).__name__ == loss
    assert type(found.optimizer).__name__ == "Adam"
    assert float(found.optimizer.learning_rate) == pytest.approx(1e-3)
    assert signature(path).outputs[0].kind == kind


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        ("'sparse_categorical_crossentropy'", "class"),
        ("'categorical_crossentropy'", "one_hot"),
        ("keras.losses.BinaryCrossentropy(from_logits=True, name='mine')", "binary"),
        ("'mse'", "real"),
        ("'MeanAbsoluteError'", "real"),
        ("lambda y, p: keras.ops.mean((y - p) ** 2, axis=-1)", "real"),
        ("['mse']", "real"),
        ("keras.losses.sparse_categorical_crossentropy", "class"),
    ],
)
def test_a_compiled_model_keeps_its_loss_and_optimizer(write: Write, loss: str, kind: str) -> None:
    body = f"""
        m = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
        m.compile(keras.optimizers.SGD(0.25), {loss})
        return m
    """
    path = write(model(body))
    found = workload(path)
    data = found.data({})
    built = found.build({}, data)
    assert type(built.optimizer).__name__ == "SGD"
    assert problem_signature(built).outputs[0].kind == kind
    value = built.loss(data.train_y[0][:8], built.model(data.train_x[0][:8]))
    assert np.isfinite(float(value))


def test_losses_by_the_name_of_the_output(write: Write) -> None:
    body = """
        x = keras.Input((6,))
        m = keras.Model(x, [layers.Dense(1, name="p")(x), layers.Dense(2, activation="softmax", name="q")(x)])
        m.compile("sgd", {"q": "sparse_categorical_crossentropy", "p": "mse"})
        return m
    """
    path = write(model(body))
    assert isinstance(problem(path).loss, tuple)
    assert [item.kind for item in signature(path).outputs] == ["real", "class"]


# What is said when it is wrong


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x = keras.Input((None, 3), name='clip'); return keras.Model(x, layers.Dense(2)(x))",
         r"parameter 'length' takes a whole number above 0, such as length=128; received None"),
        ("return 5", r"model returned a value of type int, not a Keras model"),
        ("return None", r"model returned nothing, not a Keras model"),
        ("return keras.Sequential([layers.Dense(2)])", r"does not know its inputs; start it with keras"),
        ("class Net(keras.Model):\n    def call(self, x): return x\nreturn Net()", r"wrap it as keras.Model"),
        ("y = 1\nreturn 1 / 0", r"mine\.py, line 5: ZeroDivisionError: division by zero"),
        ("return layers.Dense(-1)", r"mine\.py, line 4: "),
        ("m = keras.Sequential([keras.Input((6,)), layers.Dense(3)])\nm.compile(loss=['mse', 'mse'])\nreturn m",
         r"compiled with 2 losses for 1 outputs"),
        ("m = keras.Sequential([keras.Input((6,)), layers.Dense(3)]); m.compile(loss='mze'); return m",
         r"unknown loss 'mze'|mine\.py, line"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_used_is_told_in_one_line(write: Write, body: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        signature(write(model(body)))
    assert "\n" not in str(caught.value)


def test_synthetic_data_trains_the_model(write: Write) -> None:
    body = """
        x = keras.Input((6,), dtype="int32")
        h = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(x))
        return keras.Model(x, layers.Dense(3, activation="softmax")(h))
    """
    found = workload(write(model(body)))
    data = found.data({})
    built = found.build({}, data)
    assert len(data.train_x[0]) >= found.spec.batch_size
    value = built.loss(data.train_y[0][:32], built.model(data.train_x[0][:32]))
    assert float(value) == pytest.approx(np.log(3), abs=0.2)


def test_a_loss_without_a_proper_name_gets_one(write: Write) -> None:
    body = """
        m = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
        m.compile(loss=lambda targets, outputs: keras.ops.mean(outputs))
        return m
    """
    assert problem(write(model(body))).loss.name == "lambda"


CUSTOM = """
class Own(keras.Model):
    def {method}(self, *values, **named): return {{}}

def model():
    x = keras.Input((6,))
    return Own(x, layers.Dense(3)(x))
"""


@pytest.mark.parametrize("method", ["train_step", "compute_loss"])
def test_a_model_that_trains_in_a_way_of_its_own_is_measured_in_inference(write: Write, method: str) -> None:
    found = described(write(CUSTOM.format(method=method)))
    assert found.spec.phases == ("infer",)
    assert found.signature


def test_a_model_with_training_alone_is_told_what_to_give(write: Write) -> None:
    path = write("class Own(keras.Model):\n    def train_step(self, data): return {}\ndef model(): return Own()")
    with pytest.raises(UsageError, match="Own has a train_step of its own, which dlbench does not run, and no call"):
        described(path)


def test_loss_weights_are_refused_since_they_would_be_ignored(write: Write) -> None:
    path = write(
        "import keras\n"
        "def model():\n"
        "    m = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])\n"
        "    m.compile(loss=['mse'], loss_weights=[0.5])\n"
        "    return m\n"
    )
    with pytest.raises(UsageError, match="loss_weights"):
        problem(path)

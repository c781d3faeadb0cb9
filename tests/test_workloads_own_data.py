"""A user's own data, scripts, saved models, libraries and packages: what is taken from them, and what is told."""

import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dlbench.harness.cli.common_options import complete_workload
from dlbench.harness.commands import list as list_command
from dlbench.results.errors import UnsupportedError, UsageError
from dlbench.workloads import catalog, metrics
from dlbench.workloads.own import model_library, own_model, plugins, python_file, saved_model
from dlbench.workloads.own.own_data import own_data
from dlbench.workloads.reference import Reference, resolve
from dlbench.workloads.synthetic import InputSignature, OutputSignature, Signature
from hypothesis import given
from hypothesis import strategies as st

INSTALLED = [name for name in ("jax", "torch", "tensorflow") if find_spec(name)]
os.environ.setdefault("KERAS_BACKEND", INSTALLED[0])

Write = Callable[..., Path]
CLASSES = Signature((InputSignature("x", (4,), "float32"),), (OutputSignature("y", (), "class", 3),))
ONE_HOT = Signature(CLASSES.inputs, (OutputSignature("y", (3,), "one_hot", 3),))
TWO = Signature(
    (InputSignature("b", (2,), "float32"), InputSignature("a", (3,), "int32", 9)),
    (OutputSignature("p", (1,), "binary"), OutputSignature("q", (2,), "real")),
)
X, Y = np.ones((10, 4)), np.arange(10) % 3


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.setattr("sys.path", list(sys.path))

    def write_file(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text("import keras\nimport numpy as np\nfrom keras import layers\n" + dedent(text))
        return path

    return write_file


# The forms of data


def test_both_forms_of_data() -> None:
    whole = own_data("m.py", (X, Y), CLASSES)
    assert [len(part[0]) for part in (whole.train_x, whole.train_y, whole.test_x, whole.test_y)] == [8, 8, 2, 2]
    assert whole.train_x[0].dtype == np.float32
    assert whole.test_y[0].tolist() == [8 % 3, 9 % 3]
    parts = own_data("m.py", ((X, Y), (X[:3], Y[:3])), CLASSES)
    assert [len(parts.train_x[0]), len(parts.test_x[0])] == [10, 3]


def test_several_inputs_and_outputs_by_place_or_by_name() -> None:
    a, b = np.arange(30).reshape(10, 3) % 9, np.zeros((10, 2))
    p, q = np.ones(10), np.zeros((10, 2))
    by_name = own_data("m.py", ({"a": a, "b": b}, {"q": q, "p": p}), TWO)
    by_place = own_data("m.py", ([b, a], [p, q]), TWO)
    for left, right in ((by_name, by_place),):
        assert [array.shape for array in left.train_x] == [array.shape for array in right.train_x] == [(8, 2), (8, 3)]
        assert [array.shape for array in left.train_y] == [array.shape for array in right.train_y] == [(8, 1), (8, 2)]


@pytest.mark.parametrize(
    ("value", "signature", "words"),
    [
        (None, CLASSES, r"m\.py: data\(\) gives nothing; return \(\(x_train, y_train\)"),
        ((X, Y, Y), CLASSES, r"gives a value of type tuple; return"),
        ((X[:, :3], Y), CLASSES, r"inputs of shape \(3,\) per sample for 'x'; the model takes \(4,\)"),
        ((X, np.eye(3)[Y]), CLASSES, r"labels of shape \(3,\).*class numbers 0 to 2 of shape \(\).*CategoricalCross"),
        ((X, Y), ONE_HOT, r"labels of shape \(\).*one-hot classes of shape \(3,\).*SparseCategoricalCrossentropy"),
        ((X, Y + 1), CLASSES, r"labels from 1 to 3 for output 'y'; its loss takes class numbers 0 to 2"),
        ((X, Y + 0.5), CLASSES, r"labels from 0\.5 to 2\.5"),
        ((X[:9], Y), CLASSES, r"training arrays of 9, 10 samples; all need the same number"),
        ((X[:4], Y[:4]), CLASSES, r"gives 4 samples; at least 5 are needed"),
        ((np.array(["a"] * 10), Y), CLASSES, r"training inputs of data\(\) have type <U1"),
        (([X], [Y]), TWO, r"gives 1 training inputs; the model has 2: b, a"),
        (({"a": X}, Y), TWO, r"gives training inputs a, without b of the model"),
        (([np.zeros((10, 2)), np.full((10, 3), 9)], [Y, X]), TWO, r"inputs of 9 to 9 for 'a'.*rows 0 to 8"),
    ],
)
def test_data_that_does_not_fit_is_told(value: Any, signature: Signature, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        own_data("m.py", value, signature)
    assert str(caught.value).startswith("m.py: ")


@given(st.integers(5, 60), st.booleans())
def test_no_sample_is_lost_or_seen_twice(count: int, column: bool) -> None:
    x = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    y = (np.arange(count) % 3).reshape((count, 1) if column else (count,))
    found = own_data("m.py", (x, y), CLASSES)
    assert np.array_equal(np.concatenate([found.train_x[0], found.test_x[0]]), x)
    assert np.array_equal(np.concatenate([found.train_y[0], found.test_y[0]]), y.reshape(-1))


# What a file says beside its model

FILE = """
def model(units=3):
    return keras.Sequential([keras.Input((4,)), layers.Dense(units)])

def data(samples=20):
    return np.ones((samples, 4)), np.arange(samples) % 3

loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
TARGET, EPOCHS, batch_size = 0.5, 7, 5

def optimizer(rate=0.25):
    return keras.optimizers.SGD(rate)
"""


def test_a_file_gives_data_loss_optimizer_and_target(write: Write) -> None:
    offer = python_file.offer(write(FILE))
    found = own_model.describe(offer, {"samples": 30}).spec
    assert found.defaults() == {"units": 3, "samples": 20, "rate": 0.25}
    assert (found.metric, found.direction, found.target, found.data) == ("accuracy", "max", 0.5, "own")
    assert (found.epochs, found.batch_size, found.phases) == (7, 5, ("train", "infer", "converge"))
    workload = own_model.workload(offer)
    data = workload.data({"units": 3, "samples": 30, "rate": 0.5})
    assert len(data.train_x[0]) == 24
    problem = workload.build({"units": 3, "samples": 30, "rate": 0.5}, data)
    assert type(problem.optimizer).__name__ == "SGD"
    assert float(problem.optimizer.learning_rate) == 0.5
    assert type(problem.loss).__name__ == "SparseCategoricalCrossentropy"


def test_a_metric_of_the_files_own(write: Write) -> None:
    more = "def metric(targets, outputs):\n    return float(np.abs(outputs).mean())\nDIRECTION = 'min'\n"
    offer = python_file.offer(write(FILE + more))
    assert isinstance(offer.metric, metrics.Metric)
    assert own_model.describe(offer, {}).spec.direction == "min"
    assert own_model.workload(offer).metric is offer.metric
    assert offer.metric.reached(0.4, 0.5)


def read_all(path: Path) -> None:
    offer = python_file.offer(path)
    own_model.describe(offer, {})
    own_model.workload(offer).data({})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("METRIC = 'acuracy'", r"unknown metric 'acuracy'; did you mean 'accuracy'"),
        ("TARGET = 'high'", r"TARGET must be a number; it is 'high'"),
        ("EPOCHS = 0", r"EPOCHS must be a whole number above 0; it is 0"),
        ("LOSS = 3", r"LOSS must be a loss"),
        ("DIRECTION = 'up'\ndef metric(t, o): return 0.0", r"DIRECTION must be 'max' or 'min'"),
        ("OPTIMIZER = 'adamm'", r"unknown optimizer 'adamm'"),
        ("def optimizer(): return 3", r"optimizer\(\) returned int, not a Keras optimizer"),
        ("def data(): return 1 / 0", r"mine\.py, line \d+: ZeroDivisionError"),
        ("del data", r"a metric or a target needs data: write 'def data\(\)'"),
    ],
)
def test_what_a_file_says_wrongly_is_told(write: Write, more: str, words: str) -> None:
    path = write(FILE + more + "\n")
    with pytest.raises(UsageError, match=words):
        read_all(path)


def test_a_subclassed_model_takes_its_shapes_from_the_data(write: Write) -> None:
    path = write(
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.out = layers.Dense(3)
            def call(self, x):
                return self.out(x)

        def model():
            return Net()

        def data():
            return np.ones((10, 6)), np.zeros((10, 3))
        """
    )
    offer = python_file.offer(path)
    signature = own_model.describe(offer, {}).signature
    assert signature
    assert signature.inputs[0].shape == (6,)
    data = own_model.workload(offer).data({})
    assert own_model.workload(offer).build({}, data).model.output_shape == (None, 3)


# Sizes that a model leaves open

OPEN = "def model(): x = keras.Input({}, name='clip'); return keras.Model(x, {}(x))"


def test_an_open_length_becomes_a_parameter(write: Write) -> None:
    path = write(OPEN.format("(None, 3)", "layers.LSTM(2)"))
    told = own_model.describe(python_file.offer(path), {})
    assert told.spec.names == ("length",)
    assert told.problem
    assert "input 'clip' has the shape (None, None, 3) with an unknown size" in told.problem
    assert "-p length=128" in told.problem
    found = own_model.describe(python_file.offer(path), {"length": 9})
    assert found.signature
    assert found.signature.inputs[0].shape == (9, 3)
    workload = own_model.workload(python_file.offer(path))
    data = workload.data({"length": 9})
    assert workload.build({"length": 9}, data).model(data.train_x[0][:2]).shape == (2, 2)


def test_an_open_picture_becomes_a_parameter(write: Write) -> None:
    path = write(OPEN.format("(None, None, 3)", "layers.GlobalAveragePooling2D()"))
    found = own_model.describe(python_file.offer(path), {"size": 8})
    assert found.signature
    assert found.signature.inputs[0].shape == (8, 8, 3)


# Scripts

SCRIPT = """
x, y = np.ones((50, 4)), np.zeros(50)
model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit({}, batch_size=10, epochs=4)
raise RuntimeError("a script that is stopped at fit does not come here")
"""


def test_a_script_is_stopped_where_it_trains(write: Write) -> None:
    offer = python_file.offer(write(SCRIPT.format("x, y")))
    found = own_model.describe(offer, {}).spec
    assert (found.batch_size, found.epochs, found.metric, found.data) == (10, 4, "accuracy", "own")
    workload = own_model.workload(offer)
    data = workload.data({})
    assert [len(data.train_x[0]), len(data.test_x[0])] == [40, 10]
    first, second = (workload.build({}, data).model for _ in range(2))
    assert first is not second


def test_a_script_with_test_data(write: Write) -> None:
    offer = python_file.offer(write(SCRIPT.format("x, y, validation_data=(x[:20], y[:20])")))
    data = own_model.workload(offer).data({})
    assert [len(data.train_x[0]), len(data.test_x[0])] == [50, 20]


def test_a_script_that_trains_on_batches_says_that_random_data_stands_in(write: Write) -> None:
    offer = python_file.offer(write(SCRIPT.format("iter([(x, y)])")))
    assert offer.data is None
    assert offer.note
    assert "fit takes its batches from a list_iterator" in offer.note
    assert own_model.describe(offer, {}).spec.data == "synthetic"


def test_a_script_without_targets_gives_shapes_alone(write: Write) -> None:
    path = write("m = keras.Sequential([layers.Dense(2)])\nm.compile('sgd')\nm.fit(np.ones((40, 3), 'float32'))")
    offer = python_file.offer(path)
    assert offer.note
    assert "fit takes its batches from a array without targets" not in offer.note
    assert "fit is given no targets" in offer.note
    found = own_model.describe(offer, {})
    assert found.spec.data == "synthetic"
    assert found.signature
    assert [item.shape for item in found.signature.inputs] == [(3,)]
    workload = own_model.workload(offer)
    assert workload.build({}, workload.data({})).model.input_shape == (None, 3)


def test_a_model_made_while_the_file_runs(write: Write) -> None:
    offer = python_file.offer(write("model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])"))
    assert offer.call(offer.model, {}) is not offer.call(offer.model, {})
    assert own_model.describe(offer, {}).signature


# Saved models, libraries, packages


def saved(path: Path, *layers_between: Any) -> Path:
    import keras

    model = keras.Sequential([keras.Input((4,)), *layers_between, keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.125), "mse")
    model.save(path)
    return path


def test_a_saved_model_keeps_its_weights_loss_and_optimizer(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.keras")
    workload = resolve(Reference("mine", "saved", str(path)))
    one, other = (workload.build({}, workload.data({})) for _ in range(2))
    assert np.array_equal(one.model.get_weights()[0], other.model.get_weights()[0])
    assert (float(one.optimizer.learning_rate), one.loss.name) == (0.125, "mean_squared_error")


def test_code_in_a_saved_model_runs_only_when_allowed(tmp_path: Path) -> None:
    import keras

    path = saved(tmp_path / "code.keras", keras.layers.Lambda(lambda x: x * 2))
    with pytest.raises(UsageError, match=r"holds code, such as a Lambda layer.*--allow-code"):
        own_model.describe(saved_model.offer(path), {})
    assert own_model.describe(saved_model.offer(path, allow_code=True), {}).signature


def test_a_file_that_is_no_saved_model(tmp_path: Path) -> None:
    (tmp_path / "no.keras").write_text("hello")
    with pytest.raises(UsageError, match=r"no\.keras: "):
        own_model.describe(saved_model.offer(tmp_path / "no.keras"), {})
    with pytest.raises(UsageError, match="no such file"):
        saved_model.offer(tmp_path / "none.keras")


def test_a_model_of_keras_applications_has_random_weights_unless_asked() -> None:
    offer = model_library.offer("keras.applications", "MobileNetV2")
    defaults = own_model.spec_of(offer).defaults()
    assert defaults["weights"] == defaults["size"] == "none"
    assert defaults["alpha"] == 1.0
    values = {**defaults, "size": 32, "classes": 5}
    model, _ = own_model.make_model(offer, values, None)
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 3), (None, 5))
    with pytest.raises(UsageError, match=r"unknown model of keras.applications 'MobileNetV'; did you mean"):
        model_library.offer("keras.applications", "MobileNetV")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for keras_hub, with one class as the real ones are: sizes to give, or a preset."""
    import keras

    class TinyBackbone:
        def __new__(cls, vocabulary_size: int, width: int, dropout: float = 0.1, dtype: Any = None) -> Any:
            tokens = keras.Input((None,), dtype="int32", name="token_ids")
            return keras.Model({"token_ids": tokens}, keras.layers.Embedding(vocabulary_size, width)(tokens))

        @classmethod
        def from_preset(cls, name: str, *, load_weights: bool) -> Any:
            assert (name, load_weights) == ("tiny", False)
            return cls(7, 2)

    package, models = ModuleType("keras_hub"), ModuleType("keras_hub.models")
    models.TinyBackbone = TinyBackbone  # type: ignore[attr-defined]
    package.models = models  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras_hub", package)
    monkeypatch.setitem(sys.modules, "keras_hub.models", models)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("given", [{"preset": "tiny"}, {"vocabulary_size": 7, "width": 2}])
def test_a_model_of_keras_hub_by_preset_or_by_sizes(given: dict[str, Any]) -> None:
    offer = model_library.offer("keras_hub", "TinyBackbone")
    with pytest.raises(UsageError, match="give a preset with -p preset=NAME, or its sizes: -p vocabulary_size=VALUE"):
        own_model.describe(offer, {})
    found = own_model.describe(offer, {**given, "length": 5}).signature
    assert found
    assert (found.inputs[0].shape, found.inputs[0].below) == ((5,), 7)


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(UnsupportedError, match=r"keras_hub is not installed here.*pip install keras-hub"):
        model_library.offer("keras_hub", "BertBackbone")


PACKAGE = """
from dlbench.workloads.digits_cnn import WORKLOAD

def build_model(units=2):
    import keras
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])

VALUE = 5
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a package that adds workloads: files and metadata in a folder of sys.path."""
    (tmp_path / "some_models").mkdir()
    (tmp_path / "some_models" / "__init__.py").write_text(PACKAGE)
    metadata = tmp_path / "some_models-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: some-models\nVersion: 1.2\n")
    names = {"whole": ":WORKLOAD", "function": ":build_model", "module": "", "wrong": ":VALUE", "gone": ":NOT"}
    lines = [f"added_{name} = some_models{value}" for name, value in names.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[dlbench.workloads]", *lines]))
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.plugins.cache_clear()
    yield tmp_path
    plugins.plugins.cache_clear()
    sys.modules.pop("some_models", None)


def test_an_installed_package_adds_workloads_without_being_imported(package: Path) -> None:
    found = plugins.get("added_whole")
    assert found
    assert (found.value, found.package) == ("some_models:WORKLOAD", "some-models 1.2")
    before = plugins.content(found.value)
    (package / "some_models" / "more.py").write_text("x = 1")
    assert plugins.content(found.value) != before
    assert "some_models" not in sys.modules
    assert plugins.get("nothing_of_this_name") is None


@pytest.mark.usefixtures("package")
def test_what_a_package_adds_is_listed_and_completed(capsys: pytest.CaptureFixture[str]) -> None:
    list_command.list_command("workloads", refresh=False, store=None)
    assert "added_module · added by some-models 1.2" in capsys.readouterr().out
    assert "added_module" in complete_workload("added_m")
    assert "some_models" not in sys.modules


@pytest.mark.usefixtures("package")
def test_a_package_may_name_a_workload_a_function_or_a_module() -> None:
    assert resolve(Reference("added_whole", "plugin", "some_models:WORKLOAD")) is catalog.get("digits_cnn")
    assert resolve(Reference("added_module", "plugin", "some_models")) is catalog.get("digits_cnn")
    added = resolve(Reference("added_function", "plugin", "some_models:build_model"))
    assert added.spec.defaults() == {"units": 2}
    with pytest.raises(UsageError, match=r"added_wrong \(some_models:VALUE\): the entry point names a int"):
        resolve(Reference("added_wrong", "plugin", "some_models:VALUE"))
    with pytest.raises(UsageError, match=r"added_gone \(some_models:NOT\): AttributeError"):
        resolve(Reference("added_gone", "plugin", "some_models:NOT"))

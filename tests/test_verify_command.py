"""`dlbench verify`: the exit status, wrong words, and real processes on all backends."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dlbench.harness.commands.verify import VerifyArguments, exit_status, read_selection, shown, verify_command
from dlbench.results.errors import UsageError
from dlbench.results.parity.records import ParityCheck

from .test_parity_store import FINE, ILL, report

WORDS = VerifyArguments(
    workloads=(),
    backends=(),
    parameters=(),
    lane="default",
    device="auto",
    steps=10,
    allow_import=(),
    determinism=True,
    timeout="10m",
    progress="off",
    output_format="json",
    store=None,
)
AGREES = report(backends=(FINE,))
DIFFERS = report(backends=(FINE, ILL))
ALONE = report(backends=(replace(FINE, checks=(ParityCheck("repeat", 0.0, 1e-5, ok=True),)),))
BROKE = report(backends=(FINE, ILL, replace(FINE, failure="it broke")))


@pytest.mark.parametrize(
    ("reports", "broken", "status"),
    [
        ([AGREES], [], 0),
        ([AGREES, DIFFERS], [], 1),
        ([AGREES, ALONE], [], 0),
        ([ALONE], [], 3),
        ([], [], 3),
        ([AGREES, BROKE], [], 4),
        ([AGREES], ["my_model.py: no model"], 4),
    ],
)
def test_the_status_tells_what_was_found(reports: list[Any], broken: list[str], status: int) -> None:
    assert exit_status(reports, broken) == status


def test_results_are_shown_in_the_form_asked_for() -> None:
    assert json.loads(shown([DIFFERS], "json"))["reports"][0]["differs"]
    assert "DIFFERS" in shown([DIFFERS], "table")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lane": "fast"}, "unknown lane 'fast'"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"parameters": ("width",)}, "-p takes NAME=VALUE"),
    ],
)
def test_wrong_words_are_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_selection(replace(WORDS, **fields))


@pytest.mark.parametrize("steps", [0, 10_001])
def test_the_number_of_steps_has_bounds(steps: int) -> None:
    with pytest.raises(UsageError, match="--steps takes 1 to 10000"):
        verify_command(replace(WORDS, steps=steps))


def test_a_format_that_does_not_exist_is_named_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="unknown format 'csv'"):
        verify_command(replace(WORDS, output_format="csv"))


def test_lists_of_words_are_taken_apart() -> None:
    found = read_selection(replace(WORDS, backends=("jax,torch",), parameters=("width=4",), workloads=("a,b", "c")))
    assert found.backends == ("jax", "torch")
    assert found.workloads == ("a", "b", "c")
    assert found.parameters == {"width": ("4",)}


TINY_GPT = ("depth=1", "width=8", "heads=2", "length=8")


def _verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workload: str, *parameters: str, **fields: Any
) -> tuple[int, dict[str, Any]]:
    words = replace(WORDS, workloads=(workload,), parameters=parameters, store=str(tmp_path), **{"steps": 4, **fields})
    status = verify_command(words)
    (found,) = json.loads(capsys.readouterr().out)["reports"]
    return status, found


@pytest.mark.workers
def test_a_perceptron_is_the_same_on_all_backends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = _verified(tmp_path, capsys, "cancer_mlp", "width=8", "depth=1")
    assert status == 0, found
    assert found["reference"] == "float64 on JAX"
    for item in found["backends"]:
        assert [check["ok"] for check in item["checks"]] == [True] * 5
        assert item["notes"] == []
        assert len(item["deviations"]) == 5
    prices = {item["backend"]: item["price"] for item in found["backends"]}
    assert prices["jax"]["ratio"] is None
    for name, mode in (("torch", "use_deterministic_algorithms"), ("tensorflow", "enable_op_determinism")):
        assert mode in prices[name]["words"]
        # On a busy machine there is no price, and the reason is said.
        assert prices[name]["ratio"] > 0 if prices[name]["ratio"] else "other programs took" in prices[name]["words"]
    (stored,) = (tmp_path / "parity").glob("cancer_mlp-*.json")
    assert json.loads(stored.read_text())["parameters"] == {"width": 8, "depth": 1}


@pytest.mark.workers
def test_embeddings_on_tensorflow_are_found_and_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = _verified(tmp_path, capsys, "grammar_gpt", *TINY_GPT, determinism=False)
    assert status == 1, found
    differing = [item for item in found["backends"] if item["differs"]]
    assert [item["backend"] for item in differing] == ["tensorflow"]
    assert [check["what"] for check in differing[0]["checks"] if check["ok"] is False] == ["trajectory"]
    assert differing[0]["explanation"]["known"]
    assert "does not sum them per row" in differing[0]["explanation"]["words"]


@pytest.mark.workers
def test_embeddings_agree_in_the_matched_lane(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The two whose semantics differ otherwise; torch.compile alone would take most of a minute.
    fields = {"lane": "matched", "determinism": False, "backends": ("jax,tensorflow",)}
    status, found = _verified(tmp_path, capsys, "grammar_gpt", *TINY_GPT, **fields)
    assert status == 0, found
    assert len(found["backends"]) == 2


@pytest.mark.workers
def test_dropout_is_calmed_and_weights_are_shared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "dropping.py"
    model.write_text(DROPPING)
    status, found = _verified(tmp_path, capsys, str(model), determinism=False, backends=("jax,torch",))
    assert status == 0, found
    assert any("set to 0 in drop" in note for note in found["notes"])
    assert all("drew other initial weights" in " ".join(item["notes"]) for item in found["backends"][1:])


DROPPING = """
import keras

class Own(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype, seed=keras.random.SeedGenerator())

def model():
    x = inputs = keras.Input((6,))
    x = keras.layers.Dense(8, activation="tanh", kernel_initializer=Own())(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    x = keras.layers.GaussianNoise(0.5, name="noise")(x)
    return keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=Own())(x))
"""

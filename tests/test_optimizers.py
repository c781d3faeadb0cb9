"""Optimizers as a factor: their words, and what Keras makes of them."""

import math
import subprocess
import sys

import pytest
from dlbench.harness.options import parse_optimizers
from dlbench.results.errors import UsageError
from dlbench.workloads.optimizers import NAMES, OptimizerChoice, parse_optimizer
from hypothesis import given
from hypothesis import strategies as st

numbers = st.floats(1e-9, 1e3, allow_nan=False).map(lambda value: float(f"{value:g}"))
choices = st.builds(
    OptimizerChoice,
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(["learning_rate", "momentum", "beta_1"]), numbers, max_size=3)
    | st.dictionaries(st.just("nesterov"), st.booleans(), max_size=1),
)


@given(choices)
def test_the_text_of_a_choice_means_it_again(choice: OptimizerChoice) -> None:
    again = parse_optimizer(choice.text)
    assert again.name == choice.name
    assert dict(again.arguments) == dict(choice.arguments)
    assert again.text == choice.text


def test_equal_choices_are_one_case() -> None:
    assert parse_optimizers(["sgd:0.1, SGD:1e-1,sgd:learning_rate=0.10", "adam"]) == ("sgd:0.1", "adam")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sdg", "did you mean 'sgd'"),
        ("sgd:fast", "learning_rate takes a number"),
        ("sgd:0", "a learning rate is above 0"),
        ("sgd:nan", "a learning rate is above 0"),
        ("sgd:0.1:0.9", "NAME:RATE:ARGUMENT=VALUE"),
        ("sgd:momentum=", "NAME:RATE:ARGUMENT=VALUE"),
        ("", "optimizer"),
    ],
)
def test_malformed_words_are_told(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_optimizer(text)


CHILD = """
import json
from dlbench.results.errors import UsageError
from dlbench.workloads.optimizers import NAMES, make_optimizer, optimizer_text, parse_optimizer

for name in NAMES:
    print(optimizer_text(make_optimizer(parse_optimizer(f"{name}:0.25"))))
made = make_optimizer(parse_optimizer("sgd:0.1:momentum=0.9:nesterov=true"))
print(made.momentum, made.nesterov, optimizer_text(made))
try:
    make_optimizer(parse_optimizer("sgd:bet_1=0.9"))
except UsageError as error:
    print(error)
"""


@pytest.mark.workers
def test_keras_knows_every_name() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", CHILD], capture_output=True, text=True, check=True)
    *known, made, refused = done.stdout.splitlines()
    assert known == [f"{name}:0.25" for name in NAMES]
    assert made == "0.9 True sgd:0.1"
    assert "--optimizer sgd:bet_1=0.9: Keras refuses it" in refused
    assert "bet_1" in refused


def test_a_number_is_read_as_it_is_written() -> None:
    arguments = parse_optimizer("adam:1e-4:beta_1=1:amsgrad=True").arguments
    assert math.isclose(float(arguments["learning_rate"] or 0), 1e-4)
    assert arguments["beta_1"] == 1
    assert arguments["amsgrad"] is True

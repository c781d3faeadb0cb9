"""What an error stands for on the command line, and how an unknown name is answered."""

import pytest
from dlbench.results.errors import BrokenError, DlbenchError, Interrupted, NothingMeasured, UsageError, unknown


@pytest.mark.parametrize(
    ("kind", "status"),
    [(DlbenchError, 70), (UsageError, 2), (NothingMeasured, 3), (BrokenError, 4), (Interrupted, 130)],
)
def test_each_error_has_the_exit_status_of_the_table(kind: type[DlbenchError], status: int) -> None:
    error = kind("text")
    assert error.exit_code == status
    assert str(error) == "text"


@pytest.mark.parametrize("kind", [UsageError, NothingMeasured, BrokenError, Interrupted])
def test_every_error_is_caught_as_one(kind: type[DlbenchError]) -> None:
    with pytest.raises(DlbenchError):
        raise kind("text")


def test_an_unknown_name_is_answered_with_the_near_one_and_the_list() -> None:
    error = unknown("workload", "mpl", ["resnet", "mlp", "cnn"])
    assert str(error) == "unknown workload 'mpl'; did you mean 'mlp'? (known: cnn, mlp, resnet)"


def test_an_unknown_name_is_wrong_use() -> None:
    assert isinstance(unknown("suite", "x", ["quick"]), UsageError)


def test_several_near_names_are_joined() -> None:
    text = str(unknown("backend", "tensor", ["tensors", "tensor2", "jax"]))
    assert "did you mean 'tensors' or 'tensor2'?" in text or "did you mean 'tensor2' or 'tensors'?" in text


def test_a_name_like_no_other_gets_the_list_without_a_guess() -> None:
    text = str(unknown("workload", "zzzz", ["mlp", "cnn"]))
    assert text == "unknown workload 'zzzz' (known: cnn, mlp)"


def test_nothing_known_is_said() -> None:
    assert str(unknown("parameter", "depth", [])) == "unknown parameter 'depth' (known: none)"


def test_the_name_received_is_shown_even_when_it_is_empty() -> None:
    assert "''" in str(unknown("phase", "", ["train"]))

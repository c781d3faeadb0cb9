"""What an exception in a worker is called, and the one line that tells it."""

import math

import pytest
from dlbench.harness.measuring.measure import DivergedError
from dlbench.harness.roles.worker import classify
from dlbench.results.errors import BrokenError, UnsupportedError, UsageError
from dlbench.results.records.model import FAILURE_KINDS


class ResourceExhaustedError(Exception):
    """Named like TensorFlow's."""


class OutOfMemoryError(RuntimeError):
    """Named like PyTorch's."""


class XlaRuntimeError(RuntimeError):
    """Named like JAX's."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("std::bad_alloc"),
        XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 137438953472 bytes."),
        XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes"),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"),
        OutOfMemoryError("Allocation on device"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: "
            "you tried to allocate 1099511627776 bytes. Error code 12 (Cannot allocate memory)"
        ),
        ResourceExhaustedError("OOM when allocating tensor with shape[1024,1024] and type float"),
        ValueError("Unable to allocate 745. GiB for an array with shape (100000, 1000000) and data type float64"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=lambda error: f"{type(error).__name__} {str(error)[:30]}",
)
def test_too_little_memory_is_known_in_every_frameworks_words(error: Exception) -> None:
    kind, message = classify(error)
    assert kind == "out of memory"
    assert type(error).__name__ in message


def test_a_loss_that_is_no_number_is_diverged() -> None:
    assert classify(DivergedError(17, math.nan)) == ("diverged", "the loss is nan after step 17 of training")


def test_errors_of_dlbench_speak_for_themselves() -> None:
    assert classify(BrokenError("no weight moved")) == ("error", "no weight moved")
    assert classify(UsageError("no such thing")) == ("error", "no such thing")


def test_what_cannot_be_had_here_is_unsupported() -> None:
    assert classify(UnsupportedError("no optax")) == ("unsupported", "no optax")
    error = RuntimeError("InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (g++)")
    assert classify(error)[0] == "unsupported"


def test_any_other_exception_is_told_with_its_name() -> None:
    assert classify(ValueError("bad shape")) == ("error", "ValueError: bad shape")
    assert classify(KeyError("pixels")) == ("error", "KeyError: 'pixels'")


def test_an_exception_without_text_is_told_by_its_name() -> None:
    assert classify(AssertionError()) == ("error", "AssertionError")
    assert classify(MemoryError()) == ("out of memory", "MemoryError")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a\n  b\n\n\tc"),
        MemoryError("a\nb"),
        BrokenError("a\nb"),
        UsageError("a\r\nb"),
        DivergedError(1, math.inf),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_message_is_one_line(error: Exception) -> None:
    kind, message = classify(error)
    assert len(message.splitlines()) == 1
    assert "\n" not in message
    assert kind in FAILURE_KINDS


@pytest.mark.parametrize("error", [RuntimeError("x" * 10_000), MemoryError("x" * 10_000)])
def test_a_message_of_a_framework_is_cut(error: Exception) -> None:
    assert len(classify(error)[1]) <= 300


@pytest.mark.parametrize("error", [ValueError("memory of the past"), RuntimeError("allocated"), KeyError("resource")])
def test_words_about_memory_alone_are_not_too_little_of_it(error: Exception) -> None:
    assert classify(error)[0] == "error"

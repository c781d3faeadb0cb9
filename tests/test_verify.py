"""A verification: which processes are asked for, what the report says, and what happens when some fail."""

from pathlib import Path
from typing import Any

import pytest
from dlbench.backends.catalog import BACKENDS, get
from dlbench.backends.determinism import MODES, deterministic_mode
from dlbench.harness.checks.verify import Subject, Verification
from dlbench.harness.setting import Setting
from dlbench.results.parity.records import BackendParity, ParityReport

from .factories import candidate, probe, spec
from .toy_parity import DATA, ToyAsker


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)

    def started(self, step: Any) -> None:
        """Ignore."""

    def replied(self, step: Any, trials: Any, failures: Any, seconds: float) -> None:
        """Ignore."""

    def finished(self, state: str, seconds: float) -> None:
        """Ignore."""


def verified(
    asker: ToyAsker,
    *names: str,
    lane: str = "default",
    references: tuple[str, ...] = ("jax", "tensorflow"),
    observer: Notes | None = None,
    determinism: bool = True,
) -> ParityReport:
    setting = Setting("cpu", "step", "auto", "float32", lane, None, None)
    subject = Subject(candidate(spec(), width="4"), DATA, setting, steps=10, cpus=(0, 1), determinism=determinism)
    verification = Verification(subject, asker, Path("folder"), observer or Notes())
    backends = [(get(name), probe(name)) for name in names or ("jax", "torch", "tensorflow")]
    return verification.report(backends, [get(name) for name in references], ["left out: nothing"])


def row(report: ParityReport, backend: str) -> BackendParity:
    return next(item for item in report.backends if item.backend == backend)


def test_backends_that_agree_pass_and_the_report_says_with_what() -> None:
    asker = ToyAsker()
    report = verified(asker)
    assert not report.differs
    assert report.compares
    assert report.reference == "float64 on JAX"
    assert dict(report.parameters) == {"width": 4}
    assert (report.keras, report.batch_size, report.steps) == ("3.15.1", 32, 10)
    assert len(report.sensitivity) == len(report.allowed) == 11
    assert [len(item.deviations) for item in report.backends] == [11] * 3
    assert report.notes[0] == "left out: nothing"


def test_the_reference_is_in_float64_with_the_same_semantics_and_is_asked_first() -> None:
    asker = ToyAsker()
    verified(asker, "torch")
    first = asker.requests[0]
    assert first.reference
    assert first.matched
    assert first.perturbations == 3
    assert (first.job.backend, first.job.precision, first.job.lane) == ("jax", "float64", "matched")
    assert asker.environments[0] == {"JAX_ENABLE_X64": "1"}
    assert {item.job.precision for item in asker.requests[1:]} == {"float32"}
    assert len({item.weights for item in asker.requests}) == 1
    assert len({item.arrays for item in asker.requests}) == len(asker.requests)


def test_each_backend_is_computed_then_in_its_deterministic_mode_then_again() -> None:
    asker = ToyAsker()
    report = verified(asker)
    asked = [(item.job.backend, item.deterministic, item.only_trajectory) for item in asker.requests[1:]]
    assert asked == [
        ("jax", False, False),
        ("jax", False, True),
        *[(name, *how) for name in ("torch", "tensorflow") for how in ((False, False), (True, True), (False, True))],
    ]
    prices = {item.backend: item.price for item in report.backends}
    assert prices["jax"] is not None
    assert prices["jax"].ratio is None
    assert "no such mode" in prices["jax"].words
    assert prices["torch"] is not None
    assert prices["torch"].ratio == pytest.approx(2.0)


def test_without_determinism_each_backend_is_one_process() -> None:
    asker = ToyAsker()
    report = verified(asker, determinism=False)
    assert [item.job.backend for item in asker.requests] == ["jax", "jax", "torch", "tensorflow"]
    assert [item.price for item in report.backends] == [None] * 3
    assert not report.differs


def test_the_known_difference_is_found_in_the_default_lane_and_not_in_the_matched_one() -> None:
    asker = ToyAsker({"tensorflow": "slices"})
    report = verified(asker)
    assert [item.differs for item in report.backends] == [False, False, True]
    found = row(report, "tensorflow").explanation
    assert found is not None
    assert found.known
    tried = asker.requests[-1]
    assert (tried.job.lane, tried.matched, tried.job.compile_kind) == ("default", True, "jit")

    asker = ToyAsker({"tensorflow": "slices"})
    report = verified(asker, lane="matched")
    assert not report.differs
    assert all(item.matched for item in asker.requests)
    assert {item.job.cpus for item in asker.requests} == {(0, 1)}


@pytest.mark.parametrize(
    ("fault", "backend", "cause"),
    [
        ("optimizer", "tensorflow", "trajectory differs"),
        ("optimizer", "torch", "trajectory differs"),
        ("slices", "torch", "trajectory differs"),
        ("loss", "tensorflow", "loss differs"),
    ],
)
def test_any_other_difference_is_of_unknown_cause(fault: str, backend: str, cause: str) -> None:
    asker = ToyAsker({backend: fault})
    found = row(verified(asker), backend)
    assert found.differs
    assert found.explanation is not None
    assert not found.explanation.known
    assert found.explanation.cause.startswith(cause)


def test_the_cause_is_looked_for_only_where_it_may_lie() -> None:
    for faults in ({}, {"torch": "slices"}, {"tensorflow": "loss"}):
        asker = ToyAsker(faults)
        verified(asker)
        assert not [item for item in asker.requests if item.matched and not item.reference]


def test_training_that_differs_from_run_to_run_is_a_finding() -> None:
    report = verified(ToyAsker({"torch": "restless"}))
    found = {check.what: check for check in row(report, "torch").checks}
    assert found["repeat"].ok is False
    assert "other bits within a process" in found["repeat"].words


def test_another_backend_gives_the_reference_where_the_first_cannot() -> None:
    asker = ToyAsker({"jax reference": "death"})
    report = verified(asker)
    assert report.reference == "float64 on TensorFlow"
    assert any("no float64 reference from JAX: ended with exit status 1" in note for note in report.notes)
    assert not report.differs


@pytest.mark.parametrize("references", [(), ("jax", "tensorflow")])
def test_without_a_reference_the_backends_are_compared_with_one_another(references: tuple[str, ...]) -> None:
    asker = ToyAsker({"jax reference": "death", "tensorflow reference": "death", "tensorflow": "slices"})
    report = verified(asker, references=references)
    assert report.reference.startswith("JAX in float32: no backend here can compute in float64")
    assert [check.ok for check in row(report, "jax").checks] == [None, None, None, None, True]
    assert [check.ok for check in row(report, "torch").checks] == [True] * 5
    assert row(report, "tensorflow").differs
    assert max(report.sensitivity) > 0
    assert sum(item.job.backend == "jax" and not item.reference for item in asker.requests) == 2


def test_the_next_backend_stands_in_where_the_first_breaks() -> None:
    asker = ToyAsker({"jax": "death"})
    report = verified(asker, references=())
    assert report.reference.startswith("PyTorch in float32")
    assert report.failures == ("JAX: ended with exit status 1: it broke",)
    assert not row(report, "tensorflow").differs
    assert [item.job.backend for item in asker.requests].count("jax") == 1


def test_one_backend_alone_without_a_reference_compares_nothing() -> None:
    report = verified(ToyAsker(), "torch", references=())
    assert not report.compares
    assert not report.differs


def test_a_backend_that_breaks_is_a_row_with_the_reason() -> None:
    notes = Notes()
    report = verified(ToyAsker({"torch": "death"}), observer=notes)
    assert row(report, "torch").failure == "ended with exit status 1: it broke"
    assert not row(report, "torch").checks
    assert not row(report, "jax").failure
    assert any("PyTorch float32: ended with exit status 1" in text for text in notes.texts)


def test_everything_that_breaks_leaves_a_report_of_failures() -> None:
    report = verified(ToyAsker(dict.fromkeys(("jax", "torch", "tensorflow"), "death")), references=())
    assert len(report.failures) == 3
    assert not report.compares


def test_what_was_changed_in_the_model_is_told() -> None:
    report = verified(ToyAsker(calmed=("drop",), own_weights=False))
    assert any("set to 0 in drop" in note for note in report.notes)
    assert "drew other initial weights" in row(report, "torch").notes[0]


def test_random_layers_leave_no_losses_to_compare() -> None:
    report = verified(ToyAsker(random=("flip",)))
    assert row(report, "torch").deviations == ()
    assert not report.differs


def test_every_backend_has_a_deterministic_mode_or_a_reason_on_every_device() -> None:
    assert set(MODES) == {(backend.name, device) for backend in BACKENDS for device in ("cpu", "gpu")}
    assert "no deterministic mode of other" in str(deterministic_mode("other", "cpu"))

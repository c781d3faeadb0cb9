"""The printed report: what a reader must find in it, at any width, and the same as JSON."""

import json
from dataclasses import replace

import pytest
from dlbench.results.layout import RULE
from dlbench.results.parity.records import BackendParity, ParityCheck, ParityReport, Price
from dlbench.results.parity.tables import report_json, report_text, short

from .test_parity_store import FINE, ILL, report

REPEAT = ParityCheck("repeat", 0.0, 1e-5, ok=True, words="the same bits within a process")
BLIND = ParityCheck("gradients", None, None, None, "no gradient of x")
BROKEN = BackendParity("torch", "PyTorch", "1.0", failure="ended with exit status 1: it broke")
FREE = replace(
    FINE,
    checks=(*FINE.checks, BLIND, REPEAT),
    price=Price(None, None, None, "XLA has no such mode on a CPU"),
    notes=("it drew other initial weights",),
)


@pytest.fixture(scope="module")
def full() -> ParityReport:
    return report(backends=(FREE, BROKEN, ILL), notes=("Training is sensitive here.",))


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_the_table_says_what_agrees_what_differs_and_why(full: ParityReport) -> None:
    text = _flat(report_text([full], 100))
    for words in (
        "parity of toy width=4",
        "batch 32, float32, cpu, as each framework comes; reference: float64 on JAX",
        "ok 3e-7",
        "ok same",
        "DIFFERS 0.047",
        "allowed 1e-5",
        "loss over",
        "1 step",
        "ended with exit status 1: it broke",
        "TensorFlow differs (known): In full.",
        "TensorFlow, training loss step by step: furthest beyond what is allowed after 1.",
        "JAX, gradients of the first batch: n/a (no gradient of x).",
        "JAX: it drew other initial weights",
        "Run to run: JAX: the same bits within a process.",
        "Deterministic mode: JAX: XLA has no such mode on a CPU; TensorFlow: a mode.",
        "1.50x",
        "Training is sensitive here.",
    ):
        assert words in text, words


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_lines_fit_the_width(full: ParityReport, width: int) -> None:
    lines = report_text([full, full], width).splitlines()
    assert max(len(line) for line in lines) <= width
    assert "DIFFERS" in "\n".join(lines)


def test_where_the_width_does_not_suffice_a_difference_stays(full: ParityReport) -> None:
    again = replace(FINE, checks=(*FINE.checks, replace(REPEAT, error=0.1, ok=False)))
    for wanted, shown in ((full, False), (replace(full, backends=(again, ILL)), True)):
        lines = report_text([wanted], 45).splitlines()
        rule = next(number for number, line in enumerate(lines) if set(line) == {RULE})
        assert ("to run" in lines[rule - 1]) is shown
        assert "1 step" in lines[rule - 1]


def test_colours_only_where_asked(full: ParityReport) -> None:
    assert "\x1b[" not in report_text([full], 100)
    assert "\x1b[" in report_text([full], 100, color=True)


def test_json_holds_the_records_and_who_differs(full: ParityReport) -> None:
    infinite = replace(full, backends=(replace(ILL, checks=(ParityCheck("outputs", float("inf"), 1e-5, ok=False),)),))
    found = json.loads(report_json([full, infinite]))["reports"]
    assert [item["differs"] for item in found[0]["backends"]] == [False, False, True]
    assert found[0]["differs"]
    assert found[0]["backends"][2]["checks"][1]["error"] == 0.047
    assert found[1]["backends"][0]["checks"][0]["error"] == {"float": "inf"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3.4e-7, "3e-7"), (1e-5, "1e-5"), (0.047, "0.047"), (1.0, "1.0"), (float("inf"), "not finite")],
)
def test_deviations_are_short(value: float, text: str) -> None:
    assert short(value) == text

"""`dlbench gate`: sides are screened and suspects confirmed by fresh pairs; or a stored run is judged."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...results import units
from ...results.comparing.sides import terms_of
from ...results.errors import BrokenError, Interrupted, NothingMeasured, UsageError, unknown
from ...results.gate.annotations import as_annotations
from ...results.gate.metrics import Policies, policies_of
from ...results.gate.policy import GatePlan
from ...results.gate.table import verdict_of
from ...results.gate.terms import GateTerms, gate_options, gate_terms
from ...results.records.model import Run
from ...results.records.store import read_named, store_path
from ..comparing.gate_run import in_two_stages
from ..comparing.two_sides import Comparison, Course, SideArguments, compare
from ..config_file import CONFIG, read_config
from ..output import check_output, write_result
from ..reports import Report, parse_reports, write_reports

PHASES = ("train", "infer", "converge")
LIMITS = {"screen_pairs": (5, 50), "confirm_pairs": (5, 100)}
MOST_EFFECT = 0.5
KNOWN = (*LIMITS, "screen_effect", "metrics")


@dataclass(frozen=True, slots=True)
class Telling:
    """How the verdicts are told."""

    output_format: str
    """Of the result."""
    reports: tuple[str, ...] = ()
    """Each FORMAT=FILE: a further form of the result, and where it goes."""
    annotations: bool = False
    """As GitHub's workflow commands too, on stderr."""


def gate_command(
    words: SideArguments,
    argv: Sequence[str],
    *,
    stored: str | None,
    inconclusive: str,
    telling: Telling,
) -> int:
    """Judge a change, measured now or stored; return the exit status.

    Args:
        words: what is measured on both sides.
        argv: the words of the command line, for the record.
        stored: a run to be judged again, without measuring.
        inconclusive: `pass` or `fail`: what becomes of a change that cannot be decided.
        telling: how the verdicts are told.

    Raises:
        UsageError: a word is unknown, or the stored run has no two sides.
        UnsupportedError: JUnit XML needs a package that is not installed.

    """
    gate = read_gate()
    reports = parse_reports(telling.reports, words.output, gate=True)
    if stored is not None:
        if words.a or words.b or words.workloads:
            raise UsageError("--from judges what was measured: leave out --a, --b and workloads")
        check_output(words.output)
        found = read_named(store_path(words.store), stored)
        for problem in found.problems:
            sys.stderr.write(f"dlbench: {problem}\n")
        run = with_gate(found, gate)
        tell(run, words, telling, reports)
        return BrokenError.exit_code if run.problems else status(run, inconclusive)
    most = gate.plan.screen_pairs + gate.plan.confirm_pairs
    course = Course(
        PHASES,
        most,
        None,
        lambda found: in_two_stages(found.pairs.pairs, found.terms, gate, found.experiment),
        lambda found: length_text(found, gate.plan),
        gate_options(gate),
    )
    measured = compare(words, argv, course)
    if measured is None:
        return 0
    run, outcome = measured
    tell(run, words, telling, reports)
    return Interrupted.exit_code if outcome.state == "interrupted" else status(run, inconclusive)


def read_gate(config: Path = Path(CONFIG)) -> GateTerms:
    """Return what `dlbench.toml` says about the gate; the usual where it says nothing.

    Raises:
        UsageError: it says what does not exist or does not fit.

    """
    table: Mapping[str, Any] = read_config(config).get("gate", {})
    plan = GatePlan()
    for key, value in table.items():
        if key in LIMITS:
            low, high = LIMITS[key]
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{config}: [gate] {key} takes {low} to {high}; received {value!r}")
            plan = replace(plan, **{key: value})
        elif key == "screen_effect":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_EFFECT:
                raise UsageError(f"{config}: [gate] {key} takes a share, 0 to {MOST_EFFECT}; received {value!r}")
            plan = replace(plan, screen_effect=float(value))
        elif key != "metrics":
            raise unknown(f"key of [gate] in {config}", key, KNOWN)
    metrics = table.get("metrics", {})
    if not isinstance(metrics, Mapping):
        raise UsageError(f"{config}: [gate.metrics] must be a table")
    return GateTerms(plan, policies_of(metrics, f"{config}: gate.metrics") if metrics else Policies({}))


def with_gate(run: Run, gate: GateTerms) -> Run:
    """Return a stored run with the gate that it is judged by: its own stages, with the policies of today.

    A run of `dlbench ab` has one stage: what is suspected there stays open.

    Raises:
        UsageError: the run has no two sides.

    """
    if terms_of(run) is None:
        raise UsageError(
            f"run {run.header.run} has no two sides measured in turn, and runs made one after the other raise false "
            "alarms; measure them with: dlbench gate --a … --b …"
        )
    own = gate_terms(run)
    pairs = max((trial.block for trial in run.trials), default=0) + 1
    plan = own.plan if own else replace(gate.plan, screen_pairs=pairs)
    options = {**run.header.options, **gate_options(GateTerms(plan, gate.policies))}
    return replace(run, header=replace(run.header, options=options))


def tell(run: Run, words: SideArguments, telling: Telling, reports: Sequence[Report]) -> None:
    """Tell a run, and the verdicts on it, in the ways asked for."""
    write_result(run, telling.output_format, words.output, store=words.store)
    write_reports(run, reports, words.store)
    verdict = verdict_of(run)
    if telling.annotations and verdict is not None:
        sys.stderr.write(as_annotations(verdict))


def status(run: Run, inconclusive: str) -> int:
    """Return the exit status: a regression, what broke, nothing comparable, inconclusive, or fine.

    `pass` goes for what was measured and is too noisy to be decided, not for what has no values.
    """
    verdict = verdict_of(run)
    if verdict is None:
        return NothingMeasured.exit_code
    return 0 if verdict.only_noise and inconclusive == "pass" else verdict.exit_status


def length_text(comparison: Comparison, plan: GatePlan) -> str:
    """Return how many pairs are measured, and how long that takes."""
    once = units.seconds(plan.screen_pairs * comparison.pair_s)
    all_again = units.seconds((plan.screen_pairs + plan.confirm_pairs) * comparison.pair_s)
    return f"{plan.screen_pairs} pairs of all, then {plan.confirm_pairs} of what is suspected: {once} to {all_again}"

"""The gate over a run with two sides: what it asked is kept in the run's header, so that it can be judged again."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..comparing.sides import A, B, SidedCase, Terms, broken_of, common_case, sided_cases
from ..factors import Scalar
from ..records.model import Run
from .judgement import judge, screen
from .metrics import Policies, case_name, policies_of, samples
from .policy import GATE, REPORT, GatePlan
from .verdict import NOTHING_COMPARABLE, REPORTED, SUSPECT, GateVerdict, MetricVerdict


@dataclass(frozen=True, slots=True)
class GateTerms:
    """What a gate asks."""

    plan: GatePlan
    policies: Policies


def gate_options(terms: GateTerms) -> dict[str, Scalar]:
    """Return the header's options that `gate_terms` reads."""
    return {
        "gate_screen_pairs": terms.plan.screen_pairs,
        "gate_confirm_pairs": terms.plan.confirm_pairs,
        "gate_screen_effect": terms.plan.screen_effect,
        "gate_metrics": json.dumps({name: dict(given) for name, given in terms.policies.given.items()}),
    }


def gate_terms(run: Run) -> GateTerms | None:
    """Return what the gate of a run asked; None for a run without a gate."""
    options = run.header.options
    pairs, confirm = options.get("gate_screen_pairs"), options.get("gate_confirm_pairs")
    if not isinstance(pairs, int | float) or not isinstance(confirm, int | float):
        return None
    table = json.loads(str(options.get("gate_metrics") or "{}"))
    least = options.get("gate_screen_effect", GatePlan().screen_effect)
    plan = GatePlan(screen_pairs=int(pairs), confirm_pairs=int(confirm), screen_effect=float(least or 0.0))
    return GateTerms(plan, policies_of(table, "gate.metrics"))


def first_stage(cases: Sequence[SidedCase], gate: GateTerms) -> tuple[MetricVerdict, ...]:
    """Judge the pairs of the first stage."""
    return screen(samples(cases, gate.policies, range(gate.plan.screen_pairs)), gate.plan)


def gated(run: Run, terms: Terms, gate: GateTerms) -> GateVerdict:
    """Judge a run: the first pairs find suspects, the later ones confirm or clear them."""
    # Each case once: a gate has figures of its own.
    cases = sided_cases(run, replace(terms, every_figure=False))
    first = (*first_stage(cases, gate), *_alone(run, terms))
    suspects = {one.key for one in first if one.verdict == SUSPECT}
    start = gate.plan.screen_pairs
    fresh = samples(cases, gate.policies, range(start, start + gate.plan.confirm_pairs))
    again = [one for one in fresh if one.key in suspects and len(one.candidate)]
    return judge(first, again, gate.plan, _broken(run))


def _alone(run: Run, terms: Terms) -> list[MetricVerdict]:
    """Return a verdict on each case that one side alone has: what the candidate lost keeps a change from passing."""
    found = []
    for item in run.header.left_out:
        if item.side is not None:
            case = common_case(item.case, terms.compared)
            lost = item.side == A
            kind, verdict = (GATE, NOTHING_COMPARABLE) if lost else (REPORT, REPORTED)
            name = case.text("phase")
            found.append(MetricVerdict(case_name(case), name, kind, verdict, item.reason, lacking=lost))
    return found


def _broken(run: Run) -> list[str]:
    """Return what broke, alike failures in one line: processes of either side, and what the candidate could not begin.

    What was broken on the baseline's side before anything was measured is no fault of the change.
    """
    alike = Counter((failure.case, failure.side, failure.kind, failure.message) for failure in run.failures)
    found = [
        f"{case_name(case)} {case.text('phase')}: {f'side {side}, ' if side else ''}{kind}"
        f"{f' in {count} processes' if count > 1 else ''}: {message}"
        for (case, side, kind, message), count in alike.items()
    ]
    words = broken_of(run).get(B)
    return [*found, *([f"side {B}: {words}"] if words else [])]

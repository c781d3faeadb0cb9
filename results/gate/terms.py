"""The gate over a run with two sides: what it asked is kept in the run's header, so that it can be judged again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..comparing.sides import SidedCase, Terms, sided_cases
from ..factors import Scalar
from ..records.model import Run
from .judgement import judge, screen
from .metrics import Policies, policies_of, samples
from .policy import GatePlan
from .verdict import SUSPECT, GateVerdict, MetricVerdict


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
        "gate_metrics": json.dumps({name: dict(given) for name, given in terms.policies.given.items()}),
    }


def gate_terms(run: Run) -> GateTerms | None:
    """Return what the gate of a run asked; None for a run without a gate."""
    options = run.header.options
    pairs, confirm = options.get("gate_screen_pairs"), options.get("gate_confirm_pairs")
    if not isinstance(pairs, int | float) or not isinstance(confirm, int | float):
        return None
    table = json.loads(str(options.get("gate_metrics") or "{}"))
    plan = GatePlan(screen_pairs=int(pairs), confirm_pairs=int(confirm))
    return GateTerms(plan, policies_of(table, "gate.metrics"))


def first_stage(cases: Sequence[SidedCase], gate: GateTerms) -> tuple[MetricVerdict, ...]:
    """Judge the pairs of the first stage."""
    return screen(samples(cases, gate.policies, range(gate.plan.screen_pairs)), gate.plan)


def gated(run: Run, terms: Terms, gate: GateTerms) -> GateVerdict:
    """Judge a run: the first pairs find suspects, the later ones confirm or clear them."""
    # Each case once: a gate has figures of its own.
    cases = sided_cases(run, replace(terms, every_figure=False))
    first = first_stage(cases, gate)
    suspects = {one.key for one in first if one.verdict == SUSPECT}
    start = gate.plan.screen_pairs
    fresh = samples(cases, gate.policies, range(start, start + gate.plan.confirm_pairs))
    return judge(first, [one for one in fresh if one.key in suspects and len(one.candidate)], gate.plan)

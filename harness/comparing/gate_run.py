"""The measuring of `dlbench gate`: a screen of every case, then fresh pairs for what it suspects."""

from collections.abc import Sequence
from dataclasses import replace

from ...results.comparing.sides import Terms
from ...results.gate.terms import GateTerms, first_stage
from ...results.gate.verdict import SUSPECT
from ...results.units import plural
from ..experiments.execute import Bench, Measure
from ..experiments.experiment import Experiment
from ..experiments.runner import Outcome
from .ab_run import judged
from .pair_plan import JobPair
from .pair_runner import PairRecord, PairRounds


def in_two_stages(pairs: Sequence[JobPair], terms: Terms, gate: GateTerms, experiment: Experiment) -> Measure:
    """Return the measuring of two sides, for `execute`."""
    once = replace(terms, every_figure=False)

    def measure(bench: Bench) -> Outcome:
        infos = {info.name: info for info in bench.workloads}
        rounds = PairRounds(bench, experiment.schedule, experiment.expected)
        going = [PairRecord(pair) for pair in pairs if all(job in bench.data for job in pair.sides.values())]
        going = stage(rounds, going, 0, gate.plan.screen_pairs)
        if rounds.ended():
            return rounds.outcome
        again, found = [], 0
        for record in going:
            cases = [one for case in record.pair.cases for one in judged(record, case, infos, once)]
            screened = first_stage(cases, gate)
            suspects = [one for one in screened if one.verdict == SUSPECT]
            for one in suspects:
                bench.observer.note(f"suspect: {one.case} {one.name}: {one.words}")
            again += [record] if suspects else []
            found += len(screened)
        bench.observer.note(
            f"{plural(found, 'metric')} screened; {plural(len(again), 'job')} measured again"
            if again
            else f"{plural(found, 'metric')} screened, none suspected"
        )
        stage(rounds, again, gate.plan.screen_pairs, gate.plan.confirm_pairs)
        return rounds.outcome

    return measure


def stage(rounds: PairRounds, going: Sequence[PairRecord], first: int, count: int) -> list[PairRecord]:
    """Measure some rounds, and return the pairs that gave something on both sides."""
    left = list(going)
    for number in range(first, first + count):
        if not left or rounds.over_budget():
            break
        rounds.round(left, number, first + count - number)
        if rounds.ended():
            break
        left = [record for record in left if not rounds.note_silent(record)]
    return left

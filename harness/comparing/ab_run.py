"""The measuring of `dlbench ab`: pairs until every case is decided, the most pairs are there, or the budget ends."""

from collections.abc import Mapping, Sequence

from ...results.comparing.sides import SidedCase, Terms, common_case, sided
from ...results.records.model import Case, WorkloadInfo
from ..experiments.execute import Bench, Measure
from ..experiments.experiment import Experiment
from ..experiments.runner import Outcome
from .pair_plan import JobPair
from .pair_runner import PairRecord, PairRounds


def until_decided(pairs: Sequence[JobPair], terms: Terms, experiment: Experiment) -> Measure:
    """Return the measuring of two sides, for `execute`."""

    def measure(bench: Bench) -> Outcome:
        infos = {info.name: info for info in bench.workloads}
        rounds = PairRounds(bench, experiment.schedule, experiment.expected)
        going = {
            PairRecord(pair): list(pair.cases)
            for pair in pairs
            if all(job in bench.data for job in pair.sides.values())
        }
        for number in range(terms.most_pairs):
            if not going or rounds.over_budget():
                break
            rounds.round(list(going), number, terms.most_pairs - number)
            if rounds.ended():
                break
            for record, cases in list(going.items()):
                if rounds.note_silent(record):
                    del going[record]
                    continue
                for case in list(cases):
                    found = judged(record, case, infos, terms)
                    if found.decision.stop or found.refused:
                        cases.remove(case)
                        words = found.refused or found.decision.reason
                        backend = f" {case.get('backend')}" if case.get("backend") else ""
                        bench.observer.note(f"{case.workload}{backend} {case.text('phase')}: {words}")
                if not cases:
                    del going[record]
        return rounds.outcome

    return measure


def judged(record: PairRecord, case: Case, infos: Mapping[str, WorkloadInfo], terms: Terms) -> SidedCase:
    """Return what a case's pairs show so far."""
    return sided(
        case,
        [trial for trial in record.trials if common_case(trial.case, terms.compared) == case],
        [failure for failure in record.failures if common_case(failure.case, terms.compared) == case],
        infos.get(case.workload),
        terms,
    )

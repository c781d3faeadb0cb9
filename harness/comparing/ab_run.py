"""The measuring of `dlbench ab`: pairs until every case is decided, the most pairs are there, or the budget ends."""

from collections.abc import Mapping, Sequence

from ...results.comparing.sides import SidedCase, Terms, common_case, sided
from ...results.history.points import METRICS
from ...results.records.model import Case, WorkloadInfo
from ...results.statistics.equivalence import WORSE
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
                    if decided(found):
                        cases.remove(case)
                        tell(bench, found)
                if not cases:
                    del going[record]
        return rounds.outcome

    return measure


def tell(bench: Bench, figures: Sequence[SidedCase]) -> None:
    """Note what was decided of a case."""
    for one in figures:
        if one.refused or one.decision.stop:
            backend = f" {one.case.get('backend')}" if one.case.get("backend") else ""
            words = f"{METRICS[one.metric].title}: {one.refused or one.decision.reason}"
            bench.observer.note(f"{one.case.workload}{backend} {one.case.text('phase')}, {words}")


def decided(figures: Sequence[SidedCase]) -> bool:
    """Tell whether a case needs no more pairs: it is worse in one of its figures, or every one of them is decided."""
    if any(one.refused or (one.decision.stop and one.decision.verdict == WORSE) for one in figures):
        return True
    return all(one.decision.stop for one in figures)


def judged(record: PairRecord, case: Case, infos: Mapping[str, WorkloadInfo], terms: Terms) -> list[SidedCase]:
    """Return what a case's pairs show so far, by figure."""
    return sided(
        case,
        [trial for trial in record.trials if common_case(trial.case, terms.compared) == case],
        [failure for failure in record.failures if common_case(failure.case, terms.compared) == case],
        infos.get(case.workload),
        terms,
    )

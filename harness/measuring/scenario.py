"""The inference scenarios of MLPerf: how queries arrive, and what counts.

    single_stream   one sample a query, the next query when the last is answered: p90 of the latency
    multi_stream    eight samples a query, otherwise the same: p99 of the latency
    server          one sample a query, arriving at random (Poisson): the highest rate whose p99 holds a bound
    offline         all samples at once: samples per second

The scenarios and percentiles are those of the MLPerf inference rules. Runs are far shorter than a submission's.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...backends.backend import ForwardStep
from ...results.errors import unknown
from ...results.factors import Scalar
from ...results.records.model import Case, Window
from ...results.statistics import stats
from ..effort import Effort
from ..options import SCENARIOS
from ..wire import Request
from .loadgen import Answer, LoadGen, LoadGenerator, Outcome, Traffic
from .measure import Clock, Dispatch, measure_queries, repeat_input, timed

Fields = dict[str, Any]

SAMPLES_PER_QUERY: Mapping[str, int] = {"single_stream": 1, "multi_stream": 8, "server": 1}
PERCENTILES: Mapping[str, float] = {"single_stream": 0.9, "multi_stream": 0.99, "server": 0.99}
"""The latency percentile that counts; scenario offline has none."""
OFFLINE_SAMPLES = 24_576
"""Fewest samples of scenario offline in the MLPerf rules."""
USUAL_BOUND_S = 0.05
"""The latency bound of scenario server where none is given: one for all backends, or their rates could not be
compared."""
SETTLING_STEPS = 3
RUNS = 8
"""Runs, each of the effort's seconds and patience, that a scenario may take together."""
MOST_QUERIES = 20_000
"""Queries that a run's length aims at, at most: LoadGen holds all of them in memory."""
MOST_SAMPLES = 200_000
"""The same for the samples of scenario offline."""
FIRST_LOAD = 0.7
"""The first rate tried in scenario server, as a share of what one query after the other would reach."""
RESOLUTION = 1.05
"""The search ends when the lowest rate that failed is within this factor of the highest that held."""
GROWTH, SPAN = 1.5, 100.0
"""Step from rate to rate until one holds and one fails, and how far from the first that goes."""


class ForwardSession(Protocol):
    """What a scenario needs of a built problem."""

    @property
    def request(self) -> Request:
        """The job."""

    def forward_step(self) -> ForwardStep:
        """Return the inference step."""

    def placed_input(self, batch_size: int) -> Any:
        """Return one batch of inputs, on the device."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Single queries before the load: they set what LoadGen has to expect. Seconds."""

    first: float
    median: float
    fastest: float


@dataclass(frozen=True, slots=True)
class Bracket:
    """Where the highest rate that holds was found to lie, queries per second."""

    held: float | None
    """Highest that held; None where none did."""
    failed: float | None
    """Lowest that failed; None where none did."""


def longest_s(effort: Effort) -> float:
    """Return the most seconds that one scenario takes, calibration apart."""
    return RUNS * effort.patience * effort.infer_s


def measure_scenario(
    session: ForwardSession, case: Case, clock: Clock, generator: LoadGenerator | None = None
) -> Fields:
    """Measure one inference scenario, as the fields of a trial.

    `queries` are seconds from when a query was due to its response, as the generator took them; scenario offline has
    `windows` instead. A figure that the time did not suffice for is absent, and ledger `reason` says why.

    Args:
        session: the built problem.
        case: with factor `scenario`, and `latency_bound_s` where scenario server has a bound of its own.
        clock: seconds, monotonic; the generator's own clock takes the latencies.
        generator: makes the load; LoadGen when None.

    Raises:
        UsageError: there is no such scenario, or LoadGen is not installed.

    """
    name = case.text("scenario")
    if name not in SCENARIOS:
        raise unknown("scenario", name, SCENARIOS)
    generator = generator or LoadGen()
    size = SAMPLES_PER_QUERY.get(name) or int(case.get("batch_size") or session.request.batch_size)
    step = session.forward_step()
    dispatch = repeat_input(step, session.placed_input(size))
    effort = session.request.effort
    before = calibrate(dispatch, step.wait, effort, clock)
    if name == "offline":
        fields = _offline(generator, dispatch, step.wait, size=size, effort=effort, before=before, clock=clock)
    else:

        def answer(_: int) -> None:
            dispatch()
            step.wait()

        if name == "server":
            bound = case.get("latency_bound_s")
            fields = _server(
                generator,
                answer,
                effort=effort,
                before=before,
                clock=clock,
                given=None if bound is None else float(bound),
                seed=session.request.seed,
            )
        else:
            fields = _stream(generator, answer, name, effort=effort, before=before)
    fields["marks"]["first_forward_s"] = before.first
    fields["ledger"] |= {
        "scenario": name,
        "batch_size": size,
        "feed": "device",
        "loadgen_version": generator.version,
        "percentile": PERCENTILES.get(name),
        "single_query_s": before.median,
    }
    return fields


def calibrate(dispatch: Dispatch, wait: Callable[[], None], effort: Effort, clock: Clock) -> Calibration:
    """Time single queries until the step has settled, for a tenth of the effort's seconds."""
    first = timed(dispatch, wait, clock)
    for _ in range(SETTLING_STEPS):
        timed(dispatch, wait, clock)
    queries = measure_queries(dispatch, wait, seconds=effort.infer_s / 10, effort=effort, clock=clock)
    middle = sorted(queries)[len(queries) // 2]
    return Calibration(first, middle, min(queries))


def fewest_queries(name: str, effort: Effort) -> int:
    """Return how many queries a scenario's percentile needs, or more where the effort says so."""
    return max(stats.fewest_queries(PERCENTILES[name]), effort.min_queries)


def find_rate(holds: Callable[[float], bool | None], first: float) -> Bracket:
    """Return where the highest rate that holds lies.

    Goes up or down from the first rate until one rate held and one failed, then halves the gap on a log scale until
    it is within RESOLUTION. Ends sooner where `holds` returns None (no time left), or SPAN away from the first rate.
    """
    held: float | None = None
    failed: float | None = None
    rate = first
    while first / SPAN <= rate <= first * SPAN:
        answer = holds(rate)
        if answer is None:
            break
        if answer:
            held = rate
        else:
            failed = rate
        if held is not None and failed is not None:
            if failed / held <= RESOLUTION:
                break
            rate = math.sqrt(held * failed)
        else:
            rate = rate * GROWTH if answer else rate / GROWTH
    return Bracket(held, failed)


def _stream(generator: LoadGenerator, answer: Answer, name: str, *, effort: Effort, before: Calibration) -> Fields:
    traffic = Traffic(
        scenario=name,
        samples_per_query=SAMPLES_PER_QUERY[name],
        min_queries=fewest_queries(name, effort),
        min_s=min(effort.infer_s, MOST_QUERIES * before.fastest),
        max_s=longest_s(effort),
        percentile=PERCENTILES[name],
        expected_s=before.fastest,
    )
    outcome = generator.play(traffic, answer)
    return {
        "queries": outcome.queries,
        "marks": {"scenario_rate": outcome.rate, "scenario_samples": outcome.samples_per_s},
        "ledger": _verdict(traffic, outcome),
    }


def _offline(
    generator: LoadGenerator,
    dispatch: Dispatch,
    wait: Callable[[], None],
    *,
    size: int,
    effort: Effort,
    before: Calibration,
    clock: Clock,
) -> Fields:
    wanted = max(effort.infer_s / before.median, OFFLINE_SAMPLES / size)
    batches = math.ceil(min(wanted, longest_s(effort) / before.median, MOST_SAMPLES / size))
    per_window = math.ceil(batches / effort.windows)
    windows: list[Window] = []

    def answer(_: int) -> None:
        for done in range(0, batches, per_window):
            steps = min(per_window, batches - done)
            start = clock()
            for _ in range(steps):
                dispatch()
            wait()
            windows.append(Window(steps, steps * size, start, clock()))

    samples = batches * size
    traffic = Traffic("offline", samples, 1, 0.0, longest_s(effort), 0.99, before.median)
    outcome = generator.play(traffic, answer)
    ledger = _verdict(traffic, outcome)
    if outcome.valid and samples < OFFLINE_SAMPLES:
        reason = f"{samples:,} samples in the time that there is, MLPerf asks for {OFFLINE_SAMPLES:,}"
        ledger |= {"valid": False, "reason": reason}
    return {"windows": tuple(windows), "marks": {"scenario_samples": outcome.samples_per_s}, "ledger": ledger}


def _server(
    generator: LoadGenerator,
    answer: Answer,
    *,
    effort: Effort,
    before: Calibration,
    clock: Clock,
    given: float | None,
    seed: int,
) -> Fields:
    bound = USUAL_BOUND_S if given is None else given
    fewest, begin, capacity = fewest_queries("server", effort), clock(), 1 / before.median
    best: tuple[Traffic, Outcome] | None = None
    tried: list[str] = []

    def holds(rate: float) -> bool | None:
        nonlocal best
        left = longest_s(effort) - (clock() - begin)
        min_s = min(effort.infer_s, MOST_QUERIES / rate)
        if max(fewest, rate * min_s) / min(rate, capacity) > left:
            return None
        traffic = Traffic("server", 1, fewest, min_s, left, PERCENTILES["server"], before.median, rate, bound, seed)
        outcome = generator.play(traffic, answer)
        over = sum(seconds > bound for seconds in outcome.queries)
        if len(outcome.queries) < fewest and over <= 1:
            return None
        tried.append(f"{rate:.4g}{'+' if outcome.valid else '-'}")
        if outcome.valid:
            best = traffic, outcome
        return outcome.valid

    found = find_rate(holds, FIRST_LOAD * capacity)
    ledger: dict[str, Scalar] = {
        "bound_rule": "usual" if given is None else "given",
        "probes": " ".join(tried) or None,
        "failed_rate": found.failed,
    }
    marks: dict[str, float | None] = {"scenario_bound_s": bound}
    if best is None:
        seconds = f"{longest_s(effort):.3g} s"
        reason = (
            f"no rate held the bound in a search of {seconds}; the lowest tried was {found.failed:.4g} a second"
            if found.failed
            else f"{fewest} queries, at about {capacity:.3g} a second, take longer than {seconds}; raise infer_s"
        )
        return {"marks": marks, "ledger": ledger | {"samples_per_query": 1, "valid": False, "reason": reason}}
    traffic, outcome = best
    marks |= {"scenario_rate": outcome.rate, "scenario_samples": outcome.samples_per_s}
    ledger |= _verdict(traffic, outcome)
    if found.held is None or found.failed is None or found.failed / found.held > RESOLUTION:
        ledger["reason"] = f"the search ended before the rate was found to within {RESOLUTION - 1:.0%}"
    return {"queries": outcome.queries, "marks": marks, "ledger": ledger}


def _verdict(traffic: Traffic, outcome: Outcome) -> dict[str, Scalar]:
    return {"samples_per_query": traffic.samples_per_query, "valid": outcome.valid, "reason": outcome.reason}

"""LoadGen, the load generator of MLPerf inference, behind a seam of one call.

LoadGen is a C++ library that leaves its results in files. Each run gets a folder of its own in the system's temporary
folder; the latencies are read from the trace, where LoadGen writes them to the nanosecond, and its verdict from the
detailed log. Tracing costs a query nothing: the line is written after the response was stamped.
"""

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ...results.errors import BrokenError, UnsupportedError

Answer = Callable[[int], None]
"""Infers so many samples, and returns when their outputs are computed."""

MODULE, DISTRIBUTION = "mlperf_loadgen", "mlcommons-loadgen"
MISSING = (
    "phase scenario needs LoadGen, the load generator of MLPerf, in the environment of the worker;"
    " install it with: pip install 'dlbench[loadgen]'"
)
KINDS = {"single_stream": "SingleStream", "multi_stream": "MultiStream", "server": "Server", "offline": "Offline"}
"""LoadGen's names of the scenarios."""
NS = 1_000_000_000
ATTEMPTS = 3
"""Runs tried with ever more queries generated ahead, when LoadGen ran out of them."""
MARK = ":::MLLOG "
SAMPLE = re.compile(r'"name":"Sample".*"query_seq":(\d+),.*"complete_ns":(\d+)')
CHECKS = {
    "result_min_duration_met": "it ran out of queries before the time was over",
    "result_min_queries_met": "it ended after {queries} queries, {wanted} are needed",
    "result_perf_constraints_met": "the percentile is above the latency bound",
    "early_stopping_met": "the queries that it had do not show the percentile with 99 % confidence",
}
"""LoadGen's verdicts, and what a verdict of no means."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The queries of one run."""

    scenario: str
    """One of KINDS."""
    samples_per_query: int
    """In scenario offline, the samples of its one query."""
    min_queries: int
    """Queries issued even when `min_s` is over."""
    min_s: float
    """Seconds in which queries are issued; 0 in scenario offline."""
    max_s: float
    """Seconds after which no query is issued, whatever the minimums say. One query always is."""
    percentile: float
    """The latency percentile that counts, 0 to 1."""
    expected_s: float
    """Seconds of one query, better guessed too low than too high: LoadGen generates all queries ahead."""
    rate: float | None = None
    """Scenario server: queries per second, arriving as a Poisson process."""
    bound_s: float | None = None
    """Scenario server: the latency that the percentile must hold, seconds."""
    seed: int = 0
    """Of the arrivals: equal seeds give the same arrivals, stretched to the rate."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    queries: tuple[float, ...]
    """Seconds of each query in the order of arrival, from when it was due to its response; none in scenario offline."""
    rate: float | None
    """Queries per second: as scheduled in scenario server, reached in the streams (time between a response and the
    next query not counted), None in scenario offline."""
    samples_per_s: float
    """Reached."""
    valid: bool
    """LoadGen's verdict for the minimums, and the latency bound, that the traffic asked for."""
    reason: str | None
    """Why it is not valid."""


class LoadGenerator(Protocol):
    """Makes queries, hands them over and times the responses."""

    version: str

    def play(self, traffic: Traffic, answer: Answer) -> Outcome:
        """Put the queries of one run to `answer`, in the calling thread, and return how long they took."""


class LoadGen:
    """MLPerf's own load generator.

    Every query is answered inline, in LoadGen's issuing thread, which is the caller's. In scenario server that is a
    queue with one worker: a query that comes due meanwhile waits, and its latency counts from when it was due.

    Raises:
        UnsupportedError: LoadGen is not installed; the message says how to install it.

    """

    def __init__(self) -> None:
        try:
            self._library = import_module(MODULE)
            self.version = metadata.version(DISTRIBUTION)
        except ImportError as error:
            raise UnsupportedError(MISSING) from error

    def play(self, traffic: Traffic, answer: Answer) -> Outcome:
        """Put the queries of one run to `answer` and return how long they took.

        Raises:
            BrokenError: LoadGen left no result.
            BaseException: whatever `answer` raises.

        """
        for _ in range(ATTEMPTS):
            outcome, starved = self._run(traffic, answer)
            if not starved:
                break
            traffic = replace(traffic, expected_s=traffic.expected_s / 4)
        return outcome

    def _run(self, traffic: Traffic, answer: Answer) -> tuple[Outcome, bool]:
        library, raised = self._library, list[BaseException]()
        response, complete = library.QuerySampleResponse, library.QuerySamplesComplete

        def issue(identifiers: list[int], _: list[int]) -> None:
            # An exception must not cross the C++ frames: what is left is answered at once, and it is raised after.
            if not raised:
                try:
                    answer(len(identifiers))
                except BaseException as error:  # noqa: BLE001 - raised again below
                    raised.append(error)
            complete([response(identifier, 0, 0) for identifier in identifiers])

        with tempfile.TemporaryDirectory(prefix="dlbench-loadgen-") as folder:
            system = library.ConstructFastSUT(issue, _nothing)
            samples = library.ConstructQSL(1, 1, _nothing, _nothing)
            try:
                library.StartTestWithLogSettings(
                    system,
                    samples,
                    _test_settings(library, traffic),
                    _log_settings(library, traffic, folder),
                    str(Path(folder, "no-audit.config")),
                )
            finally:
                library.DestroyQSL(samples)
                library.DestroyFastSUT(system)
            if raised:
                raise raised[0]
            with Path(folder, "mlperf_log_detail.txt").open(encoding="utf-8") as detail:
                verdict = read_detail(detail)
            with Path(folder, "mlperf_log_trace.json").open(encoding="utf-8") as trace:
                queries = read_trace(trace)
        return outcome_of(traffic, verdict, queries), verdict.get("result_min_duration_met") is False


def _nothing(*_: Any) -> None:
    """Load no samples and flush nothing: the batch is on the device all the time."""


def _test_settings(library: ModuleType, traffic: Traffic) -> Any:
    settings = library.TestSettings()
    settings.mode = library.TestMode.PerformanceOnly
    settings.scenario = getattr(library.TestScenario, KINDS[traffic.scenario])
    settings.min_duration_ms = round(traffic.min_s * 1000)
    settings.max_duration_ms = max(1, round(traffic.max_s * 1000))
    settings.min_query_count = traffic.min_queries
    settings.schedule_rng_seed = traffic.seed
    settings.single_stream_expected_latency_ns = max(1, round(traffic.expected_s * NS))
    settings.single_stream_target_latency_percentile = traffic.percentile
    settings.multi_stream_expected_latency_ns = max(1, round(traffic.expected_s * NS))
    settings.multi_stream_target_latency_percentile = traffic.percentile
    settings.multi_stream_samples_per_query = traffic.samples_per_query
    if traffic.scenario == "offline":
        # LoadGen takes the larger of this count and 1.1 x rate x shortest duration as the samples of the one query.
        settings.min_query_count = traffic.samples_per_query
        settings.offline_expected_qps = 1
    if traffic.rate is not None and traffic.bound_s is not None:
        settings.server_target_qps = traffic.rate
        settings.server_target_latency_ns = round(traffic.bound_s * NS)
        settings.server_target_latency_percentile = traffic.percentile
    return settings


def _log_settings(library: ModuleType, traffic: Traffic, folder: str) -> Any:
    settings = library.LogSettings()
    settings.log_output.outdir = folder
    settings.log_output.copy_summary_to_stdout = False
    settings.log_output.copy_detail_to_stdout = False
    settings.enable_trace = traffic.scenario != "offline"
    return settings


def read_detail(lines: Iterable[str]) -> dict[str, Any]:
    """Return the results in LoadGen's detailed log, by their key."""
    found: dict[str, Any] = {}
    for line in lines:
        if line.startswith((MARK + '{"key": "result_', MARK + '{"key": "early_stopping_met')):
            entry = json.loads(line.removeprefix(MARK))
            found[entry["key"]] = entry["value"]
    return found


def read_trace(lines: Iterable[str]) -> tuple[float, ...]:
    """Return the seconds that each query took from when it was due, from LoadGen's trace, in order of arrival.

    A query of several samples took as long as the last of them.
    """
    took_ns: dict[int, int] = {}
    for line in lines:
        sample = SAMPLE.search(line)
        if sample:
            number, nanoseconds = int(sample[1]), int(sample[2])
            took_ns[number] = max(nanoseconds, took_ns.get(number, 0))
    return tuple(took_ns[number] / NS for number in sorted(took_ns))


def outcome_of(traffic: Traffic, verdict: Mapping[str, Any], queries: tuple[float, ...]) -> Outcome:
    """Return what came of a run, from its logs.

    Raises:
        BrokenError: the logs hold no verdict, or not every query.

    """
    issued, judged = verdict.get("result_query_count", 0), "result_validity" in verdict
    offline = traffic.scenario == "offline"
    if not judged or issued < 1 or (not offline and len(queries) != issued):
        raise BrokenError(
            f"LoadGen's logs hold {len(queries)} of {issued} queries of scenario {traffic.scenario} and"
            f" {'a' if judged else 'no'} verdict; look whether the temporary folder {tempfile.gettempdir()} is full"
        )
    rate: float | None = None
    if offline:
        samples_per_s = float(verdict["result_samples_per_second"])
    elif traffic.scenario == "server":
        rate = float(verdict["result_scheduled_samples_per_sec"])
        samples_per_s = float(verdict["result_completed_samples_per_sec"])
    else:
        # Between two queries LoadGen writes its trace: that time is its own.
        rate = len(queries) / math.fsum(queries)
        samples_per_s = rate * traffic.samples_per_query
    failed = [text for key, text in CHECKS.items() if verdict.get(key) is False]
    reason = failed[0].format(queries=issued, wanted=traffic.min_queries) if failed else "LoadGen gives no reason"
    valid = verdict["result_validity"] == "VALID"
    return Outcome(queries, rate, samples_per_s, valid, None if valid else reason)

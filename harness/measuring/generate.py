"""Phase generate: greedy generation with a cache, one call that reads the prompts and one for each further token."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np

from ...results.errors import UsageError
from ...results.records.model import Case, Window
from ...workloads.workload import Parameters
from .measure import Clock, measure_queries, timed
from .session import Session
from .watch import imprecise, told
from .windows import measure_windows

SETTLING_CALLS = 3
"""Of either step after the first one."""

Call = Callable[[Any], Any]


class Generator:
    """The two steps over prompts that are on the device, and how far they have come.

    A decoding step takes the token and the caches that the step before left on the device; the host sees neither. After
    the last new token decoding starts over behind the prompts, from what reading them left: so no step goes beyond the
    caches, and none may write into what it is given.
    """

    def __init__(
        self, prefill: Call, decode: Call, prompts: Any, positions: Sequence[Any], wait_for: Callable[[Any], None]
    ) -> None:
        """Begin.

        Args:
            prefill: prompts -> first token, caches.
            decode: [token, position, caches] -> next token, caches.
            prompts: tokens on the device, shape (batch, prompt).
            positions: on the device, shape (batch, 1): those of the new tokens but the last, which nothing follows.
            wait_for: blocks until tensors are computed.

        """
        self._prefill, self._decode = prefill, decode
        self._prompts, self._positions = prompts, positions
        self._wait_for = wait_for
        self._begun: Any = None
        self._state: Any = None
        self._place = 0

    def read(self) -> None:
        """Dispatch the reading of the prompts, up to the first token."""
        self._begun = self._state = self._prefill(self._prompts)
        self._place = 0

    def decode(self) -> None:
        """Dispatch one further token for every prompt; the prompts must have been read."""
        if self._place == len(self._positions):
            self._state, self._place = self._begun, 0
        token, *caches = self._state
        self._state = self._decode([token, self._positions[self._place], *caches])
        self._place += 1

    def wait(self) -> None:
        """Block until the last token and its caches are computed."""
        self._wait_for(self._state)

    @property
    def token(self) -> Any:
        """The last token of every prompt, shape (batch, 1), on the device."""
        return self._state[0]


def lengths(session: Session) -> tuple[int, int]:
    """Return the tokens of a prompt and those that follow it."""
    parameters: Parameters = session.request.parameters
    return int(parameters["prompt"]), int(parameters["new_tokens"])


def make_generator(session: Session, batch_size: int) -> tuple[Generator, Any]:
    """Return the generator of a session's workload, and the models of its steps.

    Raises:
        UsageError: the workload generates nothing, or the test data are shorter than the prompts.

    """
    runtime, models = session.runtime, session.generation()
    prompt, new_tokens = lengths(session)
    tokens = session.data.test_x[0]
    if tokens.shape[1] < prompt:
        raise UsageError(
            f"prompts of {prompt} tokens are longer than the {tokens.shape[1]} of the test data; lower -p prompt"
        )
    rows = np.arange(batch_size) % len(tokens)
    (prompts,) = runtime.place((tokens[rows, :prompt],))
    places = [np.full((batch_size, 1), prompt + number, dtype=np.int32) for number in range(new_tokens - 1)]
    prefill, decode = (runtime.forward_function(model, session.settings) for model in (models.prefill, models.decode))
    return Generator(prefill, decode, prompts, runtime.place(tuple(places)), runtime.wait_for), models


def measure_generate(session: Session, case: Case, clock: Clock) -> dict[str, Any]:
    """Measure reading prompts and decoding: each in windows for throughput, and call by call for latency."""
    request, effort = session.request, session.request.effort
    size = int(case.get("batch_size") or request.batch_size)
    prompt, new_tokens = lengths(session)
    generator, models = make_generator(session, size)
    marks = {
        "first_prefill_s": timed(generator.read, generator.wait, clock),
        "first_decode_s": timed(generator.decode, generator.wait, clock),
    }
    for dispatch in (generator.read, generator.decode):
        for _ in range(SETTLING_CALLS):
            dispatch()
        generator.wait()
    calls: dict[str, tuple[Callable[[], None], str, int]] = {
        "prefill": (generator.read, "first_token", size * prompt),
        "decode": (generator.decode, "inter_token", size),
    }
    latencies: dict[str, tuple[float, ...]] = {}
    series: dict[str, tuple[Window, ...]] = {}

    def measure() -> tuple[Window, ...]:
        for name, (dispatch, latency, tokens) in calls.items():
            latencies[latency] = measure_queries(
                dispatch, generator.wait, seconds=effort.infer_s, effort=effort, clock=clock
            )
            series[name] = measure_windows(
                dispatch,
                generator.wait,
                items_per_step=tokens,
                seconds=effort.infer_s,
                effort=effort,
                clock=clock,
                blocked_s=median(latencies[latency]),
            )
        return series["decode"]

    seen = session.watched(measure)
    work = {name: session.work(size, model) for name, model in (("prefill", models.prefill), ("decode", models.decode))}
    return {
        "series": series,
        "latencies": latencies,
        "marks": {
            # Joules of both steps together belong to neither.
            **{name: value for name, value in seen.marks.items() if not name.startswith("energy")},
            **marks,
            **{f"{name}_flops": found.forward_flops for name, found in work.items()},
        },
        "ledger": {
            **session.settled(work["decode"], size, "device"),
            "prompt": prompt,
            "new_tokens": new_tokens,
        },
        "flags": told(imprecise=imprecise(series["prefill"], effort.rel_precision)) | seen.flags,
    }

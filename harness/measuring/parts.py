"""The parts of a training step: windows of its nested prefixes, in turn, so that drift meets all of them alike."""

import math
from dataclasses import replace
from typing import Any

from ...backends.backend import PartialStep
from ...results.records.model import PREFIXES, Case, Window
from .feed import batches, feeding
from .measure import Clock, Dispatch, cycle_batches
from .session import Session
from .windows import blocked_steps, measure_windows

ROUNDS = 5
"""Turns of every prefix. Each turn gets its share of the seconds for training."""

Series = dict[str, tuple[Window, ...]]


def measure_parts(session: Session, case: Case, clock: Clock) -> dict[str, Any]:
    """Measure forward, forward and backward, the whole step, and the whole step with its batch from NumPy.

    The parts are differences of these; nothing is timed inside a step, which would change it.
    """
    effort, request = session.request.effort, session.request
    placed = session.placed_batches()
    parts: dict[str, PartialStep] = {
        name: session.runtime.partial_step(session.problem, session.settings, backward=name != "forward")
        for name in ("forward", "forward_backward")
    }
    for part in parts.values():
        part.run(*placed[0])
        part.wait()
    step = session.train_step()
    turns: dict[str, tuple[Dispatch, Any]] = {
        "forward": (cycle_batches(parts["forward"], placed), parts["forward"].wait),
        "forward_backward": (cycle_batches(parts["forward_backward"], placed), parts["forward_backward"].wait),
        "step": (cycle_batches(step, placed), step.wait),
        "fed_step": (feeding(step, batches(session, "numpy")), step.wait),
    }
    blocked = {name: blocked_steps(dispatch, wait, clock)[0] for name, (dispatch, wait) in turns.items()}
    series: dict[str, list[Window]] = {name: [] for name in PREFIXES}
    turn_effort = replace(
        effort, windows=math.ceil(effort.windows / ROUNDS), min_windows=math.ceil(effort.min_windows / ROUNDS)
    )

    def measure() -> tuple[Window, ...]:
        for windows in series.values():
            windows.clear()
        for turn in range(ROUNDS + 1):
            for name, (dispatch, wait) in turns.items():
                found = measure_windows(
                    dispatch,
                    wait,
                    items_per_step=request.batch_size,
                    seconds=effort.train_s / ROUNDS,
                    effort=turn_effort,
                    clock=clock,
                    blocked_s=blocked[name],
                )
                if turn:  # The first turn lets every prefix settle.
                    series[name] += found
        return tuple(series["step"])

    seen = session.watched(measure)
    step.sync()
    work = session.work(request.batch_size)
    return {
        "series": {name: tuple(windows) for name, windows in series.items()},
        "marks": {
            **{name: value for name, value in seen.marks.items() if not name.startswith("energy")},
            "forward_flops": work.forward_flops,
            "training_flops": work.training_flops,
        },
        "ledger": session.settled(work, request.batch_size, "device"),
        "flags": seen.flags,
    }

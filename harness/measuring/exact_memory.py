"""Phase memory: what training needs, in a process that gives freed memory back at once and measures nothing else."""

from collections.abc import Callable
from typing import Any

from ...results.records.model import Case
from . import memory
from .fit import FitTraining
from .measure import Clock, timed
from .session import Session

SETTLING_STEPS = 3


def measure_memory(session: Session, case: Case, clock: Clock) -> dict[str, Any]:
    """Measure the peak over steady steps, after that of the first step, with what each was added to."""
    request = session.request
    steps = request.effort.memory_steps
    if request.execution == "fit":
        training = FitTraining(session, clock)
        marks = _around(session, lambda: training.steps(1), lambda: training.steps(steps), clock)
        return {"marks": marks, "ledger": _ledger(session)}
    placed = session.placed_batches()
    step = session.make_train_step()

    def run(count: int) -> None:
        for number in range(count):
            step.run(*placed[number % len(placed)])
            # One step in flight: more of them would each hold what one of them needs.
            step.wait()

    marks = _around(session, lambda: run(1), lambda: run(steps), clock, settle=lambda: run(SETTLING_STEPS))
    analysis = step.analysis(*placed[0])
    work = session.work(request.batch_size)
    figures = {
        "framework_memory_bytes": analysis.memory_bytes,
        "framework_flops": analysis.flops,
        "forward_flops": work.forward_flops,
        "training_flops": work.training_flops,
    }
    ledger = {"framework_note": analysis.note, "flops_unknown": ", ".join(work.unknown) or None}
    return {"marks": {**marks, **figures}, "ledger": {**_ledger(session), **ledger}}


def _around(
    session: Session,
    first: Callable[[], None],
    steady: Callable[[], None],
    clock: Clock,
    settle: Callable[[], None] = lambda: None,
) -> dict[str, float | None]:
    """Return the marks of a first step and of steady ones."""
    memory.give_back_freed()
    ready = memory.resident_bytes()
    memory.reset_peak()
    seconds = timed(first, lambda: None, clock)
    peak_first = memory.peak_bytes()
    settle()
    memory.give_back_freed()
    can_reset = memory.reset_peak()
    session.runtime.reset_device_peak()
    steady()
    return {
        "first_step_s": seconds,
        "rss_ready_bytes": ready,
        "peak_first_step_bytes": peak_first,
        "peak_steady_bytes": memory.peak_bytes() if can_reset else None,
        "device_peak_bytes": session.runtime.device_peak_bytes(),
        "driver_bytes": session.meter.driver_bytes(),
    }


def _ledger(session: Session) -> dict[str, Any]:
    request = session.request
    return {"batch_size": request.batch_size, "feed": request.feed, "layout": session.layout()}

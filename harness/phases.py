"""What each phase measures in a session, as the fields of a trial."""

from collections.abc import Callable, Mapping
from typing import Any

from ..results.errors import BrokenError
from ..results.model import Case
from ..workloads import metrics
from . import memory
from .measure import (
    Clock,
    check_loss,
    converge,
    cycle_batches,
    measure_queries,
    measure_windows,
    repeat_input,
    timed,
)
from .session import Session
from .wire import Request

Fields = dict[str, Any]
SETTLING_STEPS = 3
"""Steps after the first before the memory peak is taken anew: allocators and autotuning settle in them."""


def measure_train(session: Session, case: Case, clock: Clock) -> Fields:
    """Measure steady training steps over batches that are on the device."""
    effort, request = session.request.effort, session.request
    before = session.trainable_digest()
    step = session.train_step()
    first = session.first_step()
    dispatch = cycle_batches(step, session.placed_batches())
    for _ in range(SETTLING_STEPS):
        dispatch()
    step.wait()
    can_reset = memory.reset_peak()
    windows = measure_windows(
        dispatch,
        step.wait,
        items_per_step=request.batch_size,
        seconds=effort.train_s,
        effort=effort,
        clock=clock,
        check=check_loss(step),
    )
    steady = memory.peak_bytes() if can_reset else None
    step.sync()
    if session.trainable_digest() == before:
        raise BrokenError("no weight moved in training: the step computes no update, so its time means nothing")
    marks = {
        "first_step_s": first.seconds,
        "peak_first_step_bytes": first.peak_bytes,
        "peak_steady_bytes": steady,
        "device_peak_bytes": session.runtime.device_peak_bytes(),
        "final_loss": step.loss(),
    }
    return {
        "windows": windows,
        "marks": marks,
        "ledger": {"batch_size": request.batch_size, "feed": "device"},
    }


def measure_infer(session: Session, case: Case, clock: Clock) -> Fields:
    """Measure forward passes: pipelined in windows for throughput, one at a time for latency."""
    effort = session.request.effort
    size = int(case.get("batch_size") or session.request.batch_size)
    step = session.forward_step()
    dispatch = repeat_input(step, session.placed_input(size))
    first = timed(dispatch, step.wait, clock)
    for _ in range(SETTLING_STEPS):
        dispatch()
    step.wait()
    queries = measure_queries(dispatch, step.wait, seconds=effort.infer_s, effort=effort, clock=clock)
    windows = measure_windows(
        dispatch, step.wait, items_per_step=size, seconds=effort.infer_s, effort=effort, clock=clock
    )
    marks = {"first_forward_s": first}
    return {
        "windows": windows,
        "queries": queries,
        "marks": marks,
        "ledger": {"batch_size": size, "feed": "device"},
    }


def measure_converge(session: Session, case: Case, clock: Clock) -> Fields:
    """Train on real batches from the initial weights until the target or the epoch limit."""
    request = session.request
    step = session.train_step()
    session.restart()
    evaluate = session.evaluator()
    if evaluate is not None:
        evaluate()
    result = converge(
        step,
        session.epoch_batches,
        evaluate,
        items_per_step=request.batch_size,
        epoch_limit=request.epoch_limit,
        reached=_target_test(request),
        clock=clock,
    )
    marks = {"first_step_s": session.first_step().seconds, "evaluate_s": result.evaluate_s}
    return {
        "windows": result.windows,
        "epochs": result.epochs,
        "reached": result.reached,
        "marks": marks,
        "ledger": {"batch_size": request.batch_size, "feed": "numpy", "epoch_limit": request.epoch_limit},
    }


def _target_test(request: Request) -> Callable[[float], bool] | None:
    if request.metric is None or request.target is None:
        return None
    metric, target = metrics.get(request.metric), request.target
    return lambda value: metric.reached(value, target)


MEASURES: Mapping[str, Callable[[Session, Case, Clock], Fields]] = {
    "train": measure_train,
    "infer": measure_infer,
    "converge": measure_converge,
}

"""What each phase measures in a session, as the fields of a trial."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from ...results.records.marks import ENERGY_SOURCES
from ...results.records.model import TRAINING_STEP, Case, Window
from ..wire import Request
from . import memory
from .energy import DEVICE_MARK, Tally
from .exact_memory import measure_memory
from .feed import batches, feeding
from .fit import measure_fit_infer, measure_fit_train
from .generate import measure_generate
from .measure import Clock, check_loss, converge, cycle_batches, measure_queries, repeat_input, timed
from .parts import measure_parts
from .scenario import measure_scenario
from .session import Session
from .single_steps import SingleSteps
from .watch import leak, told
from .weights_check import check_driven, check_moved, read_digests, unmoved_flag
from .windows import blocked_steps, measure_windows

Fields = dict[str, Any]
SETTLING_STEPS = 3
"""Steps after the first before the memory peak is taken anew: allocators and autotuning settle in them."""
WORTH_COMPARING_S = 1e-3
"""Shorter steps may rightly be done by the time that their dispatch returns."""
MOST_DISPATCH = 0.9
"""Share of a step's time from which its dispatch counts as having waited for it."""


def measure_train(session: Session, case: Case, clock: Clock) -> Fields:
    """Measure steady training steps."""
    if session.request.execution == "fit":
        return measure_fit_train(session, case, clock)
    effort, request = session.request.effort, session.request
    before = read_digests(session.state())
    step = session.train_step()
    first = session.first_step()
    placed = session.placed_batches()
    dispatch = (
        cycle_batches(step, placed) if request.feed == "device" else feeding(step, batches(session, request.feed))
    )
    for _ in range(SETTLING_STEPS):
        dispatch()
    blocked, dispatched, count = blocked_steps(dispatch, step.wait, clock)
    can_reset = memory.reset_peak()
    session.runtime.reset_device_peak()
    resident: list[int] = []
    check = check_loss(step, 1 + SETTLING_STEPS + count)
    single = SingleSteps(dispatch, step.wait, effort, clock)
    measured_before = 0

    def after_window(steps: int) -> None:
        check(measured_before + steps + len(single.seconds))
        now = memory.resident_bytes()
        if now is not None:
            resident.append(now)

    def measure() -> tuple[Window, ...]:
        nonlocal measured_before
        resident.clear()
        single.restart()
        windows = measure_windows(
            dispatch,
            step.wait,
            items_per_step=request.batch_size,
            seconds=effort.train_s,
            effort=effort,
            clock=clock,
            blocked_s=blocked,
            between=single.keep_up,
            check=after_window,
        )
        single.complete()
        steps = sum(window.steps for window in windows) + len(single.seconds)
        check(measured_before + steps)
        measured_before += steps
        return windows

    seen = session.watched(measure)
    if "energy_items" in seen.marks:
        seen.marks["energy_items"] += len(single.seconds) * request.batch_size
    steady = memory.peak_bytes() if can_reset else None
    device_peak = session.runtime.device_peak_bytes()
    final_loss = step.loss()
    step.sync()
    unmoved = check_moved(before, read_digests(session.state()))
    if session.can_check_driven():
        # Other targets too: a model that has learnt its batches by heart has no gradient left on any of them.
        chosen = [placed[0], (placed[1][0], session.rolled(placed[1][1]))]

        def train(number: int) -> None:
            step.run(*chosen[number])
            step.wait()
            step.sync()

        check_driven(train, step.restart, session.state())
    work = session.work(request.batch_size)
    flags = seen.flags | told(unmoved=unmoved_flag(unmoved), leaking=leak(resident))
    ahead = session.runtime.asynchronous and request.compile_kind != "eager"
    if ahead and blocked > WORTH_COMPARING_S and dispatched > MOST_DISPATCH * blocked:
        flags["synchronous"] = f"a dispatch alone took {dispatched * 1e3:.3g} ms, a step {blocked * 1e3:.3g} ms"
    return {
        "windows": seen.windows,
        "latencies": {TRAINING_STEP: tuple(single.seconds)} if single.seconds else {},
        "marks": {
            **seen.marks,
            "first_step_s": first.seconds,
            "blocked_step_s": blocked,
            "dispatch_s": dispatched,
            "peak_first_step_bytes": first.peak_bytes,
            "peak_steady_bytes": steady,
            "device_peak_bytes": device_peak,
            "final_loss": final_loss,
            "unmoved_share": unmoved,
            "forward_flops": work.forward_flops,
            "training_flops": work.training_flops,
        },
        "ledger": session.settled(work, request.batch_size, request.feed),
        "flags": flags,
    }


def measure_infer(session: Session, case: Case, clock: Clock) -> Fields:
    """Measure forward passes: pipelined in windows for throughput, one at a time for latency."""
    if session.request.execution == "fit":
        return measure_fit_infer(session, case, clock)
    effort = session.request.effort
    size = int(case.get("batch_size") or session.request.batch_size)
    step = session.forward_step()
    dispatch = repeat_input(step, session.placed_input(size))
    first = timed(dispatch, step.wait, clock)
    for _ in range(SETTLING_STEPS):
        dispatch()
    step.wait()
    queries = measure_queries(dispatch, step.wait, seconds=effort.infer_s, effort=effort, clock=clock)

    def measure() -> tuple[Window, ...]:
        return measure_windows(
            dispatch,
            step.wait,
            items_per_step=size,
            seconds=effort.infer_s,
            effort=effort,
            clock=clock,
            blocked_s=median(queries),
        )

    seen = session.watched(measure)
    work = session.work(size)
    return {
        "windows": seen.windows,
        "queries": queries,
        "marks": {**seen.marks, "first_forward_s": first, "forward_flops": work.forward_flops},
        "ledger": session.settled(work, size, "device"),
        "flags": seen.flags,
    }


def measure_converge(session: Session, case: Case, clock: Clock) -> Fields:
    """Train on real batches from the initial weights: until the target or the epoch limit, or as long as asked."""
    request, asked = session.request, case.get("epochs")
    epoch_limit = int(asked) if asked is not None else request.epoch_limit
    step = session.train_step()
    session.restart()
    evaluate = session.evaluator()
    if evaluate is not None:
        evaluate()
    energy = Tally(session.meter)
    result = converge(
        step,
        session.epoch_batches,
        evaluate,
        items_per_step=request.batch_size,
        epoch_limit=epoch_limit,
        reached=_target_test(session),
        stop_at_target=asked is None,
        energy=energy,
        clock=clock,
    )
    marks = {"first_step_s": session.first_step().seconds, "evaluate_s": result.evaluate_s}
    return {
        "windows": result.windows,
        "epochs": result.epochs,
        "reached": result.reached,
        "marks": marks,
        "ledger": {
            "batch_size": request.batch_size,
            "feed": "numpy",
            "layout": session.layout(),
            "epoch_limit": epoch_limit,
            "usual_epoch_limit": request.epoch_limit,
            "stops_at_target": asked is None,
            "metric": request.metric,
            "target": request.target,
            "energy_from": " and ".join(ENERGY_SOURCES[mark] for mark in energy.marks) or None,
            "energy_note": None if energy.marks else _why_no_energy(energy, request),
        },
    }


def _why_no_energy(energy: Tally, request: Request) -> str | None:
    """Return why no counter was read; that a CPU is no GPU needs no words."""
    reasons = [why for mark, why in energy.reasons.items() if mark != DEVICE_MARK or request.device == "gpu"]
    return "; ".join(dict.fromkeys(reasons)) or None


def _target_test(session: Session) -> Callable[[float], bool] | None:
    metric, target = session.metric(), session.request.target
    if metric is None or target is None:
        return None
    return lambda value: metric.reached(value, target)


MEASURES: Mapping[str, Callable[[Session, Case, Clock], Fields]] = {
    "train": measure_train,
    "infer": measure_infer,
    "converge": measure_converge,
    "parts": measure_parts,
    "memory": measure_memory,
    "scenario": measure_scenario,
    "generate": measure_generate,
}

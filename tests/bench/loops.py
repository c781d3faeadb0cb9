"""dlbench's loops against bare ones, alternated in one process. Usage: loops.py BACKEND WORKLOAD DATA.npz SHA256.

Prints one JSON object: ratios of dlbench's windowed loop to a bare loop over the same step; of `fit` with dlbench's
windows to `fit` without them; of the step time from windows inside `fit` to the slope between two lengths.
"""

import json
import math
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

BACKEND, WORKLOAD, DATA, SHA256 = sys.argv[1:5]
os.environ["KERAS_BACKEND"] = BACKEND
PAIRS, MOST_PAIRS, WIDE = 40, 160, 0.02
SECONDS, PART = 0.4, 0.5
FIT_PAIRS, FIT_S = 24, 0.4

from dlbench.backends import catalog
from dlbench.harness.roles.isolation import OPTIONAL_FOR_KERAS, hide

hide({*catalog.foreign_modules(BACKEND), *OPTIONAL_FOR_KERAS})
runtime = catalog.get(BACKEND).open_runtime("cpu")

import numpy as np
from dlbench.harness.effort import Effort
from dlbench.harness.measuring.fit import FitTraining
from dlbench.harness.measuring.fit_windows import FitWindows
from dlbench.harness.measuring.measure import cycle_batches
from dlbench.harness.measuring.session import Session
from dlbench.harness.measuring.windows import Pace, blocked_steps, measure_windows
from dlbench.harness.wire import PreparedData, Request
from dlbench.results.records.model import Case
from dlbench.results.statistics import stats
from dlbench.workloads.reference import Reference, resolve

reference = Reference(WORKLOAD)
workload = resolve(reference)
# Windows as long as those of a default run, in a part of its time.
usual = Effort()
effort = replace(
    usual, train_s=SECONDS, windows=round(usual.windows * PART), min_windows=round(usual.min_windows * PART)
)
assert math.isclose(effort.train_s, usual.train_s * PART)
request = Request(
    job="bench",
    block=0,
    position=0,
    seed=0,
    backend=BACKEND,
    device="cpu",
    workload=reference,
    parameters=workload.spec.defaults(),
    batch_size=workload.spec.batch_size,
    precision="float32",
    execution="step",
    compile_kind=catalog.get(BACKEND).resolve_compile("auto", "cpu").kind,
    lane="default",
    feed="numpy",
    data=PreparedData(DATA, SHA256, 0),
    cases=(Case.of(WORKLOAD, backend=BACKEND, phase="train"),),
    epoch_limit=1,
    effort=effort,
    reply=str(Path(DATA).with_suffix(".none")),
)
clock = time.perf_counter
session = Session(request, workload, runtime, clock)
size = request.batch_size


def windowed(step, placed):
    """Return the seconds per step of dlbench's loop, after the windows that find their length."""
    windows = measure_windows(
        cycle_batches(step, placed),
        step.wait,
        items_per_step=size,
        seconds=SECONDS,
        effort=effort,
        clock=clock,
        blocked_s=blocked,
    )
    full = [window for window in windows if window.steps == windows[-1].steps]
    return sum(window.seconds for window in full) / sum(window.steps for window in full)


def bare(step, placed, steps):
    """Return the seconds per step of nothing but steps."""
    count = len(placed)
    step.wait()
    start = time.perf_counter()
    for number in range(steps):
        x, y = placed[number % count]
        step.run(x, y)
    step.wait()
    return (time.perf_counter() - start) / steps


step, placed = session.train_step(), session.placed_batches()
cycle_batches(step, placed)()
blocked = blocked_steps(cycle_batches(step, placed), step.wait, clock)[0]
windowed(step, placed)
steps = max(20, math.ceil(SECONDS / windowed(step, placed)))
loops = []


def wide(ratios):
    """Tell whether the interval of the median ratio is wider than half of what the claim allows."""
    found = stats.median(ratios)
    return found.high is None or found.low is None or found.high - found.low > WIDE


while len(loops) < PAIRS or (wide(loops) and len(loops) < MOST_PAIRS):
    if len(loops) % 2:
        below = bare(step, placed, steps)
        loops.append(windowed(step, placed) / below)
    else:
        above = windowed(step, placed)
        loops.append(above / bare(step, placed, steps))
step.sync()

endless = replace(effort, min_steps=10**9)
training = FitTraining(session, clock)
training.first_step()
rows = training.long_rows()
training.call(rows[: 50 * size])
per_step = training.call(rows[: 50 * size]) / 50
rows = rows[: max(60, round(FIT_S / per_step)) * size]


# One series for all calls: the first one finds how long its windows must be.
series = FitWindows(
    clock,
    runtime.wait_for,
    lambda blocked_s: Pace(SECONDS, endless, size, blocked_s=blocked_s),
    runtime.compilations,
    end=lambda: None,
)
training.call(rows, windows=series)


def observed():
    """Return the seconds of one call of fit with dlbench's windows, and the step time from them."""
    before = len(series.pace.windows)
    seconds = training.call(rows, windows=series)
    return seconds, statistics.median(window.step_seconds for window in series.pace.windows[before:])


training.call(rows)
observers, slopes = [], []
for pair in range(FIT_PAIRS):
    if pair % 2:
        plain = training.call(rows)
        seconds, step_s = observed()
    else:
        seconds, step_s = observed()
        plain = training.call(rows)
    short = training.call(rows[: len(rows) // 3])
    slope = (plain - short) / ((len(rows) - len(rows) // 3) / size)
    observers.append(seconds / plain)
    slopes.append(step_s / slope)
json.dump({"loops": loops, "observers": observers, "slopes": [s for s in slopes if np.isfinite(s)]}, sys.stdout)

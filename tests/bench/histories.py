"""Print how well changes in histories are found, by simulation with fixed seeds, and how fast many runs are read.

Usage: histories.py [PART]... About twenty minutes and 2 GB of temporary files; only the last three parts are timed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from dlbench.results.history.index import FILE, Index
from dlbench.results.statistics import change_points
from dlbench.results.statistics.prediction import LEVEL, prediction
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))

import series_noise  # beside this script
from many_runs import make_store
from series_noise import HIGH, LOW, MIDDLE, Profile

SERIES = 5_000
"""Simulated for each figure."""
POINTS = 60
SOON = 5
"""Points after a step within which it must be found."""
LATER = 20
PROCESSES = 5
"""A point is the median over so many processes of a run."""
MANY_SERIES, LONG = 16_000, 1_000
INDEXED_TRIALS = 20_000
TRIALS = 1_000_000

missed = 0


def say(name: str, value: str, wanted: str | None, *, met: bool = True) -> None:
    """Print one figure, and count what was missed; one that nothing is wanted of is for comparison."""
    global missed  # noqa: PLW0603 - a script of one run
    missed += not met
    word = "      " if wanted is None else "met   " if met else "MISSED"
    sys.stdout.write(f"{word}  {name}: {value}{f' (wanted: {wanted})' if wanted else ''}\n")
    sys.stdout.flush()


def clean(profile: Profile, processes: int, seed: int) -> tuple[np.random.Generator, NDArray[np.float64]]:
    """Return series without a change, and the generator that goes on."""
    rng = np.random.default_rng(seed)
    return rng, series_noise.histories(rng, SERIES, POINTS, profile, processes)


def found_within(alarms: list[list[tuple[int, int]]], places: NDArray[np.int64], reach: int) -> float:
    """Return the share of series with an alarm in the `reach` points from their step on."""
    hits = [any(p <= seen < p + reach for _, seen in told) for told, p in zip(alarms, places, strict=True)]
    return sum(hits) / len(hits)


def with_step(series: NDArray[np.float64], places: NDArray[np.int64], step: float) -> NDArray[np.float64]:
    """Return series that are slower by a share from some place on."""
    return series + np.where(np.arange(POINTS)[None, :] >= places[:, None], np.log1p(step), 0.0)


def steps_found() -> None:
    """Judge series point by point: alarms without a change, and steps found."""
    for profile, name, processes, judged in (
        (MIDDLE, "M", PROCESSES, True),
        (MIDDLE, "M", 3, False),
        (LOW, "L", PROCESSES, False),
        (HIGH, "H", PROCESSES, False),
    ):
        rng, series = clean(profile, processes, 1000 + processes)
        about = f"profile {name}, a point is the median of {processes} processes"
        flagged = sum(map(bool, change_points.alarms(series))) / SERIES
        wanted = "at most 7 %" if judged else None
        met = flagged <= 0.07 or not judged
        say(f"series of {POINTS} points without a change that are flagged, {about}", f"{flagged:.1%}", wanted, met=met)
        places = rng.integers(20, POINTS - SOON + 1, SERIES)
        early = rng.integers(20, POINTS - LATER + 1, SERIES)
        for step, least in ((0.03, None), (0.05, 0.50), (0.10, 0.92)):
            soon = found_within(change_points.alarms(with_step(series, places, step)), places, SOON)
            later = found_within(change_points.alarms(with_step(series, early, step)), early, LATER)
            value = f"{soon:.1%}; within {LATER}: {later:.1%}"
            wanted = f"at least {least:.0%}" if judged and least else None
            met = wanted is None or soon >= (least or 0.0)
            say(f"step of {step:.0%} found within {SOON} points, {about}", value, wanted, met=met)


def where_steps_are() -> None:
    """Say how far from a step it is placed."""
    rng, series = clean(MIDDLE, PROCESSES, 2000)
    places = rng.integers(20, POINTS - LATER + 1, SERIES)
    for step in (0.05, 0.10):
        told = change_points.alarms(with_step(series, places, step))
        away = [abs(near[0] - p) for row, p in zip(told, places, strict=True) for near in row[-1:]]
        share = sum(off <= 1 for off in away) / len(away)
        say(f"step of {step:.0%} that is told is placed within one point", f"{share:.1%}", None)


def reference() -> None:
    """Say what a method with published figures makes of the same series, which tells how hard they are.

    A t test of the last three points against the 20 before, without those beyond 3.5 median absolute deviations.
    """
    _, series = clean(MIDDLE, PROCESSES, 3000)
    last = [_last_three_differ(series, end) for end in range(POINTS - 4, POINTS + 1)]
    values = [float(np.any(last, axis=0).mean())]
    for step in (0.05, 0.10):
        slower = with_step(series, np.full(SERIES, POINTS - 3), step)
        values.append(float(_last_three_differ(slower, POINTS).mean()))
    shown = ", ".join(f"{value:.0%}" for value in values)
    say(
        "t test of three points, p .005: flagged in five points; 5 and 10 % found (elsewhere 6; 65, 100 %)", shown, None
    )


def _last_three_differ(series: NDArray[np.float64], end: int) -> NDArray[np.bool_]:
    from scipy.stats import t

    after, before = series[:, end - 3 : end], series[:, end - 23 : end - 3]
    middle = np.median(before, axis=1, keepdims=True)
    reach = 3.5 * 1.4826 * np.median(np.abs(before - middle), axis=1, keepdims=True)
    kept = np.where(np.abs(before - middle) <= reach, before, np.nan)
    n = np.sum(~np.isnan(kept), axis=1)
    score = (after.mean(axis=1) - np.nanmean(kept, axis=1)) / (np.nanstd(kept, axis=1, ddof=1) * np.sqrt(1 / 3 + 1 / n))
    return np.asarray(2 * t.sf(np.abs(score), n - 1) < 0.005)


def predictions() -> None:
    """Say how many further sessions lie inside the interval, and how many slow ones outside."""
    for sessions in (8, 12, 20):
        rng = np.random.default_rng(4000 + sessions)
        series = np.exp(series_noise.histories(rng, SERIES, sessions + 1, MIDDLE, PROCESSES))
        held = [(prediction(row[:-1].tolist()), row[-1]) for row in series]
        slow = [
            sum(told is not None and not told.low <= factor * value <= told.high for told, value in held) / SERIES
            for factor in (1.0, 1.05, 1.1, 1.2)
        ]
        value = f"{slow[0]:.1%}; slower by 5, 10, 20 %: {slow[1]:.0%}, {slow[2]:.0%}, {slow[3]:.0%}"
        met = slow[0] <= 0.05
        name = f"sessions without a change outside the {LEVEL:.0%} interval from {sessions}, profile M"
        say(name, value, "at most 5 %: bursts and outliers are sessions too", met=met)
    rng = np.random.default_rng(4900)
    alike = series_noise.histories(rng, SERIES, 21, MIDDLE, PROCESSES)
    other = series_noise.histories(rng, SERIES, 21, MIDDLE, PROCESSES)
    slower = np.where(np.arange(21) == 20, np.log1p(0.15), 0.0)
    out = []
    for rows in (alike + slower, (alike + slower) - (other + slower)):
        told = [(prediction(values[:-1].tolist()), values[-1]) for values in np.exp(rows)]
        out.append(sum(p is not None and not p.low <= v <= p.high for p, v in told) / SERIES)
    say("machine slower by 15 %: suspects without and with a canary", f"{out[0]:.0%} and {out[1]:.1%}", None)


def many_series() -> None:
    """Time the analysis of many long histories."""
    rng = np.random.default_rng(5000)
    series = list(np.exp(0.03 * rng.standard_normal((MANY_SERIES, LONG))))
    start, spent = time.perf_counter(), processor_time()
    told = change_points.changes_of(series)
    seconds, spent = time.perf_counter() - start, processor_time() - spent
    value = f"{seconds:.0f} s ({spent:.0f} s of processor time), {sum(map(len, told)):,} changes told"
    say(f"analysis of {MANY_SERIES:,} series of {LONG:,} points", value, "under 60 s", met=seconds < 60)


def processor_time() -> float:
    """Return the seconds of processor time of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def index_rate() -> None:
    """Time the index over runs like those of suite quick: 20 windows, 13 marks and 17 settings a trial."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        make_store(store, INDEXED_TRIALS, workloads=10, per_case=3, windows=20)
        with Index(store) as index:
            start, spent = time.perf_counter(), processor_time()
            index.refresh()
            rate, spent = INDEXED_TRIALS / (time.perf_counter() - start) * 60, processor_time() - spent
    cores = len(os.sched_getaffinity(0))
    value = f"{rate:,.0f} ({spent / INDEXED_TRIALS * 1e3:.2f} ms of processor time each)"
    say(f"trials indexed a minute on {cores} cores", value, "at least 100,000 on two", met=rate >= 100_000)


def a_million_trials() -> None:
    """Time `dlbench history` of one case where the store has a million trials, index built, process start included.

    The trials have two windows each, which the index does not keep anyway.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        runs = make_store(store, TRIALS, workloads=100, per_case=3, windows=2)
        words = [sys.executable, "-m", "dlbench", "history", "work042", "-b", "jax", "--store", folder]
        start = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        built = time.perf_counter() - start
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(words, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        size = (store / FILE).stat().st_size
    value = f"median {sorted(times)[2]:.2f} s ({runs:,} runs; index {size / 1e6:.0f} MB, built in {built:.0f} s)"
    say(f"history of one case among {TRIALS:,} trials", value, "under 2 s", met=sorted(times)[2] < 2)


PARTS: Sequence[Callable[[], None]] = (
    steps_found,
    where_steps_are,
    reference,
    predictions,
    many_series,
    index_rate,
    a_million_trials,
)


def main() -> int:
    """Print every figure; return how many were missed."""
    names = {part.__name__: part for part in PARTS}
    for name in sys.argv[1:] or names:
        names[name]()
    return missed


if __name__ == "__main__":
    raise SystemExit(main() > 0)

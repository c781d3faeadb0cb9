"""Print how well changes in histories are found, by simulation with fixed seeds, and how fast many runs are read.

Usage: histories.py [PART]... About 25 minutes and 2 GB of temporary files; only the last three parts are timed.
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
from dlbench.results.statistics.session import FAMILY, JudgedFigure, judge_session
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
FIGURES = (5, 20)
"""Of one session, judged together."""
SLOWER = (1.0, 1.05, 1.1, 1.2)
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


def judged(now: Sequence[float], sessions: NDArray[np.float64], saved: Sequence[float]) -> list[JudgedFigure]:
    """Return how the figures of one session stand; sessions: shape (figures, sessions)."""
    return judge_session(now, [row.tolist() for row in sessions], saved)


def outside(one: JudgedFigure, value: float) -> tuple[bool, bool]:
    """Tell whether a value lies outside either interval of a figure, and whether above, which is slower."""
    bounds = [told for told in (one.expected, one.near) if told is not None]
    above = any(value > told.high for told in bounds)
    return above or any(value < told.low for told in bounds), above


def one_figure() -> None:
    """Say how many further sessions of one figure are outside, and how many slow ones are suspects.

    The saved figure is that of the first of the sessions. In the second row all sessions are as slow as the one that is
    judged, so that the saved figure alone can tell.
    """
    for sessions in (8, 12, 20):
        rng = np.random.default_rng(4000 + sessions)
        series = np.exp(series_noise.histories(rng, SERIES, sessions + 1, MIDDLE, PROCESSES))
        held = [(judged([row[-1]], row[None, :-1], [row[0]])[0], row[-1]) for row in series]
        clean = sum(outside(one, value)[0] for one, value in held) / SERIES
        found = [sum(outside(one, factor * value)[1] for one, value in held) / SERIES for factor in SLOWER]
        late = [sum(_above_saved(one, factor * value) for one, value in held) / SERIES for factor in SLOWER]
        about = f"from {sessions} sessions, profile M"
        value = f"{clean:.1%}; slower by 0, 5, 10, 20 %: {percents(found)} suspects"
        wanted = "at most 5 %: bursts and outliers are sessions too"
        say(f"sessions without a change outside their intervals, {about}", value, wanted, met=clean <= 0.05)
        say(f"the same long after the change, by the saved figure alone, {about}", f"{percents(late)} suspects", None)
    rng = np.random.default_rng(4900)
    alike = series_noise.histories(rng, SERIES, 21, MIDDLE, PROCESSES)
    other = series_noise.histories(rng, SERIES, 21, MIDDLE, PROCESSES)
    slower = np.where(np.arange(21) == 20, np.log1p(0.15), 0.0)
    out = []
    for rows in (alike + slower, (alike + slower) - (other + slower)):
        told = [judged([row[-1]], row[None, :-1], [row[0]])[0] for row in np.exp(rows)]
        out.append(sum(one.below or one.above for one in told) / SERIES)
    say("machine slower by 15 %: suspects without and with a canary", f"{out[0]:.0%} and {out[1]:.1%}", None)


def one_session() -> None:
    """Say in how many sessions without a change any figure is outside, of several that are judged together.

    The baseline is ten sessions older than the twenty that the intervals are from.
    """
    for figures in FIGURES:
        rng = np.random.default_rng(4100 + figures)
        noises = {
            "normal noise": (0.03 * rng.standard_normal((SERIES, figures, 31)), 1.3 * FAMILY),
            "profile M": (series_noise.sessions(rng, SERIES, figures, 31, MIDDLE, PROCESSES), 0.05),
        }
        for name, (logs, most) in noises.items():
            every = np.exp(logs)
            told = [judged(one[:, -1].tolist(), one[:, :-1], one[:, 0].tolist()) for one in every]
            out = sum(any(one.below or one.above for one in session) for session in told) / SERIES
            worse = sum(any(one.above for one in session) for session in told) / SERIES
            value = f"{out:.1%}; with a suspect: {worse:.1%}"
            about = f"sessions without a change with any of {figures} figures outside, {name}"
            say(about, value, f"at most {most:.1%}", met=out <= most)
        found = [
            sum(any(outside(one, factor * figure)[1] for one, figure in zip(session, now, strict=True))
                for session, now in zip(told, every[:, :, -1], strict=True)) / SERIES
            for factor in SLOWER
        ]  # fmt: skip
        say(f"sessions with a suspect among {figures} figures, all slower by 0, 5, 10, 20 %", percents(found), None)


def percents(shares: Sequence[float]) -> str:
    """Return shares in a row."""
    return ", ".join(f"{share:.0%}" for share in shares)


def _above_saved(one: JudgedFigure, value: float) -> bool:
    return one.near is not None and value > one.near.high


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
    one_figure,
    one_session,
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

"""Print the figures that README claims, as ratios within one run. Usage: figures.py [NAME]... (see FIGURES)."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dlbench.backends import catalog
from dlbench.harness.children.child import Child
from dlbench.harness.children.launch import child_environ
from dlbench.harness.environments.interpreters import PROBE_TIMEOUT_S
from dlbench.harness.measuring.instrument import measure_instrument
from dlbench.results.records.model import Trial
from dlbench.results.records.store import read_run, run_paths
from dlbench.results.statistics import stats
from dlbench.results.summaries import figures
from dlbench.workloads import data_file

HERE = Path(__file__).resolve().parent
BACKENDS = ("jax", "torch", "tensorflow")
HELP_PAIRS = 21
WORKER_PAIRS = 7
ENVIRONMENT_PAIRS = 10
LOOP_PROCESSES = 2
LOOP_WORKLOADS = ("digits_cnn", "cancer_mlp", "grammar_gpt")
MEMORY_TRIALS = 5
AA_PAIRS, AA_RATIOS = 3, 14
TARGET_SEEDS = 10

EMPTY_APP = """
from typing import Annotated
import typer
app = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False, no_args_is_help=True)
@app.callback()
def root() -> None:
    "Nothing."
@app.command()
def run() -> None:
    "Nothing."
@app.command("list")
def list_() -> None:
    "Nothing."
@app.command()
def show() -> None:
    "Nothing."
@app.command()
def history() -> None:
    "Nothing."
@app.command()
def verify() -> None:
    "Nothing."
@app.command()
def compare() -> None:
    "Nothing."
@app.command()
def ab() -> None:
    "Nothing."
@app.command()
def gate() -> None:
    "Nothing."
@app.command()
def bisect() -> None:
    "Nothing."
@app.command()
def calibrate() -> None:
    "Nothing."
@app.command()
def new() -> None:
    "Nothing."
@app.command()
def doctor() -> None:
    "Nothing."
data = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
@data.callback()
def of_data() -> None:
    "Nothing."
@data.command("list")
def list_data() -> None:
    "Nothing."
@data.command()
def fetch() -> None:
    "Nothing."
@data.command("verify")
def verify_data() -> None:
    "Nothing."
app.add_typer(data, name="data")
baseline = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
@baseline.callback()
def of_baseline() -> None:
    "Nothing."
@baseline.command()
def save() -> None:
    "Nothing."
@baseline.command("list")
def list_baselines() -> None:
    "Nothing."
@baseline.command("show")
def show_baseline() -> None:
    "Nothing."
@baseline.command()
def use() -> None:
    "Nothing."
app.add_typer(baseline, name="baseline")
env = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
@env.callback()
def of_env() -> None:
    "Nothing."
@env.command("list")
def list_env() -> None:
    "Nothing."
@env.command("show")
def show_env() -> None:
    "Nothing."
@env.command("create")
def create_env() -> None:
    "Nothing."
@env.command("lock")
def lock_env() -> None:
    "Nothing."
@env.command("remove")
def remove_env() -> None:
    "Nothing."
app.add_typer(env, name="env")
app()
"""


def timed(command: list[str], folder: str) -> float:
    """Return the seconds of a command from start to end."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def say(name: str, value: str, wanted: str, *, met: bool) -> None:
    """Print one figure."""
    print(f"{'met   ' if met else 'MISSED'}  {name}: {value} (wanted: {wanted})", flush=True)


def quartiles(values: list[float]) -> str:
    """Return the median with the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def help_ratio() -> None:
    """Time `dlbench --help` against the help of an empty Typer app, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "empty.py"
        app.write_text(EMPTY_APP)
        ours, empty = [sys.executable, "-m", "dlbench", "--help"], [sys.executable, str(app), "--help"]
        for command in (ours, empty):
            timed(command, folder)
        ratios = [timed(ours, folder) / timed(empty, folder) for _ in range(HELP_PAIRS)]
    met = statistics.median(ratios) <= 1.25
    say("dlbench --help / help of an empty Typer app, median of pairs", quartiles(ratios), "at most 1.25", met=met)


def worker_ratio() -> None:
    """Time a worker against a bare script that does the same steps, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", "digits_cnn", "--phase", "train", "-n", "1", "--progress", "off", "--store", folder]
        for backend in BACKENDS:
            ratios = []
            for _ in range(WORKER_PAIRS):
                subprocess.run(
                    [sys.executable, "-m", "dlbench", *words, "-b", backend],
                    check=True,
                    capture_output=True,
                    cwd=folder,
                )
                run = read_run(run_paths(Path(folder))[-1])
                (trial,), (job,) = run.trials, run.jobs
                steps = 1 + 3 + sum(window.steps for window in trial.windows)
                data = next(iter((cache_folder() / "data").glob("digits_cnn-*.npz")))
                bare = [sys.executable, "-P", str(HERE / "bare.py"), backend, str(data), str(steps)]
                ratios.append(job.wall_seconds / timed(bare, folder))
            name = f"worker / bare script with the same steps, {backend}, median of pairs"
            say(name, quartiles(ratios), "at most 1.10", met=statistics.median(ratios) <= 1.10)


def environment_start() -> None:
    """Time a child in another interpreter until Keras is imported, against that interpreter alone, in turn.

    The interpreter has no pandas and no scikit-learn: Keras imports them where they are, and a child hides them, which
    would make it the quicker one.
    """
    sys.path.append(str(HERE.parent))
    from interpreters import bare_environment

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for backend in BACKENDS:
            python = str(bare_environment(scratch / f"with-{backend}", "keras", "numpy", backend))
            environ = child_environ(catalog.get(backend), "any", scratch, own=False)
            more = []
            for _ in range(ENVIRONMENT_PAIRS + 1):
                start = time.perf_counter()
                # A session of its own, as a child of dlbench has: on a busy machine the system shares by session.
                subprocess.run(
                    [python, "-c", "import keras"],
                    cwd=folder,
                    env=environ,
                    check=True,
                    capture_output=True,
                    start_new_session=True,
                )
                alone = time.perf_counter() - start
                more.append(probe_seconds(python, backend, environ, scratch) - alone)
            name = f"a child in another interpreter with Keras imported, less `import keras` there, {backend}, median"
            wanted = more[1:]  # The first pair read the files from the disk.
            say(name, f"{quartiles(wanted)} s", "at most 0.2 s", met=statistics.median(wanted) <= 0.2)


def probe_seconds(python: str, backend: str, environ: dict[str, str], scratch: Path) -> float:
    """Return the seconds of a probe process from start to end."""
    reply, log = scratch / "reply.json", scratch / "log.txt"
    request = {"backend": backend, "reply": str(reply)}
    ended = Child().run("probe", request, python=python, environ=environ, log=log, timeout_s=PROBE_TIMEOUT_S)
    found = json.loads(reply.read_text())
    assert ended.status == 0, log.read_text()
    assert found["problem"] is None, found["problem"]
    return ended.seconds


def cache_folder() -> Path:
    """Return dlbench's cache."""
    from dlbench.harness.cache import cache_path

    return cache_path()


def default_run() -> None:
    """Run the default twice: its time, the controller's share, the probes, and the forecast from history."""
    with tempfile.TemporaryDirectory() as folder:
        probing = timed([sys.executable, "-m", "dlbench", "list", "devices", "--refresh"], folder)
        say("probing all backends anew", f"{probing:.1f} s", "at most 15 s", met=probing <= 15)
        dry = [sys.executable, "-m", "dlbench", "run", "--dry-run", "--store", folder]
        run = [sys.executable, "-m", "dlbench", "run", "--progress", "off", "--store", folder, "--format", "json"]
        times, forecast = [], 0.0
        for _ in range(2):
            plan = subprocess.run(dry, capture_output=True, text=True, check=True, cwd=folder).stdout
            forecast = in_seconds(plan.splitlines()[-1].partition("about ")[2].partition(" (")[0])
            start = time.perf_counter()
            answer = subprocess.run(run, capture_output=True, text=True, check=True, cwd=folder)
            times.append(time.perf_counter() - start)
        say("default `dlbench run`", f"{times[0]:.0f} and {times[1]:.0f} s", "at most 300 s", met=max(times) <= 300)
        stored = [read_run(path) for path in run_paths(Path(folder))]
        overhead = [
            ((done.end.wall_seconds if done.end else 0.0) - sum(job.wall_seconds for job in done.jobs)) / len(done.jobs)
            for done in stored
        ]
        value = f"{overhead[0]:.3f} and {overhead[1]:.3f} s"
        say("controller's own time per job", value, "at most 0.15 s", met=max(overhead) <= 0.15)
        error = forecast / times[1] - 1
        say("forecast from one run of history / the next run", f"{error:+.1%}", "within 30 %", met=abs(error) <= 0.3)
        print(
            f"        {len(json.loads(answer.stdout)['rows'])} rows, {len(stored[1].trials)} trials, "
            f"{os.cpu_count()} cores"
        )


def in_seconds(text: str) -> float:
    """Return the seconds of a duration as dlbench prints it, for example `3 min 48 s`."""
    words = text.split()
    unit = {"s": 1, "min": 60, "h": 3600}
    return sum(float(value) * unit[name] for value, name in zip(words[::2], words[1::2], strict=True))


def middle(values: list[float]) -> stats.Interval:
    """Return the median of ratios with its 95 % interval by order statistics: a neighbour's burst does not move it."""
    found = stats.median(values)
    assert found is not None
    return found


def inside(found: stats.Interval, low: float, high: float) -> bool:
    """Tell whether an interval lies between two bounds."""
    return found.low is not None and found.high is not None and low <= found.low and found.high <= high


def show(found: stats.Interval) -> str:
    """Return an interval as text."""
    return f"{found.estimate:.4f} [{found.low:.4f}, {found.high:.4f}]"


def loop_ratios() -> None:
    """Alternate dlbench's loops with bare ones in one process, per backend and workload, in several processes."""
    overhead = measure_instrument(time.perf_counter).step_s
    say("the loop's own time per step", f"{overhead * 1e6:.3f} µs", "under 2 µs", met=overhead < 2e-6)
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", *LOOP_WORKLOADS, "-b", "jax", "--phase", "train", "-n", "1", "--progress", "off"]
        timed([sys.executable, "-m", "dlbench", *words, "--store", folder], folder)
        pooled: dict[str, list[float]] = {}
        observers: list[float] = []
        for workload in LOOP_WORKLOADS:
            data = max((cache_folder() / "data").glob(f"{workload}-*.npz"), key=lambda path: path.stat().st_mtime)
            for backend in BACKENDS:
                found: dict[str, list[float]] = {"loops": [], "observers": [], "slopes": []}
                means = []
                for _ in range(LOOP_PROCESSES):
                    script = [sys.executable, "-P", str(HERE / "loops.py"), backend, workload, str(data)]
                    script.append(data_file.read(data)[1])
                    answer = subprocess.run(script, capture_output=True, text=True, check=True, cwd=folder)
                    ratios = json.loads(answer.stdout)
                    means.append(middle(ratios["loops"]).estimate)
                    for name in found:
                        found[name] += ratios[name]
                loop, observer = middle(found["loops"]), middle(found["observers"])
                name = f"{workload}, {backend}"
                met = inside(loop, 0.98, 1.02)
                say(f"windowed loop / bare loop, {name}", show(loop), "inside 0.98 to 1.02", met=met)
                met = observer.low is not None and observer.low < 1.01
                say(f"fit with dlbench's windows / without, {name}", show(observer), "holds less than 1.01", met=met)
                observers += found["observers"]
                slope = middle(found["slopes"])
                say(f"step in fit's windows / slope, {name}", show(slope), "0.9 to 1.1", met=0.9 < slope.estimate < 1.1)
                pooled.setdefault(backend, []).extend(means)
        for backend, means in pooled.items():
            whole = stats.geometric_mean(means)
            assert whole is not None
            met = inside(whole, 0.98, 1.02)
            say(f"windowed loop / bare loop over processes, {backend}", show(whole), "inside 0.98 to 1.02", met=met)
        every = middle(observers)
        met = inside(every, 0, 1.01)
        say("fit with dlbench's windows / without, all pairs", show(every), "whole interval under 1.01", met=met)


def memory_range() -> None:
    """Repeat exact memory and compare the largest with the smallest."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", "digits_cnn", "grammar_gpt", "--phase", "memory", "-n", str(MEMORY_TRIALS)]
        timed([sys.executable, "-m", "dlbench", *words, "--progress", "off", "--store", folder], folder)
        found: dict[tuple[str, str], list[float]] = {}
        for trial in read_run(run_paths(Path(folder))[-1]).trials:
            exact = trial.marks["peak_steady_bytes"] - trial.marks["rss_ready_bytes"]
            found.setdefault((trial.case.workload, trial.case.text("backend")), []).append(exact)
        for (workload, backend), values in sorted(found.items()):
            spread, middle = max(values) - min(values), statistics.median(values)
            allowed = max(0.03 * middle, 16e6)
            value = f"{spread / 1e6:.1f} MB around {middle / 1e6:.1f} MB"
            say(f"exact memory, {workload}, {backend}", value, "within 3 % or 16 MB", met=spread <= allowed)


def real_aa() -> None:
    """Compare a case with itself: how many of the intervals hold the ratio 1."""
    with tempfile.TemporaryDirectory() as folder:
        trials = 2 * AA_PAIRS * AA_RATIOS
        words = ["run", "cancer_mlp", "--phase", "train", "-n", str(trials), "--progress", "off", "--store", folder]
        timed([sys.executable, "-m", "dlbench", *words], folder)
        held = total = 0
        for backend in BACKENDS:
            ordered = sorted(
                (t for t in read_run(run_paths(Path(folder))[-1]).trials if t.case.text("backend") == backend),
                key=lambda trial: trial.block,
            )
            speeds = [speed.items_per_s for trial in ordered if (speed := figures.speed(trial))]
            for start in range(0, len(speeds) - 2 * AA_PAIRS + 1, 2 * AA_PAIRS):
                part = speeds[start : start + 2 * AA_PAIRS]
                ratio = stats.paired_ratio(part[::2], part[1::2])
                total += 1
                held += ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high
        wanted = f"at least {round(0.85 * total)}"
        say("real A/A ratios whose 95 % interval holds 1", f"{held} of {total}", wanted, met=held >= 0.85 * total)


def equals() -> None:
    """Compare shipped workloads with themselves, 50 times (see real_pairs.py); what was measured before counts."""
    subprocess.run([sys.executable, str(HERE / "real_pairs.py"), "equal"], check=False)


def slowdowns() -> None:
    """Find a planted slowdown of 10 %, 20 times (see real_pairs.py); what was measured before counts."""
    subprocess.run([sys.executable, str(HERE / "real_pairs.py"), "slower"], check=False)


def targets() -> None:
    """Train every workload of suite standard to its target: on how many seeds it gets there, and in what time."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", "--suite", "standard", "--phase", "converge", "-n", str(TARGET_SEEDS), "--progress", "off"]
        subprocess.run([sys.executable, "-m", "dlbench", *words, "--store", folder], cwd=folder, check=True)
        run = read_run(run_paths(Path(folder))[-1])
        found: dict[tuple[str, str], list[Trial]] = {}
        for trial in run.trials:
            found.setdefault((trial.case.workload, trial.case.text("backend")), []).append(trial)
        for (workload, backend), trials in sorted(found.items()):
            hits = sum(trial.reached is True for trial in trials)
            longest = max(trial.epochs[-1].train_seconds for trial in trials)
            value = f"{hits} of {len(trials)} seeds, the slowest in {longest:.1f} s"
            met = hits >= 0.8 * TARGET_SEEDS and longest <= 20
            say(f"target of {workload}, {backend}", value, "8 of 10, 20 s of training at most", met=met)


def references() -> None:
    """Score stated reference models on the data of the workloads (see references.py)."""
    subprocess.run([sys.executable, str(HERE / "references.py")], check=True)


def coverage() -> None:
    """Simulate intervals and the steady rule (see coverage.py)."""
    subprocess.run([sys.executable, str(HERE / "coverage.py")], check=True)


def designs() -> None:
    """Simulate false alarms, power and cost of comparisons (see designs.py)."""
    subprocess.run([sys.executable, str(HERE / "designs.py")], check=True)


def histories() -> None:
    """Simulate histories and time reading many runs (see histories.py)."""
    subprocess.run([sys.executable, str(HERE / "histories.py")], check=False)


FIGURES: dict[str, Callable[[], None]] = {
    "help": help_ratio,
    "coverage": coverage,
    "references": references,
    "designs": designs,
    "histories": histories,
    "loop": loop_ratios,
    "memory": memory_range,
    "worker": worker_ratio,
    "env": environment_start,
    "run": default_run,
    "aa": real_aa,
    "equals": equals,
    "slowdowns": slowdowns,
    "targets": targets,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or FIGURES:
        if chosen not in FIGURES:
            sys.exit(f"unknown figure {chosen!r} (known: {', '.join(FIGURES)})")
        FIGURES[chosen]()

"""Real comparisons on this machine: of equals, and with a slowdown planted. Resumable: each one is kept in a store.

Usage: real_pairs.py equal|slower [COUNT]. What the store holds already is counted, not measured again; Ctrl-C loses the
comparisons under way, and the next call goes on. Remove STORE to begin anew.

Equals are measured on every core at once, a comparison on each, which takes half the time on two: each is the other's
neighbour, as on a shared runner. That is another question than on a quiet machine, not always a harder one.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from dlbench.results.comparing.sides import SidedCase, sided_cases, terms_of
from dlbench.results.records.store import read_run, run_paths
from dlbench.results.statistics import stats

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / ".nox" / "real-pairs"
MODEL = ROOT / "tests" / "models" / "small.py"
BACKENDS = ("jax", "torch", "tensorflow")
WORKLOADS = ("cancer_mlp", "digits_cnn", "fraud_mlp", "digits_autoencoder", "intent_lstm")
SLOWER = (f"{MODEL}:build_model", "-p", "width=256", "--batch-size", "256", "--pairs", "12")
"""With layers so wide that computing is what takes the time."""
SLOWDOWN = 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of comparison: how many, between what, and what dlbench should say of them."""

    count: int
    words: Sequence[Sequence[str]]
    """Taken in turn."""
    verdicts: tuple[int, int]
    """How many may be called worse: the fewest and the most."""
    cores: tuple[int, ...] = (0,)
    """On each of which a comparison is measured at a time."""


KINDS = {
    "equal": Kind(
        50,
        [
            [workload, "-b", backend, "--a", "precision=float32", "--b", "precision=float32"]
            for workload in WORKLOADS
            for backend in BACKENDS
        ],
        (0, 4),
        tuple(sorted(os.sched_getaffinity(0))),
    ),
    "slower": Kind(
        20,
        [
            # 20 products of a square matrix, and 22; the first layer is narrow.
            [*SLOWER, "-b", backend, "--a", "depth=21", "--b", "depth=23"]
            for backend in BACKENDS
        ],
        (18, 20),
    ),
}


def kept(store: Path) -> dict[str, list[SidedCase]]:
    """Return the comparisons of a store that were measured to their end, in order of time: the figures by run."""
    found = {}
    for path in run_paths(store) if store.exists() else []:
        run = read_run(path)
        terms = terms_of(run)
        if terms is not None and run.end is not None and run.end.state == "complete":
            found[run.header.run] = sided_cases(run, terms)
    return found


class Series:
    """The comparisons of a kind: those in the store, and those under way."""

    def __init__(self, kind: Kind, store: Path, count: int) -> None:
        """Take what is in the store."""
        self._kind, self._store, self._wanted = kind, store, count
        self._told = kept(store)
        self._begun = Counter((one[0].case.text("backend"), one[0].case.workload) for one in self._told.values())
        self._lock = Lock()

    def next(self) -> Sequence[str] | None:
        """Return what to compare next: what was begun least often; None when all are begun."""
        with self._lock:
            if self._begun.total() >= self._wanted:
                return None
            words = min(self._kind.words, key=lambda words: self._begun[_name(words)])
            self._begun[_name(words)] += 1
            return words

    def measure(self, core: int) -> None:
        """Measure on a core until all are begun.

        Raises:
            CalledProcessError: one came to no result.

        """
        while words := self.next():
            command = [sys.executable, "-m", "dlbench", "ab", *words, "--cpus", str(core)]
            further = ["--progress", "off", "--store", str(self._store)]
            subprocess.run([*command, *further], check=True, stdout=subprocess.DEVNULL, cwd=ROOT.parent)
            with self._lock:
                found = kept(self._store)
                for run in found.keys() - self._told.keys():
                    print(f"        {len(found)}  {told(found[run])}", flush=True)
                self._told = found


def _name(words: Sequence[str]) -> tuple[str, str]:
    """Return backend and workload of a comparison, as its case has them."""
    return words[words.index("-b") + 1], Path(words[0]).name.replace(".py:", ":")


def measure(kind: Kind, store: Path, count: int) -> list[list[SidedCase]]:
    """Measure comparisons until a store has as many as wanted, and return them.

    Raises:
        CalledProcessError: one came to no result.
        SystemExit: its sides cannot be compared.

    """
    series = Series(kind, store, count)
    with ThreadPoolExecutor(len(kind.cores)) as pool:
        for ended in [pool.submit(series.measure, core) for core in kind.cores]:
            ended.result()
    found = list(kept(store).values())
    if refused := next((figures[0].refused for figures in found if figures[0].refused), None):
        sys.exit(f"not comparable: {refused}")
    return found


def told(figures: Sequence[SidedCase]) -> str:
    """Return a comparison in a line."""
    first = figures[0]
    words = [f"{one.metric} {_ratio(one)} {one.decision.verdict}" for one in figures]
    name = f"{first.case.workload} {first.case.text('backend')}"
    return f"{name}: {', '.join(words)} after {first.decision.pairs} pairs"


def _ratio(one: SidedCase) -> str:
    interval = one.decision.interval
    return f"{interval.estimate:.3f}x" if interval else "n/a"


def called(found: Sequence[Sequence[SidedCase]], verdict: str, metric: str | None = None) -> int:
    """Return how many comparisons have a verdict in one of their figures, or in the one of that name."""
    return sum(
        any(one.decision.verdict == verdict and metric in (None, one.metric) for one in figures) for figures in found
    )


def main(name: str, count: int | None) -> int:
    """Measure a kind of comparison and say how many were called worse."""
    kind = KINDS[name]
    found = measure(kind, STORE / name, kind.count if count is None else count)
    worse, better = called(found, "worse"), called(found, "better")
    processes = 2 * sum(figures[0].decision.pairs for figures in found)
    fewest, most = kind.verdicts
    whole = len(found) >= kind.count
    met = "met   " if whole and fewest <= worse <= most else "MISSED"
    what = "equals called worse" if name == "equal" else f"slowdowns of {SLOWDOWN:.0%} found"
    wanted = f"at most {most}" if name == "equal" else f"at least {fewest}"
    print(f"{met}  real {what}: {worse} of {len(found)} (wanted: {wanted} of {kind.count})")
    print(f"        called better: {better}; {processes} processes")
    for metric in dict.fromkeys(one.metric for figures in found for one in figures):
        told_of = [one.decision.interval for figures in found for one in figures if one.metric == metric]
        middle = stats.median([interval.estimate for interval in told_of if interval])
        ratio = f"{middle.estimate:.3f}" if middle else "n/a"
        print(f"        {metric}: median ratio {ratio}, worse {called(found, 'worse', metric)}")
    return 0 if met.startswith("met") else 1


if __name__ == "__main__":
    chosen, *further = sys.argv[1:] or ["?"]
    if chosen not in KINDS:
        sys.exit(f"unknown comparison {chosen!r} (known: {', '.join(KINDS)})")
    sys.exit(main(chosen, int(further[0]) if further else None))

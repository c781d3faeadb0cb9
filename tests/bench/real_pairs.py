"""Real comparisons on this machine: of equals, and with a slowdown planted. Resumable: each one is kept in a store.

Usage: real_pairs.py equal|slower [COUNT]. What the store holds already is counted, not measured again; Ctrl-C loses the
comparison under way, and the next call goes on. Remove STORE to begin anew.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlbench.results.comparing.sides import SidedCase, sided_cases, terms_of
from dlbench.results.records.store import read_run, run_paths
from dlbench.results.statistics import stats

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / ".nox" / "real-pairs"
FAULTY = ROOT / "tests" / "models" / "faulty.py"
BACKENDS = ("jax", "torch", "tensorflow")
WORKLOADS = ("cancer_mlp", "digits_cnn", "fraud_mlp", "digits_autoencoder", "intent_lstm")
SLOWER = (f"{FAULTY}:make_model", "-p", "fault=slower", "-p", "width=128", "--batch-size", "256", "--cpus", "0")
"""On one core: what waits there cannot be hidden behind what another core does."""
SLOWDOWN = 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of comparison: how many, between what, and what dlbench should say of them."""

    count: int
    words: Sequence[Sequence[str]]
    """Taken in turn."""
    verdicts: tuple[int, int]
    """How many may be called worse: the fewest and the most."""


KINDS = {
    "equal": Kind(
        50,
        [
            [workload, "-b", backend, "--a", "precision=float32", "--b", "precision=float32"]
            for workload in WORKLOADS
            for backend in BACKENDS
        ],
        (0, 4),
    ),
    "slower": Kind(
        20,
        [
            [*SLOWER, "-b", backend, "--a", "share=0", "--b", f"share={SLOWDOWN}", "--pairs", "12"]
            for backend in BACKENDS
        ],
        (18, 20),
    ),
}


def kept(store: Path) -> list[SidedCase]:
    """Return the comparisons of a store that were measured to their end, in order of time."""
    found = []
    for path in run_paths(store) if store.exists() else []:
        run = read_run(path)
        terms = terms_of(run)
        if terms is not None and run.end is not None and run.end.state == "complete":
            found += sided_cases(run, terms)
    return found


def measure(kind: Kind, store: Path, count: int) -> list[SidedCase]:
    """Measure comparisons until a store has as many as wanted, and return them.

    Raises:
        CalledProcessError: one came to no result.
        SystemExit: its sides cannot be compared.

    """
    while len(found := kept(store)) < count:
        words = kind.words[len(found) % len(kind.words)]
        command = [sys.executable, "-m", "dlbench", "ab", *words, "--progress", "off", "--store", str(store)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT.parent)
        case = kept(store)[-1]
        if case.refused:
            sys.exit(f"not comparable: {case.refused}")
        print(f"        {len(found) + 1}  {told(case)}", flush=True)
    return found


def told(case: SidedCase) -> str:
    """Return a comparison in a line."""
    interval, decision = case.decision.interval, case.decision
    ratio = f"{interval.estimate:.3f}x" if interval else "n/a"
    name = f"{case.case.workload} {case.case.text('backend')}"
    return f"{name}: {ratio} {decision.verdict} after {decision.pairs} pairs"


def main(name: str, count: int | None) -> int:
    """Measure a kind of comparison and say how many were called worse."""
    kind = KINDS[name]
    found = measure(kind, STORE / name, kind.count if count is None else count)
    worse = sum(case.decision.verdict == "worse" for case in found)
    better = sum(case.decision.verdict == "better" for case in found)
    processes = 2 * sum(case.decision.pairs for case in found)
    fewest, most = kind.verdicts
    whole = len(found) >= kind.count
    met = "met   " if whole and fewest <= worse <= most else "MISSED"
    what = "equals called worse" if name == "equal" else f"slowdowns of {SLOWDOWN:.0%} found"
    wanted = f"at most {most}" if name == "equal" else f"at least {fewest}"
    print(f"{met}  real {what}: {worse} of {len(found)} (wanted: {wanted} of {kind.count})")
    ratios = [case.decision.interval.estimate for case in found if case.decision.interval]
    middle = stats.median(ratios)
    assert middle is not None
    print(f"        median ratio {middle.estimate:.3f}, called better: {better}, {processes} processes")
    return 0 if met.startswith("met") else 1


if __name__ == "__main__":
    chosen, *further = sys.argv[1:] or ["?"]
    if chosen not in KINDS:
        sys.exit(f"unknown comparison {chosen!r} (known: {', '.join(KINDS)})")
    sys.exit(main(chosen, int(further[0]) if further else None))

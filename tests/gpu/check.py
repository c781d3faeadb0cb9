"""Check on a machine with a GPU what cannot be checked without one. Usage: check.py RESULTS.json [BACKEND]...

Runs dlbench as a user would, on every backend that sees a GPU, and asserts what must hold there. Writes every check
with its figures to a file. Exit status: 0 all hold, 1 one does not, 3 no backend sees a GPU.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dlbench.results.records.model import Run, Trial
from dlbench.results.records.store import read_run, run_paths

WORKLOADS = ("digits_cnn", "grammar_gpt")


class Checks:
    """What was checked, and how it went."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def that(self, what: str, trial: Trial, value: object, *, holds: bool) -> None:
        """Keep and print one check of one trial."""
        case = f"{trial.case.workload} {trial.case.text('backend')} {trial.case.text('phase')}"
        self.rows.append({"case": case, "what": what, "value": value, "holds": holds})
        print(f"{'holds ' if holds else 'FAILED'}  {case}: {what} ({value})", flush=True)


def dlbench(folder: str, *words: str) -> None:
    """Run a command; what it says of progress goes to stderr."""
    subprocess.run([sys.executable, "-m", "dlbench", *words], cwd=folder, check=False, stdout=subprocess.DEVNULL)


def measured(folder: str, backends: list[str], *words: str) -> Run:
    """Measure the workloads on the GPU and return the stored run."""
    chosen = ["-b", ",".join(backends), "--device", "gpu", "--progress", "plain", "--store", folder]
    dlbench(folder, "run", *WORKLOADS, *chosen, *words)
    return read_run(run_paths(Path(folder))[-1])


def backends_with_gpu(folder: str) -> list[str]:
    """Return the backends whose probe saw a GPU."""
    dlbench(folder, "run", "cancer_mlp", "--phase", "train", "-n", "1", "--device", "cpu", "--store", folder)
    probes = read_run(run_paths(Path(folder))[-1]).header.environments[0].probes
    return [probe.backend for probe in probes if any(device.kind == "gpu" for device in probe.devices)]


def check(checks: Checks, folder: str, backends: list[str]) -> None:
    """Run everything and check it."""
    usual = measured(folder, backends, "-n", "2", "--phase", "train,infer,converge")
    for trial in usual.trials:
        marks, ledger = trial.marks, trial.ledger
        checks.that("ran on a GPU", trial, ledger.get("device_name"), holds=ledger.get("device") == "gpu")
        if trial.case.get("phase") != "train":
            continue
        blocked, dispatch = marks["blocked_step_s"], marks["dispatch_s"]
        checks.that("a dispatch returns before its step is done", trial, dispatch / blocked, holds=dispatch < blocked)
        peak = marks.get("device_peak_bytes")
        checks.that("the allocator tells its peak", trial, peak, holds=bool(peak))
        parameters = 4 * marks["parameters"]
        checks.that("the peak holds weights, gradients and moments", trial, peak, holds=(peak or 0) >= 3 * parameters)
        energy = marks.get("energy_device_j")
        checks.that("the energy counter moved", trial, energy, holds=energy is None or energy > 0)
        checks.that("no recompilation", trial, marks.get("compilations"), holds="recompiled" not in trial.flags)
    matched = measured(folder, backends, "-n", "1", "--phase", "train", "--lane", "matched")
    for trial in matched.trials:
        checks.that("no TF32 in the matched lane", trial, trial.ledger.get("tf32"), holds=trial.ledger["tf32"] is False)
    memory = measured(folder, backends, "-n", "3", "--phase", "memory")
    for trial in memory.trials:
        peak, driver = trial.marks.get("device_peak_bytes"), trial.marks.get("driver_bytes")
        known = peak is not None and driver is not None
        checks.that("the driver sees at least the allocator's peak", trial, driver, holds=not known or driver >= peak)
    for run in (usual, matched, memory):
        for failure in run.failures:
            case = f"{failure.case.workload} {failure.case.text('backend')} {failure.case.text('phase')}"
            checks.rows.append({"case": case, "what": "measured", "value": failure.message, "holds": False})
            print(f"FAILED  {case}: {failure.kind}: {failure.message}", flush=True)


def main() -> int:
    """Check, and write the file."""
    target, wanted = Path(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        found = [name for name in backends_with_gpu(folder) if not wanted or name in wanted]
        if not found:
            print("no backend sees a GPU here: nothing was checked", file=sys.stderr)
            return 3
        checks = Checks()
        check(checks, folder, found)
        machine = read_run(run_paths(Path(folder))[-1]).header.machine
    failed = sum(not row["holds"] for row in checks.rows)
    answer = {"machine": machine.cpu, "backends": found, "failed": failed, "checks": checks.rows}
    target.write_text(json.dumps(answer, indent=1))
    print(f"{len(checks.rows)} checks, {failed} failed; written to {target}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

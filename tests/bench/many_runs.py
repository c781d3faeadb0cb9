"""A large made-up store for figures about reading many runs: nightly runs of several cases, a few trials each."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from dlbench.results.records.codec import to_json
from dlbench.results.records.environment import BackendProbe, Environment, Machine
from dlbench.results.records.model import Case, End, Header, WorkloadInfo

MACHINE = Machine("bench1", "Linux x86_64", "AMD EPYC 7763", 2, 8 << 30, "performance", "0123456789ab")
BACKENDS = ("jax", "torch", "tensorflow")
START = datetime(2024, 1, 1, tzinfo=UTC)
STEPS = 8
MARKS = ("import_s", "data_s", "build_s", "first_step_s", "blocked_step_s", "dispatch_s", "cpu_s", "wall_s")
SIZES = ("rss_start_bytes", "rss_imported_bytes", "rss_data_bytes", "rss_ready_bytes", "peak_steady_bytes")
LEDGER = {
    "version_keras": "3.15.1",
    "version_numpy": "2.4.6",
    "threads": 2,
    "device": "cpu",
    "device_name": "cpu",
    "precision": "float32",
    "execution": "step",
    "lane": "default",
    "allocator": "default",
    "compile_kind": "jit",
    "affinity": "0-1",
    "data_sha256": "31ae2d824c5ec7d7",
    "batch_size": 32,
    "feed": "device",
    "layout": "channels_last",
    "initial_weights": "62f6c8e240f3fada",
}


def make_store(folder: Path, trials: int, workloads: int, per_case: int, windows: int) -> int:
    """Write runs of `workloads` x three backends x `per_case` trials of so many windows; return the number of runs."""
    (folder / "runs").mkdir(parents=True)
    rng = np.random.default_rng(1)
    cases = [Case.of(f"work{n:03d}", backend=b, phase="train") for n in range(workloads) for b in BACKENDS]
    infos = tuple(
        WorkloadInfo(f"work{n:03d}", "tabular", "generated", "made up", 32, None, None, None, None)
        for n in range(workloads)
    )
    runs = -(-trials // (len(cases) * per_case))
    probes = tuple(BackendProbe(name, "1.0", "3.15.1") for name in BACKENDS)
    environment = Environment("default", "python", "3.11.7", {"keras": "3.15.1", "numpy": "2.4.6"}, probes)
    for number in range(runs):
        day = START + timedelta(hours=number)
        name, started = f"{day:%Y%m%d-%H%M%S}-{number % 65536:04x}", day.isoformat()
        header = Header(1, name, started, "0.1.0", ("run",), {}, MACHINE, (environment,), infos, tuple(cases))
        lines = [{"type": "header", **to_json(header)}]
        for block in range(per_case):
            ends = np.cumsum(np.exp(rng.normal(-5, 0.05, (len(cases), windows))), axis=1)
            marks = np.exp(rng.normal(0, 0.05, (len(cases), len(MARKS)))).tolist()
            sizes = (1e8 * np.cumsum(np.exp(rng.normal(0, 0.02, (len(cases), len(SIZES)))), axis=1)).tolist()
            for place, case in enumerate(cases):
                edges = [0.0, *ends[place].tolist()]
                lines.append(
                    {
                        "type": "trial",
                        "case": to_json(case),
                        "job": f"b{block}-{place:02d}",
                        "block": block,
                        "position": place,
                        "seed": block,
                        "started": started,
                        "start": 0.0,
                        "end": 1.0,
                        "windows": [[STEPS, STEPS * 32, a, b] for a, b in pairwise(edges)],
                        "marks": {
                            **dict(zip(MARKS, marks[place], strict=True)),
                            **dict(zip(SIZES, sizes[place], strict=True)),
                        },
                        "ledger": {**LEDGER, "backend": case.text("backend")},
                    }
                )
        lines.append({"type": "end", **to_json(End(started, "complete", 1.0))})
        (folder / "runs" / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return runs

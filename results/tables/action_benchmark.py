"""github-action-benchmark: the readings of a run as its custom tools read them, those of one direction in a file.

https://github.com/benchmark-action/github-action-benchmark
"""

import json
import shlex

from .. import units
from ..records.model import Run
from .readings import Reading, Subject, candidates

UNITS = {
    "samples_per_second": "samples/s",
    "tokens_per_second": "tokens/s",
    "seconds": "s",
    "bytes": "bytes",
    "joules": "J",
    "flops": "FLOP",
    "": "",
}
"""As its charts and comments write them."""


def as_action_benchmark(run: Run, better: str) -> str:
    """Return the readings of which more is better (`max`), or less (`min`); of two sides those of the candidate."""
    entries = [
        _entry(subject, reading)
        for subject in candidates(run)
        for reading in subject.readings
        if reading.measure.better == better
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _entry(subject: Subject, reading: Reading) -> dict[str, str | float]:
    measure = reading.measure
    interval = units.interval(reading.low, reading.high, lambda bound: f"{bound:.6g}")
    trials = units.plural(subject.trials, "trial")
    unsettled = [f"{subject.unsettled} of {trials} did not settle"] if measure.steady and subject.unsettled else []
    flags = () if measure.exact else subject.flags
    extra = [measure.meaning, f"n = {reading.n}", *unsettled, *flags, *subject.failures]
    return {
        "name": f"{subject.name}: {shlex.quote(measure.name)}",
        "unit": UNITS[measure.unit],
        "value": reading.value,
        **({"range": f"95 % interval {interval}"} if interval else {}),
        "extra": "\n".join(extra),
    }

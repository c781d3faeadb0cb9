"""Bencher Metric Format: the readings of a run as the JSON that `bencher run --adapter json` reads.

https://bencher.dev/docs/reference/bencher-metric-format/
"""

import json

from ..records.model import Run
from .readings import Reading, candidates


def as_bencher(run: Run) -> str:
    """Return, by case and measure, a value with the bounds of its interval where it has them.

    Of a run with two sides it is the candidate. Measures are named with their units, since Bencher's own `latency` is
    in nanoseconds.
    """
    found = {
        subject.name: {reading.measure.name.replace("_", "-"): _value(reading) for reading in subject.readings}
        for subject in candidates(run)
        if subject.readings
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _value(reading: Reading) -> dict[str, float]:
    told = {"value": reading.value, "lower_value": reading.low, "upper_value": reading.high}
    return {name: value for name, value in told.items() if value is not None}

"""What a calibration says, in the few sentences that are quoted under tables."""

from collections.abc import Sequence

from .. import units
from .noise import clopper_pearson
from .records import MEMORY, PRODUCT, Calibration, FalseAlarms, best_ceilings

TWICE = 2.0


def flops_text(rate: float) -> str:
    """Return floating-point operations per second: 402 GFLOP/s, 1.72 TFLOP/s."""
    billions = rate / units.GIGA
    if units.rounded(billions) >= units.KILO:
        return f"{units.number(billions / units.KILO)} TFLOP/s"
    return f"{units.number(billions)} GFLOP/s"


def nanoseconds(seconds: float) -> str:
    """Return a short time: 61.3 ns, 1.19 µs; also a negative one, which noise can make of next to nothing."""
    value = seconds * units.GIGA
    if abs(units.rounded(value)) >= units.KILO:
        return f"{units.number(value / units.KILO)} µs"
    return f"{units.number(value)} ns"


def smallest_change(ratio: float | None) -> str:
    """Return a smallest detectable ratio as a change: 8.1 %; above 100 % its size means nothing."""
    if ratio is None:
        return units.missing()
    return "> 100 %" if ratio > TWICE else units.percent(ratio - 1)


def quoted(calibration: Calibration) -> list[str]:
    """Return one or two sentences on what a calibration says, for the notes under tables."""
    lines = [_ceilings_line(calibration), _noise_line(calibration)]
    return [line for line in lines if line]


def _ceilings_line(calibration: Calibration) -> str:
    best = best_ceilings(calibration)
    parts = []
    for device in dict.fromkeys(device for device, _, _ in best):
        products = [
            f"{flops_text(found.rate)} in {precision} ({found.framework})"
            for (other, kind, precision), found in best.items()
            if (other, kind) == (device, PRODUCT) and found.rate is not None
        ]
        memory = [
            f"memory {units.size(found.rate)}/s ({found.framework})"
            for (other, kind, _), found in best.items()
            if (other, kind) == (device, MEMORY) and found.rate is not None
        ]
        parts.append(f"{device}: {', '.join([*products, *memory])}")
    if not parts:
        return ""
    found = calibration.instrument
    step = f"; the harness adds {nanoseconds(found.step_s)} a step" if found else ""
    return f"calibrated {calibration.measured[:10]}: at most, {'; '.join(parts)}{step}"


def _noise_line(calibration: Calibration) -> str:
    parts = [
        f"{noise.framework} {smallest_change(noise.detectable_ratio)}"
        for noise in calibration.noise
        if noise.detectable_ratio is not None
    ]
    trials = dict.fromkeys(str(noise.trials) for noise in calibration.noise if noise.detectable_ratio is not None)
    smallest = f"smallest change that {' or '.join(trials)} trials can show: {', '.join(parts)}" if parts else ""
    return "; ".join(part for part in (alarms_text(calibration.false_alarms), smallest) if part)


def alarms_text(alarms: Sequence[FalseAlarms]) -> str:
    """Return in words how often equals were called different; "" where nothing was compared."""
    clean = [item for item in alarms if not item.doubtful]
    used = clean if any(item.comparisons for item in clean) else alarms
    n, slower = sum(item.comparisons for item in used), sum(item.slower for item in used)
    if not n:
        return ""
    rate = clopper_pearson(slower, n)
    bounds = units.interval(rate.low, rate.high, lambda value: units.percent(value).removesuffix(" %"))
    kind = "" if used is clean else ", all with a doubtful trial,"
    return (
        f"A/A: {slower} of {units.plural(n, 'comparison')} of a case with itself{kind} said slower: "
        f"{units.percent(rate.estimate)}, 95 % CI {bounds} %, nominal 2.5 %"
    )

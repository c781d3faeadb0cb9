"""`dlbench calibrate`: what this machine can do at most, and how finely it can be measured."""

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ...results import units
from ...results.calibration.records import MEMORY, PRODUCT, Calibration, Ceiling, Noise, best_ceilings
from ...results.calibration.words import alarms_text, flops_text, nanoseconds, smallest_change
from ...results.errors import BrokenError, Interrupted, UsageError
from .. import options as parse
from ..checks.calibrate import Calibrated, CalibrateOptions, calibrate, local_bench
from ..experiments.observers import make_observer
from ..experiments.runner import Stop
from ..experiments.signals import stopping_on_signals
from ..output import WIDTH_IN_FILES, check_store

DEFAULT_BUDGET = "10m"
ENOUGH_COMPARISONS = 100
"""From so many on a rate of false alarms means something."""


def calibrate_command(
    backends: Sequence[str],
    device: str,
    budget: str,
    timeout: str,
    progress: str,
    store: str | None,
    argv: Sequence[str],
) -> int:
    """Calibrate, store and print; the status is 4 where a process broke, 130 after an interrupt.

    Raises:
        UsageError: a word is unknown, a backend that was named does not work, or the store cannot be written.

    """
    devices = parse.choose("device", [device], parse.DEVICES)
    if len(devices) != 1:
        raise UsageError(f"--device takes one of {', '.join(parse.DEVICES)}; received {device!r}")
    options = CalibrateOptions(
        backends=parse.split(backends),
        device=devices[0],
        budget_s=parse.parse_duration("--budget", budget) or 0.0,
        timeout_s=parse.parse_duration("--timeout", timeout) or 0.0,
        store=store,
    )
    check_store(store)
    observer = make_observer(progress)
    stop = Stop()
    with stopping_on_signals(stop, observer):
        done = calibrate(options, argv, observer, stop, local_bench(stop))
    width = None if sys.stdout.isatty() else WIDTH_IN_FILES
    Console(file=sys.stdout, highlight=False, width=width).print(report(done))
    if done.state == "interrupted":
        return Interrupted.exit_code
    return BrokenError.exit_code if done.failures else 0


def report(done: Calibrated) -> RenderableType:
    """Return everything that is known about this kind of machine, for the terminal."""
    calibration = done.calibration
    machine = calibration.machine
    memory = units.size(machine.memory_bytes) if machine.memory_bytes else "memory unknown"
    parts: list[RenderableType] = [
        Text.assemble(("Machine ", "bold"), f"{machine.cpu}, {units.plural(machine.cores, 'core')}, {memory}"),
        *instrument_lines(calibration),
        Text(),
        Text("Ceilings: the most that any framework reached; the highest of each kind is marked", style="bold"),
        Padding(ceilings_table(calibration), (0, 0, 1, 2)),
    ]
    if calibration.noise:
        parts += [
            Text("Noise of step times, as standard deviations, and the smallest change that shows", style="bold"),
            Padding(noise_table(calibration.noise), (0, 0, 1, 2)),
        ]
    parts += [Text(line) for line in alarm_lines(calibration)]
    parts += [Text(f"note: {note}", style="yellow") for note in calibration.notes]
    parts.append(Text(f"{done.state}, stored in {done.path}", style="dim"))
    return Group(*parts)


def instrument_lines(calibration: Calibration) -> Iterator[Text]:
    """Yield what the clock resolves and what the measuring loop adds."""
    found = calibration.instrument
    if found is None:
        return
    yield Text.assemble(
        ("Clock   ", "bold"),
        f"resolves {nanoseconds(found.resolution_s)}; a reading takes {nanoseconds(found.reading_s)}",
    )
    yield Text.assemble(
        ("Loop    ", "bold"),
        f"adds {nanoseconds(found.step_s)} to each timed step; {nanoseconds(found.window_s)} between windows, "
        "charged to none",
    )


def ceilings_table(calibration: Calibration) -> Table:
    """Return one row per operation, precision and framework."""
    table = _table(("operation", "framework"), ("at most", "typically", "size", "other programs"))
    best = {id(ceiling) for ceiling in best_ceilings(calibration).values()}
    order = {PRODUCT: 0, MEMORY: 1}
    rows = sorted(calibration.ceilings, key=lambda c: (c.device, order.get(c.kind, 2), c.precision, -(c.rate or 0.0)))
    for ceiling in rows:
        table.add_row(*_ceiling_cells(ceiling), style="bold green" if id(ceiling) in best else None)
    return table


def _table(left: Sequence[str], right: Sequence[str]) -> Table:
    """Return an empty table with columns of words and columns of figures, which are never wrapped."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _ceiling_cells(ceiling: Ceiling) -> tuple[str, ...]:
    product = ceiling.kind == PRODUCT
    operation = f"{ceiling.device}: {f'product, {ceiling.precision}' if product else 'memory, x += y'}"
    if ceiling.rate is None:
        return operation, ceiling.framework, units.missing()
    text = flops_text if product else _bandwidth
    size = f"{ceiling.size:,}" if product else units.size(ceiling.size or 0)
    load = units.percent(ceiling.foreign_load) if ceiling.foreign_load is not None else units.missing()
    typical = text(ceiling.typical) if ceiling.typical is not None else units.missing()
    return operation, ceiling.framework, text(ceiling.rate), typical, size, load


def _bandwidth(rate: float) -> str:
    return f"{units.size(rate)}/s"


def noise_table(noise: Sequence[Noise]) -> Table:
    """Return one row per backend."""
    figures = ("processes", "doubtful", "step", "within", "between", "lag 1", "paired", "smallest change")
    table = _table(("framework",), figures)
    for item in noise:
        lag1 = units.missing() if item.lag1 is None else f"{item.lag1:.2f}"
        step = units.missing() if item.step_s is None else units.seconds(item.step_s)
        smallest = smallest_change(item.detectable_ratio)
        table.add_row(
            f"{item.framework}, {item.device}",
            str(item.processes),
            str(item.doubtful),
            step,
            _share(item.within),
            _share(item.between),
            lag1,
            _share(item.paired),
            smallest if item.detectable_ratio is None else f"{smallest} ({item.trials} trials)",
        )
    return table


def _share(value: float | None) -> str:
    return units.missing() if value is None else units.percent(value)


def alarm_lines(calibration: Calibration) -> Iterator[str]:
    """Yield how often equals were called different, over all calls."""
    text = alarms_text(calibration.false_alarms)
    if not text:
        return
    yield text
    counted = sum(item.comparisons for item in calibration.false_alarms)
    faster = sum(item.faster for item in calibration.false_alarms)
    yield f"     {faster} of all {units.plural(counted, 'comparison')} said faster, nominal 2.5 %"
    clean = sum(item.comparisons for item in calibration.false_alarms if not item.doubtful)
    if clean < ENOUGH_COMPARISONS:
        yield (
            f"     {clean} comparisons without a doubtful trial so far: from {ENOUGH_COMPARISONS} on the rate means "
            "something; call `dlbench calibrate` again to add to them"
        )

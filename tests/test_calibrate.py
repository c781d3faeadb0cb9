"""A calibration with everything that it works with made up: what is measured how often, kept, added up and shown."""

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlbench.backends import catalog
from dlbench.backends.backend import Backend
from dlbench.harness.checks.calibrate import Bench, Calibrated, CalibrateOptions, calibrate
from dlbench.harness.commands import calibrate as command
from dlbench.harness.effort import Effort
from dlbench.harness.experiments.experiment import Experiment
from dlbench.harness.experiments.forecast import Forecast
from dlbench.harness.experiments.plan import Plan
from dlbench.harness.experiments.runner import Outcome, Schedule, Stop
from dlbench.harness.options import RunOptions, Selection
from dlbench.harness.progress import Observer, Silence
from dlbench.harness.roles.ceiling import CeilingRequest
from dlbench.results.calibration.records import PRODUCT, Instrument, read_calibration
from dlbench.results.errors import NothingMeasured, UsageError
from dlbench.results.records.codec import dump_line
from dlbench.results.records.environment import Environment
from dlbench.results.records.model import Case, Run, Trial, Window
from rich.console import Console

from .factories import MACHINE, FakeClock, end, header, probe, trial

TRIALS = 3
BLOCK_S = 10.0
NAMES = tuple(backend.name for backend in catalog.BACKENDS)
INSTRUMENT = Instrument(4e-8, 5e-8, 6.1e-8, 3e-8, 1.2e-6)


def timed(backend: str, block: int, step_s: float, flags: dict[str, str]) -> Trial:
    """Make a training trial of one window length."""
    windows = tuple(Window(10, 320, n * 10 * step_s, (n + 1) * 10 * step_s) for n in range(20))
    case = Case.of("cancer_mlp", backend=backend, phase="train")
    return trial(case, block, windows=windows, flags=flags)


class FakeBench:
    """What a calibration asks of its surroundings, and what it is answered."""

    def __init__(self, *usable: str, trials: int = TRIALS) -> None:
        self.clock = FakeClock()
        self.usable = usable or NAMES
        self.trials = trials
        self.rate = 1e11
        self.asked: list[tuple[str, str]] = []
        self.selection: Selection | None = None
        self.options: RunOptions | None = None
        self.schedule: Schedule | None = None
        self.outcome = Outcome()
        self.flags: dict[str, str] = {}
        self.lost_blocks: frozenset[int] = frozenset()
        self.stop_in_ceilings: Stop | None = None
        self.runs = 0

    def bench(self) -> Bench:
        return Bench(
            ask=self.ask,
            read_machine=lambda: MACHINE,
            read_environment=self.environment,
            measure_instrument=lambda: INSTRUMENT,
            design=self.design,
            execute=self.execute,
            clock=self.clock,
        )

    def environment(self, backends: Sequence[Backend]) -> Environment:
        probes = [
            probe(b.name) if b.name in self.usable else replace(probe(b.name), version=None, problem=f"no {b.title}")
            for b in backends
        ]
        return Environment("default", "python", "3.11", {}, tuple(probes))

    def ask(self, backend: Backend, request: CeilingRequest, timeout_s: float) -> str | None:
        self.asked.append((backend.name, request.device))
        self.clock.spend(20.0)
        if self.stop_in_ceilings:
            self.stop_in_ceilings.request()
            return "stopped"
        lines = [
            dump_line("ceiling", request.ceiling(*wanted, rate=self.rate, typical=self.rate, size=1 << 40))
            for wanted in request.wanted()
        ]
        Path(request.reply).write_text("".join(lines))
        return None

    def design(self, selection: Selection, options: RunOptions, observer: Observer) -> Experiment:
        self.selection, self.options = selection, options
        schedule = Schedule(self.trials, Effort(), options.timeout_s)
        environment = self.environment(())
        expected = Forecast({"job": BLOCK_S}, frozenset())
        return Experiment(Plan((), (), ()), schedule, expected, (environment,), MACHINE, (), ())

    def execute(
        self, experiment: Experiment, options: RunOptions, argv: Sequence[str], observer: Observer, stop: Stop
    ) -> tuple[Run, Outcome]:
        self.schedule = experiment.schedule
        self.runs += 1
        rng = np.random.default_rng(self.runs)
        trials = [
            timed(name, block, 0.001 * math.exp(rng.normal(0, 0.02)), self.flags)
            for block in range(experiment.schedule.blocks)
            for name in self.usable
            if block not in self.lost_blocks
        ]
        run = Run(header(f"run-{self.runs}", notes=("the machine is busy",)), tuple(trials), (), (), end())
        return run, self.outcome


def calibrated(made: FakeBench, store: Path, stop: Stop | None = None, **options: Any) -> Calibrated:
    """Calibrate with made-up surroundings."""
    wanted = CalibrateOptions(store=str(store), **options)
    return calibrate(wanted, ["calibrate"], Silence(), stop or Stop(), made.bench())


def shown(done: Calibrated) -> str:
    """Return the report as text."""
    out = io.StringIO()
    Console(file=out, width=100).print(command.report(done))
    return out.getvalue()


def test_everything_is_measured_and_kept(tmp_path: Path) -> None:
    done = calibrated(FakeBench(), tmp_path)
    assert done.state == "complete"
    assert done.failures == 0
    assert done.path == tmp_path / "calibration" / f"{MACHINE.fingerprint}.json"
    assert read_calibration(tmp_path, MACHINE.fingerprint) == done.calibration
    found = done.calibration
    assert found.instrument == INSTRUMENT
    assert {ceiling.backend for ceiling in found.ceilings} == set(NAMES)
    assert len(found.ceilings) == 4 * len(NAMES)
    assert [item.backend for item in found.noise] == list(NAMES)
    assert all(item.between and item.paired and item.detectable_ratio for item in found.noise)
    assert found.notes == ("the machine is busy",)


def test_the_small_workload_trains_by_the_quick_suite_in_a_store_of_its_own(tmp_path: Path) -> None:
    made = FakeBench()
    calibrated(made, tmp_path, timeout_s=77.0)
    assert made.selection is not None
    assert (made.selection.workloads, made.selection.phases) == (("cancer_mlp",), ("train",))
    assert made.selection.backends == NAMES
    assert made.options is not None
    assert (made.options.suite, made.options.trials, made.options.timeout_s) == ("quick", None, 77.0)
    assert made.options.store == str(tmp_path / "calibration")


@pytest.mark.parametrize(
    ("budget_s", "comparisons", "limit_s"),
    # Ceilings take 60 seconds, a comparison of 2 x 3 blocks another 60.
    [(1.0, 1, None), (119.0, 1, None), (180.0, 2, 180.0), (600.0, 9, 540.0), (1e9, 166, 1e9 - 60)],
)
def test_what_ceilings_leave_of_the_budget_goes_to_comparisons(
    budget_s: float, comparisons: int, limit_s: float | None, tmp_path: Path
) -> None:
    made = FakeBench()
    done = calibrated(made, tmp_path, budget_s=budget_s)
    assert made.schedule is not None
    assert made.schedule.blocks == comparisons * 2 * TRIALS
    assert made.schedule.budget_s == limit_s
    assert [item.comparisons for item in done.calibration.false_alarms] == [comparisons] * 3
    assert {item.processes for item in done.calibration.noise} == {comparisons * 2 * TRIALS}


def test_a_suite_of_one_trial_still_makes_comparisons_of_two(tmp_path: Path) -> None:
    made = FakeBench(trials=1)
    done = calibrated(made, tmp_path, budget_s=1.0)
    assert made.schedule is not None
    assert made.schedule.blocks == 4
    assert {item.trials for item in done.calibration.false_alarms} == {2}


def test_comparisons_add_up_over_calls_and_noise_is_the_latest(tmp_path: Path) -> None:
    made = FakeBench()
    first = calibrated(made, tmp_path, budget_s=300.0).calibration
    made.rate = 5e10
    second = calibrated(made, tmp_path, budget_s=180.0).calibration
    assert [item.comparisons for item in first.false_alarms] == [4, 4, 4]
    assert [item.comparisons for item in second.false_alarms] == [6, 6, 6]
    assert {item.processes for item in second.noise} == {12}
    assert {item.run for item in second.noise} == {"run-2"}
    assert {ceiling.rate for ceiling in second.ceilings} == {1e11}


def test_one_backend_alone_leaves_what_is_known_of_the_others(tmp_path: Path) -> None:
    calibrated(FakeBench(), tmp_path, budget_s=1.0)
    again = FakeBench()
    found = calibrated(again, tmp_path, budget_s=1.0, backends=("torch",)).calibration
    assert [name for name, _ in again.asked] == ["torch"]
    assert sorted(item.backend for item in found.noise) == sorted(NAMES)
    assert {item.backend: item.comparisons for item in found.false_alarms} == {"jax": 1, "torch": 2, "tensorflow": 1}
    assert len(found.ceilings) == 12


def test_comparisons_of_doubtful_trials_are_counted_apart(tmp_path: Path) -> None:
    made = FakeBench("jax")
    calibrated(made, tmp_path, budget_s=1.0)
    made.flags = {"disturbed": "others took 20 %"}
    found = calibrated(made, tmp_path, budget_s=1.0).calibration
    assert [(item.doubtful, item.comparisons) for item in found.false_alarms] == [(False, 1), (True, 1)]
    assert [item.doubtful for item in found.noise] == [6]


def test_a_comparison_that_lacks_a_process_is_not_made(tmp_path: Path) -> None:
    made = FakeBench("jax")
    made.lost_blocks = frozenset({3})
    made.outcome = Outcome(failures=1, notes=["one was lost"])
    done = calibrated(made, tmp_path, budget_s=160.0)
    assert [item.comparisons for item in done.calibration.false_alarms] == [1]
    assert done.failures == 1
    assert "one was lost" in done.calibration.notes


def test_an_interrupt_while_ceilings_are_measured_keeps_the_known(tmp_path: Path) -> None:
    calibrated(FakeBench(), tmp_path, budget_s=1.0)
    made, stop = FakeBench(), Stop()
    made.stop_in_ceilings = stop
    done = calibrated(made, tmp_path, stop)
    assert done.state == "interrupted"
    assert made.runs == 0
    assert len(made.asked) == 1
    assert {ceiling.rate for ceiling in done.calibration.ceilings} == {1e11}
    assert len(done.calibration.noise) == 3


def test_an_interrupt_while_noise_is_measured_keeps_what_there_is(tmp_path: Path) -> None:
    made = FakeBench("jax")
    made.outcome = Outcome(state="interrupted")
    done = calibrated(made, tmp_path, budget_s=1.0)
    assert done.state == "interrupted"
    assert done.calibration.noise[0].processes == 6


def test_backends_that_do_not_work_here_are_noted_or_refused(tmp_path: Path) -> None:
    done = calibrated(FakeBench("jax"), tmp_path, budget_s=1.0)
    assert any("no PyTorch; left out" in note for note in done.calibration.notes)
    with pytest.raises(UsageError, match="no PyTorch"):
        calibrated(FakeBench("jax"), tmp_path, backends=("torch",))
    nothing = FakeBench()
    nothing.usable = ()
    with pytest.raises(NothingMeasured):
        calibrated(nothing, tmp_path)


def test_the_report_shows_every_figure_with_its_unit(tmp_path: Path) -> None:
    made = FakeBench()
    made.rate = 4.02e11
    text = shown(calibrated(made, tmp_path, budget_s=600.0))
    for line in (
        "AMD EPYC 7763, 2 cores, 8.59 GB",
        "resolves 40.0 ns; a reading takes 50.0 ns",
        "adds 61.0 ns to each timed step; 1.20 µs between windows",
        "cpu: product, float32",
        "402 GFLOP/s",
        "cpu: memory, x += y",
        "402 GB/s",
        "PyTorch 1.0, cpu",
        "1.00 ms",
        "(3 trials)",
        "27 comparisons of a case with itself said slower",
        "27 comparisons without a doubtful trial so far",
        "note: the machine is busy",
        "complete, stored in",
    ):
        assert line in text
    assert all(len(line) <= 100 for line in text.splitlines() if "stored in" not in line)


def test_a_figure_that_could_not_be_had_is_shown_as_such(tmp_path: Path) -> None:
    done = calibrated(FakeBench("jax"), tmp_path, budget_s=1.0)
    lost = replace(done.calibration.ceilings[0], kind=PRODUCT, rate=None, typical=None, problem="no kernel")
    bare = replace(done.calibration, instrument=None, ceilings=(lost,), noise=(), false_alarms=())
    text = shown(replace(done, calibration=bare))
    assert "n/a" in text
    for absent in ("Clock", "Noise", "A/A", "None"):
        assert absent not in text


@pytest.mark.parametrize(
    ("state", "failures", "status"), [("complete", 0, 0), ("complete", 2, 4), ("interrupted", 2, 130)]
)
def test_the_status_tells_how_it_went(
    state: str,
    failures: int,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = replace(calibrated(FakeBench("jax"), tmp_path, budget_s=1.0), state=state, failures=failures)
    received: list[CalibrateOptions] = []

    def stand_in(options: CalibrateOptions, *others: Any) -> Calibrated:
        received.append(options)
        return done

    monkeypatch.setattr(command, "calibrate", stand_in)
    words = (["jax,torch"], "cpu", "1h", "90s", "off", str(tmp_path), ["calibrate"])
    assert command.calibrate_command(*words) == status
    assert received == [CalibrateOptions(("jax", "torch"), "cpu", 3600.0, 90.0, str(tmp_path))]
    assert "stored in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("device", "budget", "said"),
    [("tpu", "1m", "device"), ("cpu,gpu", "1m", "--device takes one"), ("cpu", "x", "--budget")],
)
def test_wrong_words_are_refused_before_anything_is_measured(
    device: str, budget: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        command.calibrate_command([], device, budget, "10m", "off", str(tmp_path), [])

# ruff: noqa: N802 - the methods of the made-up driver library have the names of the real one
"""Energy and GPU facts from made-up trees of the kernel's files and from a made-up driver library.

Both are synthetic: they show that counters are read and subtracted rightly, not that any processor or GPU counts so.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dlbench.harness.measuring.energy import (
    DEVICE_MARK,
    PACKAGE_MARK,
    Meter,
    PackageCounter,
    Reading,
    Tally,
    between,
    open_meter,
    read_packages,
    why_absent,
)
from dlbench.harness.measuring.gpu_driver import THROTTLE_REASONS, throttle_text
from dlbench.results.records.marks import MARKS
from hypothesis import given
from hypothesis import strategies as st

from .factories import FakeClock

RANGE_UJ = 262_143_328_850
"""As one Intel processor has it."""


def zone(root: Path, number: str, name: str, microjoules: int, range_uj: int = RANGE_UJ) -> Path:
    """Write one synthetic power zone."""
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder


class FakeNvmlError(Exception):
    """What the made-up library raises."""


@dataclass
class FakeGpu:
    """One made-up GPU."""

    uuid: str
    millijoules: int | None = 1_000
    processes: list[tuple[int, int | None]] = field(default_factory=list)
    clock_mhz: int | None = 1_980
    celsius: int = 40
    reasons: int = 0


@dataclass
class FakeProcess:
    """A process as the made-up driver lists it."""

    pid: int
    usedGpuMemory: int | None  # noqa: N815 - see above


class FakeNvml:
    """A stand-in for the module pynvml; its GPUs are synthetic."""

    NVMLError = FakeNvmlError
    NVML_CLOCK_SM = 1
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *gpus: FakeGpu, driver: bool = True) -> None:
        self.gpus = gpus
        self.driver = driver

    def nvmlInit(self) -> None:
        if not self.driver:
            raise FakeNvmlError("NVML Shared Library Not Found")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        return self.gpus[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeGpu:
        return FakeGpu(uuid, millijoules=None)

    def nvmlDeviceGetUUID(self, gpu: FakeGpu) -> bytes:
        return gpu.uuid.encode()

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: FakeGpu) -> int:
        if gpu.millijoules is None:
            raise FakeNvmlError("Not Supported")
        return gpu.millijoules

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: FakeGpu) -> list[FakeProcess]:
        return [FakeProcess(*process) for process in gpu.processes]

    def nvmlDeviceGetClockInfo(self, gpu: FakeGpu, kind: int) -> int:
        assert kind == self.NVML_CLOCK_SM
        if gpu.clock_mhz is None:
            raise FakeNvmlError("Not Supported")
        return gpu.clock_mhz

    def nvmlDeviceGetTemperature(self, gpu: FakeGpu, sensor: int) -> int:
        assert sensor == self.NVML_TEMPERATURE_GPU
        return gpu.celsius

    def nvmlDeviceGetCurrentClocksEventReasons(self, gpu: FakeGpu) -> int:
        return gpu.reasons


def gpu_meter(tmp_path: Path, nvml: FakeNvml, devices: int = 1, **environ: str) -> Meter:
    """Open a meter on made-up GPUs and no processor counters."""
    return open_meter("gpu", devices=devices, powercap=tmp_path, environ=environ, nvml=nvml, clock=FakeClock())


def test_the_marks_are_those_of_a_trial() -> None:
    assert {DEVICE_MARK, PACKAGE_MARK, "driver_bytes"} <= MARKS.keys()


def test_the_energy_of_all_packages_counts_and_their_parts_do_not(tmp_path: Path) -> None:
    meter = open_meter("cpu", powercap=tmp_path, clock=FakeClock())
    zone(tmp_path, "0", "package-0", 1_000_000)
    zone(tmp_path, "1", "package-1", 5_000_000)
    zone(tmp_path, "0:0", "core", 0)
    zone(tmp_path, "2", "psys", 0)
    before = meter.read()
    zone(tmp_path, "0", "package-0", 1_500_000)
    zone(tmp_path, "1", "package-1", 7_000_000)
    zone(tmp_path, "0:0", "core", 400_000)
    zone(tmp_path, "2", "psys", 90_000_000)
    assert between(before, meter.read()) == {PACKAGE_MARK: pytest.approx(2.5)}


def test_a_counter_that_wrapped_goes_on_after_its_range(tmp_path: Path) -> None:
    meter = open_meter("cpu", powercap=tmp_path, clock=FakeClock())
    zone(tmp_path, "0", "package-0", RANGE_UJ - 1_000_000)
    before = meter.read()
    zone(tmp_path, "0", "package-0", 2_000_000)
    assert between(before, meter.read()) == {PACKAGE_MARK: pytest.approx(3.0)}


@given(st.integers(0, RANGE_UJ - 1), st.integers(0, RANGE_UJ - 1))
def test_whatever_was_used_in_one_round_is_found(start: int, used: int) -> None:
    def reading(count: int) -> Reading:
        return Reading(0.0, None, {"intel-rapl:0": PackageCounter(count % RANGE_UJ, RANGE_UJ)})

    assert between(reading(start), reading(start + used)) == {PACKAGE_MARK: pytest.approx(used / 1e6)}


def test_a_time_in_which_a_counter_may_wrap_twice_gives_no_energy(tmp_path: Path) -> None:
    clock = FakeClock()
    meter = open_meter("cpu", powercap=tmp_path, clock=clock)
    zone(tmp_path, "0", "package-0", 1_000_000)
    before = meter.read()
    clock.spend(262.0)
    assert between(before, meter.read())
    clock.spend(1.0)
    after = meter.read()
    assert between(before, after) == {}
    assert "wrapped more than once" in why_absent(before, after)[PACKAGE_MARK]


def test_without_counters_there_is_no_energy_and_a_reason(tmp_path: Path) -> None:
    meter = open_meter("cpu", powercap=tmp_path / "absent")
    before, after = meter.read(), meter.read()
    assert between(before, after) == {}
    reasons = why_absent(before, after)
    assert "no energy counters" in reasons[PACKAGE_MARK]
    assert reasons[DEVICE_MARK] == "measured on the CPU"
    assert meter.gpu_state() == {}
    assert meter.driver_bytes() is None


def test_a_counter_for_root_only_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "0", "package-0", 1)
    secret = zone(tmp_path, "1", "package-1", 1)
    read = Path.read_text

    def guarded(path: Path, *args: Any, **kwargs: Any) -> str:
        if path == secret / "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", guarded)
    found = read_packages(tmp_path)
    assert found == f"intel-rapl:1 may be read by root only; to allow it: chmod a+r {secret}/energy_uj"


def test_a_damaged_counter_leaves_the_packages_unknown(tmp_path: Path) -> None:
    zone(tmp_path, "0", "package-0", 1)
    (zone(tmp_path, "1", "package-1", 1) / "energy_uj").write_text("")
    assert "intel-rapl:1 cannot be read" in str(read_packages(tmp_path))


def test_the_energy_of_a_gpu_is_the_difference_of_its_counter(tmp_path: Path) -> None:
    gpu, other = FakeGpu("GPU-a", 10_000), FakeGpu("GPU-b", 0)
    meter = gpu_meter(tmp_path, FakeNvml(gpu, other), CUDA_DEVICE_ORDER="PCI_BUS_ID")
    before = meter.read()
    gpu.millijoules, other.millijoules = 12_500, 99_000
    assert between(before, meter.read()) == {DEVICE_MARK: pytest.approx(2.5)}


def test_several_gpus_add_up_and_their_worst_state_shows(tmp_path: Path) -> None:
    first = FakeGpu("GPU-a", 0, celsius=40, clock_mhz=1_980, reasons=0x4)
    second = FakeGpu("GPU-b", 0, celsius=71, clock_mhz=1_410, reasons=0x21)
    meter = gpu_meter(tmp_path, FakeNvml(first, second), 2, CUDA_DEVICE_ORDER="PCI_BUS_ID")
    before = meter.read()
    first.millijoules, second.millijoules = 1_000, 3_000
    assert between(before, meter.read()) == {DEVICE_MARK: pytest.approx(4.0)}
    assert meter.gpu_state() == {
        "gpu_sm_mhz": 1_410,
        "gpu_temperature_c": 71,
        "gpu_throttle": "power limit, temperature limit (software)",
    }


def test_what_a_gpu_does_not_tell_is_none(tmp_path: Path) -> None:
    meter = gpu_meter(tmp_path, FakeNvml(FakeGpu("GPU-a", None, clock_mhz=None)))
    before, after = meter.read(), meter.read()
    assert between(before, after) == {}
    assert why_absent(before, after)[DEVICE_MARK] == "the GPU's driver gives no energy: Not Supported"
    assert meter.gpu_state() == {"gpu_sm_mhz": None, "gpu_temperature_c": 40, "gpu_throttle": "none"}


def test_a_counter_that_fell_gives_no_energy(tmp_path: Path) -> None:
    gpu = FakeGpu("GPU-a", 10_000)
    meter = gpu_meter(tmp_path, FakeNvml(gpu))
    before = meter.read()
    gpu.millijoules = 5
    after = meter.read()
    assert between(before, after) == {}
    assert "started anew" in why_absent(before, after)[DEVICE_MARK]


def test_a_tally_adds_up_its_stretches_and_leaves_out_what_is_between(tmp_path: Path) -> None:
    gpu = FakeGpu("GPU-a", 1_000)
    tally = Tally(gpu_meter(tmp_path, FakeNvml(gpu)))
    found = []
    for used in (2_000, 500):
        gpu.millijoules += 70_000
        tally.begin()
        gpu.millijoules += used
        found.append(tally.end())
    assert found == [2.0, 2.5]
    assert tally.marks == (DEVICE_MARK,)


def test_a_tally_knows_no_sum_once_a_counter_failed(tmp_path: Path) -> None:
    gpu = FakeGpu("GPU-a", 10_000)
    tally = Tally(gpu_meter(tmp_path, FakeNvml(gpu)))
    found = []
    for now in (11_000, 5, 9_000):
        tally.begin()
        gpu.millijoules = now
        found.append(tally.end())
    assert found == [1.0, None, None]
    assert tally.marks == ()
    assert "started anew" in tally.reasons[DEVICE_MARK]


def test_the_driver_counts_the_memory_of_this_process(tmp_path: Path) -> None:
    gpu = FakeGpu("GPU-a", processes=[(os.getpid() + 1, 9_000), (os.getpid(), 700)])
    meter = gpu_meter(tmp_path, FakeNvml(gpu))
    assert meter.driver_bytes() == 700
    assert meter.why_no_bytes() is None


@pytest.mark.parametrize(
    ("processes", "reason"),
    [([(1, 9_000)], "lists 1 processes and not this one"), ([(os.getpid(), None)], "does not tell the memory")],
)
def test_memory_that_the_driver_does_not_tell_is_none(
    processes: list[tuple[int, int | None]], reason: str, tmp_path: Path
) -> None:
    meter = gpu_meter(tmp_path, FakeNvml(FakeGpu("GPU-a", processes=processes)))
    assert meter.driver_bytes() is None
    assert reason in str(meter.why_no_bytes())


@pytest.mark.parametrize(
    ("visible", "millijoules"),
    [
        ("0,1", 1),
        ("1", 2),
        ("2,0", 3),
        ("GPU-b", 2),
        ("GPU-cc", 3),
        (" 1 , 0", 2),
        ("", None),
        ("-1", None),
        ("7,0", None),
        ("GPU-", None),
        ("MIG-x", None),
    ],
)
def test_the_gpu_is_the_first_that_cuda_shows(visible: str, millijoules: int | None, tmp_path: Path) -> None:
    nvml = FakeNvml(FakeGpu("GPU-a", 1), FakeGpu("GPU-b", 2), FakeGpu("GPU-cc", 3))
    meter = gpu_meter(tmp_path, nvml, CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=visible)
    reading = meter.read()
    assert reading.device_millijoules == (None if millijoules is None else (millijoules,))
    assert (DEVICE_MARK in reading.reasons) == (millijoules is None)


def test_with_an_unknown_order_of_gpus_none_is_read(tmp_path: Path) -> None:
    meter = gpu_meter(tmp_path, FakeNvml(FakeGpu("GPU-a"), FakeGpu("GPU-b")))
    assert "CUDA_DEVICE_ORDER" in meter.read().reasons[DEVICE_MARK]


def test_without_a_driver_the_reason_is_its_own_words(tmp_path: Path) -> None:
    meter = gpu_meter(tmp_path, FakeNvml(driver=False))
    assert meter.read().reasons[DEVICE_MARK] == "the GPU's driver does not answer: NVML Shared Library Not Found"
    assert meter.driver_bytes() is None
    assert meter.gpu_state() == {}


def test_the_bits_of_throttling_are_the_drivers(tmp_path: Path) -> None:
    pynvml = pytest.importorskip("pynvml")
    names = [f"{kind}Slowdown" for kind in ("Hw", "SwThermal", "HwThermal", "HwPowerBrake")]
    names = ["SwPowerCap", names[0], "SyncBoost", *names[1:], "DisplayClockSetting", "ApplicationsClocksSetting"]
    assert [getattr(pynvml, f"nvmlClocksEventReason{name}") for name in names] == list(THROTTLE_REASONS)
    assert throttle_text([pynvml.nvmlClocksEventReasonGpuIdle]) == "none"
    assert throttle_text([]) is None


@pytest.mark.parametrize(("device", "imported"), [("cpu", False), ("gpu", True)])
def test_the_drivers_library_is_imported_for_a_gpu_only(device: str, tmp_path: Path, *, imported: bool) -> None:
    pytest.importorskip("pynvml")
    code = (
        "import sys\nfrom dlbench.harness.measuring.energy import open_meter\n"
        f"open_meter({device!r}).read()\nprint('pynvml' in sys.modules, 'numpy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.split() == [str(imported), "False"]

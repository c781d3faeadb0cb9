"""The computer and its worries, from made-up files of /proc and /sys."""

from dataclasses import replace
from pathlib import Path

import pytest
from dlbench.harness.host import concerns, read_machine, usable_cores
from dlbench.results.records.environment import Machine

from .factories import MACHINE

QUIET = replace(MACHINE, cores=4, governor="performance")


def put(root: Path, name: str, text: str) -> None:
    """Write a file below a made-up root."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def memory(root: Path, available_gb: float = 8, swap_used_mb: float = 0, total_kb: int = 16_384_000) -> None:
    """Write a /proc/meminfo."""
    swap = 2_000_000
    lines = {
        "MemTotal": total_kb,
        "MemFree": 1,
        "MemAvailable": int(available_gb * 1e9 / 1024),
        "SwapTotal": swap,
        "SwapFree": swap - int(swap_used_mb * 1e6 / 1024),
    }
    put(root, "proc/meminfo", "".join(f"{name}:   {kb} kB\n" for name, kb in lines.items()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a machine that is fit for measuring."""
    put(tmp_path, "proc/stat", "cpu 1\n")
    put(tmp_path, "proc/loadavg", "0.10 0.20 0.30 1/100 4242\n")
    put(tmp_path, "proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD EPYC: 7763\n\nprocessor\t: 1\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n")
    memory(tmp_path)
    return tmp_path


def worries(machine: Machine, root: Path) -> list[str]:
    """Return what is worrying, in words."""
    return [concern.what for concern in concerns(machine, root)]


def test_a_machine_is_described_from_its_files(root: Path) -> None:
    machine = read_machine(root)
    assert machine.cpu == "AMD EPYC: 7763"
    assert machine.memory_bytes == 16_384_000 * 1024
    assert machine.governor == "performance"
    assert machine.cores == usable_cores() >= 1
    assert len(machine.fingerprint) == 12


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)
    assert machine.memory_bytes is None
    assert machine.governor is None
    assert machine.cpu
    assert machine.fingerprint


def test_the_fingerprint_is_that_of_the_hardware(root: Path) -> None:
    first = read_machine(root).fingerprint
    put(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    put(root, "proc/loadavg", "9.99 9.99 9.99 1/100 4242\n")
    memory(root, available_gb=1)
    assert read_machine(root).fingerprint == first


def test_another_driver_or_image_is_told_and_is_the_same_hardware(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_machine(root)
    assert (first.driver, first.image) == (None, None)
    line = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
    put(root, "proc/driver/nvidia/version", line)
    monkeypatch.setenv("DLBENCH_IMAGE", "bench@sha256:12")
    second = read_machine(root)
    assert (second.driver, second.image) == ("550.54.15", "bench@sha256:12")
    assert second.fingerprint == first.fingerprint


def test_other_hardware_has_another_fingerprint(root: Path) -> None:
    found = [read_machine(root).fingerprint]
    put(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA A10\nIRQ: 1\n")
    found.append(read_machine(root).fingerprint)
    memory(root, total_kb=32_768_000)
    found.append(read_machine(root).fingerprint)
    put(root, "proc/cpuinfo", "model name\t: Intel\n")
    found.append(read_machine(root).fingerprint)
    assert len(set(found)) == 4


def test_a_quiet_machine_gives_no_worry(root: Path) -> None:
    assert worries(QUIET, root) == []


@pytest.mark.parametrize(("load", "worried"), [("2.00", False), ("2.10", True), ("40.00", True)])
def test_a_busy_machine_is_a_worry_by_its_load_per_core(root: Path, load: str, *, worried: bool) -> None:
    put(root, "proc/loadavg", f"{load} 0.00 0.00 1/100 1\n")
    assert bool(worries(QUIET, root)) == worried
    if worried:
        assert "the machine is busy" in worries(QUIET, root)[0]


@pytest.mark.parametrize(("governor", "worried"), [("powersave", True), ("performance", False), (None, False)])
def test_changing_clocks_are_a_worry(root: Path, governor: str | None, *, worried: bool) -> None:
    found = worries(replace(QUIET, governor=governor), root)
    assert found == (["the CPU governor is 'powersave': clocks change while measuring"] if worried else [])


def test_little_memory_is_a_worry(root: Path) -> None:
    memory(root, available_gb=1.5)
    (worry,) = worries(QUIET, root)
    assert worry.startswith(("only 1499 MB", "only 1500 MB"))


@pytest.mark.parametrize(("used_mb", "count"), [(0, 0), (50, 0), (500, 1)])
def test_memory_swapped_out_is_a_worry(root: Path, used_mb: float, count: int) -> None:
    memory(root, swap_used_mb=used_mb)
    found = worries(QUIET, root)
    assert len(found) == count
    assert all("swapped out" in worry for worry in found)


def test_a_machine_without_swap_is_no_worry(root: Path) -> None:
    put(root, "proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 9000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
    assert worries(QUIET, root) == []


def test_one_core_is_a_worry(root: Path) -> None:
    assert any("one core only" in worry for worry in worries(replace(QUIET, cores=1), root))


def test_a_system_without_proc_is_one_worry(tmp_path: Path) -> None:
    (worry,) = worries(QUIET, tmp_path)
    assert "no /proc" in worry


def test_every_worry_has_its_remedy(root: Path) -> None:
    put(root, "proc/loadavg", "40.00 0.00 0.00 1/100 1\n")
    memory(root, available_gb=1, swap_used_mb=500)
    found = concerns(replace(QUIET, cores=1, governor="powersave"), root)
    assert len(found) == 5
    assert all(concern.remedy for concern in found)

"""Ceilings: the search over sizes with a made-up framework, the processes with stand-ins, then the real ones, tiny."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlbench.backends import catalog
from dlbench.backends.backend import Backend
from dlbench.backends.ceilings import OPENERS, PRECISIONS, open_operations
from dlbench.harness.checks.ceilings import (
    GPU_VECTOR_BYTES,
    CeilingSettings,
    cache_bytes,
    in_child,
    read_ceilings,
    vector_bytes,
    worries,
)
from dlbench.harness.children.child import Child
from dlbench.harness.measuring.load import LoadReading
from dlbench.harness.roles.ceiling import CeilingRequest, measure_ceilings
from dlbench.results.calibration.records import MEMORY, PRODUCT, Ceiling
from dlbench.results.errors import UsageError
from dlbench.results.records.codec import dump_line
from dlbench.results.records.environment import BackendProbe

from .factories import STARTED, FakeClock, probe

JAX, TORCH, TENSORFLOW = catalog.BACKENDS
SIDES = (256, 512, 1024, 2048)


class FakeOperation:
    """Costs a known time, and shows the result it is told to."""

    def __init__(self, clock: FakeClock, cost_s: float, result: Callable[[int], float]) -> None:
        self.clock = clock
        self.cost_s = cost_s
        self.result = result
        self.runs = 0

    def run(self) -> None:
        self.runs += 1
        self.clock.spend(self.cost_s)

    def wait(self) -> None:
        """Everything is done already."""

    def sample(self) -> np.ndarray:
        return np.full(8, self.result(self.runs), dtype=np.float32)


class FakeOperations:
    """A made-up framework: operations per second by precision and side; an exception is raised instead."""

    def __init__(self, clock: FakeClock, rates: dict[tuple[str, int], float | Exception], lazy: bool = False) -> None:
        self.clock = clock
        self.rates = rates
        self.lazy = lazy
        self.asked: list[tuple[str, int]] = []

    def product(self, side: int, precision: str) -> FakeOperation:
        self.asked.append((precision, side))
        rate = self.rates.get((precision, side), 1e9)
        if isinstance(rate, Exception):
            raise rate
        return FakeOperation(self.clock, 2 * side**3 / rate, lambda _: 0.0 if self.lazy else math.sqrt(side))

    def addition(self, elements: int) -> FakeOperation:
        return FakeOperation(self.clock, 12 * elements / 2e10, lambda runs: 1.0 if self.lazy else float(runs))


def request_of(tmp_path: Path, *precisions: str, **fields: Any) -> CeilingRequest:
    """Make a request for products in some precisions."""
    plain: dict[str, Any] = {
        "backend": "jax",
        "framework": "JAX 1.0",
        "device": "cpu",
        "precisions": precisions or ("float32",),
        "sides": SIDES,
        "vector_bytes": 1 << 20,
        "seconds": 0.5,
        "reply": str(tmp_path / "reply.jsonl"),
    }
    return CeilingRequest(**{**plain, **fields})


def measured(operations: FakeOperations, request: CeilingRequest) -> list[Ceiling]:
    """Measure with a made-up framework on a machine without /proc."""
    return list(measure_ceilings(operations, request, operations.clock, lambda: None))


def test_the_ceiling_is_the_best_over_the_sizes(tmp_path: Path) -> None:
    rates: dict[tuple[str, int], float | Exception] = {
        ("float32", side): rate for side, rate in zip(SIDES, (5e10, 2e11, 9e10, 1.5e11), strict=True)
    }
    product, memory = measured(FakeOperations(FakeClock(), rates), request_of(tmp_path))
    assert (product.kind, product.precision, product.size, product.problem) == (PRODUCT, "float32", 512, None)
    assert product.rate == pytest.approx(2e11)
    assert product.typical == pytest.approx(2e11)
    assert (product.device, product.backend, product.framework) == ("cpu", "jax", "JAX 1.0")
    assert (memory.kind, memory.size) == (MEMORY, 1 << 20)
    assert memory.rate == pytest.approx(2e10)
    assert memory.foreign_load is None


def test_a_size_that_would_take_too_long_is_not_tried(tmp_path: Path) -> None:
    # 1 GFLOP/s: 0.27 s at side 512, 2.1 s at 1,024.
    operations = FakeOperations(FakeClock(), {})
    product = measured(operations, request_of(tmp_path, "float16"))[0]
    assert [side for _, side in operations.asked] == [256, 512]
    assert product.rate == pytest.approx(1e9)


def test_the_smallest_size_is_tried_whatever_it_takes(tmp_path: Path) -> None:
    operations = FakeOperations(FakeClock(), {("float32", 256): 1e6})
    assert measured(operations, request_of(tmp_path))[0].rate == pytest.approx(1e6)
    assert len(operations.asked) == 1


def test_a_precision_that_a_framework_lacks_is_that_ceilings_problem(tmp_path: Path) -> None:
    lacking = RuntimeError("no kernel\nfor Half")
    operations = FakeOperations(FakeClock(), {("float16", 256): lacking, ("float32", 256): 1e11})
    half, single, memory = measured(operations, request_of(tmp_path, "float16", "float32"))
    assert half.rate is half.typical is half.size is None
    assert half.problem == "at side 256: RuntimeError: no kernel for Half"
    assert single.rate == pytest.approx(1e11)
    assert memory.rate


def test_a_size_that_fails_leaves_what_was_found_before_it(tmp_path: Path) -> None:
    operations = FakeOperations(FakeClock(), {("float32", 256): 1e11, ("float32", 512): MemoryError("too large")})
    product = measured(operations, request_of(tmp_path))[0]
    assert product.rate == pytest.approx(1e11)
    assert product.size == 256
    assert product.problem == "at side 512: MemoryError: too large"


def test_work_that_was_not_done_gives_no_ceiling(tmp_path: Path) -> None:
    product, memory = measured(FakeOperations(FakeClock(), {}, lazy=True), request_of(tmp_path))
    assert product.rate is memory.rate is None
    assert "the product is wrong" in str(product.problem)
    assert "the sum is wrong: 1 after" in str(memory.problem)


def test_the_share_of_other_programs_is_kept(tmp_path: Path) -> None:
    readings = iter(LoadReading(busy, 0.0, total) for busy, total in ((0, 0), (1, 10), (1, 10), (6, 20)))
    clock = FakeClock()
    found = list(measure_ceilings(FakeOperations(clock, {}), request_of(tmp_path), clock, lambda: next(readings)))
    assert [ceiling.foreign_load for ceiling in found] == [pytest.approx(0.1), pytest.approx(0.5)]


def answer(request: CeilingRequest, *ceilings: Ceiling) -> None:
    """Write a reply file, and one line that was cut short."""
    lines = [dump_line("ceiling", ceiling) for ceiling in ceilings]
    Path(request.reply).write_text("".join(lines) + '{"type": "ceil')


def test_each_framework_is_asked_on_each_kind_of_device_that_it_sees() -> None:
    asked: list[tuple[str, str, tuple[str, ...]]] = []

    def ask(backend: Backend, request: CeilingRequest, timeout_s: float) -> str | None:
        asked.append((backend.name, request.device, request.precisions))
        answer(request, *(request.ceiling(*wanted, rate=1.0) for wanted in request.wanted()))
        return None

    usable = [(JAX, probe("jax", "gpu", "gpu", "cpu")), (TORCH, probe("torch")), (TENSORFLOW, probe("x", "tpu"))]
    notes: list[str] = []
    found = read_ceilings(usable, "auto", ask, CeilingSettings(vector_bytes={"cpu": 100}), notes.append)
    assert asked == [
        ("jax", "gpu", PRECISIONS["gpu"]),
        ("jax", "cpu", PRECISIONS["cpu"]),
        ("torch", "cpu", PRECISIONS["cpu"]),
    ]
    assert len(notes) == 3
    assert len(found) == 5 + 4 + 4
    assert {ceiling.framework for ceiling in found} == {"JAX 1.0", "PyTorch 1.0"}
    asked.clear()
    read_ceilings(usable, "gpu", ask, CeilingSettings(), notes.append)
    assert [(name, device) for name, device, _ in asked] == [("jax", "gpu")]


def test_a_process_that_died_loses_only_what_it_had_not_measured() -> None:
    def ask(backend: Backend, request: CeilingRequest, timeout_s: float) -> str | None:
        answer(request, request.ceiling(PRODUCT, "float32", rate=1e11))
        return "the process ended with status -4: no output"

    found = read_ceilings([(JAX, probe())], "cpu", ask, CeilingSettings(), lambda _: None)
    assert [(c.kind, c.precision) for c in found] == [(PRODUCT, p) for p in PRECISIONS["cpu"]] + [(MEMORY, "float32")]
    assert found[0].rate == 1e11
    assert {ceiling.problem for ceiling in found[1:]} == {"the process ended with status -4: no output"}
    assert all(ceiling.rate is None for ceiling in found[1:])


def test_a_stop_ends_it_before_the_next_framework() -> None:
    asked: list[str] = []

    def ask(backend: Backend, request: CeilingRequest, timeout_s: float) -> str | None:
        asked.append(backend.name)
        return "stopped"

    usable: list[tuple[Backend, BackendProbe]] = [(JAX, probe()), (TORCH, probe("torch"))]
    found = read_ceilings(usable, "cpu", ask, CeilingSettings(), lambda _: None, lambda: bool(asked))
    assert asked == ["jax"]
    assert {ceiling.backend for ceiling in found} == {"jax"}


def put(path: Path, text: str) -> None:
    """Write a file of a made-up system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def caches(root: Path, *cores: tuple[int, str, str]) -> None:
    """Write the caches of some cores, synthetic: the level of the last one, its size and who shares it."""
    for core, (level, size, shared) in enumerate(cores):
        folder = root / f"sys/devices/system/cpu/cpu{core}/cache"
        for index, values in enumerate([(1, "32K", str(core)), (level, size, shared)]):
            for name, value in zip(("level", "size", "shared_cpu_list"), values, strict=True):
                put(folder / f"index{index}" / name, f"{value}\n")


def test_last_level_caches_are_added_up_once_each(tmp_path: Path) -> None:
    assert cache_bytes(tmp_path) is None
    caches(tmp_path, (3, "32768K", "0-1"), (3, "32768K", "0-1"), (3, "32768K", "2-3"), (3, "32768K", "2-3"))
    assert cache_bytes(tmp_path) == 64 << 20


def test_vectors_do_not_fit_into_the_caches_and_leave_room_in_memory(tmp_path: Path) -> None:
    assert vector_bytes("gpu", tmp_path) == GPU_VECTOR_BYTES
    assert vector_bytes("cpu", tmp_path) == 64 << 20
    caches(tmp_path, (3, "32768K", "0"))
    assert vector_bytes("cpu", tmp_path) == 128 << 20
    put(tmp_path / "proc/meminfo", "MemTotal: 9 kB\nMemAvailable:   524288 kB\n")
    assert vector_bytes("cpu", tmp_path) == 64 << 20


def test_doubtful_ceilings_are_told() -> None:
    good = Ceiling("cpu", PRODUCT, "float32", "jax", "JAX 1.0", STARTED, 1e11, 1e11, 512, 0.01)
    busy = Ceiling("cpu", PRODUCT, "float32", "torch", "PyTorch 1.0", STARTED, 1e11, 1e11, 512, 0.3)
    lost = Ceiling("cpu", PRODUCT, "float16", "torch", "PyTorch 1.0", STARTED, problem="no kernel")
    short = Ceiling("cpu", MEMORY, "float32", "jax", "JAX 1.0", STARTED, 1e10, 1e10, 64 << 20, 0.01)
    assert worries([good, short], 0.05, 16 << 20) == worries([good, short], 0.05, None) == ()
    load, size, problem = worries([good, busy, short, lost], 0.05, 32 << 20)
    assert load.startswith("other programs took up to 30 % of the cores in 1 of 4 ceilings")
    assert size.startswith("vectors of 67.1 MB are less than 4 times the last-level caches (33.6 MB)")
    assert problem == "PyTorch 1.0 on the cpu, product float16: no kernel"


def test_every_backend_of_the_catalog_has_operations() -> None:
    assert {backend.name for backend in catalog.BACKENDS} == set(OPENERS)
    with pytest.raises(UsageError, match="jaxx"):
        open_operations("jaxx", "cpu")


@pytest.mark.workers
@pytest.mark.parametrize("backend", catalog.BACKENDS, ids=lambda backend: backend.name)
def test_a_real_framework_multiplies_and_adds(backend: Backend, tmp_path: Path) -> None:
    """Tiny sizes; the worker itself checks that results are right, and a framework that idles would have no rate."""
    settings = CeilingSettings(seconds=0.02, sides={"cpu": (64, 128)}, vector_bytes={"cpu": 1 << 16})
    usable = [(backend, BackendProbe(backend.name, "1.0", devices=probe().devices))]
    found = read_ceilings(usable, "cpu", in_child(Child()), settings, lambda _: None)
    assert [ceiling.problem for ceiling in found] == [None] * 4
    assert [(c.kind, c.precision) for c in found] == [(PRODUCT, p) for p in PRECISIONS["cpu"]] + [(MEMORY, "float32")]
    for ceiling in found:
        assert ceiling.rate is not None
        assert ceiling.typical is not None
        assert 0 < ceiling.typical <= ceiling.rate
        assert ceiling.size == (1 << 16) or ceiling.size in (64, 128)


@pytest.mark.workers
def test_a_framework_that_is_not_there_is_every_ceilings_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('libtorch is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = read_ceilings([(TORCH, probe("torch"))], "cpu", in_child(Child()), CeilingSettings(), lambda _: None)
    assert [ceiling.problem for ceiling in found] == ["OSError: libtorch is broken"] * 4

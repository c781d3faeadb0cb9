"""JAX in a worker: settings, devices and memory; its steps are in `jax_steps`."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.monitoring

from ..results.errors import BrokenError
from ..results.factors import Scalar
from ..results.records.environment import Device
from ..workloads.workload import Arrays, Problem
from .backend import Native, StepSettings
from .jax_steps import JaxForwardStep, JaxPartialStep, JaxTrainStep, forward_function
from .native.catalog import open_twin
from .native.own import open_own

COMPILED = "backend_compile"
"""Part of the name of the event that JAX records for each program that XLA compiles."""


class JaxRuntime:
    """Runtime of the JAX backend."""

    asynchronous = True

    def __init__(self, device: str) -> None:
        self._device = None if device == "any" else jax.devices(device)[0]
        self._compilations = 0
        jax.monitoring.register_event_duration_secs_listener(self._count)

    def devices(self) -> tuple[Device, ...]:
        """Return JAX's devices; a CPU has no memory limit of its own."""
        found = []
        for device in jax.devices():
            kind = (
                "cpu" if device.platform == "cpu" else "gpu" if device.platform in ("gpu", "cuda") else device.platform
            )
            stats = device.memory_stats() if kind != "cpu" else None
            found.append(Device(kind, device.device_kind, stats.get("bytes_limit") if stats else None))
        if all(device.kind != "cpu" for device in found):
            found.append(Device("cpu", "cpu"))
        return tuple(found)

    def facts(self) -> dict[str, Scalar]:
        """Return JAX's settings; its CPU client takes as many threads as there are usable cores, or NPROC."""
        precision = str(jax.config.jax_default_matmul_precision or "default")
        gpu = self._device is not None and self._device.platform != "cpu"
        return {
            "threads": int(os.environ.get("NPROC", "0")) or len(os.sched_getaffinity(0)),
            "matmul_precision": precision,
            "tf32": gpu and precision in ("default", "high", "tensorfloat32"),
            "x64": bool(jax.config.jax_enable_x64),
            "blas": "XLA (Eigen, oneDNN)" if not gpu else "XLA (cuBLAS, cuDNN)",
        }

    def match(self) -> None:
        """Ask for products in full float32."""
        jax.config.update("jax_default_matmul_precision", "highest")

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""
        return [jax.device_put(array, self._device) for array in arrays]

    def train_step(self, problem: Problem, settings: StepSettings) -> JaxTrainStep:
        """Make the training step; jit gives the old state's memory to the new one."""
        return JaxTrainStep(problem, self._device, jit=settings.compile_kind != "eager")

    def partial_step(self, problem: Problem, settings: StepSettings, *, backward: bool) -> JaxPartialStep:
        """Make the step up to the loss or the gradients."""
        return JaxPartialStep(problem, self._device, jit=settings.compile_kind != "eager", backward=backward)

    def forward_step(self, problem: Problem, settings: StepSettings) -> JaxForwardStep:
        """Make the inference step."""
        return JaxForwardStep(problem, self._device, jit=settings.compile_kind != "eager")

    def forward_function(self, model: Any, settings: StepSettings) -> Callable[[Any], Any]:
        """Return a model's forward pass as a function; nothing that it is given is donated."""
        made: Callable[[Any], Any] = forward_function(model, self._device, jit=settings.compile_kind != "eager")
        return made

    def native(self, workload: str, problem: Problem, settings: StepSettings) -> Native:
        """Return the twin in jax and optax."""
        return open_twin("jax", workload, problem, settings, self._device)

    def own_native(self, function: str, parts: Any, problem: Problem, settings: StepSettings, sample: Any) -> Native:
        """Return a user's twin."""
        return open_own("jax", function, parts, problem, settings, self._device, sample)

    def own_dataset(self, x: Any, y: Any, batch_size: int) -> Any:
        """Raise BrokenError: JAX has none."""
        raise BrokenError("JAX has no data loader of its own; use --feed device, numpy or pydataset")

    def own_batches(self, dataset: Any) -> Iterator[tuple[Any, Any]]:
        """Raise BrokenError: JAX has no data set of its own."""
        raise BrokenError("JAX has no data loader of its own; use --feed device, numpy or pydataset")

    def compile_arguments(self, compile_kind: str) -> dict[str, Any]:
        """Return what Keras calls the compile kind."""
        eager = compile_kind == "eager"
        return {"jit_compile": not eager, "run_eagerly": eager}

    def wait_for(self, tensors: Any) -> None:
        """Block until tensors are computed."""
        jax.block_until_ready(tensors)

    def compilations(self) -> int | None:
        """Return how many programs XLA compiled since the runtime was opened."""
        return self._compilations

    def compile_report(self, compile_kind: str) -> dict[str, Scalar]:
        """Return nothing: JAX compiles a step whole or not at all."""
        return {}

    def reset_device_peak(self) -> bool:
        """Return False: the peak of XLA's allocator cannot be reset."""
        return False

    def device_peak_bytes(self) -> int | None:
        """Return the allocator's peak on a GPU."""
        stats = self._device.memory_stats() if self._device and self._device.platform != "cpu" else None
        return stats.get("peak_bytes_in_use") if stats else None

    def _count(self, event: str, duration_s: float, **further: Any) -> None:
        self._compilations += COMPILED in event

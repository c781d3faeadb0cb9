"""PyTorch in a worker: settings, devices and memory; its steps are in `torch_steps`."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import torch

from ..results.factors import Scalar
from ..results.records.environment import Device
from ..workloads.workload import Arrays, Problem
from .backend import Native, StepSettings
from .native.catalog import open_twin
from .native.own import open_own
from .torch_steps import TorchForwardStep, TorchPartialStep, TorchTrainStep, forward_function, synchronize

FULL_FLOAT32 = "highest"


class Samples(torch.utils.data.Dataset[Any]):  # type: ignore[misc]
    """Pairs (x, y) of single samples, each in the nesting of the arrays."""

    def __init__(self, pairs: Any) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(keras.tree.flatten(self._pairs)[0])

    def __getitem__(self, index: int) -> Any:
        return keras.tree.map_structure(lambda tensor: tensor[index], self._pairs)


class TorchRuntime:
    """Runtime of the PyTorch backend."""

    def __init__(self, device: str) -> None:
        self._device = "cuda" if device == "gpu" else "cpu"
        self.asynchronous = device == "gpu"

    def devices(self) -> tuple[Device, ...]:
        """Return the CUDA devices, if any, and the CPU."""
        found = []
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(Device("gpu", properties.name, properties.total_memory))
        return (*found, Device("cpu", "cpu"))

    def facts(self) -> dict[str, Scalar]:
        """Return PyTorch's settings."""
        gpu = self._device == "cuda"
        return {
            "threads": torch.get_num_threads(),
            "threads_interop": torch.get_num_interop_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "tf32": gpu and (torch.get_float32_matmul_precision() != FULL_FLOAT32 or torch.backends.cudnn.allow_tf32),
            "blas": "cuBLAS, cuDNN" if gpu else "MKL" if torch.backends.mkl.is_available() else "OpenBLAS or other",
            "mkldnn": torch.backends.mkldnn.is_available(),
        }

    def match(self) -> None:
        """Ask for products and convolutions in full float32."""
        torch.set_float32_matmul_precision(FULL_FLOAT32)
        torch.backends.cudnn.allow_tf32 = False

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""
        return [torch.tensor(array, device=self._device) for array in arrays]

    def train_step(self, problem: Problem, settings: StepSettings) -> TorchTrainStep:
        """Make the training step."""
        return TorchTrainStep(problem, self._device, compiled=settings.compile_kind != "eager")

    def partial_step(self, problem: Problem, settings: StepSettings, *, backward: bool) -> TorchPartialStep:
        """Make the step up to the loss or the gradients."""
        compiled = settings.compile_kind != "eager"
        return TorchPartialStep(problem, self._device, compiled=compiled, backward=backward)

    def forward_step(self, problem: Problem, settings: StepSettings) -> TorchForwardStep:
        """Make the inference step."""
        return TorchForwardStep(problem, self._device, compiled=settings.compile_kind != "eager")

    def forward_function(self, model: Any, settings: StepSettings) -> Callable[[Any], Any]:
        """Return a model's forward pass as a function."""
        made: Callable[[Any], Any] = forward_function(model, compiled=settings.compile_kind != "eager")
        return made

    def native(self, workload: str, problem: Problem, settings: StepSettings) -> Native:
        """Return the twin in torch.nn and torch.optim."""
        return open_twin("torch", workload, problem, settings, self._device)

    def own_native(self, function: str, parts: Any, problem: Problem, settings: StepSettings, sample: Any) -> Native:
        """Return a user's twin."""
        return open_own("torch", function, parts, problem, settings, self._device, sample)

    def own_dataset(self, x: Any, y: Any, batch_size: int) -> Any:
        """Return a torch DataLoader, read in this process."""
        pairs = Samples(keras.tree.map_structure(torch.from_numpy, (x, y)))
        return torch.utils.data.DataLoader(
            pairs, batch_size=batch_size, drop_last=True, pin_memory=self._device == "cuda"
        )

    def own_batches(self, dataset: Any) -> Iterator[tuple[Any, Any]]:
        """Yield one pass, each batch copied to the device while the one before is worked on."""
        gpu = self._device == "cuda"
        for batch in dataset:
            x, y = keras.tree.map_structure(lambda tensor: tensor.to(self._device, non_blocking=gpu), batch)
            yield x, y

    def compile_arguments(self, compile_kind: str) -> dict[str, Any]:
        """Return what Keras calls the compile kind."""
        return {"jit_compile": compile_kind != "eager", "run_eagerly": False}

    def wait_for(self, tensors: Any) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

    def compilations(self) -> int | None:
        """Return how many graphs torch.compile made since the process started."""
        return _dynamo_count("stats", "unique_graphs")

    def compile_report(self, compile_kind: str) -> dict[str, Scalar]:
        """Return how often torch.compile left its graph and went on in Python; nothing where it was not asked for."""
        if compile_kind == "eager":
            return {}
        graphs, breaks = _dynamo_count("stats", "unique_graphs"), _dynamo_count("graph_break")
        resolved = "torch.compile"
        if not graphs:
            resolved = "eager: torch.compile compiled nothing"
        elif breaks:
            resolved = f"torch.compile, {breaks} graph break{'s' * (breaks > 1)}"
        return {"graphs": graphs, "graph_breaks": breaks, "compile_resolved": resolved}

    def reset_device_peak(self) -> bool:
        """Reset the caching allocator's peak."""
        if self._device != "cuda":
            return False
        torch.cuda.reset_peak_memory_stats()
        return True

    def device_peak_bytes(self) -> int | None:
        """Return the caching allocator's peak on a GPU."""
        return torch.cuda.max_memory_allocated() if self._device == "cuda" else None


def _dynamo_count(group: str, name: str | None = None) -> int:
    """Return one of torch._dynamo's counters, or the sum of a group; 0 where it was never loaded."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    if dynamo is None:
        return 0
    counts = dynamo.counters[group]
    return int(counts[name]) if name else int(sum(counts.values()))

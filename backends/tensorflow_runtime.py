"""TensorFlow in a worker: settings, devices and memory; its steps are in `tensorflow_steps`."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import func_graph

from ..results.factors import Scalar
from ..results.records.environment import Device
from ..workloads.workload import Arrays, Problem
from .backend import Native, StepSettings
from .native.catalog import open_twin
from .native.own import open_own
from .objective import flat_outputs
from .tensorflow_steps import (
    TensorFlowForwardStep,
    TensorFlowPartialStep,
    TensorFlowTrainStep,
    forward_function,
    synchronize,
)


class TensorFlowRuntime:
    """Runtime of the TensorFlow backend."""

    def __init__(self, device: str) -> None:
        self._gpu = device == "gpu"
        self.asynchronous = self._gpu
        self._tracings = 0
        self._count_tracings()

    def devices(self) -> tuple[Device, ...]:
        """Return TensorFlow's GPUs, if any, and the CPU."""
        found = []
        for device in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(device)
            found.append(Device("gpu", details.get("device_name", device.name)))
        return (*found, Device("cpu", "cpu"))

    def facts(self) -> dict[str, Scalar]:
        """Return TensorFlow's settings; 0 threads means as many as there are cores."""
        cores = len(os.sched_getaffinity(0))
        tf32 = self._gpu and tf.config.experimental.tensor_float_32_execution_enabled()
        return {
            "threads": tf.config.threading.get_intra_op_parallelism_threads() or cores,
            "threads_interop": tf.config.threading.get_inter_op_parallelism_threads() or cores,
            "matmul_precision": "tf32" if tf32 else "default",
            "tf32": tf32,
            "blas": "cuBLAS, cuDNN" if self._gpu else "Eigen, oneDNN",
        }

    def match(self) -> None:
        """Ask for products in full float32."""
        tf.config.experimental.enable_tensor_float_32_execution(enabled=False)

    def place(self, arrays: Arrays) -> list[Any]:
        """Copy arrays to the device."""
        with tf.device("GPU:0" if self._gpu else "CPU:0"):
            return [tf.identity(tf.constant(array)) for array in arrays]

    def train_step(self, problem: Problem, settings: StepSettings) -> TensorFlowTrainStep:
        """Make the training step."""
        return TensorFlowTrainStep(problem, settings, gpu=self._gpu)

    def partial_step(self, problem: Problem, settings: StepSettings, *, backward: bool) -> TensorFlowPartialStep:
        """Make the step up to the loss or the gradients."""
        return TensorFlowPartialStep(problem, settings, gpu=self._gpu, backward=backward)

    def forward_step(self, problem: Problem, settings: StepSettings) -> TensorFlowForwardStep:
        """Make the inference step."""
        return TensorFlowForwardStep(problem, settings.compile_kind, gpu=self._gpu)

    def forward_function(self, model: Any, settings: StepSettings) -> Callable[[Any], Any]:
        """Return a model's forward pass as a function."""
        made: Callable[[Any], Any] = forward_function(model, settings.compile_kind)
        return made

    def native(self, workload: str, problem: Problem, settings: StepSettings) -> Native:
        """Return the twin in raw TensorFlow."""
        return open_twin("tensorflow", workload, problem, settings, self._gpu)

    def own_native(self, function: str, parts: Any, problem: Problem, settings: StepSettings, sample: Any) -> Native:
        """Return a user's twin."""
        return open_own("tensorflow", function, parts, problem, settings, self._gpu, sample)

    def own_dataset(self, x: Any, y: Any, batch_size: int) -> Any:
        """Return a tf.data pipeline that reads ahead."""
        samples = tf.data.Dataset.from_tensor_slices((x, y))
        return samples.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    def own_batches(self, dataset: Any) -> Iterator[tuple[Any, Any]]:
        """Yield one pass; the pipeline puts batches on the device."""
        yield from dataset

    def compile_arguments(self, compile_kind: str) -> dict[str, Any]:
        """Return what Keras calls the compile kind."""
        return {"jit_compile": compile_kind == "xla", "run_eagerly": compile_kind == "eager"}

    def wait_for(self, tensors: Any) -> None:
        """Block until tensors are computed."""
        for tensor in flat_outputs(tensors):
            if tf.is_tensor(tensor):
                synchronize(tensor, gpu=self._gpu)

    def compilations(self) -> int | None:
        """Return how many graphs were traced since the runtime was opened, whichever function they belong to."""
        return self._tracings

    def compile_report(self, compile_kind: str) -> dict[str, Scalar]:
        """Return nothing: a tf.function is traced whole or not at all."""
        return {}

    def _count_tracings(self) -> None:
        """Count every tracing. TensorFlow itself counts them per function, and not those inside other code."""
        trace = func_graph.func_graph_from_py_func

        def counted(*arguments: Any, **options: Any) -> Any:
            self._tracings += 1
            return trace(*arguments, **options)

        func_graph.func_graph_from_py_func = counted

    def reset_device_peak(self) -> bool:
        """Reset the allocator's peak."""
        if not self._gpu:
            return False
        tf.config.experimental.reset_memory_stats("GPU:0")
        return True

    def device_peak_bytes(self) -> int | None:
        """Return the allocator's peak on a GPU."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]) if self._gpu else None

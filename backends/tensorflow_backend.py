"""TensorFlow, as the controller knows it."""

from .backend import Backend, CompileMode, Runtime

EAGER = CompileMode("eager", "eager")
GRAPH = CompileMode("jit", "tf.function")
XLA = CompileMode("xla", "tf.function+XLA")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


def _open(device: str) -> Runtime:
    from .tensorflow_runtime import TensorFlowRuntime

    return TensorFlowRuntime(device)


BACKEND = Backend(
    name="tensorflow",
    title="TensorFlow",
    distribution="tensorflow",
    modules=("tensorflow",),
    environment={
        "cpu": {**QUIET, "CUDA_VISIBLE_DEVICES": "-1"},
        "gpu": {**QUIET, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        "any": {**QUIET, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
    },
    warm_cache={},
    thread_variables=("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    compile_modes={
        # Keras' jit_compile="auto" is False without a GPU and True with one.
        "cpu": {"auto": GRAPH, "eager": EAGER, "jit": GRAPH, "xla": XLA},
        "gpu": {"auto": XLA, "eager": EAGER, "jit": GRAPH, "xla": XLA},
    },
    refused={},
    feed="tfdata",
    compile_counter="graphs traced for tf.function (func_graph_from_py_func)",
    open_runtime=_open,
)

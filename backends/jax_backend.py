"""JAX, as the controller knows it."""

from .backend import Backend, CompileMode, Runtime

EAGER = CompileMode("eager", "eager")
JIT = CompileMode("jit", "jax.jit")
MODES = {"auto": JIT, "eager": EAGER, "jit": JIT, "xla": JIT}


def _open(device: str) -> Runtime:
    from .jax_runtime import JaxRuntime

    return JaxRuntime(device)


BACKEND = Backend(
    name="jax",
    title="JAX",
    distribution="jax",
    modules=("jax", "jaxlib"),
    environment={
        # The persistent cache is off so that every first step compiles; JAX would otherwise honour the user's.
        "cpu": {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "false"},
        "gpu": {
            "JAX_PLATFORMS": "cuda,cpu",
            "JAX_ENABLE_COMPILATION_CACHE": "false",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        },
        "any": {"JAX_ENABLE_COMPILATION_CACHE": "false", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    },
    warm_cache={
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": "{}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    },
    # XLA's own flags for threads are ignored on a CPU; its client takes NPROC, and the cores of the affinity.
    thread_variables=("NPROC",),
    compile_modes={"cpu": MODES, "gpu": MODES},
    refused={},
    feed="",
    compile_counter="XLA compilations (jax.monitoring, backend_compile)",
    open_runtime=_open,
)

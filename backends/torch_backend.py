"""PyTorch, as the controller knows it."""

from .backend import Backend, CompileMode, Runtime

EAGER = CompileMode("eager", "eager")
COMPILE = CompileMode("jit", "torch.compile")
MODES = {"auto": EAGER, "eager": EAGER, "jit": COMPILE}


def _open(device: str) -> Runtime:
    from .torch_runtime import TorchRuntime

    return TorchRuntime(device)


BACKEND = Backend(
    name="torch",
    title="PyTorch",
    distribution="torch",
    modules=("torch",),
    environment={
        "cpu": {"CUDA_VISIBLE_DEVICES": "-1", "KERAS_TORCH_DEVICE": "cpu"},
        "gpu": {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        "any": {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    },
    warm_cache={"TORCHINDUCTOR_CACHE_DIR": "{}/inductor", "TRITON_CACHE_DIR": "{}/triton"},
    thread_variables=("OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    compile_modes={"cpu": MODES, "gpu": MODES},
    refused={"xla": "it has no XLA mode of its own; use --compile jit (torch.compile)"},
    feed="dataloader",
    compile_counter="graphs of torch.compile (torch._dynamo, unique_graphs)",
    open_runtime=_open,
)

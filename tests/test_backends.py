"""The backends as the controller knows them, and the promises of their steps."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dlbench.backends import catalog
from dlbench.backends.backend import COMPILE_MODES
from dlbench.results.errors import UsageError

HERE = Path(__file__).parent


def test_every_mode_is_resolved_or_refused_in_words() -> None:
    for backend in catalog.BACKENDS:
        for device in ("cpu", "gpu"):
            for mode in COMPILE_MODES:
                if mode in backend.refused:
                    with pytest.raises(UsageError, match=mode):
                        backend.resolve_compile(mode, device)
                else:
                    assert backend.resolve_compile(mode, device).kind in ("eager", "jit", "xla")


def test_foreign_modules_are_those_of_all_others() -> None:
    assert catalog.foreign_modules("torch") == {"jax", "jaxlib", "tensorflow"}
    assert catalog.foreign_modules("jax") == {"torch", "tensorflow"}


def test_an_unknown_backend_answers_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'torch'"):
        catalog.get("toch")


def test_cpu_environments_hide_the_gpu() -> None:
    assert catalog.get("jax").environment["cpu"]["JAX_PLATFORMS"] == "cpu"
    assert catalog.get("torch").environment["cpu"]["CUDA_VISIBLE_DEVICES"] == "-1"
    assert catalog.get("tensorflow").environment["cpu"]["CUDA_VISIBLE_DEVICES"] == "-1"


@pytest.mark.workers
def test_jax_compiles_each_step_once_whatever_happens_to_its_state() -> None:
    program = [sys.executable, str(HERE / "steps_once_compiled.py")]
    environ = {**os.environ, "KERAS_BACKEND": "jax", **catalog.get("jax").environment["cpu"]}
    done = subprocess.run(program, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

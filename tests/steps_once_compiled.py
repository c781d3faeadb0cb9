"""Run in a child process: train, restart and predict on JAX, and count what XLA compiles after the first of each."""

import sys

import numpy as np
from dlbench.backends import jax_backend
from dlbench.backends.backend import StepSettings
from dlbench.backends.objective import state_of
from dlbench.workloads.cancer_mlp import WORKLOAD

parameters = {**WORKLOAD.spec.defaults(), "width": 8, "depth": 1}
data = WORKLOAD.data(parameters)
runtime = jax_backend.BACKEND.open_runtime("cpu")

import jax

compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda name, seconds, **rest: compiled.append(name) if "backend_compile" in name else None
)
problem = WORKLOAD.build(parameters, data)
problem.optimizer.build(problem.model.trainable_variables)
(x,), y = runtime.place((data.train_x[0][:32],)), runtime.place((data.train_y[0][:32],))
initial = [np.array(variable.value) for variable in state_of(problem).every]
settings = StepSettings("jit")
train, forward = runtime.train_step(problem, settings), runtime.forward_step(problem, settings)
train.run(x, y)
train.wait()
train.sync()
forward.refresh()
forward.run(x)
forward.wait()
first = len(compiled)
for _ in range(3):
    train.run(x, y)
    train.wait()
    train.restart(initial)
    train.run(x, y)
    train.sync()
    forward.refresh()
    forward.run(x)
    forward.wait()
print(first, len(compiled) - first)
sys.exit(0 if first > 0 and len(compiled) == first else 1)

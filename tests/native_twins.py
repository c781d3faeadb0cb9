"""Run in a child process of one backend: train small workloads with Keras and with their twins, and print what came.

Arguments: the backend's name, then of each workload the compile kinds of its twin, as digits_cnn=eager,jit. All start
from one set of weights and see the same batches. Printed per workload: the losses of Keras' step; and for each kind
those of the twin and how far its state is from Keras' at the end. With the last kind also: the losses after a restart,
and those of two halves between which the state was saved, lost and put back.
"""

import json
import sys

import numpy as np
from dlbench.backends import catalog
from dlbench.backends.backend import StepSettings
from dlbench.backends.objective import state_of
from dlbench.results.errors import DlbenchError
from dlbench.workloads.catalog import get
from dlbench.workloads.initial import seeded_initializers
from dlbench.workloads.workload import Problem

STEPS, HALF, BATCH = 10, 5, 12
SMALL = {
    "digits_cnn": {"width": 6, "depth": 2},
    "cancer_mlp": {"width": 16, "depth": 2},
    "grammar_gpt": {"width": 12, "heads": 3, "depth": 2, "length": 8},
}


def main():
    backend, *tried = sys.argv[1:]
    kinds = {name: every.split(",") for name, every in (words.split("=") for words in tried)}
    known = catalog.get(backend)
    runtime = known.open_runtime("cpu")
    auto = StepSettings(known.resolve_compile("auto", "cpu").kind, matched=True)
    print(json.dumps({name: compare(runtime, name, auto, kinds[name]) for name in SMALL}))


def compare(runtime, name, auto, kinds):
    workload = get(name)
    parameters = {**workload.spec.defaults(), **SMALL[name]}
    data = workload.data(parameters)
    rows = [slice(start, start + BATCH) for start in range(0, STEPS * BATCH, BATCH)]
    batches = [(runtime.place((data.train_x[0][r],))[0], runtime.place((data.train_y[0][r],))) for r in rows]

    def build():
        with seeded_initializers(3):
            problem = workload.build(parameters, data)
        problem.optimizer.build(problem.model.trainable_variables)
        return problem

    problem = build()
    initial = state(problem)
    step = runtime.train_step(problem, auto)
    losses = train(step, batches)
    wanted, wanted_outputs = state(problem), predict(runtime.forward_step(problem, auto), batches)
    moved = gaps(problem, initial, wanted)["weights"]
    answer = {"losses": losses, "moved": moved, "refused": refused(runtime, name, problem), "twins": {}}
    for kind in kinds:
        problem = build()
        native = runtime.native(name, problem, StepSettings(kind))
        step, forward = native.train_step(), native.forward_step()
        twin = {"layout": native.layout, "losses": train(step, batches)}
        reached = state(problem)
        twin["gaps"] = gaps(problem, wanted, reached)
        twin["outputs"] = float(np.abs(wanted_outputs - predict(forward, batches)).max())
        if kind == kinds[-1]:
            compiled = runtime.compilations()
            step.restart(initial)
            twin["again"] = train(step, batches)
            step.restart(initial)
            halves = train(step, batches[:HALF])
            saved = state(problem)
            step.restart(initial)
            step.restart(saved)
            twin["halves"] = halves + train(step, batches[HALF:])
            twin["resumed"] = gaps(problem, reached, state(problem))
            predict(forward, batches)
            twin["compiled_later"] = runtime.compilations() - compiled
        analysis = step.analysis(*batches[0])
        twin["analysis"] = [analysis.flops, analysis.memory_bytes, analysis.note]
        answer["twins"][kind] = twin
    return answer


def train(step, batches):
    found = []
    for x, y in batches:
        step.run(x, y)
        step.wait()
        found.append(step.loss())
    step.sync()
    return found


def predict(forward, batches):
    forward.refresh()
    forward.run(batches[0][0])
    forward.wait()
    return forward.outputs()[0]


def state(problem):
    import keras

    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in state_of(problem).every]


def gaps(problem, wanted, found):
    """Return the largest difference of weights and, as shares of the largest moment, of moments; and of step counts.

    A key's bias has no true gradient: Adam makes steps of its rounding errors, which are nobody's to reproduce.
    """
    names = [variable.name for variable in state_of(problem).every]
    weights = problem.model.trainable_variables
    count = len(weights)
    roles = {
        "weights": [index for index, weight in enumerate(weights) if not weight.path.endswith("/key/bias")],
        "momentum": [index for index, name in enumerate(names) if name.endswith("_momentum")],
        "velocity": [index for index, name in enumerate(names) if name.endswith("_velocity")],
        "steps": [names.index("iteration", count)],
    }
    answer = {}
    for role, chosen in roles.items():
        largest = max(float(np.abs(wanted[index].astype(np.float64)).max()) for index in chosen)
        gap = max(float(np.abs(wanted[index] - found[index].astype(np.float64)).max()) for index in chosen)
        answer[role] = gap / largest if role in ("momentum", "velocity") and largest else gap
    return answer


def refused(runtime, name, problem):
    """Return what is said of an optimizer that no twin has."""
    import keras

    other = Problem(problem.model, problem.loss, keras.optimizers.SGD(0.1))
    try:
        runtime.native(name, other, StepSettings("eager")).train_step()
    except DlbenchError as error:
        return str(error)
    return None


if __name__ == "__main__":
    main()

"""Run in a child process of one backend: generate with a cache and without, from the same weights, and print both.

Printed per workload: the tokens that a generator gave over two rounds and those of the whole model over the growing
sequence; the largest difference of their logits; the logits of the first token; what the last round compiled.
"""

import json
import sys
from types import SimpleNamespace

import keras
import numpy as np
from dlbench.backends import catalog
from dlbench.backends.backend import StepSettings
from dlbench.harness.measuring.generate import make_generator
from dlbench.workloads import gpt2_small
from dlbench.workloads.catalog import get
from dlbench.workloads.initial import seeded_initializers

BATCH = 3
SIZES = {
    "grammar_gpt": {"width": 12, "heads": 3, "depth": 2, "length": 9, "prompt": 4, "new_tokens": 5},
    "gpt2_small": {"length": 12, "prompt": 5, "new_tokens": 7},
}


def main():
    known = catalog.get(sys.argv[1])
    runtime = known.open_runtime("cpu")
    settings = StepSettings(known.resolve_compile("auto", "cpu").kind)
    # The published model, but for its size: output weights tied to the embedding, more positions than tokens.
    gpt2_small.DEPTH, gpt2_small.WIDTH, gpt2_small.HEADS, gpt2_small.VOCABULARY = 2, 12, 3, 20
    print(json.dumps({name: compare(runtime, settings, name) for name in SIZES}))


def compare(runtime, settings, name):
    workload = get(name)
    parameters = {**workload.spec.defaults(), **SIZES[name]}
    data = workload.data(parameters)
    with seeded_initializers(3):
        model = workload.build(parameters, data).model
    session = SimpleNamespace(
        runtime=runtime,
        settings=settings,
        data=data,
        request=SimpleNamespace(parameters=parameters),
        generation=lambda: workload.generate(parameters, model),
    )
    generator, models = make_generator(session, BATCH)
    generator.read()
    cached = [host(generator.token)]
    for _ in range(parameters["new_tokens"] - 1):
        generator.decode()
        cached.append(host(generator.token))
    compiled = runtime.compilations()
    again = []
    for _ in range(parameters["new_tokens"] - 1):
        generator.decode()
        again.append(host(generator.token))
    compiled = runtime.compilations() - compiled
    prompts = data.test_x[0][:BATCH, : parameters["prompt"]]
    whole, whole_logits = without_cache(runtime, settings, model, data.test_x[0].shape[1], prompts, len(cached))
    logits = with_cache(runtime, settings, models, prompts, whole)
    return {
        "cached": np.concatenate(cached, axis=1).tolist(),
        "again": np.concatenate(again, axis=1).tolist(),
        "whole": whole.tolist(),
        "gap": float(np.abs(logits - whole_logits).max()),
        "spread": float(whole_logits.std()),
        "first_logits": logits[:, 0].tolist(),
        "compiled_later": compiled,
    }


def host(tensor):
    return np.array(keras.ops.convert_to_numpy(tensor))


def without_cache(runtime, settings, model, length, prompts, count):
    """Return the likeliest tokens and their logits, each from the whole model over all that is there."""
    forward = runtime.forward_function(model, settings)
    sequence = np.zeros((BATCH, length), dtype=np.int32)
    filled = prompts.shape[1]
    sequence[:, :filled] = prompts
    tokens, logits = [], []
    for place in range(filled, filled + count):
        logits.append(host(forward(runtime.place((sequence,))[0]))[:, place - 1])
        tokens.append(logits[-1].argmax(axis=-1))
        if place < length:
            sequence[:, place] = tokens[-1]
    return np.stack(tokens, axis=1), np.stack(logits, axis=1)


def with_cache(runtime, settings, models, prompts, tokens):
    """Return the logits of both steps where these tokens are fed, whatever the steps would choose."""
    prefill, decode = (runtime.forward_function(telling(model), settings) for model in (models.prefill, models.decode))
    first, _, *caches = prefill(runtime.place((prompts,))[0])
    logits = [host(first)[:, 0]]
    for number in range(tokens.shape[1] - 1):
        token = tokens[:, number : number + 1].astype(np.int32)
        position = np.full((BATCH, 1), prompts.shape[1] + number, dtype=np.int32)
        found, _, *caches = decode([*runtime.place((token, position)), *caches])
        logits.append(host(found)[:, 0])
    return np.stack(logits, axis=1)


def telling(model):
    """Return a step that also gives the logits that it takes the likeliest token from."""
    likeliest = next(operation for operation in model.operations if type(operation).__name__ == "Argmax")
    return keras.Model(model.inputs, [likeliest.input, *model.outputs])


if __name__ == "__main__":
    main()

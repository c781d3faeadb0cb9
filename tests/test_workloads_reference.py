"""The published models: as many parameters as the papers and their authors' code have, and data that fits."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import dlbench
import pytest
from dlbench.results.errors import UsageError
from dlbench.workloads import catalog

ROOT = Path(dlbench.__file__).resolve().parent
PUBLISHED = {
    "resnet50": 25_557_032,
    "vit_b16": 86_567_656,
    "bert_base": 109_482_240 + 2 * 768 + 2,
    "gpt2_small": 124_439_808,
    "unet_2015": 31_030_658,
}
"""Trainable parameters; BERT's with the head for two classes."""

CHILD = """
import importlib.util, json, math, sys
spec = importlib.util.spec_from_file_location("dlbench", sys.argv[1])
sys.modules["dlbench"] = importlib.util.module_from_spec(spec)
import keras
from dlbench.workloads import catalog
from dlbench.workloads.work import count_work

answer = {}
small = {"resnet50": {"size": 64}, "vit_b16": {"size": 224}, "bert_base": {"length": 8}, "gpt2_small": {"length": 8}}
for name in json.loads(sys.argv[2]):
    workload = catalog.get(name)
    parameters = workload.spec.defaults() | small.get(name, {})
    data = workload.data(parameters)
    with keras.device("meta") if keras.backend.backend() == "torch" else keras.device("cpu"):
        problem = workload.build(parameters, data)
    trainable = sum(math.prod(v.shape) for v in problem.model.trainable_variables)
    work = count_work(problem.model, 1)
    fits = [tuple(t.shape)[1:] == a.shape[1:] for t, a in zip(problem.model.inputs, data.train_x)]
    labels = tuple(problem.model.outputs[0].shape)[1:-1] == data.train_y[0].shape[1:]
    answer[name] = [trainable, work.forward_flops, list(work.unknown), all(fits), labels]
print(json.dumps(answer))
"""


@pytest.mark.workers
@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed; it builds models without their memory")
def test_parameters_are_as_many_as_published() -> None:
    command = [sys.executable, "-P", "-c", CHILD, str(ROOT / "__init__.py"), json.dumps(list(PUBLISHED))]
    ended = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "torch"}, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    answer = json.loads(ended.stdout.splitlines()[-1])
    for name, count in PUBLISHED.items():
        trainable, forward, unknown, inputs, labels = answer[name]
        assert trainable == count, name
        assert forward > 0
        assert not unknown
        assert inputs
        assert labels
    # Dosovitskiy et al. and torchvision give 17.6e9 multiply-adds for one picture of 224 pixels.
    assert answer["vit_b16"][1] / 2 == pytest.approx(17.56e9, rel=0.01)


@pytest.mark.parametrize(
    ("name", "size", "words"), [("vit_b16", 100, "multiple of its patches'"), ("unet_2015", 256, "16 n [+] 12")]
)
def test_a_size_that_does_not_fit_is_told(name: str, size: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        catalog.get(name).data({"size": size})

"""The multilayer perceptron `cancer_mlp` in torch.nn."""

from itertools import pairwise

from torch import nn
from torch.nn import functional

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .torch_twin import Bound, linear, make_native
from .weights import depth_of, weights_of


def twin(problem: Problem, settings: StepSettings, device: str) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = weights_of("cancer_mlp", problem)
    depth = depth_of(weights, r"hidden_\d+/kernel")
    inputs, width = weights["hidden_0/kernel"].shape
    layers: list[nn.Module] = []
    bound: list[Bound] = []
    for number, (size, units) in enumerate(pairwise([inputs, *[width] * depth])):
        layer = nn.Linear(size, units)
        layers += [layer, nn.ReLU()]
        bound += linear(f"hidden_{number}", layer)
    logit = nn.Linear(width, 1)
    module = nn.Sequential(*layers, logit).to(device)
    loss = functional.binary_cross_entropy_with_logits
    return make_native(problem, weights, module, [*bound, *linear("logit", logit)], loss, settings, device)

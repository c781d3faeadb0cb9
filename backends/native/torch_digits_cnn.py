"""The convolutional network `digits_cnn` in torch.nn, with channels last."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .torch_twin import Bound, linear, make_native, whole
from .weights import depth_of, weights_of


class DigitsCnn(nn.Module):  # type: ignore[misc]
    """Two stages of convolutions, each ended by pooling, and a linear layer."""

    def __init__(self, width: int, depth: int, features: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for stage in range(2):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width * (stage + 1), 3, padding=1), nn.ReLU(inplace=True)]
                channels = width * (stage + 1)
            layers.append(nn.MaxPool2d(2))
        self.stages = nn.Sequential(*layers)
        self.logits = nn.Linear(features, classes)

    def forward(self, images: Any) -> Any:
        """Return logits for images of shape (batch, height, width, 1); both permutations are views."""
        features = self.stages(images.permute(0, 3, 1, 2))
        return self.logits(features.permute(0, 2, 3, 1).flatten(1))


def twin(problem: Problem, settings: StepSettings, device: str) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = weights_of("digits_cnn", problem)
    depth = depth_of(weights, r"conv_0_\d+/kernel")
    module = DigitsCnn(weights["conv_0_0/bias"].shape[0], depth, *weights["logits/kernel"].shape)
    module.to(device, memory_format=torch.channels_last)
    bound = [*linear("logits", module.logits)]
    convolutions = [layer for layer in module.stages if isinstance(layer, nn.Conv2d)]
    for index, layer in enumerate(convolutions):
        name = f"conv_{index // depth}_{index % depth}"
        bound.append(Bound(f"{name}/kernel", layer.weight, lambda tensor: tensor.permute(2, 3, 1, 0)))
        bound.append(whole(f"{name}/bias", layer.bias))
    layout = "images NHWC, filters OHWI (channels_last)"
    return make_native(problem, weights, module, bound, _loss, settings, device, layout)


def _loss(logits: Any, y: Any) -> Any:
    return functional.cross_entropy(logits, y.long())

"""Steps of twins on PyTorch: an `nn.Module` and `torch.optim.Adam`.

The Keras variables become views of the module's parameters and of the optimizer's moments, so that nothing is held
twice and both sides always agree; only the number of steps is copied.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ...workloads.workload import Problem
from ..backend import Native, StepAnalysis, StepSettings
from ..objective import state_of
from ..torch_steps import counted_analysis, synchronize
from .adam import read_adam

Loss = Callable[[Any, Any], Any]
"""Outputs and targets -> the mean loss."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A Keras weight and where it lives in the module."""

    path: str
    """Of the Keras variable."""
    parameter: nn.Parameter
    view: Callable[[torch.Tensor], torch.Tensor]
    """A tensor laid out as the parameter -> its part for the Keras variable, in that variable's shape."""


def whole(name: str, parameter: nn.Parameter) -> Bound:
    """Bind a parameter that Keras has in the same shape."""
    return Bound(name, parameter, lambda tensor: tensor)


def linear(name: str, layer: nn.Linear) -> tuple[Bound, Bound]:
    """Bind a linear layer; Keras' kernel has the inputs first."""
    return Bound(f"{name}/kernel", layer.weight, lambda tensor: tensor.T), whole(f"{name}/bias", layer.bias)


class TorchTwinTrainStep:
    """Forward, `backward` and `torch.optim.Adam.step`."""

    def __init__(
        self, problem: Problem, module: nn.Module, bound: Sequence[Bound], loss: Loss, device: str, *, compiled: bool
    ) -> None:
        self._device = device
        self._variables = state_of(problem).every
        self._loss: Any = None
        self._adam = adam = read_adam(problem)
        self._optimizer = torch.optim.Adam(
            module.parameters(), adam.learning_rate, (adam.beta_1, adam.beta_2), adam.epsilon, fused=True
        )
        for parameter in module.parameters():
            self._optimizer.state[parameter] = {
                "step": torch.zeros((), device=device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        for name, slots in (("exp_avg", adam.momentums), ("exp_avg_sq", adam.velocities)):
            for each, variable in zip(bound, slots, strict=True):
                share(variable, each.view(self._optimizer.state[each.parameter][name]))
        self._count_from_keras()

        def loss_of(x: Any, y: Any) -> Any:
            return loss(module(x), y)

        self._plain = loss_of
        self._loss_of = torch.compile(loss_of, fullgraph=True) if compiled else loss_of

    def run(self, x: Any, y: Any) -> None:
        """Run one step; on a GPU it only queues the kernels."""
        self._update(self._loss_of, x, y)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

    def loss(self) -> float:
        """Return the last loss."""
        return float(self._loss)

    def restart(self, values: Sequence[np.ndarray]) -> None:
        """Assign the values to the Keras variables, which are views of the twin's state."""
        with torch.no_grad():
            for variable, value in zip(self._variables, values, strict=True):
                variable.assign(value)
        self._count_from_keras()

    def sync(self) -> None:
        """Hand over the number of steps; all else is shared."""
        self._adam.iteration.assign(self._steps)

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return torch's own count over one more step, run eagerly."""
        return counted_analysis(lambda: self._update(self._plain, x, y), self._device)

    def _update(self, loss_of: Any, x: Any, y: Any) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y[0])
        loss.backward()
        self._steps += 1
        self._optimizer.param_groups[0]["eps"] = self._adam.epsilon_uncorrected(self._steps)
        self._optimizer.step()
        self._loss = loss.detach()

    def _count_from_keras(self) -> None:
        self._steps = int(self._adam.iteration.value)
        for state in self._optimizer.state.values():
            state["step"].fill_(self._steps)


class TorchTwinForwardStep:
    """The forward pass in inference mode."""

    def __init__(self, module: nn.Module, device: str, *, compiled: bool) -> None:
        self._device = device
        self._outputs: Any = None
        self._forward = torch.compile(module, fullgraph=True) if compiled else module

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        with torch.inference_mode():
            self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

    def outputs(self) -> list[np.ndarray]:
        """Return the output on the host."""
        return [self._outputs.cpu().numpy()]

    def refresh(self) -> None:
        """Do nothing: the model's variables are views of the module's parameters."""


def make_native(
    problem: Problem,
    weights: Mapping[str, Any],
    module: nn.Module,
    bound: Iterable[Bound],
    loss: Loss,
    settings: StepSettings,
    device: str,
    layout: str = "none",
) -> Native:
    """Return a twin made of a module on the device, the places of the Keras weights in it, and its loss."""
    places = {each.path: each for each in bound}
    ordered = [places[path] for path in weights]
    with torch.no_grad():
        for each, variable in zip(ordered, weights.values(), strict=True):
            share(variable, each.view(each.parameter.data))
    compiled = settings.compile_kind != "eager"
    return Native(
        layout,
        lambda: TorchTwinTrainStep(problem, module, ordered, loss, device, compiled=compiled),
        lambda: TorchTwinForwardStep(module, device, compiled=compiled),
    )


def share(variable: Any, view: torch.Tensor) -> None:
    """Copy a Keras variable into a view of the twin's memory, and let the variable use that memory from now on."""
    view.copy_(variable.value.data)
    variable.value.data = view

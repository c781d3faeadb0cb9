"""A user's own twin on PyTorch: a module, a loss and one of torch's optimizers."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from ...results.errors import UsageError
from ..backend import Native, StateVariables, StepAnalysis, StepSettings
from ..objective import flat_outputs
from ..torch_steps import counted_analysis, synchronize
from .own import LAYOUT, Held, targets_of

PARTS = ("module", "loss", "optimizer")


class OwnTrainStep:
    """Forward, `backward` and the optimizer's `step`."""

    def __init__(
        self, module: nn.Module, loss: Callable[..., Any], optimizer: Any, device: str, *, compiled: bool
    ) -> None:
        self._module = module
        self._optimizer = optimizer
        self._device = device
        self._variables = variables_of(module)
        self._fresh = deepcopy(optimizer.state_dict())
        self._loss: Any = None

        def loss_of(x: Any, y: Any) -> Any:
            return loss(module(x), y)

        self._plain = loss_of
        self._loss_of = torch.compile(loss_of) if compiled else loss_of

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
        """Assign the values; the optimizer starts anew."""
        for variable, value in zip(self._variables.every, values, strict=True):
            variable.assign(value)
        self._optimizer.load_state_dict(deepcopy(self._fresh))

    def sync(self) -> None:
        """Do nothing: the state is the module's."""

    def analysis(self, x: Any, y: Any) -> StepAnalysis:
        """Return torch's own count over one more step, run eagerly."""
        return counted_analysis(lambda: self._update(self._plain, x, y), self._device)

    def _update(self, loss_of: Any, x: Any, y: Any) -> None:
        if not self._module.training:
            self._module.train()
        self._optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, targets_of(y))
        loss.backward()
        self._optimizer.step()
        self._loss = loss.detach()


class OwnForwardStep:
    """The forward pass in inference mode."""

    def __init__(self, module: nn.Module, device: str, *, compiled: bool) -> None:
        self._module = module
        self._device = device
        self._outputs: Any = None
        self._forward = torch.compile(module) if compiled else module

    def run(self, x: Any) -> None:
        """Run one pass; on a GPU it only queues the kernels."""
        if self._module.training:
            self._module.eval()
        with torch.inference_mode():
            self._outputs = self._forward(x)

    def wait(self) -> None:
        """Block until the device has nothing left to do."""
        synchronize(self._device)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on the host."""
        return [output.float().cpu().numpy() for output in flat_outputs(self._outputs)]

    def refresh(self) -> None:
        """Do nothing: the pass reads the module's own weights."""


def variables_of(module: nn.Module) -> StateVariables:
    """Return parameters and buffers; what the optimizer keeps is not among them."""
    parameters = list(module.parameters())
    fixed = [parameter for parameter in parameters if not parameter.requires_grad]
    return StateVariables(
        [_held(parameter) for parameter in parameters if parameter.requires_grad],
        [_held(tensor) for tensor in [*fixed, *module.buffers()]],
    )


def _held(tensor: torch.Tensor) -> Held:
    def write(value: np.ndarray) -> None:
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(np.array(value)))

    return Held(tensor.detach, write)


def twin(function: str, parts: Any, settings: StepSettings, device: str, sample: Any) -> tuple[Native, Any]:
    """Return the twin, and its outputs for a sample; see `own.open_own`."""
    module, loss, optimizer = parts
    if not isinstance(module, nn.Module) or not callable(loss):
        raise UsageError(f"{function}: the first two must be a torch.nn.Module and a function of (outputs, targets)")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UsageError(f"{function}: the optimizer must be one of torch.optim; it is a {type(optimizer).__name__}")
    module.to(device)  # In place, so that the optimizer keeps its parameters.
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    lost = [name for name, item in module.named_parameters() if item.requires_grad and id(item) not in held]
    if lost:
        raise UsageError(f"{function}: the optimizer does not have {lost[0]!r}; give it module.parameters()")
    module.eval()
    with torch.no_grad():
        outputs = module(sample)
    compiled = settings.compile_kind != "eager"
    native = Native(
        LAYOUT,
        lambda: OwnTrainStep(module, loss, optimizer, device, compiled=compiled),
        lambda: OwnForwardStep(module, device, compiled=compiled),
        variables_of(module),
    )
    return native, outputs

"""What the controller asks of a parity process; the answer is a `Computation`, with large arrays beside it."""

from dataclasses import dataclass

from ..wire import Request


@dataclass(frozen=True, slots=True)
class ParityRequest:
    """One parity process: one problem, from given weights over given batches."""

    job: Request
    """Backend, device, workload, data, batch size, compile kind and lane, as for measuring; it names no cases."""
    weights: str
    """Path of the file with every variable that training changes, which the first process writes and the rest read."""
    arrays: str
    """Path of the file for outputs, gradients and the weights after one step."""
    steps: int
    """Steps of the loss trajectory."""
    matched: bool
    """Semantics that are the same on every backend: the gradients of embeddings summed before the optimizer."""
    reference: bool = False
    """Compute in float64."""
    perturbations: int = 0
    """Times that everything is repeated from weights moved by about one unit in the last place."""
    only_trajectory: bool = False
    """Leave out outputs and gradients: the process is there to repeat training."""
    deterministic: bool = False
    """Switch the framework's deterministic mode on."""
    timing_s: float = 0.0
    """Seconds of steady training steps to time; 0: none."""

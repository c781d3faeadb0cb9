"""Keras' Adam as a twin reads it: the settings, and the variables in their roles.

Keras divides by sqrt(v) + epsilon and puts both bias corrections into the step size: "epsilon hat" of Kingma and Ba
(2015), section 2, and what TensorFlow's own kernel does. optax and torch.optim divide by
sqrt(v / (1 - beta_2^t)) + epsilon, where the same epsilon weighs up to 32 times less in the first steps: enough for the
loss of `digits_cnn` to differ by 2e-3 after ten (CPU). Twins therefore give these optimizers, at each step, the epsilon
that makes the two formulas equal.
"""

from dataclasses import dataclass
from typing import Any

from ...results.errors import BrokenError
from ...workloads.workload import Problem

NOT_IN_A_TWIN = (
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "loss_scale_factor",
    "gradient_accumulation_steps",
    "amsgrad",
)
"""Settings of Keras' Adam that no twin has."""


@dataclass(frozen=True, slots=True)
class Adam:
    """Settings and Keras variables of an Adam optimizer."""

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    iteration: Any
    """Keras variable: the number of steps made."""
    momentums: tuple[Any, ...]
    """Keras variables: the mean gradient, one per trainable variable and in their order."""
    velocities: tuple[Any, ...]
    """Keras variables: the mean squared gradient, likewise."""

    def epsilon_uncorrected(self, step: Any) -> Any:
        """Return the epsilon for an optimizer that corrects the bias of v before it adds epsilon.

        Args:
            step: the number of the step, from 1: a number, or an array of the framework.

        """
        return self.epsilon / (1 - self.beta_2**step) ** 0.5


def read_adam(problem: Problem) -> Adam:
    """Return the problem's optimizer, built where it was not.

    Raises:
        BrokenError: it is not an Adam with a constant learning rate and without extras.

    """
    optimizer = problem.optimizer
    optimizer.build(problem.model.trainable_variables)
    config = optimizer.get_config()
    extras = [name for name in NOT_IN_A_TWIN if config.get(name)]
    if type(optimizer).__name__ != "Adam" or extras or not isinstance(config["learning_rate"], float):
        raise BrokenError(
            "a native twin trains with Adam at a constant learning rate and nothing else, and the optimizer is "
            f"{type(optimizer).__name__} with {', '.join(extras) or 'a schedule'}; use --execution step"
        )
    variables = optimizer.variables
    return Adam(
        config["learning_rate"],
        config["beta_1"],
        config["beta_2"],
        config["epsilon"],
        optimizer.iterations,
        tuple(variable for variable in variables if variable.name.endswith("_momentum")),
        tuple(variable for variable in variables if variable.name.endswith("_velocity")),
    )

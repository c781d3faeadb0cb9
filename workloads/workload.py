"""A workload: a problem defined once. Plain data here; Keras is imported only inside a `build` function.

A workload has three parts that run in three kinds of process:

- `spec` is plain data and is read everywhere, also by the command line, which imports no framework;
- `data(parameters)` runs in the data process, once; it may use scikit-learn and returns NumPy arrays;
- `build(parameters, data)` runs in each worker; it may use Keras and returns model, loss and optimizer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Value = int | float | str | bool
Parameters = Mapping[str, Any]
Arrays = tuple[np.ndarray, ...]

PHASES = ("train", "infer", "converge", "parts", "memory", "scenario", "generate")
"""In the order in which they are measured."""
USUAL_PHASES = ("train", "infer", "converge")
"""What a suite measures when it does not say."""
SPEED_PHASES = ("train", "infer")
"""Of a workload whose data is random, so that accuracy means nothing."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A size of the problem that the user may change with `-p NAME=VALUE`."""

    name: str
    default: Value | None
    """None: it must be given."""
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()
    data: bool = False
    """True: it changes the data, so the data is prepared anew for it."""
    free: bool = False
    """True: of no one type; what is given is read as a number, true, false, none, a shape such as 28x28x1 or a word."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A guess for the forecast where this machine has no history: seconds per backend."""

    first_step_s: Mapping[str, float]
    """Building, first training step and first forward passes together."""
    converge_s: Mapping[str, float]
    """Training and evaluation of one converge trial."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known about a workload without running it."""

    name: str
    area: str
    summary: str
    data: str
    """`real`, `generated` (best possible value known), `own` (the user's) or `synthetic` (random: no accuracy)."""
    source: str
    batch_size: int
    metric: str | None = None
    """Name of a function in `metrics`; None: no accuracy is measured."""
    direction: str | None = None
    """`max` or `min`."""
    target: float | None = None
    """Value of the test metric at which training stops; the data may set it instead (see Data)."""
    margin: float | None = None
    """Difference in the metric that does not matter, in its unit; None: the metric's own."""
    epochs: int = 1
    """Epoch limit of phase converge."""
    parameters: tuple[Parameter, ...] = ()
    phases: tuple[str, ...] = USUAL_PHASES
    """Of the usual ones, those that it has; the others follow from them."""
    context: int | str | None = None
    """Positions that prompt and new tokens share in phase generate, or the parameter that says how many; None: the
    workload generates nothing. Else it has parameters `prompt` and `new_tokens`."""
    estimate: Estimate | None = None
    version: int = 1
    """Raised when the data changes, so that cached data is made anew."""
    natives: tuple[str, ...] = ()
    """Backends for which the user wrote a twin beside the Keras model."""
    download: str | None = None
    """Name of the file in `downloads` that the data is made of; None: nothing is downloaded."""

    def defaults(self) -> dict[str, Value]:
        """Return every parameter that has a default with it."""
        return {item.name: item.default for item in self.parameters if item.default is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters, those without a default too."""
        return tuple(item.name for item in self.parameters)


@dataclass(frozen=True, slots=True)
class Data:
    """Training and test arrays; the first axis of each counts samples."""

    train_x: Arrays
    """One array per model input, in the order of the model's inputs."""
    train_y: Arrays
    """One array per model output."""
    test_x: Arrays
    test_y: Arrays
    best: float | None = None
    """Best possible value of the metric for any model, where it can be computed."""
    target: float | None = None
    """Overrides the spec's target, for data whose best value depends on parameters."""
    facts: Mapping[str, Value] = field(default_factory=dict)
    """Sizes that `build` needs and that are not in the shapes, for example the vocabulary."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a worker measures. All three are Keras objects; the model is built, not compiled."""

    model: Any
    loss: Any
    """A `keras.losses.Loss`, or a tuple with one per model output."""
    optimizer: Any


@dataclass(frozen=True, slots=True)
class Generation:
    """Greedy generation in two steps, as Keras models with the weights of the trained model.

    Caches are tensors of shape (batch, prompt + new_tokens, …), two for each block: keys and values.
    """

    prefill: Any
    """Prompts (batch, prompt) -> next token (batch, 1) and the caches, filled for the prompts."""
    decode: Any
    """Token (batch, 1), its position (batch, 1) and the caches -> next token (batch, 1) and the caches."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A spec with the functions that make its data and its model."""

    spec: Spec
    data: Callable[[Parameters], Data]
    build: Callable[[Parameters, Data], Problem]
    generate: Callable[[Parameters, Any], Generation] | None = None
    """From the parameters and the built model; None where the spec has no context."""
    natives: Mapping[str, Callable[[Parameters, int], Any]] = field(default_factory=dict)
    """By backend, the user's own twins: from the parameters and the seed, what `backends.native` takes."""
    metric: Any = None
    """A `metrics.Metric` of the user's own that the spec names; None: the spec's is one of dlbench's."""

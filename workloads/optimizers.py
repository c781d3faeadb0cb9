"""Optimizers by a short text, so that they can be a factor: `sgd`, `adam:0.01`, `sgd:0.1:momentum=0.9`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..results.errors import UsageError, unknown
from ..results.factors import Scalar

NAMES = (
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lion",
    "nadam",
    "rmsprop",
    "sgd",
)
"""Those of Keras that one word chooses."""
USAGE = "NAME, NAME:RATE or NAME:RATE:ARGUMENT=VALUE, such as sgd:0.1:momentum=0.9"


@dataclass(frozen=True, slots=True)
class OptimizerChoice:
    """One of Keras' optimizers with some of its arguments; the others keep Keras' defaults."""

    name: str
    arguments: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The shortest text that means it, arguments in order of their names: equal choices have equal texts."""
        rest = {key: value for key, value in sorted(self.arguments.items()) if key != "learning_rate"}
        parts = [self.name]
        if "learning_rate" in self.arguments:
            parts.append(f"{self.arguments['learning_rate']:g}")
        return ":".join([*parts, *(f"{key}={_shown(value)}" for key, value in rest.items())])


def parse_optimizer(text: str) -> OptimizerChoice:
    """Return the choice that a text stands for.

    Raises:
        UsageError: there is no such optimizer, or an argument is malformed.

    """
    name, *rest = [part.strip() for part in text.split(":")]
    if name.lower() not in NAMES:
        raise unknown("--optimizer", name, NAMES)
    arguments: dict[str, Scalar] = {}
    for place, part in enumerate(rest):
        key, equals, value = part.partition("=")
        if not equals and place == 0:
            key, value = "learning_rate", part
        if not key.isidentifier() or not value:
            raise UsageError(f"--optimizer takes {USAGE}; received {text!r}")
        arguments[key] = _read(key, value, text)
    return OptimizerChoice(name.lower(), arguments)


def make_optimizer(choice: OptimizerChoice) -> Any:
    """Return the Keras optimizer, not built.

    Raises:
        UsageError: Keras refuses an argument.

    """
    import keras

    try:
        return keras.optimizers.get({"class_name": choice.name, "config": dict(choice.arguments)})
    except (TypeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise UsageError(f"--optimizer {choice.text}: Keras refuses it: {told}") from error


def optimizer_text(optimizer: Any) -> str:
    """Return a Keras optimizer in words for the ledger: its name and its learning rate, where that is constant."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = inner.get_config().get("learning_rate")
    name = type(inner).__name__.lower()
    return f"{name}:{rate:g}" if isinstance(rate, int | float) else f"{name}:schedule"


def _read(key: str, value: str, text: str) -> Scalar:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        number = float(value)
    except ValueError:
        raise UsageError(f"--optimizer {text}: {key} takes a number, true or false; received {value!r}") from None
    if key == "learning_rate" and not 0 < number < float("inf"):
        raise UsageError(f"--optimizer {text}: a learning rate is above 0; received {value!r}")
    return int(number) if value.lstrip("+-").isdigit() else number


def _shown(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)

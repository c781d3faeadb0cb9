"""What is noted on the way through a model: each call's products, and the tensors that a gradient flows through."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .work_rules import Product, Uncounted, einsum_shape, multiply_adds, shape_of

HARMLESS = frozenset(
    """
    build get_config from_config compute_output_shape compute_output_spec compute_mask metrics
    train_step test_step predict_step compute_loss compute_metrics compile fit
    """.split()  # noqa: SIM905 - names read better than quotes
)
"""Methods that a user's subclass of a Keras layer may replace without changing what one call multiplies."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of one call, or of one part of it."""

    owner: str
    """Path of the layer that is shown for it, such as `encoder/dense`."""
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    products: tuple[Product, ...]
    times: int
    """How often it runs in a step: once per time step within a recurrence."""


def keras_kind(operation: Any) -> str | None:
    """Return the class of a Keras layer or operation; None for a user's own code, also in a subclass of a layer."""
    replaced: set[str] = set()
    for kind in type(operation).__mro__:
        if kind.__module__.partition(".")[0] == "keras":
            changed = {name for name in replaced - HARMLESS if hasattr(kind, name)}
            return None if changed else kind.__name__
        replaced.update(name for name in vars(kind) if not name.startswith("__") or name == "__call__")
    return None


def one_line(error: Exception) -> str:
    """Return the kind and the first words of an error."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__


class Tape(ABC):
    """The calls of one forward pass, in order; a subclass knows how to get through each kind of call."""

    def __init__(self, trained: Sequence[Any]) -> None:
        import keras

        self.keras = keras
        self.trained = {id(variable) for variable in trained}
        self._carrying: set[int] = set()
        self._kept: list[Any] = []
        self._times = 1
        self.owner: str | None = None
        """The layer that is shown for the calls noted now."""
        self.calls: list[Call] = []
        self.kinds: dict[str, str] = {}
        """Class name of each owner, in the order of the first call."""
        self.counts: dict[str, int] = {}
        """Calls of each owner."""
        self.unknown: dict[str, str] = {}
        """Why the work of an owner is not known."""

    @abstractmethod
    def visit(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Note one call with all that it calls in turn, and return its outputs, flat.

        Raises:
            Uncounted: what follows cannot be counted either, since a shape is not known.

        """

    def carries(self, operand: Any) -> bool:
        """Return whether training needs the gradient of an operand: trained, or made from what is trained."""
        if isinstance(operand, tuple):
            return any(self.carries(part) for part in operand)
        return id(operand) in self._carrying or id(operand) in self.trained

    def mark(self, tensors: Sequence[Any]) -> None:
        """Let tensors carry gradients. They are told apart by their id, so they are kept alive."""
        self._kept.extend(tensors)
        self._carrying.update(map(id, tensors))

    def tensors(self, structure: Any) -> tuple[Any, ...]:
        """Return the symbolic tensors and variables in nested arguments."""
        kinds = (self.keras.KerasTensor, self.keras.Variable)
        return tuple(item for item in self.keras.tree.flatten(structure) if isinstance(item, kinds))

    def tensor(self, shape: Sequence[int], dtype: str) -> Any:
        """Return a new symbolic tensor."""
        return self.keras.KerasTensor(tuple(shape), dtype=dtype)

    def outputs(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return new symbolic tensors for the outputs of a call.

        Raises:
            Uncounted: Keras cannot tell their shapes.

        """
        try:
            if keras_kind(operation) == "EinsumDense":  # Keras answers None for sizes that its user left out
                shapes = shape_of(args[0]), shape_of(operation.kernel)
                return [self.tensor(einsum_shape(operation.equation, *shapes), operation.compute_dtype)]
            return list(self.keras.tree.flatten(operation.compute_output_spec(*args, **kwargs)))
        except Uncounted:
            raise
        except Exception as error:
            raise Uncounted(f"the shape of its output cannot be told ({one_line(error)})") from error

    def note(
        self, inputs: Any, outputs: Sequence[Any], products: Sequence[Product] = (), variables: Sequence[Any] = ()
    ) -> None:
        """Add a call. Its real-valued outputs carry gradients if an input or one of its variables does."""
        inputs, made = self.tensors(inputs), self.tensors(outputs)
        if self.carries(inputs) or self.carries(tuple(variables)):
            self.mark([item for item in made if self.keras.backend.is_float_dtype(item.dtype)])
        self.calls.append(Call(self.owner or "", inputs, made, tuple(products), self._times))

    def product(self, count: int, left: Any, right: Any, shape: Sequence[int], layer: Any) -> Any:
        """Add a product of so many multiply-adds within a layer and return its result."""
        result = self.tensor(shape, layer.compute_dtype)
        self.note((left, right), [result], [multiply_adds(count, left, right)], layer.trainable_variables)
        return result

    def give_up(self, reason: str) -> None:
        """Say why the work of the current owner is not known; the first reason stays."""
        self.unknown.setdefault(self.owner or "", reason)

    @contextmanager
    def repeated(self, times: int) -> Iterator[None]:
        """Count the calls noted meanwhile so many times."""
        before, self._times = self._times, self._times * times
        try:
            yield
        finally:
            self._times = before

    @contextmanager
    def shown_as(self, path: str, operation: Any) -> Iterator[None]:
        """Note the calls under the path of a layer, and count a call of it.

        Raises:
            Uncounted: whatever went wrong meanwhile; the owner's work is not known.

        """
        before, self.owner = self.owner, path
        self.kinds.setdefault(path, type(operation).__name__)
        self.counts[path] = self.counts.get(path, 0) + self._times
        try:
            yield
        except Uncounted as reason:
            self.give_up(str(reason))
            raise
        except Exception as error:
            self.give_up(one_line(error))
            raise Uncounted(one_line(error)) from error
        finally:
            self.owner = before

"""Running a user's own layer on symbolic tensors, so that the Keras operations and layers in its `call` show up."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from .work_rules import shape_of
from .work_tape import Tape


class Follower:
    """One layer with symbolic tensors in the place of its trained variables, and of those of the layers in it.

    What is replaced are attributes, and what reading a variable's value gives. Code that gets at a variable in another
    way, or leaves Keras, raises. What the layers set on themselves meanwhile is forgotten.
    """

    def __init__(self, tape: Tape, layer: Any) -> None:
        self._tape, self._layer = tape, layer
        self._children = list(layer._flatten_layers(include_self=False))  # noqa: SLF001 - Keras has no public way
        self._trained = [variable for variable in layer.trainable_variables if id(variable) in tape.trained]
        values = {id(variable): tape.tensor(shape_of(variable), variable.dtype) for variable in self._trained}
        self._held = [(vars(item), dict(vars(item))) for item in (layer, *self._children)]
        self._replaced = [
            {name: values[id(value)] for name, value in before.items() if id(value) in values}
            for _, before in self._held
        ]
        self._nodes = [len(child._inbound_nodes) for child in self._children]  # noqa: SLF001 - as above
        self.variables = list(values.values())
        """What stands for the trained variables."""
        self.losses: list[Any] = []
        """What the layer added with `add_loss`."""

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return what the layer's `call` returns; whatever it raises passes through."""
        layer, keras = self._layer, self._tape.keras
        if type(layer).__call__ is not keras.Layer.__call__:
            raise TypeError("it replaces __call__")
        self._tape.mark(self.variables)
        with self._prepared(), keras.StatelessScope() as scope:
            for variable, value in zip(self._trained, self.variables, strict=True):
                scope.add_update((variable, value))
            return layer.call(*args, **kwargs)

    def takes_training(self) -> bool:
        """Return whether the layer may do something else in training."""
        return "training" in inspect.signature(self._layer.call).parameters

    def forget(self) -> None:
        """Take the calls recorded meanwhile from the layers in the layer."""
        for child, count in zip(self._children, self._nodes, strict=True):
            del child._inbound_nodes[count:]  # noqa: SLF001 - as above

    @contextmanager
    def _prepared(self) -> Iterator[None]:
        attributes, _ = self._held[0]
        attributes["add_loss"] = self.losses.append
        for child in self._children:
            vars(child)["symbolic_call"] = self._with_variables(child)
            if not child.built:
                vars(child)["build"] = _refuse
        self._put()
        try:
            yield
        finally:
            for attributes, before in self._held:
                for name in attributes.keys() - before.keys():
                    del attributes[name]
                attributes.update(before)

    def _put(self) -> None:
        for (attributes, _), replaced in zip(self._held, self._replaced, strict=True):
            attributes.update(replaced)

    def _with_variables(self, child: Any) -> Callable[..., Any]:
        """Return the way Keras finds a layer's output shapes, for which the layers need their variables back."""

        def symbolic_call(*args: Any, **kwargs: Any) -> Any:
            for (attributes, before), replaced in zip(self._held, self._replaced, strict=True):
                attributes.update({name: before[name] for name in replaced})
            try:
                return type(child).symbolic_call(child, *args, **kwargs)
            finally:
                self._put()

        return symbolic_call


def _refuse(*_: Any, **__: Any) -> None:
    raise ValueError("a layer in it is not built")

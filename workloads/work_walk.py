"""A walk through the calls of a Keras model with symbolic tensors of full shape, noting the products of each call."""

import inspect
import math
from collections.abc import Container, Mapping, Sequence
from typing import Any

from .work_composites import COMPOSITES
from .work_follow import Follower
from .work_free import FREE_LAYERS, FREE_OPERATIONS
from .work_rules import LAYER_RULES, OPERATION_RULES, Product, Uncounted, shape_of
from .work_tape import Tape, keras_kind, one_line

STATEMENT = "dlbench_flops"
"""A layer's own method `dlbench_flops(input_shapes)`, which says the FLOPs of one forward call."""


def ordered_nodes(known: Container[int], outputs: Sequence[Any]) -> list[Any]:
    """Return the recorded calls between tensors known by their id and the outputs, each after what it needs."""
    order: list[Any] = []
    seen: set[int] = set()
    waiting = [(_maker(tensor, known), False) for tensor in reversed(outputs)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            order.append(node)
        elif node is not None and id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((_maker(tensor, known), False) for tensor in reversed(node.input_tensors))
    return order


def _maker(tensor: Any, known: Container[int]) -> Any:
    """Return the call that made a tensor (`_keras_history`: Keras has no public way)."""
    history = getattr(tensor, "_keras_history", None)
    if id(tensor) in known or history is None or history.operation is None:
        return None
    return history.operation._inbound_nodes[history.node_index]  # noqa: SLF001


class Walk(Tape):
    """A walk through one model: over its graph, into the models, composite layers and users' layers in it."""

    def __init__(self, trained: Sequence[Any], training: bool) -> None:
        super().__init__(trained)
        self._prefix = ""
        self._training = training
        self.asks_training = False
        """Whether a layer that was followed takes `training`, so that both modes may differ."""
        self.losses: list[Any] = []
        """What followed layers added with `add_loss`."""

    def start(self, model: Any, inputs: Sequence[Any]) -> list[Any]:
        """Walk a whole model from its inputs and return its outputs.

        Raises:
            Uncounted: something stood in the way, so what follows cannot be counted either; `unknown` says where.

        """
        if not self._holds_layers(model):
            return self._enter(model, (inputs[0] if len(inputs) == 1 else list(inputs),), {})
        try:
            return self._inside(model, inputs)
        except Exception as error:
            if not self.unknown:  # it was in no layer
                with self.shown_as(model.name, model):
                    raise
            raise Uncounted(one_line(error)) from error

    def visit(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Note one call with all that it calls in turn, and return its outputs, flat."""
        kind = keras_kind(operation)
        is_layer = isinstance(operation, self.keras.Layer)
        if is_layer and not args:
            first = next(iter(inspect.signature(operation.call).parameters))
            args, kwargs = (kwargs[first],), {name: value for name, value in kwargs.items() if name != first}
        if callable(getattr(operation, STATEMENT, None)):
            return self._stated(operation, args, kwargs)
        if self._holds_layers(operation):
            return self._inside(operation, self._model_inputs(operation, args[0]))
        if is_layer and kind in COMPOSITES:
            return COMPOSITES[kind](self, operation, args, kwargs)
        if is_layer and kind not in LAYER_RULES and kind not in FREE_LAYERS:
            return self._followed(operation, args, kwargs)
        outputs = self.outputs(operation, args, kwargs)
        rule = (LAYER_RULES if is_layer else OPERATION_RULES).get(kind or "")
        products: list[Product] = []
        try:
            if getattr(operation, "quantization_mode", None) is not None:
                raise Uncounted("it is quantised")
            if rule is not None:
                products = rule(operation, args, kwargs, outputs)
            elif not is_layer and kind not in FREE_OPERATIONS:
                raise Uncounted(f"no rule says what {type(operation).__name__} multiplies")
        except Uncounted as reason:
            self.give_up(str(reason))
        sources = () if kind == "StopGradient" else (args, kwargs)
        self.note(sources, outputs, products, getattr(operation, "trainable_variables", ()))
        return outputs

    def _holds_layers(self, operation: Any) -> bool:
        """Return whether an operation is a model whose layers are shown one by one."""
        return isinstance(operation, (self.keras.Function, self.keras.Sequential)) and keras_kind(operation) is not None

    def _enter(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Visit a call of a graph; what it calls in turn is shown under its name, but a model shows its layers."""
        if self.owner is not None:
            return self.visit(operation, args, kwargs)
        path = self._prefix + operation.name
        if not self._holds_layers(operation):
            with self.shown_as(path, operation):
                return self.visit(operation, args, kwargs)
        before, self._prefix = self._prefix, path + "/"
        try:
            return self.visit(operation, args, kwargs)
        finally:
            self._prefix = before

    def _inside(self, model: Any, values: Sequence[Any]) -> list[Any]:
        """Walk the layers of a model."""
        if not isinstance(model, self.keras.Sequential):
            return self._graph(dict(zip(map(id, model.inputs), values, strict=True)), model.outputs)
        result = list(values)
        for layer in model.layers:
            result = self._enter(layer, (result[0] if len(result) == 1 else result,), {})
        return result

    def _graph(self, table: dict[int, Any], outputs: Sequence[Any]) -> list[Any]:
        """Repeat the recorded calls between the tensors in the table (by id) and the outputs."""
        for node in ordered_nodes(table, outputs):
            for tensor in node.input_tensors:
                table.setdefault(id(tensor), tensor)  # made by hand, outside of any call
            args, kwargs = node.arguments.fill_in(table)
            results = self._enter(node.operation, args, kwargs)
            table.update(zip(map(id, node.outputs), results, strict=True))
        return [table.get(id(tensor), tensor) for tensor in outputs]

    def _model_inputs(self, model: Any, given: Any) -> list[Any]:
        """Return the tensors for a model's inputs, with a last axis of size one added or dropped as Keras does."""
        if isinstance(given, dict) and set(given) >= {tensor.name for tensor in model.inputs}:
            given = [given[tensor.name] for tensor in model.inputs]
        result = []
        for tensor, wanted in zip(self.keras.tree.flatten(given), model.inputs, strict=True):
            shape, rank = shape_of(tensor), len(wanted.shape)
            if tensor is None or len(shape) == rank:
                result.append(tensor)
                continue
            result.append(self.tensor(shape[:-1] if len(shape) > rank else (*shape, 1), tensor.dtype))
            self.note(tensor, result[-1:])
        return result

    # Users' own layers.

    def _stated(self, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Take the layer's own word: one product of its inputs and its weights, or of its inputs if it has none."""
        outputs = self.outputs(layer, args, kwargs)
        inputs, weights = self.tensors((args, kwargs)), tuple(getattr(layer, "weights", ()))
        products = []
        try:
            flops = getattr(layer, STATEMENT)(tuple(map(shape_of, inputs)))
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything
            self.give_up(f"its {STATEMENT} raised {one_line(error)}")
        else:
            if isinstance(flops, (int, float)) and math.isfinite(flops) and flops >= 0:
                products = [Product(int(flops), inputs, weights or inputs)]
            else:
                self.give_up(f"its {STATEMENT} gave {flops!r}; a number of at least 0 was expected")
        self.note(inputs, outputs, products, weights)
        return outputs

    def _followed(self, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Walk what a layer calls in turn; its work stays unknown if that does not show up."""
        table: dict[int, Any] = {}
        stand_ins: list[Any] = []

        def stand_in(value: Any) -> Any:
            if not isinstance(value, self.keras.KerasTensor):
                return value
            stand_ins.append(self.tensor(shape_of(value), value.dtype))
            table[id(stand_ins[-1])] = value
            return stand_ins[-1]

        given, named = self.keras.tree.map_structure(stand_in, (tuple(args), dict(kwargs)))
        follower = Follower(self, layer)
        if follower.takes_training():
            self.asks_training = True
            named["training"] = self._training  # what stands there is a default that Keras filled in
        try:
            try:
                outputs = self.keras.tree.flatten(follower.run(given, named))
            except Exception as error:  # noqa: BLE001 - a user's code may raise anything
                self.give_up(f"its call cannot be followed ({one_line(error)})")
                results = self.outputs(layer, args, kwargs)
                self.note((args, kwargs), results, (), layer.trainable_variables)
                return results
            table.update((id(tensor), tensor) for tensor in follower.variables)
            results = self._graph(table, [*outputs, *self.tensors(follower.losses)])
            self.losses.extend(results[len(outputs) :])
            return results[: len(outputs)]
        finally:
            follower.forget()

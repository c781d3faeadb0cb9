"""Turn records into JSON and back: one codec for the wire and for the store.

Numbers that JSON cannot say travel as `{"float": "nan"}`, with "inf" and "-inf" likewise. A window is an array
of four numbers. Unknown keys are ignored and missing ones take the field's default, so that files of other
versions can be read.
"""

import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import BrokenError
from .model import Window

Record = TypeVar("Record")
Decoder = Callable[[Any], Any]

NON_FINITE_KEY = "float"
NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(record: object) -> Any:
    """Return a record as plain JSON data: dicts, lists, strings, numbers, booleans, None."""
    if isinstance(record, Window):
        return [record.steps, record.items, to_json(record.start), to_json(record.end)]
    if is_dataclass(record) and not isinstance(record, type):
        return {field.name: to_json(getattr(record, field.name)) for field in fields(record)}
    if isinstance(record, Mapping):
        return {str(key): to_json(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [to_json(value) for value in record]
    if isinstance(record, float) and not math.isfinite(record):
        return {NON_FINITE_KEY: repr(float(record))}
    if record is None or isinstance(record, str | int | float):
        return record
    return str(record)


def from_json(kind: type[Record], data: Any) -> Record:
    """Build a record of type `kind` from plain JSON data.

    Raises:
        BrokenError: the data does not have the form of the record; the message names the field.

    """
    try:
        decode: Decoder = _decoder(kind)  # type: ignore[arg-type]
        result: Record = decode(data)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise BrokenError(f"not a valid {kind.__name__}: {error}") from error
    return result


def dump_line(tag: str, record: object) -> str:
    """Return one line of a JSON Lines file, newline included; `tag` says what the line is."""
    return json.dumps({"type": tag, **to_json(record)}, separators=(",", ":"), allow_nan=False) + "\n"


@cache
def _decoder(kind: Any) -> Decoder:
    """Return the function that builds values of a type; made once per type, since files are long."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple:
        item = _decoder(arguments[0])
        return lambda data: tuple(item(value) for value in _expect(data, list))
    if origin is not None and issubclass(origin, Mapping):
        value_of = _decoder(arguments[1])
        return lambda data: {str(key): value_of(value) for key, value in _expect(data, dict).items()}
    if kind is Window:
        return _window
    if is_dataclass(kind):
        return _dataclass(kind)
    if kind is float:
        return _float
    return lambda data: _expect(data, kind)


def _union(arguments: tuple[Any, ...]) -> Decoder:
    members = tuple(kind for kind in arguments if kind is not type(None))
    if len(members) == 1:
        inner = _decoder(members[0])
        return lambda data: None if data is None else inner(data)
    return _scalar


def _dataclass(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    parts = [
        (f.name, _decoder(hints[f.name]), f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)
    ]

    def build(data: Any) -> Any:
        values = {}
        for name, decode, required in parts:
            if name in data:
                try:
                    values[name] = decode(data[name])
                except (TypeError, ValueError, ArithmeticError) as error:
                    raise ValueError(f"{name}: {error}") from error
            elif required:
                raise ValueError(f"{name} is missing")
        return kind(**values)

    return lambda data: build(_expect(data, dict))


def _expect(data: Any, kind: type) -> Any:
    if kind is not Any and (not isinstance(data, kind) or (kind is int and isinstance(data, bool))):
        raise TypeError(f"expected {kind.__name__}, got {type(data).__name__} {str(data)[:40]!r}")
    return data


def _float(data: Any) -> float:
    if isinstance(data, dict):
        word = data.get(NON_FINITE_KEY)
        if word not in NON_FINITE:
            raise ValueError(f"expected a number, got {str(data)[:40]}")
        return NON_FINITE[word]
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise TypeError(f"expected a number, got {type(data).__name__} {str(data)[:40]!r}")
    return float(data)


def _scalar(data: Any) -> Any:
    if isinstance(data, dict) and data.keys() == {NON_FINITE_KEY}:
        return _float(data)
    if isinstance(data, dict | list):
        raise TypeError(f"expected a single value, got {type(data).__name__}")
    return data


def _window(data: Any) -> Window:
    if not isinstance(data, list) or len(data) != 4:
        raise ValueError(f"a window has four numbers, got {str(data)[:40]}")
    steps, items, start, end = data
    return Window(_expect(steps, int), _expect(items, int), _float(start), _float(end))

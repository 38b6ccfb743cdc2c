"""OnnxFile: the nodes and weights of an ONNX model, read without the packages onnx and onnxruntime, which load slowly.

An ONNX model is a message of Protocol Buffers: fields, each with its number and its kind, whose fields may be messages
again. The numbers are those of onnx.proto3.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_VARINT, _EIGHT_BYTES, _WITH_LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_GRAPH, _PROPERTIES = 7, 14
_NODE, _INITIALIZER = 1, 5
_INPUT, _OUTPUT, _OPERATOR = 1, 2, 4
_DIMENSIONS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
_KEY, _VALUE = 1, 2

_DATA_TYPES: dict[int, np.dtype] = {1: np.dtype("<f4"), 6: np.dtype("<i4"), 7: np.dtype("<i8")}


@dataclass(frozen=True)
class Node:
    """An operator with the names of its inputs and outputs; an input that is left out has an empty name."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX model.

    Attributes:
        nodes: in the order in which they are computed.
        constants: name -> values.
        properties: what `set_model_props` has set.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]
    properties: dict[str, str]

    @classmethod
    def read(cls, model: bytes) -> "OnnxFile":
        """Read a serialized model.

        Raises:
            ValueError: the bytes are no ONNX model, or hold weights of a kind that this project never writes.
        """
        fields = list(_fields(memoryview(model)))
        graph = [field for number, value in fields if number == _GRAPH for field in _fields(_message(value))]
        return cls(
            tuple(_node(_message(value)) for number, value in graph if number == _NODE),
            dict(_constant(_message(value)) for number, value in graph if number == _INITIALIZER),
            dict(_property(_message(value)) for number, value in fields if number == _PROPERTIES),
        )


def _node(message: memoryview) -> Node:
    fields = list(_fields(message))
    names = {
        wanted: tuple(_text(value) for number, value in fields if number == wanted)
        for wanted in (_INPUT, _OUTPUT, _OPERATOR)
    }
    return Node("".join(names[_OPERATOR]), names[_INPUT], names[_OUTPUT])


def _constant(message: memoryview) -> tuple[str, np.ndarray]:
    shape: list[int] = []
    name, data_type, data = "", 0, memoryview(b"")
    for number, value in _fields(message):
        if number == _DIMENSIONS:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif number == _DATA_TYPE and isinstance(value, int):
            data_type = value
        elif number == _NAME:
            name = _text(value)
        elif number == _RAW_DATA:
            data = _message(value)
    if data_type not in _DATA_TYPES:
        raise ValueError(f"the ONNX model has a constant of the unexpected type {data_type}")
    values = np.frombuffer(data, _DATA_TYPES[data_type])
    if any(size > len(data) for size in shape) or math.prod(shape) != len(values):
        raise ValueError("the ONNX model has a constant that does not fit its shape")
    return name, values.reshape(shape)


def _property(message: memoryview) -> tuple[str, str]:
    texts = {number: _text(value) for number, value in _fields(message)}
    return texts.get(_KEY, ""), texts.get(_VALUE, "")


def _text(value: int | memoryview) -> str:
    return str(_message(value), "utf-8")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("the ONNX model has a number where a message belongs")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field; numbers of fixed length, which no field used here has, as their bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == _WITH_LENGTH:
            length, position = _varint(message, position)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("the ONNX model has a field of no known kind")
        if length > len(message) - position:
            raise ValueError("the ONNX model ends within a field")
        yield number, message[position : position + length]
        position += length


def _varints(message: memoryview) -> list[int]:
    numbers, position = [], 0
    while position < len(message):
        number, position = _varint(message, position)
        numbers.append(number)
    return numbers


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number of at most 64 bits, seven bits a byte, the lowest first; and the position behind it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
    raise ValueError("the ONNX model ends within a number")

"""Writes ONNX files: a list of steps becomes the bytes that ONNX Runtime loads.

The `onnx` package could do it and takes 85 MB; what is needed of its format are nine messages of protobuf, whose
numbers of fields are those of `onnx.proto` and will not change.
"""

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_IR_VERSION: Final = 8
_OPSET: Final = 16  # the first that can sample along a grid
_FLOAT, _INT, _TEXT, _INTS = 1, 2, 3, 7  # kinds of attributes
_TYPES: Final = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}
FLOAT32: Final = _TYPES[np.dtype(np.float32)]
"""What `Cast` calls float32."""


class OnnxGraph:
    """Steps in the order in which they run, between one input and some outputs of fixed shape."""

    def __init__(self, name: str, input_shape: tuple[int, ...], input_type: type[np.generic] = np.float32) -> None:
        """Begin a graph whose input is called `input`.

        Args:
            name: what errors and profiles call it.
            input_shape: of the input.
            input_type: float32 or uint8.
        """
        self._name = name
        self._input = _value("input", input_shape, _TYPES[np.dtype(input_type)])
        self._steps: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, values: NDArray[Any]) -> str:
        """Keep float32 or int64 numbers and return their name."""
        name = f"c{len(self._constants)}"
        shape = b"".join(_number(1, side) for side in values.shape)
        kind = _number(2, _TYPES[values.dtype])
        self._constants.append(shape + kind + _text(8, name) + _bytes(9, np.ascontiguousarray(values).tobytes()))
        return name

    def step(self, operator: str, *inputs: str, **attributes: float | int | str | list[int]) -> str:
        """Add an operator with one output and return the output's name."""
        name = f"t{len(self._steps)}"
        parts = [*(_text(1, one) for one in inputs), _text(2, name), _text(4, operator)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._steps.append(b"".join(parts))
        return name

    def file(self, outputs: list[str]) -> bytes:
        """Write the graph with these results, all float32, as a file."""
        graph = [_bytes(1, step) for step in self._steps]
        graph += [_text(2, self._name)]
        graph += [_bytes(5, constant) for constant in self._constants]
        graph += [_bytes(11, self._input)]
        graph += [_bytes(12, _value(output, None, FLOAT32)) for output in outputs]
        return _number(1, _IR_VERSION) + _bytes(7, b"".join(graph)) + _bytes(8, _number(2, _OPSET))


def _attribute(name: str, value: float | int | str | list[int]) -> bytes:
    named = _text(1, name)
    match value:
        case list():
            return named + b"".join(_number(8, one) for one in value) + _number(20, _INTS)
        case int():
            return named + _number(3, value) + _number(20, _INT)
        case float():
            return named + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _FLOAT)
        case str():
            return named + _text(4, value) + _number(20, _TEXT)


def _value(name: str, shape: tuple[int, ...] | None, kind: int) -> bytes:
    sides = b"" if shape is None else _bytes(2, b"".join(_bytes(1, _number(1, side)) for side in shape))
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + sides))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & (1 << 64) - 1)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Write seven bits a byte, lowest first; a byte that is not the last has its highest bit set."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)

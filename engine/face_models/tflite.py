"""Reads TFLite files: what the layers of a network are, and their weights.

A TFLite file is a FlatBuffer; numbers of fields and layers are those of TensorFlow's `schema.fbs` and will not change,
for old files must stay readable. Weights that a file keeps short, as half floats or without zeros, are made whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
from flatbuffers import flexbuffers
from flatbuffers.number_types import Int8Flags, Int32Flags, UOffsetTFlags
from flatbuffers.table import Table
from numpy.typing import NDArray

from engine.errors import ModelRefused


class Kind(IntEnum):
    """The layers that face models are made of, by their numbers in `schema.fbs`."""

    ADD = 0
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEPTH_TO_SPACE = 5
    DEQUANTIZE = 6
    MAX_POOL_2D = 17
    MUL = 18
    RELU = 19
    RESHAPE = 22
    RESIZE_BILINEAR = 23
    CUSTOM = 32
    PAD = 34
    STRIDED_SLICE = 45
    PRELU = 54
    DENSIFY = 124


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of a network."""

    kind: Kind
    custom: str
    """Name of a custom layer, else empty."""
    inputs: tuple[int, ...]
    """Numbers of tensors."""
    outputs: tuple[int, ...]
    options: "Fields | None"
    """Of a layer of the schema."""
    custom_options: dict[str, Any]
    lanes: int = 1
    """How many layers of one shape lie side by side in it; see `engine.face_models.stacking`."""

    def has(self, option: str) -> bool:
        """Return whether a custom layer has an option."""
        return option in self.custom_options


@dataclass(frozen=True, slots=True)
class Network:
    """A network as its file describes it: tensors by number, layers in the order in which they run."""

    shapes: tuple[tuple[int, ...], ...]
    constants: dict[int, NDArray[Any]]
    """Weights, by the number of their tensor."""
    layers: tuple[Layer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Fields:
    """One table of the file, its fields by number."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @classmethod
    def root(cls, data: bytes) -> "Fields":
        """Take the file's outermost table."""
        start = int.from_bytes(data[:4], "little")
        return cls(Table(data, start))

    def number(self, field: int) -> int:
        """Read a number of four bytes; what the file leaves out is 0."""
        return self._number(field, Int32Flags)

    def byte(self, field: int) -> int:
        """Read a number of one byte: a choice, or yes and no."""
        return self._number(field, Int8Flags)

    def _number(self, field: int, flags: Any) -> int:
        offset = self._table.Offset(4 + 2 * field)
        return int(self._table.Get(flags, offset + self._table.Pos)) if offset else 0

    def text(self, field: int) -> str:
        """Read a name."""
        offset = self._table.Offset(4 + 2 * field)
        return self._table.String(offset + self._table.Pos).decode() if offset else ""

    def array(self, field: int, dtype: Any) -> NDArray[Any]:
        """Read a list of numbers; empty where there is none."""
        offset = self._table.Offset(4 + 2 * field)
        if not offset:
            return np.zeros(0, dtype)
        return np.frombuffer(self._table.Bytes, dtype, self._table.VectorLen(offset), self._table.Vector(offset))

    def table(self, field: int) -> "Fields | None":
        """Follow a field to another table."""
        offset = self._table.Offset(4 + 2 * field)
        return Fields(Table(self._table.Bytes, self._table.Indirect(offset + self._table.Pos))) if offset else None

    def tables(self, field: int) -> "Iterator[Fields]":
        """Follow a field to a list of tables."""
        offset = self._table.Offset(4 + 2 * field)
        start = self._table.Vector(offset) if offset else 0
        for index in range(self._table.VectorLen(offset) if offset else 0):
            yield Fields(Table(self._table.Bytes, self._table.Indirect(start + index * UOffsetTFlags.bytewidth)))


_TYPES: Final = {0: np.float32, 1: np.float16, 2: np.int32}
_INDEX_TYPES: Final = {1: np.int32, 2: np.uint16, 3: np.uint8}


def read_network(path: Path) -> Network:
    """Read a file of a package that was installed by digest.

    Raises:
        ModelRefused: It is missing, or no network of the layers that are known here.
    """
    try:
        return _network(Fields.root(path.read_bytes()))
    except OSError as error:
        raise ModelRefused(f"{path}: {error.strerror}; install mediapipe 0.10.21 again") from error
    except Exception as error:  # whatever a damaged file leads to; its numbers are places in itself
        raise ModelRefused(f"{path}: not one of the models of mediapipe 0.10.21; install it again") from error


def _network(model: Fields) -> Network:
    codes = [(Kind(max(code.byte(0), code.number(3))), code.text(1)) for code in model.tables(1)]
    buffers = [buffer.array(0, np.uint8) for buffer in model.tables(4)]
    graph = next(model.tables(2))
    tensors = list(graph.tables(0))
    shapes = tuple(tuple(map(int, tensor.array(0, np.int32))) for tensor in tensors)
    constants: dict[int, NDArray[Any]] = {}
    for number, tensor in enumerate(tensors):
        if (stored := buffers[tensor.number(2)]).size:
            values = stored.view(_TYPES[tensor.byte(1)])
            sparsity = tensor.table(6)
            shape = shapes[number]
            constants[number] = values.reshape(shape) if sparsity is None else _whole(values, sparsity, shape)
    layers: list[Layer] = []
    for operator in graph.tables(3):
        kind, custom = codes[operator.number(0)]
        inputs, outputs = (tuple(map(int, operator.array(field, np.int32))) for field in (1, 2))
        if kind in (Kind.DEQUANTIZE, Kind.DENSIFY):
            constants[outputs[0]] = constants[inputs[0]].astype(np.float32)
            continue
        packed = operator.array(5, np.uint8).tobytes()
        options = flexbuffers.Loads(packed) if packed else {}
        layers.append(Layer(kind, custom, inputs, outputs, operator.table(4), options))
    ends = [tuple(map(int, graph.array(field, np.int32))) for field in (1, 2)]
    return Network(shapes, constants, tuple(layers), *ends)


def _whole(values: NDArray[Any], sparsity: Fields, shape: tuple[int, ...]) -> NDArray[Any]:
    """Put the zeros back of weights that are stored without them, dimension by dimension."""
    if sparsity.array(1, np.int32).size:
        raise ValueError("weights in blocks are not known here")
    order = sparsity.array(0, np.int32).tolist()
    places = np.zeros((1, 0), np.int64)  # of every value, in the order in which they are stored
    for dimension in sparsity.tables(2):
        is_dense = dimension.byte(0) == 0
        if is_dense:
            size = dimension.number(1)
            repeats, steps = np.full(len(places), size), np.tile(np.arange(size), len(places))
        else:
            repeats, steps = np.diff(_indices(dimension, 2)), _indices(dimension, 4)
        places = np.column_stack([np.repeat(places, repeats, axis=0), steps])
    whole = np.zeros(shape, values.dtype)
    columns = np.empty_like(places)
    columns[:, order] = places
    whole[tuple(columns.T)] = values
    return whole


def _indices(dimension: Fields, field: int) -> NDArray[np.int64]:
    table = dimension.table(field + 1)
    if table is None:
        raise ValueError("a sparse dimension without its places")
    return table.array(0, _INDEX_TYPES[dimension.byte(field)]).astype(np.int64)

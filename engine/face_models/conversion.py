"""From a TFLite network to an ONNX one that gives the same numbers.

TensorFlow keeps the channels of a picture last, ONNX first: activations with four sides are (N, C, H, W) here, and only
what reshapes them turns them back.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from engine.face_models import attention
from engine.face_models.onnx_file import FLOAT32, OnnxGraph
from engine.face_models.tflite import Fields, Kind, Layer, Network
from engine.readings import Floats

_FIRST: Final = [0, 3, 1, 2]
"""From channels last to channels first."""
_LAST: Final = [0, 2, 3, 1]


Span = tuple[float, float]
"""What a network takes for black and for white."""

_SAME: Final = 0
"""Padding by which a picture keeps its size."""


class _Conversion:
    """The names that the tensors of one network have in the graph that is made of it."""

    def __init__(self, name: str, network: Network, span: Span | None) -> None:
        (number,) = network.inputs
        _, height, width, channels = network.shapes[number]
        self.network = network
        self.graph = OnnxGraph(name, (1, channels, height, width), np.float32 if span is None else np.uint8)
        self.names = {number: "input" if span is None else self._spanned(*span)}

    def _spanned(self, low: float, high: float) -> str:
        """Take the picture as a camera gives it: numbers made here need no copy outside, and no memory of their own."""
        pixels = self.graph.step("Cast", "input", to=FLOAT32)
        scaled = self.graph.step("Mul", pixels, self.graph.constant(np.array((high - low) / 255, np.float32)))
        return self.graph.step("Add", scaled, self.graph.constant(np.array(low, np.float32))) if low else scaled

    def name(self, number: int) -> str:
        """Name a tensor; a constant beside activations is turned as they are."""
        if number not in self.names:
            values = self.network.constants[number].astype(np.float32)
            self.names[number] = self.graph.constant(values.transpose(_FIRST) if values.ndim == 4 else values)
        return self.names[number]

    def channels_last(self, number: int) -> str:
        """Name a tensor as TensorFlow has it."""
        shape = self.network.shapes[number]
        is_turned = len(shape) == 4 and max(shape[1:3]) > 1
        return self.graph.step("Transpose", self.name(number), perm=_LAST) if is_turned else self.name(number)

    def reshaped(self, number: int, shape: list[int]) -> str:
        """Give a tensor other sides, as TensorFlow would."""
        return self.graph.step("Reshape", self.channels_last(number), self.sides(shape))

    def sides(self, values: Sequence[int]) -> str:
        return self.graph.constant(np.array(values, np.int64))

    def activated(self, result: str, function: int) -> str:
        """Apply the function that is fused into a layer."""
        match function:
            case 0:
                return result
            case 1:
                return self.graph.step("Relu", result)
        raise ValueError(f"activation {function} is not known here")


def convert(name: str, network: Network, span: Span | None = None) -> bytes:
    """Write a network as an ONNX file.

    Args:
        name: what errors and profiles call it.
        network: takes one picture (1, H, W, C).
        span: what the network takes for black and for white; None is to give it its own numbers.

    Returns:
        The file. Its `input` is (1, C, H, W), uint8 where a span is given, else float32; its outputs are those of the
        network, in its order, of as many numbers, (1, n, last side), float32.

    Raises:
        ValueError: The network does what is not known here.
    """
    conversion = _Conversion(name, network, span)
    for layer in network.layers:
        if layer.kind == Kind.CUSTOM:
            inputs = [conversion.name(number) for number in layer.inputs]
            sides = network.shapes[layer.inputs[0]]
            result = attention.STEPS[layer.custom](conversion.graph, inputs, sides, layer.custom_options)
        else:
            result = _LAYERS[layer.kind](conversion, layer)
        conversion.names[layer.outputs[0]] = result
    outputs = [conversion.reshaped(number, [1, -1, network.shapes[number][-1]]) for number in network.outputs]
    return conversion.graph.file(outputs)


def _options(layer: Layer) -> Fields:
    if layer.options is None:
        raise ValueError(f"{layer.kind.name} without options")
    return layer.options


def _convolution(conversion: _Conversion, layer: Layer) -> str:
    source, weights, bias = layer.inputs
    options, values = _options(layer), conversion.network.constants[weights].astype(np.float32)
    is_depthwise = layer.kind == Kind.DEPTHWISE_CONV_2D
    # (O, H, W, I), or (1, H, W, O) where every channel has its own
    values = values.transpose((3, 0, 1, 2) if is_depthwise else _FIRST)
    _, height, width, channels = conversion.network.shapes[source]
    kernel, strides = list(values.shape[2:]), [options.number(2), options.number(1)]
    result = conversion.graph.step(
        "Conv",
        conversion.name(source),
        conversion.graph.constant(values),
        conversion.name(bias),
        group=channels if is_depthwise else layer.lanes,
        kernel_shape=kernel,
        strides=strides,
        pads=_padding(options.byte(0), [height, width], kernel, strides),
    )
    return conversion.activated(result, options.byte(4 if is_depthwise else 3))


def _padding(way: int, sides: list[int], kernel: list[int], strides: list[int]) -> list[int]:
    """Say how much is added before and behind each side; of an odd number, TensorFlow adds more behind."""
    if way != _SAME:
        return [0, 0, 0, 0]
    lacking = [
        max((math.ceil(side / step) - 1) * step + reach - side, 0)
        for side, reach, step in zip(sides, kernel, strides, strict=True)
    ]
    return [*(one // 2 for one in lacking), *(one - one // 2 for one in lacking)]


def _largest(conversion: _Conversion, layer: Layer) -> str:
    options, source = _options(layer), layer.inputs[0]
    kernel, strides = [options.number(4), options.number(3)], [options.number(2), options.number(1)]
    sides = list(conversion.network.shapes[source][1:3])
    pads = _padding(options.byte(0), sides, kernel, strides)
    result = conversion.graph.step("MaxPool", conversion.name(source), kernel_shape=kernel, strides=strides, pads=pads)
    return conversion.activated(result, options.byte(5))


def _prelu(conversion: _Conversion, layer: Layer) -> str:
    """Write max(x, 0) + slope * min(x, 0), slope by channel, as x + (1 - slope) * max(-x, 0).

    ONNX Runtime has PRelu, but not in the layout of its fast convolutions: it would turn every picture of features back
    and forth and take five times as long. Convolutions that look at one pixel of one channel stay in the layout, and
    take the rectifier and the sum along.
    """
    graph, (source, slopes) = conversion.graph, layer.inputs
    values, x = conversion.network.constants[slopes].astype(np.float32).reshape(-1, 1, 1, 1), conversion.name(source)
    below = graph.step("Relu", _scaled(graph, x, np.full_like(values, -1)))
    return graph.step("Add", x, _scaled(graph, below, 1 - values))


def _scaled(graph: OnnxGraph, source: str, factors: Floats) -> str:
    return graph.step("Conv", source, graph.constant(factors), group=len(factors), kernel_shape=[1, 1])


def _pad(conversion: _Conversion, layer: Layer) -> str:
    """Add zeros around a picture, or empty channels behind; those by a convolution, which keeps the fast layout."""
    source, amounts = layer.inputs
    before, behind = conversion.network.constants[amounts][_FIRST].T.tolist()
    channels, more = conversion.network.shapes[source][-1] // layer.lanes, behind[1]
    if [*before, *behind] == [0, 0, 0, 0, 0, more, 0, 0]:
        same = np.tile(np.eye(channels + more, channels, dtype=np.float32), (layer.lanes, 1))[:, :, None, None]
        values = conversion.graph.constant(same)
        return conversion.graph.step("Conv", conversion.name(source), values, group=layer.lanes, kernel_shape=[1, 1])
    return conversion.graph.step("Pad", conversion.name(source), conversion.sides([*before, *behind]), mode="constant")


def _add(conversion: _Conversion, layer: Layer) -> str:
    result = conversion.graph.step("Add", *map(conversion.name, layer.inputs))
    return conversion.activated(result, _options(layer).byte(0))


def _multiply(conversion: _Conversion, layer: Layer) -> str:
    result = conversion.graph.step("Mul", *map(conversion.name, layer.inputs))
    return conversion.activated(result, _options(layer).byte(0))


def _concatenate(conversion: _Conversion, layer: Layer) -> str:
    axis, sides = _options(layer).number(0), len(conversion.network.shapes[layer.inputs[0]])
    axis = _FIRST.index(axis % sides) if sides == 4 else axis % sides
    return conversion.graph.step("Concat", *map(conversion.name, layer.inputs), axis=axis)


def _reshape(conversion: _Conversion, layer: Layer) -> str:
    shape = list(conversion.network.shapes[layer.outputs[0]])
    if len(shape) == 4 and max(shape[1:3]) > 1:
        raise ValueError("reshaping into a picture is not known here")
    return conversion.reshaped(layer.inputs[0], [shape[axis] for axis in _FIRST] if len(shape) == 4 else shape)


def _resize(conversion: _Conversion, layer: Layer) -> str:
    options, (_, height, width, channels) = _options(layer), conversion.network.shapes[layer.outputs[0]]
    aligned = "align_corners" if options.byte(2) else "asymmetric"
    return conversion.graph.step(
        "Resize",
        conversion.name(layer.inputs[0]),
        "",
        "",
        conversion.sides([1, channels, height, width]),
        mode="linear",
        coordinate_transformation_mode="half_pixel" if options.byte(3) else aligned,
    )


def _depth_to_space(conversion: _Conversion, layer: Layer) -> str:
    size = _options(layer).number(0)
    return conversion.graph.step("DepthToSpace", conversion.name(layer.inputs[0]), blocksize=size, mode="DCR")


def _relu(conversion: _Conversion, layer: Layer) -> str:
    return conversion.graph.step("Relu", conversion.name(layer.inputs[0]))


def _slice(conversion: _Conversion, layer: Layer) -> str:
    """Pass on what is cut out whole; nothing else occurs."""
    if conversion.network.shapes[layer.inputs[0]] != conversion.network.shapes[layer.outputs[0]]:
        raise ValueError("cutting a part out is not known here")
    return conversion.name(layer.inputs[0])


_LAYERS: Final[dict[Kind, Callable[[_Conversion, Layer], str]]] = {
    Kind.ADD: _add,
    Kind.CONCATENATION: _concatenate,
    Kind.CONV_2D: _convolution,
    Kind.DEPTHWISE_CONV_2D: _convolution,
    Kind.DEPTH_TO_SPACE: _depth_to_space,
    Kind.MAX_POOL_2D: _largest,
    Kind.MUL: _multiply,
    Kind.PAD: _pad,
    Kind.PRELU: _prelu,
    Kind.RELU: _relu,
    Kind.RESHAPE: _reshape,
    Kind.RESIZE_BILINEAR: _resize,
    Kind.STRIDED_SLICE: _slice,
}

"""The three layers of the attention mesh that are mediapipe's own, made of ONNX's operators.

The mesh looks a second time, and closer, at lips and eyes: a first guess of the landmarks says where each of them lies
and how it is turned, a square is cut out of an early picture of features, and what is found there is put back.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from engine.face_models.onnx_file import OnnxGraph
from engine.face_models.stacking import LANE

Sides = tuple[int, ...]
_SMALL: Final = 32
"""So few channels belong to the last layer of a lane, behind which there are no sums."""


def _placing(graph: OnnxGraph, inputs: list[str], _: Sides, options: dict[str, Any]) -> str:
    """From landmarks (1, n, 3) to the matrix (1, 4, 4) that takes a point of the cut square to the picture of features.

    The square stands upright on the line between two landmarks, around the extent of some, larger by a factor.
    """
    flat = graph.step("Slice", inputs[0], *(_whole(graph, [one]) for one in (0, 2, 2)))  # (1, n, 2): x, y
    ends = _picked(graph, flat, [options["right_rotation_idx"], options["left_rotation_idx"]])
    right, left = (graph.step("Slice", ends, *(_whole(graph, [one]) for one in (at, at + 1, 1))) for at in (0, 1))
    across = graph.step("Sub", right, left)  # (1, 1, 2)
    length = graph.step("ReduceL2", across, axes=[2], keepdims=1)
    along = graph.step("Div", across, graph.step("Max", length, _numbers(graph, [[[1e-9]]])))  # cosine and sine
    # Columns are the square's axes in the picture, right and down: points @ axes are coordinates along them.
    axes = graph.step(
        "Reshape",
        graph.step("MatMul", along, _numbers(graph, [[[1, 0, 0, 1], [0, -1, 1, 0]]])),
        _whole(graph, [1, 2, 2]),
    )
    turned = graph.step("MatMul", _picked(graph, flat, options["subset_idxs"]), axes)
    high, low = (graph.step(f"Reduce{way}", turned, axes=[1], keepdims=1) for way in ("Max", "Min"))
    middle = graph.step("Mul", graph.step("Add", high, low), _numbers(graph, [[[0.5]]]))  # (1, 1, 2)
    factors = [options["scale_x"] / options["output_width"], options["scale_y"] / options["output_height"]]
    scale = graph.step("Mul", graph.step("Sub", high, low), _numbers(graph, [[factors]]))
    scaled = graph.step("Mul", axes, scale)  # (1, 2, 2), columns: one step right, one step down
    half = [[[options["output_width"] / 2], [options["output_height"] / 2]]]
    centre = graph.step("MatMul", axes, graph.step("Reshape", middle, _whole(graph, [1, 2, 1])))
    corner = graph.step("Sub", centre, graph.step("MatMul", scaled, _numbers(graph, half)))  # (1, 2, 1)
    rows = graph.step("Concat", scaled, _numbers(graph, [[[0], [0]]]), corner, axis=2)
    return graph.step("Concat", rows, _numbers(graph, [[[0, 0, 1, 0], [0, 0, 0, 1]]]), axis=1)


def _cutting(graph: OnnxGraph, inputs: list[str], shape: Sides, options: dict[str, Any]) -> str:
    """Cut squares out of features (1, C, H, H) by the matrices of `_placing`; what lies outside is 0.

    Several lie side by side in the channels, (1, lanes * C, h, w).
    """
    features, *matrices = inputs
    width, height, lanes = options["output_width"], options["output_height"], len(matrices)
    matrix = matrices[0] if lanes == 1 else graph.step("Concat", *matrices, axis=0)
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)  # middles of pixels
    points = np.stack([across.ravel(), down.ravel(), np.zeros(across.size), np.ones(across.size)])
    placed = graph.step("MatMul", matrix, _numbers(graph, [points]))  # (lanes, 4, n)
    placed = graph.step("Slice", placed, *(_whole(graph, [one]) for one in (0, 2, 1)))
    placed = graph.step("Transpose", placed, perm=[0, 2, 1])
    placed = graph.step("Reshape", placed, _whole(graph, [1, lanes * height, width, 2]))
    # The grid runs from -1 to 1 between the picture's outer edges.
    grid = graph.step("Sub", graph.step("Mul", placed, _numbers(graph, 2 / shape[1])), _numbers(graph, 1))
    cut = graph.step("GridSample", features, grid, mode="bilinear", padding_mode="zeros", align_corners=0)
    if lanes == 1:
        return cut
    beside = graph.step("Reshape", cut, _whole(graph, [0, 0, lanes, height * width]))
    beside = graph.step("Transpose", beside, perm=[0, 2, 1, 3])
    return _laid_out(graph, graph.step("Reshape", beside, _whole(graph, [1, -1, height, width])), lanes * shape[3])


def _lane(graph: OnnxGraph, inputs: list[str], _: Sides, options: dict[str, Any]) -> str:
    """Take some channels (1, n, H, W) out of those of all lanes."""
    first, end = options["first"], options["end"]
    lane = graph.step("Slice", inputs[0], *(_whole(graph, [one]) for one in (first, end, 1)))
    return _laid_out(graph, lane, end - first)


def _laid_out(graph: OnnxGraph, source: str, channels: int) -> str:
    """Have channels lie as ONNX Runtime's fast convolutions take them, by one that changes nothing.

    They would be laid so for every convolution, but not for the sums between these, each of which would have everything
    laid back and forth.
    """
    if channels <= _SMALL:
        return source
    return graph.step(
        "Conv", source, _numbers(graph, np.ones((channels, 1, 1, 1))), group=channels, kernel_shape=[1, 1]
    )


def _putting_back(graph: OnnxGraph, inputs: list[str], _: Sides, __: dict[str, Any]) -> str:
    """Take points (1, n, 2) of the cut square to where the matrix says."""
    points, matrix = inputs
    turn, shift = (
        graph.step("Slice", matrix, *(_whole(graph, [*span]) for span in ((0, first), (2, last), (1, 2))))
        for first, last in ((0, 2), (3, 4))
    )
    moved = graph.step("MatMul", points, graph.step("Transpose", turn, perm=[0, 2, 1]))
    return graph.step("Add", moved, graph.step("Transpose", shift, perm=[0, 2, 1]))


def _picked(graph: OnnxGraph, points: str, which: list[int]) -> str:
    return graph.step("Gather", points, _whole(graph, which), axis=1)


def _numbers(graph: OnnxGraph, values: Any) -> str:
    return graph.constant(np.asarray(values, np.float32))


def _whole(graph: OnnxGraph, values: list[int]) -> str:
    return graph.constant(np.array(values, np.int64))


STEPS: Final[dict[str, Callable[[OnnxGraph, list[str], Sides, dict[str, Any]], str]]] = {
    "Landmarks2TransformMatrix": _placing,
    "TransformTensorBilinear": _cutting,
    "TransformLandmarks": _putting_back,
    LANE: _lane,
}
"""By the layer's name: adds its steps to a graph. Takes inputs, sides of the first as TensorFlow has them, options."""

"""fp32 ONNX → int8 ONNX as TensorRT reads it: symmetric Q/DQ pairs, weights stored as int8, biases in float.

ONNX Runtime's own int8 form (`quantize.py`) is of no use there: the parser refuses its int32 biases, and unsigned
activations do not exist. Rounded are the inputs and weights of convolutions, and the way around a residual block, so
that convolution, addition and ReLU become one int8 kernel. Attention, softmax and heads stay in float.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, helper

from build_engine.deployment.plan_graph import Graph, prepare
from build_engine.errors import PlanRefused
from engine.readings import Floats

_LARGEST = 127
_BATCH = 32
_ERRORS_ONLY = 3  # of onnxruntime's severities
_AS_WELL = {"Conv", "Add", "AveragePool"}
"""What reads the rounded form of a tensor that is rounded for somebody."""


def find_ranges(model: Path, crops: Floats, regions: Floats) -> dict[str, float]:
    """Find how far the activations reach that int8 rounds.

    Args:
        model: fp32 `.onnx` file of `build-engine export`.
        crops: (N, C, H, W) normalised faces of Training.
        regions: (N, 9, G, G).

    Returns:
        The largest absolute value of each rounded tensor, by name, > 0.
    """
    network = prepare(onnx.load(model))
    inputs = {entry.name for entry in network.graph.input}
    names = [name for name in rounded_tensors(Graph(network)) if name not in inputs]
    outputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names]
    network.graph.output.extend(outputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(network.SerializeToString(), options, providers=["CPUExecutionProvider"])
    arrays = {"crops": crops, "regions": regions}
    reach = {name: float(np.abs(arrays[name]).max()) for name in rounded_tensors(Graph(network)) if name in inputs}
    for start in range(0, len(crops), _BATCH):
        feed = {name: arrays[name][start : start + _BATCH] for name in inputs}
        for name, values in zip(names, session.run(names, feed), strict=True):
            reach[name] = max(reach.get(name, 0.0), float(np.abs(values).max()))
    return {name: float(np.float32(value)) for name, value in sorted(reach.items())}


def rounded_tensors(graph: Graph) -> list[str]:
    """Name the activations that int8 rounds, in the order in which they are made."""
    makers, weights = graph.makers(), graph.weights
    names: dict[str, None] = {}
    for node in graph.nodes:
        if node.op_type == "Conv" and node.input[1] in weights:
            names[node.input[0]] = None
        elif node.op_type == "Add" and not weights.keys() & set(node.input):
            convolved = [makers[name].op_type == "Conv" if name in makers else False for name in node.input]
            if any(convolved):  # the other one goes around the convolutions
                names[node.input[0 if convolved[1] else 1]] = None
    return list(names)


def to_int8(network: onnx.ModelProto, ranges: dict[str, float]) -> onnx.ModelProto:
    """Write the int8 form of a network.

    Args:
        network: of `prepare`; it is changed and returned.
        ranges: of `find_ranges`, for this network.

    Raises:
        PlanRefused: A range is missing: they were found for another network, or not at all.
    """
    graph = Graph(network)
    rounded = rounded_tensors(graph)
    missing = [name for name in rounded if not ranges.get(name, 0) > 0]
    if missing or not rounded:
        what = f"lacks the range of {missing[0]}" if missing else "has no convolution to round"
        raise PlanRefused(f"int8: the manifest {what}: run `build-engine quantize MODEL --data … --ranges-only` first")
    nodes: list[NodeProto] = []
    pending = set(rounded)
    for name in [entry.name for entry in network.graph.input if entry.name in pending]:
        nodes += _round_activation(name, ranges[name], graph)
    for node in graph.nodes:
        if node.op_type == "Conv" and node.input[1] in graph.weights:
            nodes.append(_round_weights(node, graph))
        if node.op_type in _AS_WELL:
            node.input[:] = [_rounded(name) if name in pending else name for name in node.input]
        nodes.append(node)
        for name in node.output:
            if name in pending:
                nodes += _round_activation(name, ranges[name], graph)
    return graph.rebuild(nodes)


def _rounded(name: str) -> str:
    return f"{name}.rounded"


def _round_activation(name: str, reach: float, graph: Graph) -> list[NodeProto]:
    scale, zero = f"{name}.scale", f"{name}.zero"
    graph.weights |= {scale: np.asarray(reach / _LARGEST, np.float32), zero: np.asarray(0, np.int8)}
    return [
        helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}.int8"]),
        helper.make_node("DequantizeLinear", [f"{name}.int8", scale, zero], [_rounded(name)]),
    ]


def _round_weights(conv: NodeProto, graph: Graph) -> NodeProto:
    """Store a convolution's weights as int8 with a scale for each of its output channels."""
    name = conv.input[1]
    weights = np.asarray(graph.weights[name], np.float32)
    reach = np.abs(weights).max(axis=(1, 2, 3))
    scales = np.where(reach > 0, reach / _LARGEST, 1).astype(np.float32)
    graph.weights |= {
        f"{name}.int8": np.rint(weights / scales[:, None, None, None]).astype(np.int8),
        f"{name}.scale": scales,
        f"{name}.zero": np.zeros(len(scales), np.int8),
    }
    conv.input[1] = f"{name}.float"
    return helper.make_node(
        "DequantizeLinear", [f"{name}.int8", f"{name}.scale", f"{name}.zero"], [f"{name}.float"], axis=0
    )

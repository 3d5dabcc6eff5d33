"""fp32 ONNX → fp16 ONNX for a strongly typed network: half precision, but for what half precision harms.

A softmax and the logits that go into it, back to the product that makes them, stay in fp32: e^x of a logit of 10 that
is rounded to fp16 is off by half a percent, while the same logit's share of the work is a hundredth.
"""

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper

from build_engine.deployment.plan_graph import Graph

_LARGEST = float(np.finfo(np.float16).max)
_MAKE_LOGITS = {"MatMul", "Gemm"}
_CARRY_LOGITS = {"Add", "Sub", "Mul", "Div", "Reshape", "Squeeze", "Unsqueeze", "Transpose"}


def to_fp16(network: onnx.ModelProto) -> onnx.ModelProto:
    """Write the fp16 form of a network.

    Args:
        network: of `prepare`; it is changed and returned.

    Returns:
        The network; inputs and outputs stay float32, so that a caller need not know.
    """
    graph = Graph(network)
    return _Rounding(graph).apply(precise_tensors(graph))


def precise_tensors(graph: Graph) -> set[str]:
    """Name what stays in fp32: softmaxes, and what lies between them and the products that make their logits."""
    makers = graph.makers()
    softmaxes = [node for node in graph.nodes if node.op_type == "Softmax"]
    found = {node.output[0] for node in softmaxes}
    ahead = [node.input[0] for node in softmaxes]
    while ahead:
        name = ahead.pop()
        node = makers.get(name)
        if node is None or name in found or node.op_type not in _MAKE_LOGITS | _CARRY_LOGITS:
            continue
        found.add(name)
        if node.op_type in _CARRY_LOGITS:
            ahead += node.input
    return found


class _Rounding:
    """Rewrites node after node, with a cast wherever a tensor has another type than its reader."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._is_float = {name for node in graph.nodes for name in (*node.input, *node.output) if graph.is_float(name)}
        self._types = dict.fromkeys(self._is_float, TensorProto.FLOAT)
        self._nodes: list[NodeProto] = []
        self._copies: set[str] = set()

    def apply(self, precise: set[str]) -> onnx.ModelProto:
        for node in self._graph.nodes:
            wanted = TensorProto.FLOAT if node.output[0] in precise else TensorProto.FLOAT16
            node.input[:] = [self._as_type(name, wanted) if name in self._is_float else name for name in node.input]
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                    attribute.i = wanted
            self._types.update((name, wanted) for name in node.output if name in self._is_float)
            self._nodes.append(node)
        self._keep_output_types()
        return self._graph.rebuild(self._nodes)

    def _as_type(self, name: str, wanted: int) -> str:
        if self._types[name] == wanted:
            return name
        copy = f"{name}.{'fp16' if wanted == TensorProto.FLOAT16 else 'fp32'}"
        if copy not in self._copies:
            self._copies.add(copy)
            if name in self._graph.weights:
                self._graph.weights[copy] = self._graph.weights[name].clip(-_LARGEST, _LARGEST).astype(np.float16)
            else:
                self._nodes.append(helper.make_node("Cast", [name], [copy], to=wanted))
        return copy

    def _keep_output_types(self) -> None:
        for output in self._graph.network.graph.output:
            if self._types.get(output.name) == TensorProto.FLOAT16:
                rounded = f"{output.name}.rounded"
                for node in self._nodes:
                    node.output[:] = [rounded if name == output.name else name for name in node.output]
                    node.input[:] = [rounded if name == output.name else name for name in node.input]
                self._nodes.append(helper.make_node("Cast", [rounded], [output.name], to=TensorProto.FLOAT))

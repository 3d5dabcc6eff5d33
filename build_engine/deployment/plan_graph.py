"""An exported network tidied for a builder that takes every type at its word: weights plain, batch norms folded away.

Tensors keep the names they had in the exported file: ranges found once stay valid (`Manifest.activation_ranges`).
"""

from collections import Counter

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from engine.readings import Floats


class Graph:
    """The nodes of an ONNX network with what one asks of them: who makes a tensor, who reads it, its weights."""

    def __init__(self, network: onnx.ModelProto) -> None:
        """Look at a network; `network` itself is changed by what the methods do.

        Args:
            network: checked, with the weights inside.
        """
        self.network = network
        self._types = _tensor_types(network)
        self.weights: dict[str, NDArray[np.generic]] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer
        }

    @property
    def nodes(self) -> list[NodeProto]:
        """In the order in which they run."""
        return list(self.network.graph.node)

    def is_float(self, tensor: str) -> bool:
        """Return whether a tensor holds float32, weights and inputs included."""
        return self._types.get(tensor) == onnx.TensorProto.FLOAT

    def makers(self) -> dict[str, NodeProto]:
        """Map each tensor to the node that makes it."""
        return {output: node for node in self.network.graph.node for output in node.output}

    def readers(self) -> Counter[str]:
        """Count how often each tensor is read; a graph output counts once."""
        read = Counter(name for node in self.network.graph.node for name in node.input)
        read.update(output.name for output in self.network.graph.output)
        return read

    def rebuild(self, nodes: list[NodeProto]) -> onnx.ModelProto:
        """Put nodes in place of those that were there; weights that none of them reads are left out."""
        graph = self.network.graph
        read = {name for node in nodes for name in node.input}
        kept = [numpy_helper.from_array(array, name) for name, array in self.weights.items() if name in read]
        for field, values in (("node", nodes), ("initializer", kept), ("value_info", [])):
            graph.ClearField(field)
            getattr(graph, field).extend(values)
        onnx.checker.check_model(self.network)
        return self.network


def prepare(network: onnx.ModelProto) -> onnx.ModelProto:
    """Tidy an exported network: constants become weights, batch norms vanish into convolutions; its answers stay.

    Args:
        network: as `build-engine export` writes it; it is changed and returned.

    Returns:
        The network, inputs and outputs as they were.
    """
    graph = Graph(network)
    nodes = []
    for node in graph.nodes:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            graph.weights[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        else:
            nodes.append(node)
    graph.rebuild(nodes)
    return graph.rebuild(_fold_norms(graph))


def _fold_norms(graph: Graph) -> list[NodeProto]:
    makers, readers = graph.makers(), graph.readers()
    nodes: list[NodeProto] = []
    for node in graph.nodes:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        factor, shift = _norm_as_line(node, graph)
        source = node.input[0]
        pool = makers.get(source)
        if pool is not None and pool.op_type == "MaxPool" and readers[source] == 1 and (factor > 0).all():
            source = pool.input[0]  # a norm that keeps the order of values may as well come before the maximum
        else:
            pool = None
        conv = makers.get(source)
        if conv is not None and conv.op_type == "Conv" and readers[source] == 1 and conv.input[1] in graph.weights:
            _fold_into(conv, factor, shift, graph)
            (pool or conv).output[0] = node.output[0]
            continue
        nodes += _line_nodes(node, factor, shift, graph)
    return nodes


def _norm_as_line(node: NodeProto, graph: Graph) -> tuple[Floats, Floats]:
    """Write a batch norm as `factor x + shift`, each (C,)."""
    scale, bias, mean, variance = (np.asarray(graph.weights[name], np.float64) for name in node.input[1:5])
    epsilon = next((attribute.f for attribute in node.attribute if attribute.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    return factor.astype(np.float32), (bias - mean * factor).astype(np.float32)


def _fold_into(conv: NodeProto, factor: Floats, shift: Floats, graph: Graph) -> None:
    weights = np.asarray(graph.weights[conv.input[1]], np.float32)
    bias = np.asarray(graph.weights[conv.input[2]], np.float32) * factor if len(conv.input) > 2 else np.float32(0)
    names = [f"{conv.input[1]}.folded", f"{conv.input[1]}.folded_bias"]
    graph.weights[names[0]] = weights * factor[:, None, None, None]
    graph.weights[names[1]] = bias + shift
    conv.input[:] = [conv.input[0], *names]


def _line_nodes(node: NodeProto, factor: Floats, shift: Floats, graph: Graph) -> list[NodeProto]:
    scaled = f"{node.output[0]}.scaled"
    graph.weights[f"{scaled}.factor"], graph.weights[f"{scaled}.shift"] = factor[:, None, None], shift[:, None, None]
    return [
        helper.make_node("Mul", [node.input[0], f"{scaled}.factor"], [scaled]),
        helper.make_node("Add", [scaled, f"{scaled}.shift"], [node.output[0]]),
    ]


def _tensor_types(network: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(network).graph
    typed = {entry.name: entry.type.tensor_type.elem_type for entry in (*graph.input, *graph.value_info, *graph.output)}
    return typed | {tensor.name: tensor.data_type for tensor in graph.initializer}

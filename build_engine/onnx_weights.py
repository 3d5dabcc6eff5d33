"""Weights out of an fp32 `.onnx` file of ours: a network that shipped can be looked into, and learn on."""

from pathlib import Path

import torch
from torch import Tensor, nn

from build_engine.errors import WeightsUnusable

_ENOUGH = 0.5
"""Share of a network's numbers that a file must hold for the network to begin with it."""


def read_weights(model: Path) -> dict[str, Tensor]:
    """Read weights and running statistics, by their names in PyTorch.

    Raises:
        WeightsUnusable: The file is missing or no ONNX.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        tensors = onnx.load(model).graph.initializer
    except (OSError, DecodeError) as error:
        raise WeightsUnusable(
            f"{model} cannot be read ({error}): give the fp32 file of `build-engine export`"
        ) from error
    return {
        tensor.name.removeprefix("network."): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in tensors
    }


@torch.no_grad()
def begin_with(network: nn.Module, model: Path) -> None:
    """Give a network all weights of a file that have their name and shape in it; the others stay as they are.

    Args:
        network: may have layers that the file's network has not, for example another block or wider heads.
        model: fp32 `.onnx` file of `build-engine export`.

    Raises:
        WeightsUnusable: The file is missing or no ONNX, or holds less than half of the network.
    """
    weights = read_weights(model)
    own = network.state_dict()
    fitting = [name for name, value in own.items() if name in weights and weights[name].shape == value.shape]
    held, whole = (sum(own[name].numel() for name in names) for names in (fitting, own))
    if held < _ENOUGH * whole:
        raise WeightsUnusable(
            f"{model} holds {held / whole:.0%} of this network: choose the recipe that it was trained by"
        )
    for name in fitting:
        own[name].copy_(weights[name])

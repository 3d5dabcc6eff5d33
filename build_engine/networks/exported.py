"""Networks out of engine files that were exported."""

from pathlib import Path

import torch
from torch import nn

from build_engine.errors import RunUnusable, WeightsUnusable
from build_engine.networks.model import build_network
from build_engine.recipe import Recipe
from engine.manifest import load_manifest

_ENOUGH = 0.5
"""Share of a network that it must find in an exported one to begin with that."""


def network_of(model: Path) -> nn.Module:
    """Rebuild in PyTorch the network that an fp32 `.onnx` file of ours holds, ready to infer.

    Raises:
        ModelRefused: The file or its manifest is missing, or they do not belong together.
        RunUnusable: The file does not hold the network that its manifest's recipe describes.
    """
    import onnx

    manifest = load_manifest(model)
    network = build_network(Recipe.from_dict(manifest.recipe))
    weights = {
        tensor.name.removeprefix("network."): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(model).graph.initializer
    }
    counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({name: weights[name] for name in network.state_dict().keys() - counters} | counters)
    except (KeyError, RuntimeError) as error:
        raise RunUnusable(
            f"{model} does not hold the weights of its recipe ({error}): give the fp32 file of `build-engine export`"
        ) from error
    return network.eval()


@torch.no_grad()
def begin_with(network: nn.Module, model: Path) -> None:
    """Give a network all weights that an exported one has under their name and in their shape; the others stay.

    Args:
        network: may have layers that the exported one has not, for example another block or heads that read more.
        model: fp32 `.onnx` file of ours.

    Raises:
        ModelRefused: The file or its manifest is missing, or they do not belong together.
        RunUnusable: The file does not hold the network that its manifest's recipe describes.
        WeightsUnusable: It holds less than half of this network.
    """
    learned, own = network_of(model).state_dict(), network.state_dict()
    fitting = [name for name, value in own.items() if name in learned and learned[name].shape == value.shape]
    held = sum(own[name].numel() for name in fitting) / sum(value.numel() for value in own.values())
    if held < _ENOUGH:
        raise WeightsUnusable(f"{model} holds {held:.0%} of this network: choose the recipe that it was trained by")
    for name in fitting:
        own[name].copy_(learned[name])

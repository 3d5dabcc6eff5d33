"""The network of a run, or the mean of several."""

from collections.abc import Sequence

import torch
from torch import nn

from build_engine.networks.model import build_network
from build_engine.training.run import Run


def load_network(runs: Sequence[Run]) -> nn.Module:
    """Build the network of a run with its best weights, or with the mean of several runs' best weights, ready to infer.

    Means are for a run and those that went on from it, whose weights lie in one valley (Izmailov et al. 2018,
    "Averaging weights leads to wider optima and better generalization"); of strangers they are worth nothing.

    Args:
        runs: one or more, of one network.

    Raises:
        RunUnusable: A run has no weights, or others than the last one's recipe says.
    """
    network = build_network(runs[-1].recipe())
    states = []
    for run in runs:
        run.load_weights(network)
        states.append({name: value.clone() for name, value in network.state_dict().items()})
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[name] for state in states]).mean(0))
    return network.eval()

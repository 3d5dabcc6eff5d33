"""Sharpness-aware minimisation: learn where the loss is low all around, so that wrong labels are learned by heart less.

Foret et al. 2021, "Sharpness-aware minimization for efficiently improving generalization", algorithm 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def sam_perturbation(model: nn.Module, radius: float) -> Iterator[None]:
    """Stand where the loss is highest nearby, to first order, and come back: gradients taken there are the step's.

    Args:
        model: its gradients say where the loss climbs most steeply; its norms' statistics stand still meanwhile.
        radius: Euclidean distance over all parameters, > 0.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.grad is not None]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    before = [parameter.detach().clone() for parameter in parameters]
    length = nn.utils.get_total_norm(gradients).clamp(min=1e-12)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.add_(gradient * (radius / length))
    # The batch runs a second time, through weights that nobody keeps. Its statistics would count twice, the second time
    # as those of a network that is never evaluated. The batch itself is normalised by its own all the same.
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                # Put back, not subtracted again: adding and subtracting a float32 does not return to where it was.
                parameter.copy_(value)

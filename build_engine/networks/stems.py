"""First convolutions of networks that saw larger pictures in colour, made for our crops: the answers stay the same.

Turning grey into three colours, normalising and enlarging are linear, as a convolution is: one kernel does it all.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor

from engine.crops import CropSpec


def grey_kernels(kernels: Tensor, mean_rgb: tuple[float, ...], scale_rgb: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Make kernels for colours into some for our normalised grey (`engine.crops.CropSpec`).

    Args:
        kernels: (C, 3, K, K), for colours less `mean_rgb`, divided by `scale_rgb`.
        mean_rgb: in [0, 255].
        scale_rgb: in [0, 255].

    Returns:
        Kernels (C, 1, K, K), and what must be added to their answers (C,).
    """
    spec = CropSpec()
    mean, scale = torch.tensor(mean_rgb), torch.tensor(scale_rgb)
    grey = (kernels * (255 * spec.std / scale).view(1, -1, 1, 1)).sum(1, keepdim=True)
    return grey, (kernels.sum((2, 3)) * ((255 * spec.mean - mean) / scale)).sum(1)


def halved_kernels(kernels: Tensor) -> Tensor:
    """Find the kernels that do to a picture what 7x7 with stride 2 do to it twice as large (bilinear).

    Args:
        kernels: (C, 1, 7, 7).

    Returns:
        Kernels (C, 1, 5, 5), for stride 1 and a padding of 2 cells; at the border alone their answers differ.
    """
    one = torch.zeros(25, 1, 9, 9)
    one[torch.arange(25), 0, 2 + torch.arange(25) // 5, 2 + torch.arange(25) % 5] = 1  # each seen from the middle, 4
    twice = functional.interpolate(one, scale_factor=2, mode="bilinear")
    answers = functional.conv2d(twice, kernels, stride=2, padding=3)[:, :, 4, 4]  # (25, C)
    return answers.T.reshape(-1, 1, 5, 5)

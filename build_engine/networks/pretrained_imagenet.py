"""Trunks that begin with weights that know pictures: torchvision's ResNet-50 and Inception v3.

Such weights saw 224x224 or 299x299 pixels in colour. Here they see grey faces of 48x48, and answer as they would to the
same picture enlarged to 96x96 (ResNet-50) or 128x128 (Inception v3); only at the border of the picture the first of
ResNet-50's convolutions sees other cells.
"""

from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from build_engine.errors import WeightsUnusable
from build_engine.networks.stems import grey_kernels, halved_kernels


class _Known(NamedTuple):
    """What a network of torchvision was trained with."""

    first: str
    """The first entry of its file."""
    mean_rgb: tuple[float, ...]
    """In [0, 255]."""
    scale_rgb: tuple[float, ...]
    """In [0, 255]."""


_KNOWN: Final = {
    "resnet50": _Known("conv1.weight", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "inception_v3": _Known("Conv2d_1a_3x3.conv.weight", (127.5,) * 3, (127.5,) * 3),
}
_FOR_THEIR_CLASSES: Final = ("fc.", "AuxLogits.")


@torch.no_grad()
def load_imagenet_weights(network: nn.Module, backbone: str, weights: Path) -> None:
    """Put torchvision's weights into the trunk of a network; attention and heads keep theirs.

    Args:
        network: an `ExpressionNet` with this backbone, in full width.
        backbone: `resnet50` or `inception_v3`.
        weights: a state dict as torchvision's models save it.

    Raises:
        WeightsUnusable: The file is missing, broken, or of another network.
    """
    known = _KNOWN[backbone]
    theirs = _read(weights)
    if next(iter(theirs), "") != known.first:
        raise WeightsUnusable(
            f"{weights} is not a state dict of torchvision's {backbone}: it should begin with {known.first}"
        )
    ours = _filled(
        {name: value for name, value in network.state_dict().items() if name.startswith(("trunk.", "tail."))}
    )
    kernels, shifts = grey_kernels(theirs[known.first], known.mean_rgb, known.scale_rgb)
    theirs[known.first] = halved_kernels(kernels) if backbone == "resnet50" else kernels
    # Entries come in the order of layers on both sides.
    if [value.shape for value in ours.values()] != [value.shape for value in theirs.values()]:
        raise WeightsUnusable(f"{weights} does not fit this network: use --backbone {backbone} as it is")
    for value, known_value in zip(ours.values(), theirs.values(), strict=True):
        value.copy_(known_value)
    next(value for name, value in ours.items() if name.endswith("running_mean")).sub_(shifts)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, "cpu", weights_only=True)
        return _filled({name: value for name, value in content.items() if not name.startswith(_FOR_THEIR_CLASSES)})
    except OSError as error:
        raise WeightsUnusable(f"{path} cannot be read ({error.strerror})") from error
    except Exception as error:  # whatever a file that is no state dict makes pickle or zip raise
        raise WeightsUnusable(f"{path} is no state dict of torchvision: fetch it again") from error


def _filled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what counts batches."""
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}

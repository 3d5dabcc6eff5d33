"""Changes of a training batch that keep its labels: one vectorised pass over all crops, and their regions with them."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Generator, Tensor

from build_engine.recipe import Augmentation

_BINOMIAL = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])).view(1, 1, 3, 3) / 16.0


def augment(
    crops: Tensor,
    regions: Tensor,
    inside: Tensor,
    knobs: Augmentation,
    mirrored_regions: Tensor,
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Turn, shift, scale, mirror, light, blur and partly cover a batch, each crop differently.

    Args:
        crops: (N, 1, H, W) float32 in [0, 1].
        regions: (N, R, G, G) float32 in [0, 1]; they follow the geometry of their crop.
        inside: (N, 1, H, W) float32 in [0, 1], how much of a pixel shows the picture; see `picture_in_crop`.
        knobs: strengths.
        mirrored_regions: (R,) the channel that each region becomes in a mirror: left eye and right eye change places.
        generator: source of all randomness.

    Returns:
        New crops, still in [0, 1], and new regions.
    """
    count = len(crops)
    if knobs.other_wall_share:
        walled = torch.lerp(_walls(crops, generator), crops, inside)
        crops = torch.where(_chosen(count, knobs.other_wall_share, generator), walled, crops)
    mirrored = torch.rand(count, generator=generator) < knobs.mirror_share
    theta = _geometry(count, mirrored, knobs, generator)
    crops = _warp(crops, theta, padding="border")
    regions = torch.where(mirrored.view(-1, 1, 1, 1), regions[:, mirrored_regions], regions)
    regions = _warp(regions, theta, padding="zeros")
    crops = _light(crops, knobs, generator)
    if knobs.blur_share:
        blurred = functional.conv2d(functional.pad(crops, (1, 1, 1, 1), mode="replicate"), _BINOMIAL)
        crops = torch.where(_chosen(count, knobs.blur_share, generator), blurred, crops)
    for share, change in ((knobs.low_resolution_share, _coarse), (knobs.compression_share, _compressed)):
        rows = _chosen(count, share, generator).flatten().nonzero()[:, 0]
        if len(rows):
            crops = crops.index_copy(0, rows, change(crops[rows], generator))
    if knobs.no_regions_share:
        regions = torch.where(_chosen(count, knobs.no_regions_share, generator), 0.0, regions)
    if knobs.erase_share:
        crops = torch.where(
            _rectangles(crops, knobs.erase_share, generator), crops.mean((1, 2, 3), keepdim=True), crops
        )
    return crops, regions


def mix(tensors: tuple[Tensor, ...], share: float, alpha: float, generator: Generator) -> tuple[Tensor, ...]:
    """Mix each face of a batch with another one, and all that belongs to it alike (Zhang et al. 2017, "mixup").

    Args:
        tensors: crops, regions and targets, each (N, ...).
        share: share of the batches that are mixed; the others come back as they are.
        alpha: the face keeps a share drawn from Beta(alpha, alpha), one a batch.
        generator: source of all randomness.
    """
    if torch.rand(1, generator=generator) >= share:
        return tensors
    seed = int(torch.randint(2**31, (1,), generator=generator))  # PyTorch draws no beta from a generator of one's own
    kept = np.random.default_rng(seed).beta(alpha, alpha)
    return tuple(torch.lerp(tensor.roll(1, 0), tensor, kept) for tensor in tensors)


def mirror_order(names: tuple[str, ...]) -> Tensor:
    """Find for each region the channel that it becomes in a mirror.

    Args:
        names: names of the regions; `left` and `right` in a name mark the side.

    Returns:
        (R,) int64 permutation; a region without a side stays.
    """
    swap = {"left": "right", "right": "left"}
    mirrored = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return torch.tensor([names.index(name) for name in mirrored])


def _uniform(count: int, limit: float, generator: Generator) -> Tensor:
    return (torch.rand(count, generator=generator) * 2 - 1) * limit


def _chosen(count: int, share: float, generator: Generator) -> Tensor:
    return (torch.rand(count, generator=generator) < share).view(-1, 1, 1, 1)


def _walls(crops: Tensor, generator: Generator) -> Tensor:
    """Draw a wall behind each crop: of one grey, lit from one side, with up to half of the batch's next face in it."""
    count, _, height, width = crops.shape
    grey, seen = torch.rand(2, count, 1, 1, 1, generator=generator)
    light, angle = (_uniform(count, limit, generator).view(-1, 1, 1, 1) for limit in (0.3, math.pi))
    down, across = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    bare = grey + light * (torch.sin(angle) * down + torch.cos(angle) * across)
    return torch.lerp(bare.clamp(0.0, 1.0), crops.roll(1, 0), seen / 2)


def _geometry(count: int, mirrored: Tensor, knobs: Augmentation, generator: Generator) -> Tensor:
    """Draw one affine map a crop, (N, 2, 3), from output to input in coordinates of [-1, 1]."""
    angle = _uniform(count, math.radians(knobs.rotate_deg), generator)
    scale = 1 + _uniform(count, knobs.scale_share, generator)
    shift_x = _uniform(count, 2 * knobs.shift_share, generator)
    shift_y = _uniform(count, 2 * knobs.shift_share, generator)
    side = torch.where(mirrored, -1.0, 1.0)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = (torch.stack((side * cosine, -side * sine, shift_x), 1), torch.stack((sine, cosine, shift_y), 1))
    return torch.stack(rows, 1)


def _warp(maps: Tensor, theta: Tensor, padding: str) -> Tensor:
    grid = functional.affine_grid(theta, list(maps.shape), align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode=padding, align_corners=False)


def _light(crops: Tensor, knobs: Augmentation, generator: Generator) -> Tensor:
    count = len(crops)
    contrast = 1 + _uniform(count, knobs.contrast, generator).view(-1, 1, 1, 1)
    offset = _uniform(count, knobs.brightness, generator).view(-1, 1, 1, 1)
    mean = crops.mean((1, 2, 3), keepdim=True)
    return ((crops - mean) * contrast + mean + offset).clamp(0.0, 1.0)


def _coarse(crops: Tensor, generator: Generator) -> Tensor:
    """Shrink a batch to one size between half and the whole, and enlarge it again."""
    size = crops.shape[2:]
    scale = 0.5 + 0.4 * torch.rand(1, generator=generator).item()
    small = functional.interpolate(crops, scale_factor=scale, mode="bilinear", antialias=True)
    return functional.interpolate(small, size=size, mode="bilinear").clamp(0.0, 1.0)


def _compressed(crops: Tensor, generator: Generator) -> Tensor:
    """Round the cosine transform of 8x8 blocks, each crop with its own step, high frequencies more coarsely."""
    count, _, height, width = crops.shape
    down, across = _block_cosines(height), _block_cosines(width)
    frequency = torch.maximum(torch.arange(height)[:, None] % 8, torch.arange(width) % 8)
    step = (0.02 + 0.1 * torch.rand(count, 1, 1, 1, generator=generator)) * (0.5 + frequency / 4)
    rounded = (down @ crops @ across.T / step).round() * step
    return (down.T @ rounded @ across).clamp(0.0, 1.0)


@functools.cache
def _block_cosines(length: int) -> Tensor:
    """Compute the orthonormal cosine transform (DCT-II) of every eight of `length` values, as a square matrix."""
    place = torch.arange(8.0)
    rows = torch.cos(math.pi / 8 * torch.outer(place, place + 0.5)) / 2
    rows[0] /= math.sqrt(2)
    return torch.block_diag(*[rows] * (length // 8))  # type: ignore[no-any-return, no-untyped-call]


def _rectangles(crops: Tensor, share: float, generator: Generator) -> Tensor:
    """Mark one rectangle of 15 to 40 % of each side in the chosen crops: (N, 1, H, W) bool."""
    count, _, height, width = crops.shape
    inside = []
    for length, position in ((height, torch.arange(height)), (width, torch.arange(width))):
        size = (0.15 + 0.25 * torch.rand(count, generator=generator)) * length
        start = torch.rand(count, generator=generator) * (length - size)
        inside.append((position >= start[:, None]) & (position < (start + size)[:, None]))
    covered = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return covered & _chosen(count, share, generator)

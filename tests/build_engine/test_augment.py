"""Augmentation: range, labels and geometry."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from build_engine.augment import augment, mirror_order
from build_engine.recipe import STATIC, Augmentation
from engine.crops import REGIONS

IDENTITY = torch.arange(len(REGIONS))


def batch(count: int = 8) -> tuple[Tensor, Tensor]:
    random = Generator().manual_seed(4)
    return torch.rand(count, 1, 48, 48, generator=random), torch.rand(count, len(REGIONS), 6, 6, generator=random)


def changed(knobs: Augmentation, seed: int = 1) -> tuple[Tensor, Tensor]:
    return augment(*batch(), knobs, mirror_order(REGIONS), Generator().manual_seed(seed))


def test_without_strength_nothing_changes() -> None:
    crops, regions = batch()
    new_crops, new_regions = changed(Augmentation())
    torch.testing.assert_close(new_crops, crops)
    torch.testing.assert_close(new_regions, regions)


@pytest.mark.parametrize("knob", sorted(asdict(STATIC.augmentation)))
def test_every_knob_changes_the_crop_and_keeps_its_range(knob: str) -> None:
    crops, regions = batch()
    strength = {"rotate_deg": 20.0, "shift_share": 0.2, "scale_share": 0.2, "brightness": 0.3, "contrast": 0.3}.get(
        knob, 1.0
    )
    new_crops, new_regions = changed(Augmentation(**{knob: strength}))
    assert new_crops.shape == crops.shape
    assert new_regions.shape == regions.shape
    assert not torch.allclose(new_crops, crops, atol=0.01)
    for values in (new_crops, new_regions):
        assert values.min() >= 0
        assert values.max() <= 1 + 1e-6


def test_mirror_flips_the_crop_and_swaps_the_sides() -> None:
    crops, regions = batch()
    new_crops, new_regions = changed(Augmentation(mirror_share=1.0))
    torch.testing.assert_close(new_crops, crops.flip(3))
    left, right = REGIONS.index("left_eye"), REGIONS.index("right_eye")
    torch.testing.assert_close(new_regions[:, left], regions[:, right].flip(2))
    torch.testing.assert_close(new_regions[:, REGIONS.index("mouth")], regions[:, REGIONS.index("mouth")].flip(2))


def test_mirror_order_is_its_own_inverse_and_keeps_the_middle() -> None:
    order = mirror_order(REGIONS)
    torch.testing.assert_close(order[order], IDENTITY)
    assert [REGIONS[index] for index in range(len(REGIONS)) if order[index] == index] == ["nose", "mouth", "chin"]


def test_regions_follow_the_crop() -> None:
    spot = torch.zeros(64, 1, 48, 48)
    spot[:, :, 16:24, 24:32] = 1.0  # the cell (2, 3) of the grid
    maps = torch.zeros(64, len(REGIONS), 6, 6)
    maps[:, 5, 2, 3] = 1.0
    knobs = Augmentation(mirror_share=0.5, rotate_deg=20, shift_share=0.15, scale_share=0.1)
    crops, regions = augment(spot, maps, knobs, mirror_order(REGIONS), Generator().manual_seed(2))
    for crop, region in zip(crops[:, 0], regions[:, 5], strict=True):
        in_crop = np.array(np.unravel_index(int(crop.argmax()), (48, 48)))
        in_grid = np.array(np.unravel_index(int(region.argmax()), (6, 6))) * 8 + 4
        assert np.abs(in_crop - in_grid).max() <= 10


def test_same_generator_gives_the_same_batch() -> None:
    torch.testing.assert_close(changed(STATIC.augmentation, 7), changed(STATIC.augmentation, 7), rtol=0, atol=0)
    assert not torch.allclose(changed(STATIC.augmentation, 7)[0], changed(STATIC.augmentation, 8)[0])


def test_erased_rectangle_has_the_mean_of_its_crop() -> None:
    crops, _ = batch()
    new_crops, _ = changed(Augmentation(erase_share=1.0))
    for before, after in zip(crops, new_crops, strict=True):
        painted = after[(after - before).abs() > 1e-4]
        assert 0.02 <= painted.numel() / before.numel() <= 0.17
        torch.testing.assert_close(painted, before.mean().expand_as(painted), atol=1e-4, rtol=0)

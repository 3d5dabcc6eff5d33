"""Augmentation: range, labels and geometry."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from build_engine.data.augment import augment, mirror_order, mix
from build_engine.recipe import BEST, Augmentation
from engine.crops import REGIONS

IDENTITY = torch.arange(len(REGIONS))


def batch(count: int = 8) -> tuple[Tensor, Tensor]:
    random = Generator().manual_seed(4)
    return torch.rand(count, 1, 48, 48, generator=random), torch.rand(count, len(REGIONS), 6, 6, generator=random)


def changed(knobs: Augmentation, seed: int = 1, pair: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Augment crops and regions whose right half lies outside the pictures that they were cut from."""
    crops, regions = pair or batch()
    inside = torch.ones_like(crops)
    inside[..., 24:] = 0
    return augment(crops, regions, inside, knobs, mirror_order(REGIONS), Generator().manual_seed(seed))


def test_without_strength_nothing_changes() -> None:
    crops, regions = batch()
    new_crops, new_regions = changed(Augmentation())
    torch.testing.assert_close(new_crops, crops)
    torch.testing.assert_close(new_regions, regions)


@pytest.mark.parametrize("knob", sorted(asdict(BEST.augmentation).keys() - {"no_regions_share"}))
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
    crops, regions = changed(knobs, 2, (spot, maps))
    for crop, region in zip(crops[:, 0], regions[:, 5], strict=True):
        in_crop = np.array(np.unravel_index(int(crop.argmax()), (48, 48)))
        in_grid = np.array(np.unravel_index(int(region.argmax()), (6, 6))) * 8 + 4
        assert np.abs(in_crop - in_grid).max() <= 10


def test_same_generator_gives_the_same_batch() -> None:
    torch.testing.assert_close(changed(BEST.augmentation, 7), changed(BEST.augmentation, 7), rtol=0, atol=0)
    assert not torch.allclose(changed(BEST.augmentation, 7)[0], changed(BEST.augmentation, 8)[0])


def test_erased_rectangle_has_the_mean_of_its_crop() -> None:
    crops, _ = batch()
    new_crops, _ = changed(Augmentation(erase_share=1.0))
    for before, after in zip(crops, new_crops, strict=True):
        painted = after[(after - before).abs() > 1e-4]
        assert 0.02 <= painted.numel() / before.numel() <= 0.17
        torch.testing.assert_close(painted, before.mean().expand_as(painted), atol=1e-4, rtol=0)


def test_emptied_regions_leave_the_crop_alone() -> None:
    crops, regions = batch(200)
    new_crops, new_regions = changed(Augmentation(no_regions_share=0.3), 1, (crops, regions))
    torch.testing.assert_close(new_crops, crops)
    emptied = (new_regions == 0).flatten(1).all(1)
    assert 0.2 <= emptied.float().mean() <= 0.4
    torch.testing.assert_close(new_regions[~emptied], regions[~emptied])


def test_other_walls_stand_outside_the_picture_only() -> None:
    crops, regions = batch(200)
    new_crops, new_regions = changed(Augmentation(other_wall_share=0.3), 1, (crops, regions))
    torch.testing.assert_close(new_crops[..., :24], crops[..., :24])
    torch.testing.assert_close(new_regions, regions)
    walled = (new_crops != crops)[..., 24:].flatten(1).all(1)
    assert 0.2 <= walled.float().mean() <= 0.4
    torch.testing.assert_close(new_crops[~walled], crops[~walled])
    greys = new_crops[walled][..., 24:].mean((1, 2, 3))
    assert greys.min() < 0.3
    assert greys.max() > 0.7


def test_compression_keeps_flat_blocks_and_loses_faint_detail() -> None:
    flat = torch.linspace(0.2, 0.8, 36).view(1, 1, 6, 6).repeat_interleave(8, 2).repeat_interleave(8, 3)
    faint = 0.004 * (-1.0) ** torch.arange(48.0)  # stripes of one pixel, a grey level high
    crops = (flat + faint).expand(16, 1, 48, 48)
    regions = torch.zeros(16, len(REGIONS), 6, 6)
    coded, _ = changed(Augmentation(compression_share=1.0), 1, (crops, regions))
    stripes = (coded * (-1.0) ** torch.arange(48.0)).mean((1, 2, 3)).abs()
    assert (stripes < 0.001).float().mean() >= 0.5
    # A step of at most 0.06 on a coefficient that is 8 times the mean.
    assert (coded - flat).mean((2, 3)).abs().max() <= 0.03 / 8 + 0.002


def test_low_resolution_loses_the_finest_stripes_and_keeps_the_mean() -> None:
    stripes = (0.5 + 0.3 * (-1.0) ** torch.arange(48.0)).expand(8, 1, 48, 48)
    coarse, _ = changed(Augmentation(low_resolution_share=1.0), 1, (stripes, torch.zeros(8, len(REGIONS), 6, 6)))
    assert coarse.std() < 0.5 * stripes.std()
    assert coarse.mean() == pytest.approx(0.5, abs=0.02)


def test_mixed_faces_carry_their_targets_in_the_same_shares() -> None:
    values = torch.arange(8.0)
    crops, targets = values.view(8, 1, 1, 1).expand(8, 1, 4, 4), torch.eye(8)
    mixed, shares = mix((crops, targets), 1.0, 0.4, Generator().manual_seed(3))
    torch.testing.assert_close(mixed.mean((1, 2, 3)), shares @ values)
    torch.testing.assert_close(shares.sum(1), torch.ones(8))
    assert 0.01 < shares[0, 0] < 0.99


def test_share_of_the_batches_that_are_mixed() -> None:
    generator = Generator().manual_seed(1)
    crops = torch.rand(4, 1, 4, 4)
    mixed = [mix((crops,), 0.3, 0.4, generator)[0] is not crops for _ in range(300)]
    assert 0.2 <= sum(mixed) / 300 <= 0.4

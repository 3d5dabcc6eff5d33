"""Features made by hand, and the networks that read them."""

import numpy as np
import pytest
import torch

from build_engine.evaluation.compare import variant_recipe
from build_engine.networks.cbam import Cbam
from build_engine.networks.handmade import (
    HOG_NUMBERS,
    SIFT_NUMBERS,
    dense_sift,
    edges,
    hog,
    local_binary_patterns,
)
from build_engine.networks.model import build_network


def half() -> torch.Tensor:
    """A picture that is dark to the left and bright to the right: (1, 1, 48, 48)."""
    picture = torch.zeros(1, 1, 48, 48)
    picture[..., 24:] = 1.0
    return picture


def test_edges_lie_where_grey_changes_and_nowhere_else() -> None:
    seen = edges(half())[0, 0]
    assert seen[:, 23:25].allclose(torch.full((48, 2), 0.5))
    assert not seen[:, :23].any()
    assert not seen[:, 25:].any()


def test_patterns_do_not_change_with_the_light() -> None:
    picture = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    codes = local_binary_patterns(picture)
    assert torch.equal(local_binary_patterns(0.5 * picture + 0.2), codes)
    assert codes.min() >= 0
    assert codes.max() <= 1
    assert torch.equal(local_binary_patterns(torch.zeros(1, 1, 48, 48)), torch.ones(1, 1, 48, 48))


def test_histograms_and_descriptors_have_their_size_and_bear_an_empty_picture() -> None:
    crops = (255 * torch.cat((half(), torch.zeros(1, 1, 48, 48)))[:, 0]).to(torch.uint8).numpy()
    for described, numbers in ((hog(crops), HOG_NUMBERS), (dense_sift(crops), SIFT_NUMBERS)):
        assert described.shape == (2, numbers)
        assert described.dtype == np.float32
        assert np.isfinite(described).all()
        assert described[0].any()
        assert np.abs(described).max() <= 1


def test_cbam_keeps_the_shape_and_weighs_every_value_by_at_most_one() -> None:
    maps = torch.randn(2, 16, 6, 6)
    weighed = Cbam(16)(maps)
    assert weighed.shape == maps.shape
    assert (weighed.abs() <= maps.abs()).all()


@pytest.mark.parametrize("variant", ["rcl", "sift", "hog", "edges"])
def test_tower_changes_what_the_network_reads(variant: str) -> None:
    network = build_network(variant_recipe(variant, 1)).eval()
    crops, regions = torch.randn(2, 1, 48, 48), torch.rand(2, 9, 6, 6)
    with torch.no_grad():
        fer7, ferplus8 = network(crops, regions)
        network.get_submodule("tower").forward = lambda crops, regions: torch.zeros(2, 128)
        without, _ = network(crops, regions)
    assert fer7.shape == (2, 7)
    assert ferplus8.shape == (2, 8)
    assert not torch.equal(fer7, without)

"""Networks: shapes, what the landmarks change, and what they must not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from build_engine.networks.attention import RegionAttention
from build_engine.networks.model import ExpressionNet, build_network
from build_engine.recipe import STEADY, Recipe
from engine.crops import REGIONS

SMALL = replace(STEADY, widths=(8, 8, 16, 16), attention_heads=2)


def batch(count: int = 3) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.randn(count, 1, 48, 48, generator=random), torch.rand(count, len(REGIONS), 6, 6, generator=random)


def disturbed(module: nn.Module, seed: int = 1) -> None:
    """Give every weight a random value: at first norms of zero hide what lies before them."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.3)


def trained(recipe: Recipe) -> ExpressionNet:
    network = build_network(recipe)
    assert isinstance(network, ExpressionNet)
    assert network.attention is not None
    disturbed(network.attention)
    return network.eval()


@pytest.mark.parametrize("attention", ["none", "plain", "landmark"])
@pytest.mark.parametrize("backbone", ["vgg", "resnet18", "resnet50", "inception_v3"])
def test_every_network_gives_logits_of_both_heads_and_learns(backbone: str, attention: str) -> None:
    network = build_network(replace(SMALL, backbone=backbone, attention=attention))  # type: ignore[arg-type]
    fer7, ferplus8 = network(*batch())
    assert (fer7.shape, ferplus8.shape) == ((3, 7), (3, 8))
    (fer7.square().mean() + ferplus8.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@torch.no_grad()
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_heads_may_read_each_region_by_itself(backbone: str) -> None:
    recipe = replace(SMALL, backbone=backbone, attention="none", pooling="regions")  # type: ignore[arg-type]
    network = build_network(recipe).eval()
    assert isinstance(network, ExpressionNet)
    crops, regions = batch()
    regions[1] = 0  # a face without landmarks
    maps = network.trunk(crops)
    means = [(maps * one[:, None]).sum((2, 3)) / one.sum((1, 2))[:, None].clamp(min=1e-3) for one in regions.unbind(1)]
    expected = network.ferplus8(torch.cat((network.tail(maps).mean((2, 3)), *means), 1))
    torch.testing.assert_close(network(crops, regions)[1], expected)


def test_static_network_ignores_regions() -> None:
    network = build_network(replace(SMALL, backbone="static")).eval()
    crops, regions = batch()
    torch.testing.assert_close(network(crops, regions), network(crops, torch.zeros_like(regions)), rtol=0, atol=0)


def test_landmarks_move_the_attention_only_where_it_is_guided() -> None:
    crops, regions = batch()
    for attention, moves in (("landmark", True), ("plain", False)):
        network = trained(replace(SMALL, attention=attention))  # type: ignore[arg-type]
        with torch.no_grad():
            same = torch.equal(network(crops, regions)[0], network(crops, torch.zeros_like(regions))[0])
        assert same is not moves


def test_without_landmarks_guided_attention_is_plain_attention() -> None:
    guided, plain = RegionAttention(16, 2, guided=True), RegionAttention(16, 2, guided=False)
    disturbed(guided)
    plain.load_state_dict({name: value for name, value in guided.state_dict().items() if "guide" not in name})
    maps = torch.randn(2, 16, 6, 6)
    nothing = torch.zeros(2, len(REGIONS), 6, 6)
    torch.testing.assert_close(guided.eval()(maps, nothing), plain.eval()(maps, nothing))


def test_regions_are_pooled_onto_a_coarser_grid() -> None:
    layer = RegionAttention(16, 2, guided=True, grid=3).eval()
    assert layer.guide is not None
    with torch.no_grad():
        layer.guide.prior[REGIONS.index("chin")] = 5.0
    chin = torch.zeros(1, len(REGIONS), 6, 6)
    chin[0, REGIONS.index("chin"), 5, 3] = 1.0
    looked_at = layer.gaze(torch.zeros(1, 16, 3, 3), chin).weights.mean((1, 2)).view(3, 3)
    assert looked_at[2, 1] > 0.9


def test_region_with_a_high_score_draws_the_attention() -> None:
    layer = RegionAttention(16, 2, guided=True).eval()
    assert layer.guide is not None
    with torch.no_grad():
        layer.guide.prior[REGIONS.index("mouth")] = 4.0
    mouth = torch.zeros(1, len(REGIONS), 6, 6)
    mouth[0, REGIONS.index("mouth"), 4, 2:4] = 1.0
    with torch.no_grad():
        weights, scores = layer.gaze(torch.randn(1, 16, 6, 6), mouth)
        before = layer.gaze(torch.randn(1, 16, 6, 6), torch.zeros_like(mouth)).weights
    looked_at = weights.mean((1, 2)).view(6, 6)
    assert looked_at[4, 2:4].sum() > 0.5
    assert before.mean((1, 2)).view(6, 6)[4, 2:4].sum() < 0.2
    torch.testing.assert_close(weights.sum(3), torch.ones(1, 2, 36))
    assert scores is not None
    assert scores.shape == (1, len(REGIONS), 2)


def test_scores_of_regions_depend_on_the_face() -> None:
    network = trained(SMALL)
    crops, regions = batch(2)
    with torch.no_grad():
        gaze = network.gaze(crops, regions[:1].expand(2, -1, -1, -1))
    assert gaze is not None
    assert gaze.scores is not None
    assert (gaze.scores[0] - gaze.scores[1]).abs().max() > 1e-4


def test_network_without_attention_looks_nowhere() -> None:
    network = build_network(replace(SMALL, attention="none"))
    assert isinstance(network, ExpressionNet)
    assert network.gaze(*batch()) is None

"""Weights of torchvision's networks: they must mean here what they mean there.

The names and the arithmetic below are those of torchvision's models, written down here a second time; torchvision
itself, tied to another build of torch, is not installed. Beside it (0.28.0) both trunks and tails gave equal features.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from build_engine.data.batches import Batches
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import WeightsUnusable
from build_engine.networks.model import ExpressionNet, build_network
from build_engine.networks.pretrained_imagenet import load_imagenet_weights
from build_engine.recipe import KNOWN_PICTURES, Recipe
from build_engine.training.run import Run
from build_engine.training.train import begin
from engine.crops import CropSpec

Shape = tuple[str, int, int, Any]
"""Name of a layer, its outputs, its inputs, its kernel."""

INCEPTION = replace(KNOWN_PICTURES, backbone="inception_v3")
ROW, COLUMN = (1, 7), (7, 1)


def resnet50() -> Iterator[Shape]:
    yield "conv1", 64, 3, 7
    before = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            name = f"layer{stage}.{block}."
            yield name + "conv1", width, before, 1
            yield name + "conv2", width, width, 3
            yield name + "conv3", 4 * width, width, 1
            if block == 0:
                yield name + "downsample.0", 4 * width, before, 1
            before = 4 * width


def inception() -> Iterator[Shape]:
    yield from (("Conv2d_1a_3x3", 32, 3, 3), ("Conv2d_2a_3x3", 32, 32, 3), ("Conv2d_2b_3x3", 64, 32, 3))
    yield from (("Conv2d_3b_1x1", 80, 64, 1), ("Conv2d_4a_3x3", 192, 80, 3))
    for block, before, pooled in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        name = f"Mixed_{block}.branch"
        yield from ((name + "1x1", 64, before, 1), (name + "5x5_1", 48, before, 1), (name + "5x5_2", 64, 48, 5))
        yield from ((name + "3x3dbl_1", 64, before, 1), (name + "3x3dbl_2", 96, 64, 3), (name + "3x3dbl_3", 96, 96, 3))
        yield name + "_pool", pooled, before, 1
    name = "Mixed_6a.branch"
    yield from ((name + "3x3", 384, 288, 3), (name + "3x3dbl_1", 64, 288, 1))
    yield from ((name + "3x3dbl_2", 96, 64, 3), (name + "3x3dbl_3", 96, 96, 3))
    for block, inner in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        name = f"Mixed_{block}.branch"
        yield name + "1x1", 192, 768, 1
        yield from ((name + "7x7_1", inner, 768, 1), (name + "7x7_2", inner, inner, ROW))
        yield from ((name + "7x7_3", 192, inner, COLUMN), (name + "7x7dbl_1", inner, 768, 1))
        yield from ((name + "7x7dbl_2", inner, inner, COLUMN), (name + "7x7dbl_3", inner, inner, ROW))
        yield from ((name + "7x7dbl_4", inner, inner, COLUMN), (name + "7x7dbl_5", 192, inner, ROW))
        yield name + "_pool", 192, 768, 1
    yield "AuxLogits.conv0", 128, 768, 1
    name = "Mixed_7a.branch"
    yield from ((name + "3x3_1", 192, 768, 1), (name + "3x3_2", 320, 192, 3), (name + "7x7x3_1", 192, 768, 1))
    yield from ((name + "7x7x3_2", 192, 192, ROW), (name + "7x7x3_3", 192, 192, COLUMN))
    yield name + "7x7x3_4", 192, 192, 3
    for block, before in (("7b", 1280), ("7c", 2048)):
        name = f"Mixed_{block}.branch"
        yield from ((name + "1x1", 320, before, 1), (name + "3x3_1", 384, before, 1))
        yield from ((name + "3x3_2a", 384, 384, (1, 3)), (name + "3x3_2b", 384, 384, (3, 1)))
        yield from ((name + "3x3dbl_1", 448, before, 1), (name + "3x3dbl_2", 384, 448, 3))
        yield from ((name + "3x3dbl_3a", 384, 384, (1, 3)), (name + "3x3dbl_3b", 384, 384, (3, 1)))
        yield name + "_pool", 192, before, 1


def names(layer: str) -> tuple[str, str]:
    """Name a layer's convolution and its norm."""
    if "conv" in layer and not layer.startswith("AuxLogits"):
        return layer, layer.replace("conv", "bn")
    return (layer, layer.replace(".0", ".1")) if "downsample" in layer else (layer + ".conv", layer + ".bn")


def state_of(layers: Iterable[Shape]) -> dict[str, Tensor]:
    """Draw weights as a file holds them."""
    draw = torch.Generator().manual_seed(5)
    state: dict[str, Tensor] = OrderedDict()
    for layer, outputs, inputs, kernel in layers:
        conv, norm = names(layer)
        high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        scale = (2 / (inputs * high * wide)) ** 0.5
        state[conv + ".weight"] = torch.randn(outputs, inputs, high, wide, generator=draw) * scale
        state[norm + ".weight"] = torch.rand(outputs, generator=draw) + 0.5
        for name in ("bias", "running_mean"):
            state[f"{norm}.{name}"] = torch.randn(outputs, generator=draw) * 0.1
        state[norm + ".running_var"] = torch.rand(outputs, generator=draw) + 0.5
        state[norm + ".num_batches_tracked"] = torch.tensor(7)
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 2048), torch.zeros(1000)
    return state


@dataclass(frozen=True, repr=False)
class Known:
    """A file, what it holds, and the network that begins with it."""

    path: Path
    state: dict[str, Tensor]
    network: ExpressionNet
    epsilon: float

    def answer(self, layer: str, maps: Tensor, stride: int = 1, padding: Any = 0, relu: bool = True) -> Tensor:
        """Compute what torchvision's layer answers."""
        conv, norm = names(layer)
        maps = functional.conv2d(maps, self.state[conv + ".weight"], None, stride, padding)
        mean, variance, scale, bias = (
            self.state[f"{norm}.{name}"].view(-1, 1, 1) for name in ("running_mean", "running_var", "weight", "bias")
        )
        maps = (maps - mean) / (variance + self.epsilon).sqrt() * scale + bias
        return maps.relu() if relu else maps


def known(folder: Path, recipe: Recipe, layers: Iterable[Shape], epsilon: float) -> Known:
    path, state = folder / f"{recipe.backbone}.pth", state_of(layers)
    torch.save(state, path)
    network = build_network(replace(recipe, attention="none"))
    load_imagenet_weights(network, recipe.backbone, path)
    assert isinstance(network, ExpressionNet)
    return Known(path, state, network.eval(), epsilon)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Known:
    return known(tmp_path_factory.mktemp("weights"), KNOWN_PICTURES, resnet50(), 1e-5)


@pytest.fixture(scope="module")
def inceptive(tmp_path_factory: pytest.TempPathFactory) -> Known:
    return known(tmp_path_factory.mktemp("weights"), INCEPTION, inception(), 1e-3)


@pytest.fixture(scope="module")
def crops() -> Tensor:
    """Two pictures with coarse and fine structure, grey values in [0, 1]."""
    noise = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    return functional.interpolate(noise, size=(48, 48), mode="bicubic").clamp(0, 1)


def normalised(crops: Tensor) -> Tensor:
    return (crops - CropSpec().mean) / CropSpec().std


def same(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_stem_of_resnet_answers_as_it_did_to_the_picture_twice_as_large_in_colour(resnet: Known, crops: Tensor) -> None:
    large = functional.interpolate(crops, scale_factor=2, mode="bilinear").expand(-1, 3, -1, -1)
    mean, deviation = (torch.tensor(part).view(1, 3, 1, 1) for part in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    theirs = resnet.answer("conv1", (large - mean) / deviation, stride=2, padding=3)
    ours = resnet.network.trunk.get_submodule("2")(
        resnet.network.trunk.get_submodule("1")(resnet.network.trunk.get_submodule("0")(normalised(crops)))
    )
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))  # at the border, cells of another kind
    same(ours[inside], theirs[inside])


@torch.no_grad()
@pytest.mark.parametrize(("stage", "place", "stride"), [(1, 4, 1), (2, 7, 2), (4, 0, 2)])
def test_blocks_of_resnet_answer_as_they_did(resnet: Known, stage: int, place: int, stride: int) -> None:
    block = resnet.network.get_submodule(f"tail.{place}" if stage == 4 else f"trunk.{place}")
    name = f"layer{stage}.0."
    maps = torch.rand(1, resnet.state[name + "conv1.weight"].shape[1], 6, 6)
    body = resnet.answer(name + "conv2", resnet.answer(name + "conv1", maps), stride, padding=1)
    around = resnet.answer(name + "downsample.0", maps, stride, relu=False)
    same(block(maps), (resnet.answer(name + "conv3", body, relu=False) + around).relu())


@torch.no_grad()
def test_inception_answers_as_it_did_to_the_picture_enlarged(inceptive: Known, crops: Tensor) -> None:
    answer = inceptive.answer
    maps = functional.interpolate(crops, size=(128, 128), mode="bilinear").expand(-1, 3, -1, -1) * 2 - 1
    maps = answer("Conv2d_2a_3x3", answer("Conv2d_1a_3x3", maps, stride=2))
    maps = functional.max_pool2d(answer("Conv2d_2b_3x3", maps, padding=1), 3, 2)
    maps = functional.max_pool2d(answer("Conv2d_4a_3x3", answer("Conv2d_3b_1x1", maps)), 3, 2)
    for block in ("5b", "5c", "5d"):
        name = f"Mixed_{block}.branch"
        double = answer(name + "3x3dbl_2", answer(name + "3x3dbl_1", maps), padding=1)
        branches = [
            answer(name + "1x1", maps),
            answer(name + "5x5_2", answer(name + "5x5_1", maps), padding=2),
            answer(name + "3x3dbl_3", double, padding=1),
            answer(name + "_pool", functional.avg_pool2d(maps, 3, 1, 1)),
        ]
        maps = torch.cat(branches, 1)
    name = "Mixed_6a.branch"
    double = answer(name + "3x3dbl_2", answer(name + "3x3dbl_1", maps), padding=1)
    pooled = functional.max_pool2d(maps, 3, 2)
    maps = torch.cat((answer(name + "3x3", maps, 2), answer(name + "3x3dbl_3", double, 2), pooled), 1)
    row, column = (0, 3), (3, 0)
    for block in ("6b", "6c", "6d", "6e"):
        name = f"Mixed_{block}.branch"
        single = answer(name + "7x7_2", answer(name + "7x7_1", maps), padding=row)
        double = answer(name + "7x7dbl_2", answer(name + "7x7dbl_1", maps), padding=column)
        double = answer(name + "7x7dbl_4", answer(name + "7x7dbl_3", double, padding=row), padding=column)
        branches = [
            answer(name + "1x1", maps),
            answer(name + "7x7_3", single, padding=column),
            answer(name + "7x7dbl_5", double, padding=row),
            answer(name + "_pool", functional.avg_pool2d(maps, 3, 1, 1)),
        ]
        maps = torch.cat(branches, 1)
    assert maps.shape == (2, 768, 6, 6)
    same(inceptive.network.trunk(normalised(crops)), maps)


@torch.no_grad()
def test_tail_of_inception_answers_as_it_did(inceptive: Known) -> None:
    answer = inceptive.answer
    maps = before = torch.rand(1, 768, 6, 6, generator=torch.Generator().manual_seed(2))
    name = "Mixed_7a.branch"
    long = answer(name + "7x7x3_2", answer(name + "7x7x3_1", maps), padding=(0, 3))
    long = answer(name + "7x7x3_4", answer(name + "7x7x3_3", long, padding=(3, 0)), 2)
    short = answer(name + "3x3_2", answer(name + "3x3_1", maps), 2)
    maps = torch.cat((short, long, functional.max_pool2d(maps, 3, 2)), 1)
    for block in ("7b", "7c"):
        name = f"Mixed_{block}.branch"
        single = answer(name + "3x3_1", maps)
        double = answer(name + "3x3dbl_2", answer(name + "3x3dbl_1", maps), padding=1)
        branches = [
            answer(name + "1x1", maps),
            answer(name + "3x3_2a", single, padding=(0, 1)),
            answer(name + "3x3_2b", single, padding=(1, 0)),
            answer(name + "3x3dbl_3a", double, padding=(0, 1)),
            answer(name + "3x3dbl_3b", double, padding=(1, 0)),
            answer(name + "_pool", functional.avg_pool2d(maps, 3, 1, 1)),
        ]
        maps = torch.cat(branches, 1)
    assert maps.shape == (1, 2048, 2, 2)
    same(inceptive.network.tail(before), maps)


def test_attention_and_heads_keep_their_random_weights(resnet: Known) -> None:
    torch.manual_seed(0)
    fresh = build_network(KNOWN_PICTURES)
    begun = build_network(KNOWN_PICTURES)
    begun.load_state_dict(fresh.state_dict())
    load_imagenet_weights(begun, "resnet50", resnet.path)
    changed = {name for name, value in begun.state_dict().items() if not torch.equal(value, fresh.state_dict()[name])}
    assert {name.partition(".")[0] for name in changed} == {"trunk", "tail"}
    assert all(
        f"trunk.{place}" in {".".join(name.split(".")[:2]) for name in changed} for place in (0, 1, *range(4, 17))
    )


def saved(folder: Path, content: object) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "should begin with conv1.weight"),
        ({"features.0.weight": torch.zeros(1)}, "should begin with conv1.weight"),
        (["conv1.weight"], "no state dict"),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "does not fit"),
    ],
    ids=["empty", "another network", "a list", "a layer alone"],
)
def test_other_file_is_refused_in_one_line(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(WeightsUnusable, match=reason):
        load_imagenet_weights(nn.Module(), "resnet50", saved(tmp_path, content))


def test_file_that_is_missing_or_broken_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnusable, match="cannot be read"):
        load_imagenet_weights(nn.Module(), "resnet50", tmp_path / "no.pth")
    (tmp_path / "cut.pth").write_bytes(saved(tmp_path, {"conv1.weight": torch.zeros(9)}).read_bytes()[:200])
    with pytest.raises(WeightsUnusable, match="no state dict"):
        load_imagenet_weights(nn.Module(), "resnet50", tmp_path / "cut.pth")


def test_network_of_other_widths_is_refused(resnet: Known) -> None:
    narrow = build_network(replace(KNOWN_PICTURES, widths=(8, 16, 24, 32)))
    with pytest.raises(WeightsUnusable, match="does not fit"):
        load_imagenet_weights(narrow, "resnet50", resnet.path)


def test_run_begins_with_the_weights_of_a_file(resnet: Known, faces: AlignedFaces, tmp_path: Path) -> None:
    data = Batches(KNOWN_PICTURES, faces.of(Split.TRAINING))
    learning = begin(KNOWN_PICTURES, Run(tmp_path), False, resnet.path, data)
    for network in (learning.model, learning.averaged):
        weights = network.state_dict()["tail.2.body.6.weight"]
        torch.testing.assert_close(weights, resnet.state["layer4.2.conv3.weight"], rtol=0, atol=1e-6)

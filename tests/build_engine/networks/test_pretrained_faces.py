"""Weights of another network, for other pictures: they must mean here what they meant there."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import WeightsUnusable
from build_engine.networks.model import build_network
from build_engine.networks.pretrained_faces import FaceBlock, load_face_weights
from build_engine.recipe import KNOWN_FACES, Recipe
from build_engine.training.run import Run
from build_engine.training.train import train
from engine.crops import CropSpec
from engine.readings import Floats

STAGES = ((32, 3), (64, 4), (128, 3), (256, 4))
"""Width and blocks of dlib's stages; the last block is the one that ours leaves out."""


@dataclass(frozen=True)
class Layer:
    """A convolution of the file: weights, biases, and the scale and offset that follow it."""

    weights: Tensor
    biases: Tensor
    scale: Tensor
    offset: Tensor

    def answer(self, maps: Tensor, stride: int = 1) -> Tensor:
        maps = functional.conv2d(maps, self.weights, self.biases, stride)
        return maps * self.scale.view(1, -1, 1, 1) + self.offset.view(1, -1, 1, 1)


@dataclass(frozen=True, repr=False)
class File:
    """Weights as dlib writes them, and the same to compute with."""

    path: Path
    layers: list[Layer]


def shapes() -> list[tuple[int, int, int]]:
    """Name outputs, inputs and kernel of the 29 convolutions."""
    found, before = [(32, 3, 7)], 32
    for index, (width, blocks) in enumerate(STAGES):
        for block in range(blocks + (index == 3)):
            found += [(width, before if block == 0 else width, 3), (width, width, 3)]
        before = width
    return found[:29]


def number(value: int) -> bytes:
    """Write a number as dlib does: how many bytes, then these."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "little")


def tensor(values: Floats) -> bytes:
    return b"".join(number(size) for size in (2, len(values), 1, 1, 1)) + values.astype("<f4").tobytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> File:
    draw = np.random.default_rng(4)
    layers, content = [], b"\x01\x0dloss_metric_2"
    for width, before, kernel in shapes():
        weights = draw.normal(0, (2 / (before * kernel**2)) ** 0.5, (width, before, kernel, kernel))
        biases, offset = draw.normal(0, 0.1, (2, width))
        scale = draw.uniform(0.5, 1.5, width)
        content += b"\x01\x05con_4" + tensor(np.concatenate((weights.ravel(), biases))) + b"\x01\x00\x07"
        content += b"\x01\x07affine_" + tensor(np.concatenate((scale, offset))) + b"\x01\x05relu_"
        layers.append(Layer(*(torch.tensor(part, dtype=torch.float32) for part in (weights, biases, scale, offset))))
    path = tmp_path_factory.mktemp("weights") / "known.dat"
    path.write_bytes(content)
    return File(path, layers)


@pytest.fixture(scope="module")
def crops() -> Tensor:
    """Sixteen pictures with coarse and fine structure, grey values in [0, 1]."""
    noise = torch.rand(16, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    return functional.interpolate(noise, size=(48, 48), mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def network(file: File, crops: Tensor) -> nn.Module:
    torch.manual_seed(0)
    network = build_network(KNOWN_FACES)
    load_face_weights(network, file.path, normalised(crops), torch.zeros(16, 9, 6, 6))
    return network.eval()


def layer(network: nn.Module, place: int) -> nn.Module:
    return network.get_submodule(f"trunk.{place}")


def normalised(crops: Tensor) -> Tensor:
    return (crops - CropSpec().mean) / CropSpec().std


@torch.no_grad()
def test_stem_answers_as_it_did_to_the_picture_twice_as_large_in_colour(
    network: nn.Module, file: File, crops: Tensor
) -> None:
    large = functional.interpolate(crops, scale_factor=2, mode="bilinear") * 255
    colours = (large.expand(-1, 3, -1, -1) - torch.tensor((122.782, 117.001, 104.298)).view(1, 3, 1, 1)) / 256
    theirs = file.layers[0].answer(functional.pad(colours, (3, 3, 3, 3)), stride=2)
    ours = layer(network, 1)(layer(network, 0)(normalised(crops)))
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))  # beyond, theirs was never asked
    torch.testing.assert_close(ours[inside], theirs[inside], rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(("place", "first"), [(4, 1), (7, 7), (8, 9)], ids=["first", "strides", "after"])
def test_blocks_answer_as_they_did(network: nn.Module, file: File, place: int, first: int) -> None:
    block = layer(network, place)
    assert isinstance(block, FaceBlock)
    one, two = file.layers[first : first + 2]
    width, before = one.weights.shape[:2]
    maps = torch.rand(2, before, 12, 12, generator=torch.Generator().manual_seed(2))
    stride = 2 if width > before else 1
    inner = torch.relu(one.answer(functional.pad(maps, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1)), stride))
    around = functional.avg_pool2d(maps, stride)
    around = torch.cat((around, torch.zeros(2, width - before, *around.shape[2:])), 1)
    expected = torch.relu(around + two.answer(functional.pad(inner, (1, 1, 1, 1))))
    torch.testing.assert_close(block(maps), expected, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_norms_begin_with_what_our_faces_have_there(network: nn.Module, crops: Tensor) -> None:
    norm = layer(network, 1)
    assert isinstance(norm, nn.BatchNorm2d)
    maps = layer(network, 0)(normalised(crops))
    torch.testing.assert_close(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)
    learning = nn.BatchNorm2d(32).train()
    learning.load_state_dict(norm.state_dict())
    torch.testing.assert_close(learning(maps), norm(maps), rtol=1e-3, atol=1e-3)


def test_attention_and_heads_keep_their_random_weights(network: nn.Module) -> None:
    torch.manual_seed(0)
    fresh = build_network(KNOWN_FACES)
    for part in ("fer7", "ferplus8", "attention"):
        for one, other in zip(getattr(fresh, part).parameters(), getattr(network, part).parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[: content.rindex(b"\x01\x07affine_")], "is not dlib_face_recognition"),
        (lambda content: content[: content.rindex(b"con_4") + 20], "cut off or broken"),
        (lambda content: content.replace(b"con_4\x01\x02", b"con_4\x01\x03", 1), "cut off or broken"),
        (lambda content: content.replace(b"affine_", b"affine!", 1), "is not dlib_face_recognition"),
        (lambda content: b"", "is not dlib_face_recognition"),
    ],
    ids=["a layer short", "cut off", "other version", "layer missing", "empty"],
)
def test_other_file_is_refused_in_one_line(file: File, tmp_path: Path, change: object, reason: str) -> None:
    path = tmp_path / "weights.dat"
    assert callable(change)
    path.write_bytes(change(file.path.read_bytes()))
    with pytest.raises(WeightsUnusable, match=reason):
        load_face_weights(build_network(KNOWN_FACES), path, torch.zeros(2, 1, 48, 48), torch.zeros(2, 9, 6, 6))


def test_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnusable, match="cannot be read"):
        load_face_weights(
            build_network(KNOWN_FACES), tmp_path / "no.dat", torch.zeros(2, 1, 48, 48), torch.zeros(2, 9, 6, 6)
        )


def test_network_of_other_widths_is_refused(file: File) -> None:
    narrow = build_network(replace(KNOWN_FACES, widths=(16, 32, 64, 128)))
    with pytest.raises(WeightsUnusable, match="does not fit"):
        load_face_weights(narrow, file.path, torch.zeros(2, 1, 48, 48), torch.zeros(2, 9, 6, 6))


def test_run_begins_with_the_weights_of_a_file(
    file: File, recipe: Recipe, faces: AlignedFaces, network: nn.Module, tmp_path: Path
) -> None:
    still = replace(KNOWN_FACES, epochs=1, learning_rate=0.0, batch_size=recipe.batch_size, precision="fp32")
    run = Run(tmp_path)
    train(still, faces, run, start=file.path)
    for part in ("model", "averaged"):
        weights = run.load("last.pt")[part]["trunk.7.body.0.weight"]
        torch.testing.assert_close(weights, network.state_dict()["trunk.7.body.0.weight"], rtol=0, atol=1e-6)

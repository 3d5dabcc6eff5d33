"""The yardstick of `build-engine bench`: the paper's kind of network, timed in the same process as ours."""

from pathlib import Path
from typing import Final

import torch

from build_engine.deployment.export import Served, to_onnx
from build_engine.deployment.noise import random_faces
from build_engine.deployment.quantize import quantize_file
from build_engine.files import save
from build_engine.networks.model import build_network
from build_engine.recipe import Recipe
from engine.crops import CropSpec
from engine.expressions import FERPLUS8
from engine.manifest import Manifest, digest, write_manifest

REFERENCE: Final = Recipe(name="reference", backbone="resnet50", attention="landmark", widths=(64, 128, 256, 512))
"""ResNet-50 with landmark-guided attention, random weights, int8: the paper's network, as the yardstick."""


def build_reference(folder: Path, recipe: Recipe) -> Path:
    """Write an int8 network with random weights and its manifest; returns its path."""
    torch.manual_seed(0)
    raw, path = folder / "raw.onnx", folder / f"{recipe.name}.onnx"
    save(raw, to_onnx(Served(build_network(recipe).eval())))
    quantize_file(raw, path, *random_faces(8, CropSpec()))
    manifest = Manifest(
        name=recipe.name,
        version="1",
        architecture=recipe.backbone,
        api="onnx",
        precision="int8",
        sha256=digest(path),
        ferplus8=FERPLUS8,
    )
    write_manifest(manifest, path)
    return path

"""What a network sees in one picture: the face, its regions, where the attention looks, what is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from build_engine.evaluation.charts import save_figure
from build_engine.evaluation.outputs import served
from build_engine.networks.exported import network_of
from build_engine.networks.model import ExpressionNet
from engine.crops import REGIONS, align, normalise, region_maps
from engine.expressions import FER7
from engine.faces import FaceFinder
from engine.manifest import load_manifest
from engine.pictures import load_picture
from engine.readings import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """One face through one network."""

    found: bool
    """Whether there were landmarks; without, the middle of the picture was read with neutral regions."""
    crop: NDArray[np.uint8]
    """(S, S) grey, the network's input."""
    regions: Floats
    """(9, G, G)."""
    attention: Floats | None
    """(G, G) share of the attention that each cell draws, over all heads; sums to 1. None without attention."""
    scores: Floats | None
    """(9,) score of each region, mean over the heads; None without guidance by landmarks."""
    fer7: Floats
    """(7,) probabilities."""


def explain(picture: Path, model: Path) -> Explanation:
    """Read the largest face of a picture and keep what led to the answer.

    Args:
        picture: picture file.
        model: fp32 `.onnx` file of `build-engine export`.

    Raises:
        ImageUnreadable: The file is missing or no picture.
        ModelRefused: The model or its manifest does not fit.
        RunUnusable: The file does not hold the network of its recipe.
    """
    image = load_picture(picture)
    manifest, network = load_manifest(model), network_of(model)
    with FaceFinder() as finder:
        face = finder.find(image)
    crop, in_crop = align(image, None if face is None else face.landmarks, manifest.input.size_px)
    regions = region_maps(in_crop, manifest.input.region_grid)
    inputs = (torch.from_numpy(normalise(crop[None], manifest.input)), torch.from_numpy(regions[None]))
    with torch.no_grad():
        fer7, ferplus8 = network(*inputs)
        gaze = network.gaze(*inputs) if isinstance(network, ExpressionNet) else None
    attention = scores = None
    if gaze is not None:
        drawn = gaze.weights[0].mean((0, 1))
        side = round(len(drawn) ** 0.5)
        attention = drawn.view(side, side).numpy()
        scores = None if gaze.scores is None else gaze.scores[0].mean(1).numpy()
    read = served((fer7.numpy(), ferplus8.numpy()), manifest).fer7[0]
    return Explanation(face is not None, crop, regions, attention, scores, read)


def draw(explanation: Explanation, to: Path) -> Path:
    """Draw an explanation as PNG.

    Args:
        explanation: what to show.
        to: file to write.

    Returns:
        Its path.

    Raises:
        SaveFailed: The picture cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.4), layout="constrained")
    face, regions, attention, classes = figure.subplots(1, 4)
    _show(face, explanation, None, "face as the network sees it" if explanation.found else "no face")
    _show(regions, explanation, explanation.regions.max(0), "regions")
    if explanation.scores is not None and explanation.found:
        order = np.argsort(explanation.scores)[::-1]
        lines = [f"{REGIONS[index].replace('_', ' ')} {explanation.scores[index]:+.2f}" for index in order[:3]]
        regions.set_xlabel("highest scores: " + ", ".join(lines), fontsize=7)
    title = "attention" if explanation.attention is not None else "this network has no attention"
    _show(attention, explanation, explanation.attention, title)
    # Of the middle of a picture without a face the network says something too; it means nothing.
    classes.barh(FER7[::-1], explanation.fer7[::-1] if explanation.found else np.zeros(len(FER7)))
    classes.set(xlim=(0, 1), title="displayed expression, probability" if explanation.found else "nothing to read")
    return save_figure(figure, to)


def _show(axes: "Axes", explanation: Explanation, over: Floats | None, title: str) -> None:
    """Show the crop, with a map of the grid over it."""
    side = len(explanation.crop)
    axes.imshow(explanation.crop, cmap="gray", vmin=0, vmax=255, extent=(0, side, side, 0))
    if over is not None:
        axes.imshow(over, cmap="inferno", alpha=0.5, extent=(0, side, side, 0), interpolation="bilinear")
    axes.set(title=title, xticks=[], yticks=[])
